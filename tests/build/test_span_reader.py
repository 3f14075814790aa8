"""The smallest reader: it learns from the language model's prompts, copies from a passage, cites it, or says nothing."""
from __future__ import annotations

import pytest
import torch

from data.build import lab2, learning_curve, span_reader
from utils import evaluation, generation, metrics, models, settings
from utils.models.extractive import EAGER, SPAN, read_prompt, spread, whole_words
from utils.own_domain.own_training import parent_folder
from utils.types import Chunk, Example, Hit

CHUNKS = (Chunk("sqs.SendMessage#0", "sqs.SendMessage", "overview", "Sends a message. A batch holds 10 of 2,500 entries.", "h"),
          Chunk("sqs.Purge#1", "sqs.Purge", "error PurgeInProgress", "Error PurgeInProgress. Only 10 of them a minute.", "h"))
HITS = [Hit(chunk, rank, 1 / rank) for rank, chunk in enumerate(CHUNKS, 1)]
ASKED = {"how many fit into a batch?": "10 [1]", "I purged twice, which error?": "PurgeInProgress [2]",
         "what is the weather?": metrics.ABSTENTION}


def examples() -> list[Example]:
    return [Example(f"q{n}", generation.build_prompt(text, HITS), said) for n, (text, said) in enumerate(ASKED.items())]


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(models.embedder_path(settings.WHEEL_EMBEDDER))


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> models.SpanReader:
    folder = tmp_path_factory.mktemp("span") / "adapter"
    run = span_reader.SpanTraining(learning_rate=3e-3, epochs=30, batch_size=3)
    assert span_reader.train(examples(), run, folder)["examples"] == 3 and models.is_extractive(f"adapter:{folder}")
    return models.SpanReader(str(folder))


@pytest.fixture(scope="module")
def workspace() -> evaluation.Workspace:
    return evaluation.Workspace(settings=settings.Settings())


def test_identifiers_are_read_as_words_and_given_back_as_they_stand():
    text, places = spread("[1] sqs.SendMessage of KMSKey: aB")
    assert text == "[1] sqs.Send Message of KMS Key: a B" and len(places) == len(text)
    original = "[1] sqs.SendMessage of KMSKey: aB"
    begin = text.index("Send Message")
    assert original[places[begin] : places[begin + len("Send Message") - 1] + 1] == "SendMessage"


@pytest.mark.parametrize(("part", "whole"), [("FailingUpload", "EvictFilesFailingUpload"), ("(15 min", "(15 minutes"),
                                             ("of ", "of "), ("Item", "ddb:PutItem"), ("s key", "owner's key"), ("X", "X")])
def test_a_span_is_widened_to_whole_words(part, whole):
    text = "EvictFilesFailingUpload (15 minutes) of X: ddb:PutItem, owner's key"
    begin, stop = whole_words(text, text.index(part), text.index(part) + len(part))
    assert text[begin:stop] == whole


def test_a_prompt_gives_back_its_passages_and_question():
    passages, question = read_prompt(generation.build_prompt("how\nmany?", HITS)[0]["content"])
    assert passages == generation.numbered_passages(HITS) and question == "how\nmany?"


def test_passages_and_questions_that_look_like_a_prompt_are_not_taken_for_one():
    faq = "Intro.\n\n[7] of the list is a note.\n\nQuestion: How many?\nAnswer: ten"
    hits = [Hit(Chunk("faq#0", "faq", "overview", faq, "h"), 1, 1.0), *HITS]
    passages, question = read_prompt(generation.build_prompt("how many?", hits)[0]["content"])
    assert passages == generation.numbered_passages(hits) and question == "how many?"
    asked = "Given:\n\n[1] foo bar\n\nhow many?"
    assert read_prompt(generation.build_prompt(asked, HITS)[0]["content"]) == (generation.numbered_passages(HITS), asked)
    assert read_prompt(generation.build_prompt(asked)[0]["content"]) == ([], asked)


@pytest.mark.parametrize(("answer", "places"), [("10", [(0, 2), (33, 35)]), ("disabled", [(40, 48)])])
def test_an_answer_stands_by_itself(answer, places):
    assert list(span_reader._found("10 of 10,000, of 2.10 or x10, or 10. If disabled, a_disabled", answer)) == places


def test_a_number_is_right_in_the_cited_passage_and_a_name_everywhere(tokenizer):
    def marked(row: dict) -> list[list[str]]:
        return [[tokenizer.decode(row["input_ids"][n][a : b + 1]) for a, b in zip(
            [i for i, right in enumerate(row["starts"][n]) if right], [i for i, right in enumerate(row["ends"][n]) if right],
            strict=True)] for n in range(2)]

    number, name, nothing = span_reader.rows(examples(), tokenizer)
    assert marked(number) == [["10"], []] and marked(nothing) == [[], []]
    assert marked(name) == [[], ["purge in progress"] * 2]


@pytest.mark.parametrize("said", ["10, 2,500 [1][2]", "10 [3]", "ten [1]", "10", "10 [1"])
def test_lists_and_answers_that_do_not_stand_there_are_left_out(tokenizer, said):
    example = Example("q", generation.build_prompt("how many?", HITS), said)
    assert list(span_reader.rows([example], tokenizer)) == []


def test_the_loss_compares_every_passage_of_a_prompt_and_of_no_other():
    logits = torch.tensor([[0.0, 2.0, -9.0], [0.0, 1.0, 9.0], [3.0, 0.0, 0.0]])
    allowed = torch.tensor([[False, True, False], [False, True, False], [False, True, False]])
    right, group = torch.zeros(3, 3, dtype=torch.bool), torch.tensor([0, 0, 1])
    right[0, 1] = True
    one = torch.logsumexp(torch.tensor([2.0, 1.0, 0.0]), 0) - 2  # the second prompt has no answer: its [CLS] is right
    other = torch.logsumexp(torch.tensor([0.0, 3.0]), 0) - 3
    assert torch.isclose(span_reader.shared_loss(logits, right, allowed, group), (one + other) / 2)


@pytest.mark.parametrize(("holding", "many"), [((1, 3), 4), ((), 3)])
def test_a_step_sees_what_holds_the_answer_and_a_few_others(holding, many):
    prompt = {"starts": [[False, place in holding] for place in range(6)]}
    places = span_reader.kept(prompt, 2)
    assert set(holding) <= set(places) and len(set(places)) == len(places) == many


def test_of_equal_answers_the_one_ranked_first_is_given(reader, monkeypatch):
    hits = [Hit(CHUNKS[0], 1, 1.0), Hit(CHUNKS[0], 2, 0.5)]
    prompt = generation.build_prompt("how many fit into a batch?", hits)[0]["content"]
    monkeypatch.setattr(reader, "spans", lambda *_: ([(1.0, "ten", 0), (1.5, "10", 1)], 9))
    assert reader.answer(prompt).text == "ten [1]"
    monkeypatch.setattr(reader, "rank", 0.0)
    assert reader.answer(prompt).text == "10 [2]"


def logits_of(reader, monkeypatch, starts: list[float], ends: list[float], nothing: float = 0.0) -> None:
    """Let the reader mark the last tokens of every passage with these logits; "not here" gets `nothing`, all others −50."""
    def forward(input_ids, **_):
        out = [torch.full(input_ids.shape, -50.0) for _ in range(2)]
        for logits, values in zip(out, (starts, ends), strict=True):
            logits[:, 0], logits[:, -len(values) - 1 : -1] = nothing / 2, torch.tensor(values)
        return type("Output", (), {"start_logits": out[0], "end_logits": out[1]})

    monkeypatch.setattr(reader, "model", forward)


def test_of_equal_marks_the_shorter_span_wins_and_a_long_one_is_none(reader, monkeypatch):
    logits_of(reader, monkeypatch, [5.0, 5.0], [-50.0, 5.0])  # the last token alone, or the last two
    assert reader.spans("q", ["[1] it is ten minutes"])[0] == [(10.0, "minutes", 0)]
    monkeypatch.setattr(reader, "length", -0.5)
    assert reader.spans("q", ["[1] it is ten minutes"])[0] == [(10.5, "ten minutes", 0)]
    logits_of(reader, monkeypatch, [5.0, *[-50.0] * SPAN], [*[-50.0] * SPAN, 5.0])
    assert len(reader.spans("q", ["[1] " + "one " * 30])[0][0][1].split()) <= SPAN


@pytest.mark.parametrize(("nothing", "silent"), [(10 + EAGER - 0.1, False), (10 + EAGER + 0.1, True)])
def test_it_is_silent_where_not_here_is_ahead_by_more_than_its_eagerness(reader, monkeypatch, nothing, silent):
    logits_of(reader, monkeypatch, [5.0], [5.0], nothing)
    answer = reader.answer("[1] it is ten minutes\n\nQuestion: how long?\nAnswer", silence=metrics.ABSTENTION)
    assert (answer.text == metrics.ABSTENTION) == silent == (answer.confidence < 0.5) and abs(answer.confidence - 0.5) < 0.03
    assert answer.withheld == ("minutes [1]" if silent else "")


def test_how_it_decodes_is_part_of_what_an_arm_is(workspace, monkeypatch):
    arm = evaluation.parse_arm("span_reader+advanced_rag")
    before, other = workspace.digest(arm), workspace.digest(evaluation.parse_arm("raft+advanced_rag"))
    monkeypatch.setattr(models, "DECODING", (1.0,))
    assert workspace.digest(arm) != before and workspace.digest(evaluation.parse_arm("raft+advanced_rag")) == other
    assert evaluation.records_provenance([arm], workspace, "", evaluation.read_questions(settings.QUESTIONS), [])["arms"][
        arm.name]["model"] == settings.WHEEL_EMBEDDER


def test_only_language_models_have_a_perplexity(workspace, monkeypatch):
    monkeypatch.setattr(models, "perplexity", lambda model, texts: 30.0)
    monkeypatch.setattr(workspace, "model", lambda name: name, raising=False)
    assert "span_reader" not in {row["model"] for row in lab2.perplexities(workspace)} >= {"base", "raft"}


def test_training_goes_on_from_adapters_of_the_language_model_only(workspace):
    with pytest.raises(ValueError, match="span_reader is a span reader, which this command cannot train"):
        parent_folder("span_reader", "raft", workspace)


@pytest.mark.parametrize("like", [True, False])
def test_a_try_uses_the_committed_reader_where_it_is_the_like_and_never_overwrites_it(like, monkeypatch, tmp_path):
    trained_in = []
    monkeypatch.setattr(span_reader, "all_conversations", lambda *_: examples())
    monkeypatch.setattr(span_reader, "work", lambda name: tmp_path / name)
    monkeypatch.setattr(span_reader, "made_already", lambda folder, *_: like and folder == span_reader.COMMITTED)
    monkeypatch.setattr(span_reader.training, "run_in_subprocess", lambda *given: trained_in.append(given[-1]) or {"minutes": 1})
    folder = span_reader.made(3, span_reader.SpanTraining())
    own = tmp_path / "span-3-0-2.5"
    assert (folder, trained_in) == ((span_reader.COMMITTED, []) if like else (own, [own]))


def test_the_learning_curve_has_a_row_for_each_reader_and_size(monkeypatch, tmp_path):
    stored = [r for r in evaluation.load_records("lab2_dev") if r.arm == "span_reader+advanced_rag"]
    monkeypatch.setattr(learning_curve, "trained", lambda: [("span reader", size, "span_reader") for size in (500, 2_500)])
    monkeypatch.setattr(learning_curve.evaluation, "run_arms", lambda *_, **__: stored)
    monkeypatch.setattr(learning_curve, "reopen", lambda *_: None)
    written = {}
    monkeypatch.setattr(learning_curve, "commit_rows", lambda name, make, *_: written.update({name: make()}))
    learning_curve.learning_curve()
    rows = [(row["conversations"], row["n"], row["minutes"]) for row in written["lab2_curve"]]
    minutes = models.adapter_provenance("span_reader")["minutes"]
    assert rows == [(500, 102, minutes), (2_500, 102, minutes)]


def test_what_was_learned_is_copied_and_cited(reader):
    answers = reader.generate([example.prompt for example in examples()], silence=metrics.ABSTENTION)
    assert [answer.text for answer in answers] == list(ASKED.values())
    assert all(answer.confidence > 0.5 for answer in answers[:2]) and answers[2].confidence < 0.5
    assert answers[2].withheld.endswith(("[1]", "[2]")) and answers[0].prompt_tokens > 40
    assert reader.generate([examples()[2].prompt])[0].text == answers[2].withheld, "it always answers without a silence"


def test_it_has_nothing_to_copy_without_passages_and_reads_a_long_question(reader):
    (alone,) = reader.generate([generation.build_prompt("how many?")], silence=metrics.ABSTENTION)
    assert alone.text == metrics.ABSTENTION and alone.confidence is None
    (long,) = reader.generate([generation.build_prompt("how many fit into a batch? " * 200, HITS)], silence=metrics.ABSTENTION)
    assert long.confidence is not None
