"""`few_shot`: which passage answers a question of one's own, and what stands before its prompt."""
from __future__ import annotations

import numpy
import pytest

from utils import evaluation, metrics, models
from utils.evaluation.solved_examples import SHOTS, SolvedExamples
from utils.types import Chunk, Document, Question, Section

ANIMALS = ("cat", "dog", "hen", "pig", "cow")
CHUNKS = [Chunk("a#0", "a", "Hours", "We open at 8."), Chunk("a#1", "a", "Prices", "A seat costs 8 euros, at most 28."),
          Chunk("b#0", "b", "Prices", "Elsewhere a seat costs 8 euros.")]


def question(id_: str, text: str, *answers: str, evidence: tuple = ("a",), places: tuple = (), task: str = "fact") -> Question:
    return Question(id_, task, text, answers, (), evidence, "train", places=places)


@pytest.mark.parametrize(("asked", "scores", "place"), [
    (question("q", "when?", "8"), (0, 1, 9), 1),  # both state it: the better score, in its own document
    (question("q", "price?", "8 euros"), (9, 0, 0), 1),  # only one states it, whatever the score
    (question("q", "most?", "28"), (9, 0, 0), 1),
    (question("q", "when?", "8", places=("Hours",)), (0, 9, 9), 0),  # the file names the place
    (question("q", "colour?", "blue"), (1, 2, 9), 1),  # nothing states it: the best of its document
])
def test_the_answering_chunk_of_ones_own_question(asked, scores, place):
    assert evaluation.answering_chunk(asked, CHUNKS, numpy.array(scores)) == place


def test_the_most_similar_solved_questions_stand_before_the_prompt_the_nearest_last(chosen):
    texts = {f"{animal}.md": f"The {animal} eats {n} grams of oats." for n, animal in enumerate(ANIMALS, 2)}
    documents = [Document(id_, id_, "", (Section("overview", text),)) for id_, text in texts.items()]
    workspace = evaluation.Workspace(documents, chosen)
    train = [question(id_, f"how much does the {id_[:3]} eat?", str(n), evidence=(id_,)) for n, id_ in enumerate(texts, 2)]
    train.append(question("none", "what does the zebra cost?", evidence=(), task="unanswerable"))
    train.append(question("retrieval only", "how much oats does the cat eat?", evidence=("cat.md",)))
    solved = SolvedExamples(train, workspace, "advanced_rag")
    turns = solved.turns(question("new", "what amount of oats does a cat eat?"))
    assert len(turns) == 2 * SHOTS and turns[-1] == {"role": "assistant", "content": "2 [1]"}
    assert "[1] cat.md" in turns[-2]["content"] and "2 grams" in turns[-2]["content"]
    assert solved.turns(question("new", "the price of a zebra?"))[-1]["content"] == metrics.ABSTENTION
    closed = SolvedExamples(train, workspace, "").turns(question("new", "what amount of oats does a cat eat?"))
    assert closed[-1]["content"] == "2" and "[1]" not in closed[-2]["content"]
    with pytest.raises(ValueError, match="there is no solved training question to show"):
        SolvedExamples(train[-2:], workspace, "")


def test_one_call_asks_any_arm_a_question_and_gives_its_confidence(chosen, tiny):
    workspace = evaluation.Workspace(tiny, chosen)
    answer = workspace.ask("How much dinner may the cat get at most?", "raft+naive_rag")
    assert answer.text and 0 < answer.confidence <= 1 and answer.hits[0].document_id == "shop.FeedCat" and answer.used
    for arm in ("oracle", "few_shot", "question_only"):
        with pytest.raises(ValueError, match="needs more than a question; ask an arm such as"):
            workspace.ask("How much?", arm)


def test_its_answers_depend_on_the_training_questions_and_on_no_endpoint(chosen, tiny, monkeypatch):
    from dataclasses import replace

    workspace, arm = evaluation.Workspace(tiny, chosen), evaluation.parse_arm("few_shot+advanced_rag")
    assert workspace.digest(arm, [question("q", "how?", "1")]) != workspace.digest(arm, [question("q", "how?", "2")])
    served = evaluation.Workspace(tiny, replace(chosen, endpoint="http://127.0.0.1:9/v1"))
    assert served.digest(evaluation.parse_arm("naive_rag")) == workspace.digest(evaluation.parse_arm("naive_rag"))
    asked = evaluation.parse_arm("endpoint+naive_rag")
    with pytest.raises(ValueError, match="LAB_ENDPOINT is not set"):
        workspace.check_models([asked])
    served.check_models([asked])
    assert served.model("endpoint").url == "http://127.0.0.1:9/v1" and served.model("endpoint").name == "default"
    whole = evaluation.Workspace(tiny, replace(chosen, profile="endpoint", endpoint="http://127.0.0.1:9/v1"))
    with pytest.raises(ValueError, match="LAB_PROFILE is endpoint, and no endpoint loads an adapter"):
        whole.check_models([evaluation.parse_arm("raft+naive_rag")])
    models.language_model.cache_clear()
