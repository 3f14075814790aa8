"""Preference pairs, the annotation widget, agreement, the registry and its gate, and the shipped labels."""
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from utils import course, evaluation, metrics, models, training
from utils.training import feedback
from utils.types import Chunk, PreferencePair, Question, Record

PAIRS = [PreferencePair(f"p{n}", "q1", ("d.x#0",), f"a{n} [1]", f"b{n} longer words [1]") for n in range(4)]
QUESTIONS = {"q1": Question("q1", "fact", "how <many>?", ("5",), (), ("d.x",))}
CHUNKS = {"d.x#0": Chunk("d.x#0", "d.x", "overview", "five & more", "header")}


@pytest.fixture
def annotator(tmp_path):
    return course.PreferenceAnnotator(PAIRS, QUESTIONS, CHUNKS, tmp_path / "mine.jsonl")


def test_the_annotator_saves_each_choice_at_once_as_the_learners(annotator):
    for side, label in (("left", "a"), ("right", "b"), ("tie", "tie"), ("left", "a")):
        pair = annotator.present
        annotator.choose(side)
        saved = training.load_pairs(annotator.path)[-1]
        assert saved.id == pair.id and saved.source == "learner" and saved.label == label
    assert annotator.present is None and "4 labels saved" in annotator.text()
    annotator.choose("left")
    assert len(training.load_pairs(annotator.path)) == 4


def test_a_label_can_be_undone_also_in_a_later_session(annotator):
    annotator.choose("left")
    annotator.choose("right")
    again = course.PreferenceAnnotator(PAIRS, QUESTIONS, CHUNKS, annotator.path)
    for left in (["p1", "p2", "p3"], ["p0", "p1", "p2", "p3"], ["p0", "p1", "p2", "p3"]):
        again.choose("undo")
        assert [pair.id for pair in again.left] == left and len(again.labelled()) == 4 - len(left)
    undo = again.widget().children[1].children[-1]
    assert undo.disabled and undo.description == "Undo last label"


def test_from_ten_labels_on_the_annotator_shows_where_the_learner_and_the_authors_differ(tmp_path):
    pairs = [PreferencePair(f"p{n}", "q1", (), "five <5>", "six", "ab"[n % 2], "author") for n in range(11)]
    annotator = course.PreferenceAnnotator(pairs, QUESTIONS, CHUNKS, tmp_path / "mine.jsonl")
    for n in range(10):
        assert "From 10 labels on" in annotator.text()
        annotator.choose("tie" if n == 4 else ("left", "right")[n % 2])
    for part in ("agree on 9 of 10; kappa 0.8", "left won 44% of your 9", "no difference</td><td>five &lt;5&gt;"):
        assert part in annotator.text()


def test_a_later_session_resumes_with_the_unlabelled_pairs(annotator):
    annotator.choose("tie")
    annotator.choose("skip")
    again = course.PreferenceAnnotator(PAIRS, QUESTIONS, CHUNKS, annotator.path)
    assert [pair.id for pair in again.left] == ["p1", "p2", "p3"] and len(again.labelled()) == 1
    with pytest.raises(ValueError, match="left, right, tie, skip or undo"):
        again.choose("up")


def test_the_annotator_shows_both_answers_and_escapes_their_text(annotator):
    text = annotator.text()
    assert "how &lt;many&gt;?" in text and "five &amp; more" in text and "a0 [1]" in text and "b0 longer" in text
    assert len(annotator.widget().children[1].children) == 5


def test_a_broken_feedback_line_is_named(tmp_path):
    path = tmp_path / "f.jsonl"
    path.write_text('{"id": "x"}\n', "utf-8")
    with pytest.raises(ValueError, match="line 1: is not a preference pair"):
        training.load_pairs(path)
    training.save_pairs([replace(PAIRS[0], label="a", source="somebody")], path)
    with pytest.raises(ValueError, match="somebody"):
        training.load_pairs(path)
    assert training.load_pairs(tmp_path / "none.jsonl") == []


def test_learner_labels_take_over_at_forty():
    author = [replace(PAIRS[0], label="a", source="author")] * 3
    mine = [replace(PAIRS[1], label="b", source="learner")] * feedback.ENOUGH
    assert training.labels_in_use(mine[:-1], author)[0] == author
    assert "source: author" in training.labels_in_use(mine[:-1], author)[1]
    assert training.labels_in_use(mine, author)[0] == mine and "source: learner" in training.labels_in_use(mine, author)[1]


def test_halves_share_no_question():
    pairs = [replace(PAIRS[0], id=str(n), question_id=f"q{n % 9}") for n in range(30)]
    first, second = feedback.split_by_question(pairs)
    assert len(first) + len(second) == 30 and not {p.question_id for p in first} & {p.question_id for p in second}
    assert first and second


def record(id_: str, task: str, abstained: float, right: float, cited: float) -> Record:
    return Record(id_, "raft+advanced_rag", task, id_, (), "", bool(abstained), (), (), 0, 0, {},
                  {"exact_match": right, "cited_right": cited}, "")


def arm(abstaining: float, right: float, wrongly: float = 0.0) -> list[Record]:
    """40 unanswerable and 40 answerable questions with these shares."""
    return ([record(f"u{n}", "unanswerable", n < 40 * abstaining, 0, 0) for n in range(40)]
            + [record(f"f{n}", "fact", n >= 40 - 40 * wrongly, n < 40 * right, 0) for n in range(40)])


def test_the_gate_promotes_an_improvement_and_refuses_each_kind_of_loss():
    present = arm(0.2, 0.5)
    assert training.promotion_gate(arm(0.8, 0.5), present, (20.0, 20.0)).promoted
    refused = {
        "something got better": training.promotion_gate(arm(0.2, 0.5), present, (20.0, 20.0)),
        "exact match kept": training.promotion_gate(arm(0.8, 0.3), present, (20.0, 20.0)),
        # more correct answers, but it abstains less where it should
        "right silence kept": training.promotion_gate(arm(0.1, 0.8), present, (20.0, 20.0)),
        "no new silence": training.promotion_gate(arm(0.8, 0.5, wrongly=0.3), present, (20.0, 20.0)),
        "little forgotten": training.promotion_gate(arm(0.8, 0.5), present, (22.0, 20.0)),
    }
    for name, decision in refused.items():
        assert not decision.promoted and [check for check, passed, _ in decision.checks if not passed] == [name]
        assert "refused" in str(decision) and f"FAIL  {name}" in str(decision)
    abstains, answers = ([replace(r, arm="raft+distractor", abstained=abstained) for r in present if r.task == "fact"]
                   for abstained in (True, False))
    withheld = training.promotion_gate([*arm(0.2, 0.5), *abstains], [*present, *answers], (20.0, 20.0))
    assert withheld.promoted and "abstains where it should +0.50" in str(withheld)
    with pytest.raises(ValueError, match="unanswerable questions"):
        training.promotion_gate([r for r in present if r.task == "fact"], present, (1.0, 1.0))


def test_the_registry_keeps_lineage_promotes_only_what_the_gate_passed_and_rolls_back(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    adapter = tmp_path / "made"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "provenance.json").write_text(json.dumps({"settings": {"recipe": "dpo", "labels": "author"}}), "utf-8")
    yes, no = training.GateResult(True, ()), training.GateResult(False, ())
    training.register_adapter(adapter, "first")
    training.register_adapter(adapter, training.unused_name("first"), parent="first", metrics={"perplexity": 3.0})
    assert [row["name"] for row in training.lineage()] == ["first", "first_2"]
    assert training.promote("first", yes) == "first" and training.promote("first_2", no) == "first"
    assert training.promote("first_2", yes) == "first_2" and training.rollback() == "first"
    assert [row["in_use"] for row in training.lineage()] == [True, False] and training.lineage()[1]["parent"] == "first"
    with pytest.raises(ValueError, match="no earlier adapter"):
        training.rollback()
    with pytest.raises(ValueError, match="holds first already"):
        training.register_adapter(adapter, "first")
    with pytest.raises(ValueError, match="small letters"):
        training.register_adapter(adapter, "../first")
    with pytest.raises(ValueError, match="rebuild lab2"):
        models.adapter_folder("raft@9")
    assert models.adapter_folder(f"adapter:{adapter}") == adapter


def test_the_shipped_labels_are_the_authors_short_and_about_feedback_questions():
    pairs, known = training.load_pairs(), {q.id: q for q in evaluation.load_questions()}
    assert len(pairs) >= 200 and {pair.source for pair in pairs} == {"author"}
    for pair in pairs:
        assert training.in_pool(known[pair.question_id]) and pair.label in feedback.LABELS
        assert max(len(pair.a.split()), len(pair.b.split())) <= metrics.LONGEST_ANSWER and pair.a != pair.b
