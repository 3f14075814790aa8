"""The recipe of the language model's training: one draw, and each question once."""
from __future__ import annotations

from data.build import reader_recipe
from utils import generation, metrics
from utils.training.raft import TURNS
from utils.types import Chunk, Example, Hit

HITS = [Hit(Chunk(f"sqs.{name}#0", f"sqs.{name}", "overview", f"{name} takes {n}.", "h"), n, 1 / n)
        for n, name in enumerate(("Send", "Purge", "List"), 1)]


def example(name: str, completion: str, shown: list[Hit]) -> Example:
    kind = "unanswerable" if completion == metrics.ABSTENTION else "answer"
    return Example(name, generation.build_prompt(f"{name}?", shown), completion, kind, tuple(hit.chunk.id for hit in shown))


def test_a_smaller_draw_is_the_beginning_of_a_larger_one_and_keeps_the_shares():
    parts = {"course": list(range(100)), "summary": list(range(100, 200))}
    shares = {"course": 0.75, "summary": 0.25}
    small, large = (reader_recipe.drawn(parts, size, 0, shares) for size in (40, 80))
    assert large[:40] == small and sum(item < 100 for item in small) == 30 and len(set(large)) == 80
    assert sorted(reader_recipe.drawn(parts, None, 0, shares)) == list(range(200))


def test_a_conversation_asks_the_questions_whose_passage_it_shows_and_each_is_asked_once():
    send, purge = HITS[:2]
    silent = example("silent", metrics.ABSTENTION, [purge])
    examples = [example("first", "1 [1]", HITS), *(example(f"own{n}", "2 [2]", [send, purge]) for n in range(6)),
                example("apart", "3 [1]", HITS[2:]), silent]
    conversations = reader_recipe.packed(examples, seed=0)
    asked = [e.prompt[0]["content"].rpartition("Question: ")[2].partition("\n")[0] for e in conversations]
    asked += [question for e in conversations for question, _ in e.more]
    assert sorted(asked) == sorted(f"{e.question_id}?" for e in examples) and len(conversations) < len(examples)
    assert all(len(e.more) < TURNS for e in conversations)
    for conversation in conversations:
        for _, completion in conversation.more:
            answer, number = completion.removesuffix("]").split(" [")
            assert conversation.shown[int(number) - 1] == HITS[int(answer) - 1].chunk.id
    (opened,) = [e for e in conversations if e.question_id == "silent"]
    assert opened.completion == metrics.ABSTENTION and {answer for _, answer in opened.more} == {"2 [1]"}
