"""Reading practice: from services outside the course only, worded by code or written by the authors."""
from __future__ import annotations

import json
import random
import re
from dataclasses import replace

from data.build import reading_practice, reading_questions
from utils import corpus, metrics, settings, training
from utils.training import examples
from utils.types import Chunk, Example


def chunk(section: str, text: str, place: int = 0) -> Chunk:
    return Chunk(f"shop.BakeBread#{place}", "shop.BakeBread", section, text, "shop › bake bread › x")


def test_values_errors_and_operations_are_found_and_ambiguous_sentences_left_out():
    limit = "The oven keeps a loaf warm for up to 30 minutes after baking ends."
    assert list(reading_practice.asked_of(chunk("parameter Size", limit))) == [("value", limit, "30 minutes")]
    two = "It bakes for 20 minutes and rests for up to 5 minutes in all."
    assert list(reading_practice.asked_of(chunk("parameter Size", two))) == []
    error = chunk("error OvenColdException", "Error OvenColdException. The oven was not hot enough for this loaf.")
    assert list(reading_practice.asked_of(error)) == [
        ("error", "The oven was not hot enough for this loaf.", "OvenColdException")]
    lead = chunk("overview", "shop BakeBread\nBakes a loaf of bread in the oven.")
    assert list(reading_practice.asked_of(lead)) == [("routing", "Bakes a loaf of bread in the oven.", "BakeBread")]


def test_a_question_never_says_its_answer_and_asks_in_the_right_unit():
    draw = random.Random(0)
    sentence = "A fresh loaf of wholemeal bread may rest for at most 12 hours in the covered basket near the oven."
    texts = [training.word_question("value", sentence, "12 hours", draw) for _ in range(30)]
    assert not any("12" in text for text in texts) and any(text.startswith("how long") for text in texts)
    assert len(set(texts)) > 10


def test_names_are_asked_for_where_a_sentence_sets_one_or_a_member_is_described():
    sentence = "Unless another one is given the value is SLOW_BAKE for each loaf."
    assert ("value", sentence, "SLOW_BAKE") in reading_practice.asked_of(chunk("parameter Mode", sentence))
    member = chunk("output", "Returns: CrustColour (string). The shade of the crust when the loaf leaves the oven.")
    assert list(reading_practice.asked_of(member)) == [
        ("member", "The shade of the crust when the loaf leaves the oven.", "CrustColour")]


def test_every_kind_of_authored_question_becomes_the_right_example(chosen, tiny, monkeypatch, tmp_path):
    digest = reading_questions.sentence_digest
    rows = [{"task": "fact", "document": "shop.BakeBread", "sentence": digest("Size: at most 12 loaves."),
             "answers": ["12", "twelve"]},
            {"task": "routing", "document": "shop.FeedCat", "sentence": digest("Twice a day."), "answers": ["FeedCat"],
             "rival": "PaintWall"},
            {"task": "list", "document": "shop.FeedCat", "answer_set": ["12", "200"], "sentences": [
                f"shop.{name} {digest(text)}" for name, text in (("FeedCat", "Size: at most 200 grams."),
                                                                 ("BakeBread", "Size: at most 12 loaves."))]},
            {"task": "unanswerable", "document": "shop.PaintWall", "sentence": digest("Let it dry.")},
            {"task": "fact", "document": "shop.PaintWall", "sentence": digest("Let it dry."), "answers": ["x"], "held_out": True}]
    lines = [json.dumps({"id": f"reading-{n}", "question": f"how now {n}?", **row}) for n, row in enumerate(rows)]
    (tmp_path / "reading.jsonl").write_text("\n".join(lines), "utf-8")
    monkeypatch.setattr(reading_questions, "READING", tmp_path / "reading.jsonl")
    monkeypatch.setattr(corpus, "load", lambda names: tiny)
    monkeypatch.setattr(reading_practice, "ABSENT", 0.0)
    value, intent, names, near_miss = reading_practice.natural(chosen, lambda text: len(text.split()))

    def cited(example):
        return [example.shown[int(n) - 1] for n in re.findall(r"\[(\d+)\]", example.completion)]

    assert value.completion.startswith("12 [") and cited(value) == ["shop.BakeBread#1"]
    assert intent.completion.startswith("FeedCat [") and {"shop.FeedCat#0", "shop.PaintWall#0"} <= set(intent.shown)
    assert names.completion.startswith("12, 200 [") and set(cited(names)) == {"shop.FeedCat#1", "shop.BakeBread#1"}
    assert names.question.task == "multi_doc" and names.question.answer_set == ("12", "200")
    assert near_miss.completion == metrics.ABSTENTION and "shop.PaintWall#0" in near_miss.shown
    assert near_miss.kind == "unanswerable" and not near_miss.question.evidence
    assert [e.question_id for e in reading_practice.natural(chosen, len, only="reading-[12]")] == ["reading-1", "reading-2"]
    paired = reading_practice.natural(chosen, lambda text: len(text.split()), together=2)
    wordings = {"how now 0?": value.completion[:4], "how now 1?": "FeedCat [", "how now 3?": metrics.ABSTENTION}
    asked = {e.question.question: e.completion for e in paired} | {text: said for e in paired for text, said in e.more}
    assert len(paired) == 3 and wordings.items() <= {text: asked[text][: len(said)] for text, said in wordings.items()}.items()
    (second,) = [(e, said) for e in paired for text, said in e.more if text in wordings]
    assert second[1] == metrics.ABSTENTION or second[0].shown[int(second[1][-2]) - 1].startswith("shop.")


def test_practice_uses_no_service_of_the_course(chosen, tiny, monkeypatch):
    monkeypatch.setattr(reading_practice, "SERVICES", 2)
    loaded = []
    monkeypatch.setattr(corpus, "load", lambda names: loaded.extend(names) or tiny)
    conversations = reading_practice.practice(4, chosen, lambda text: len(text.split()))
    assert len(loaded) == 2 and not set(loaded) & set(settings.COURSE_SERVICES)
    for example in conversations:
        place = example.completion.rpartition("[")[2].rstrip("]")
        assert example.completion == metrics.ABSTENTION or example.shown[int(place) - 1].startswith(example.question.home)
        for question, answer in example.more:
            cited = answer.rpartition("[")[2].rstrip("]")
            assert question and (answer == metrics.ABSTENTION or 1 <= int(cited) <= len(example.shown))


def test_only_the_models_turns_are_labelled_and_one_turn_equals_trls_own_tokens(language_model):
    tokenizer = language_model.tokenizer
    first = Example("q", [{"role": "user", "content": "[1] five cups\n\nQuestion: how many?"}], "5 [1]")
    (one,) = examples.tokenized_conversations([first], tokenizer)
    whole = tokenizer.apply_chat_template([*first.prompt, {"role": "assistant", "content": "5 [1]"}], tokenize=False)
    assert one["input_ids"] == tokenizer(whole, add_special_tokens=False)["input_ids"]
    assert training.example_tokens([first], language_model) == [len(one["input_ids"])]
    (two,) = examples.tokenized_conversations([replace(first, more=(("and plates?", metrics.ABSTENTION),))], tokenizer)
    labelled = tokenizer.decode([token for token in two["labels"] if token != -100])
    assert labelled == f"5 [1]<|im_end|>\n{metrics.ABSTENTION}<|im_end|>\n"
    assert two["input_ids"][: len(one["input_ids"])] == one["input_ids"] and "and plates?" in tokenizer.decode(two["input_ids"])
