"""Arms on a tiny corpus with the real embedder and model: records, resuming, bounds, baselines."""
from __future__ import annotations

import json
from dataclasses import replace

import filelock
import pytest

from data.build import common, lab3
from utils import evaluation, models, training
from utils.evaluation import arms, runner, scoring, tables
from utils.evaluation import records as record_files
from utils.types import Question

FIELDS = {"question_id", "arm", "task", "cluster", "hits", "answer", "abstained", "cited", "answer_set", "prompt_tokens",
          "completion_tokens", "seconds", "scores", "settings_hash"}


def question(id_: str, task: str, text: str, answers=(), answer_set=(), evidence=()) -> Question:
    return Question(id_, task, text, tuple(answers), tuple(answer_set), tuple(evidence))


QUESTIONS = [
    question("q1", "fact", "how much dinner may the cat get?", ["200 grams"], (), ["shop.FeedCat"]),
    question("q2", "unanswerable", "who walks the dog?"),
    question("q3", "summary", "what is BakeBread for?", (), (), ["shop.BakeBread"]),
    question("q4", "multi_doc", "which ones have a size?", ["BakeBread, PaintWall"], ["BakeBread", "PaintWall"],
             ["shop.BakeBread", "shop.PaintWall"]),
]


@pytest.fixture
def workspace(tiny, chosen, tmp_path, monkeypatch):
    ready = models.language_model(chosen), models.embedder(chosen.embedder)
    assert all(ready)
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    prepared = evaluation.Workspace(tiny, replace(chosen, max_new_tokens=6))
    monkeypatch.setattr(evaluation.Workspace, "model", lambda self, adapter="base": ready[0])
    return prepared


def test_arm_names_are_parsed_and_an_unknown_name_lists_the_known_ones():
    parsed = evaluation.parse_arms("base, base+naive_rag,oracle,oracle,question_only")
    assert [(arm.name, arm.context.name) for arm in parsed] == [("base", ""), ("base+naive_rag", "naive_rag"),
                                                           ("oracle", "oracle"), ("question_only", "")]
    trained = evaluation.parse_arms("raft@1+advanced_rag,adapter:/a+b/c+oracle,closed_book")
    assert [(arm.adapter, arm.context.name) for arm in trained] == [("raft@1", "advanced_rag"), ("adapter:/a+b/c", "oracle"),
                                                             ("closed_book", "")]
    for bad in ("bse", "base+graf", "base+", "question_only+oracle"):
        with pytest.raises(ValueError, match=r"unknown arm .*known are base, closed_book.*naive_rag"):
            evaluation.parse_arms(bad)
    with pytest.raises(ValueError, match="no arm is named"):
        evaluation.parse_arms(" , ")


def test_there_is_one_record_with_all_fields_for_every_question_and_arm(workspace, tmp_path):
    out = tmp_path / "records.jsonl"
    records = evaluation.run_arms(QUESTIONS, evaluation.parse_arms("base,naive_rag"), workspace, out)
    assert [(r.arm, r.question_id) for r in records] == [(a, q.id) for a in ("base", "naive_rag") for q in QUESTIONS]
    assert all(FIELDS <= set(record.to_json()) <= FIELDS | {"confidence", "withheld_answer"} for record in records)
    assert record_files.read_records(out) == records and not out.with_name("records.jsonl.part").exists()
    assert records[0].hits == () and records[4].hits[0].rank == 1
    assert records[4].prompt_tokens > records[0].prompt_tokens > 0
    assert [record.cluster for record in records[:4]] == ["shop.FeedCat", "q2", "shop.BakeBread", "shop.BakeBread"]


def test_retrieval_only_needs_no_model_and_writes_every_record(workspace, monkeypatch):
    monkeypatch.setattr(evaluation.Workspace, "model", lambda *_: pytest.fail("the model was asked for"))
    records = evaluation.run_arms(QUESTIONS, evaluation.parse_arms("base,naive_rag"), workspace, retrieval_only=True)
    assert len(records) == 8 and records[4].scores["recall@1"] == 1


def test_an_interrupted_run_loses_at_most_a_batch_and_resumes(workspace, tmp_path, monkeypatch):
    out, saved = tmp_path / "r.jsonl", scoring.make_record
    calls = []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return saved(*arguments)

    monkeypatch.setattr(runner, "make_record", failing)
    with pytest.raises(KeyboardInterrupt):
        evaluation.run_arms(QUESTIONS, evaluation.parse_arms("naive_rag"), workspace, out, retrieval_only=True)
    assert not out.exists() and len((tmp_path / "r.jsonl.part").read_text().splitlines()) == 2
    with (tmp_path / "r.jsonl.part").open("a") as part:
        part.write('{"record": {"half')
    monkeypatch.setattr(runner, "make_record", saved)
    records = evaluation.run_arms(QUESTIONS, evaluation.parse_arms("naive_rag"), workspace, out, retrieval_only=True)
    assert len(records) == 4 and len(out.read_text().splitlines()) == 4


def test_records_of_other_settings_are_not_resumed(workspace, tmp_path):
    part, (arm,) = tmp_path / "r.jsonl.part", evaluation.parse_arms("naive_rag")
    (old,) = evaluation.run_arms(QUESTIONS[:1], [arm], workspace, retrieval_only=True)
    part.write_text(json.dumps({"record": {**old.to_json(), "settings_hash": "old"}, "question": QUESTIONS[0].question}) + "\n")
    records = evaluation.run_arms(QUESTIONS[:1], [arm], workspace, tmp_path / "r.jsonl", retrieval_only=True)
    assert records[0].settings_hash == workspace.digest(arm)


@pytest.mark.parametrize("text", ["how much dinner may the cat get?", "how much\u2028may the cat get?"])
def test_resumed_answers_are_scored_by_the_questions_as_they_are_now(workspace, tmp_path, text):
    out, arm = tmp_path / "r.jsonl", evaluation.parse_arms("base,naive_rag")
    asked = replace(QUESTIONS[0], question=text)
    (old, retrieved) = evaluation.run_arms([asked], arm, workspace, out)
    common.reopen(out, [asked])
    with out.with_name("r.jsonl.part").open("a") as part:
        part.write('{"record": {"half')
    corrected = replace(asked, answers=(old.answer,), evidence=("shop.PaintWall",))
    again = evaluation.run_arms([corrected], arm, workspace, out)
    assert [r.answer for r in again] == [old.answer, retrieved.answer] and again[0].seconds == old.seconds
    assert again[0].scores["exact_match"] == 1 and again[1].seconds == retrieved.seconds
    fresh = evaluation.run_arms([corrected], arm, workspace)
    assert [r.scores for r in again] == [r.scores for r in fresh]


@pytest.mark.parametrize(("arm", "change"), [
    ("oracle", {"evidence": ("shop.PaintWall",)}), ("distractor", {"evidence": ("shop.PaintWall",)}),
    ("naive_rag", {"task": "summary", "answers": ()}), ("naive_rag", {"question": "how much supper may the cat get?"}),
])
def test_an_answer_is_asked_again_where_its_passages_may_have_changed(workspace, tmp_path, monkeypatch, arm, change):
    out, arms_now = tmp_path / "r.jsonl", evaluation.parse_arms(arm)
    evaluation.run_arms(QUESTIONS[:1], arms_now, workspace, out)
    common.reopen(out, QUESTIONS[:1])
    asked = []
    monkeypatch.setattr(runner, "make_record", lambda *given: asked.append(1) or scoring.make_record(*given))
    evaluation.run_arms([replace(QUESTIONS[0], **change)], arms_now, workspace, out)
    assert asked == [1]


def test_a_run_without_answers_is_not_resumed_as_one_with_answers(workspace, tmp_path):
    out, arm = tmp_path / "r.jsonl", evaluation.parse_arms("naive_rag")
    evaluation.run_arms(QUESTIONS[:1], arm, workspace, out, retrieval_only=True)
    common.reopen(out, QUESTIONS)
    (record,) = evaluation.run_arms(QUESTIONS[:1], arm, workspace, out)
    assert record.prompt_tokens > 0 and record.answer


def test_baselines_learn_again_from_corrected_training_questions(workspace, tmp_path):
    out, arm = tmp_path / "r.jsonl", evaluation.parse_arms("nearest_question")
    train = [question("t1", "fact", "how much dinner may the dog get?", ["2 grams"])]
    evaluation.run_arms(QUESTIONS[:1], arm, workspace, out, train=train)
    common.reopen(out, QUESTIONS)
    (record,) = evaluation.run_arms(QUESTIONS[:1], arm, workspace, out, train=[replace(train[0], answers=("200 grams",))])
    assert record.answer == "200 grams"


def test_a_second_run_into_the_same_file_is_refused_while_the_first_writes(workspace, tmp_path):
    out = tmp_path / "r.jsonl"
    with filelock.FileLock(f"{out}.lock"), pytest.raises(ValueError, match="another run is writing this"):
        evaluation.run_arms(QUESTIONS[:1], "naive_rag", workspace, out, retrieval_only=True)
    assert evaluation.run_arms(QUESTIONS[:1], "naive_rag", workspace, out, retrieval_only=True)


def test_a_question_without_an_accepted_answer_has_no_answer_scores(workspace):
    (record,) = evaluation.run_arms([replace(QUESTIONS[0], answers=())], "naive_rag", workspace)
    assert record.scores["recall@1"] == 1 and not {"exact_match", "contains", "answer_in_context"} & set(record.scores)


def test_oracle_sees_evidence_only_distractor_the_rest_and_both_agree_without_evidence(workspace):
    inside = {hit.document_id for hit in workspace.hits(QUESTIONS[0], "oracle")}
    outside = {hit.document_id for hit in workspace.hits(QUESTIONS[0], "distractor")}
    assert inside == {"shop.FeedCat"} and "shop.FeedCat" not in outside
    assert workspace.hits(QUESTIONS[1], "oracle") == workspace.hits(QUESTIONS[1], "distractor")


def test_the_reference_of_a_summary_never_reaches_the_prompt(workspace, monkeypatch):
    seen = []

    class Spy:
        count = staticmethod(len)

        def generate(self, conversations, *rest):
            seen.extend(turn["content"] for turns in conversations for turn in turns)
            return []

    monkeypatch.setattr(evaluation.Workspace, "model", lambda *_: Spy())
    with pytest.raises(StopIteration):
        next(iter(runner._answers(evaluation.parse_arms("oracle")[0], [QUESTIONS[2]], workspace, False, ())))
    assert workspace.reference(QUESTIONS[2]) == "Bakes a loaf of bread in the oven."
    assert seen and not any("loaf" in text and "Bakes a" in text for text in seen)


def test_baselines_answer_from_the_wording_alone(workspace):
    train = [question("t1", "fact", "how much dinner may the dog get?", ["200 grams"]),
             question("t2", "unanswerable", "who feeds the fish?")]
    for name in arms.BASELINES:
        records = evaluation.run_arms(QUESTIONS[:2], evaluation.parse_arms(name), workspace, train=train)
        assert records[0].answer == "200 grams" and records[0].scores["exact_match"] == 1 and not records[0].hits
    with pytest.raises(ValueError, match="no training questions"):
        evaluation.run_arms(QUESTIONS[:1], evaluation.parse_arms("nearest_question"), workspace)


def test_the_printed_table_shows_n_interval_and_task_rows(workspace):
    records = evaluation.run_arms(QUESTIONS, evaluation.parse_arms("naive_rag"), workspace, retrieval_only=True)
    text = tables.benchmark_tables(records, True)
    assert "recall@5" in text and "multi_doc" in text and "[" in text and "3 questions scored, 1 arm(s)" in text


def test_a_finished_records_file_is_kept_when_another_run_takes_its_name(workspace, tmp_path):
    out = tmp_path / "r.jsonl"
    evaluation.run_arms(QUESTIONS, evaluation.parse_arms("naive_rag"), workspace, out, retrieval_only=True)
    evaluation.run_arms(QUESTIONS[:1], evaluation.parse_arms("naive_rag"), workspace, out, retrieval_only=True)
    assert len(record_files.read_records(out)) == 1 and len(record_files.read_records(tmp_path / "r.jsonl.bak")) == 4


def test_whether_the_prompt_contained_the_answer_is_recorded(workspace):
    (oracle,) = evaluation.run_arms(QUESTIONS[:1], evaluation.parse_arms("oracle"), workspace)
    (distractor,) = evaluation.run_arms(QUESTIONS[:1], evaluation.parse_arms("distractor"), workspace)
    assert oracle.scores["answer_in_context"] == 1 and distractor.scores["answer_in_context"] == 0


def test_planned_comparisons_are_between_arms_of_lab_3s_test_run():
    assert {name for pair in evaluation.planned_comparisons() for name in pair} <= set(lab3.ARMS_TEST)
    assert [arm.name for arm in evaluation.parse_arms(",".join(lab3.ARMS_TEST))] == list(lab3.ARMS_TEST)


def test_the_gate_s_verdicts_on_the_first_training_are_those_of_lab_2():
    first = [row for row in record_files.load_rows("lab3_gates") if row["seed"] == 0]
    perplexity = {row["model"]: row["perplexity"] for row in record_files.load_rows("lab2_perplexity")}
    stored = evaluation.load_records("lab2_dev")
    assert [(row["present"], row["candidate"]) for row in first] == list(lab3.ROUNDS)
    for row in first:
        decision = training.gate_results(stored, perplexity, [row["candidate"]], row["present"])[row["candidate"]]
        assert (row["promoted"], row["checks"]) == (decision.promoted, [list(check) for check in decision.checks])


def test_records_of_adapters_on_another_machine_are_kept_while_nothing_else_has_changed(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(record_files, "RECORDS_FOLDER", tmp_path / "records")
    ours = evaluation.run_arms(QUESTIONS, evaluation.parse_arms("naive_rag"), workspace, retrieval_only=True)
    theirs = [replace(r, arm="raft@9+naive_rag", settings_hash="theirs") for r in ours]
    common.write_records([*ours, *theirs], "x_test", "by hand")

    def arms_after(elsewhere: tuple) -> list[str]:
        common.commit_table("x_test", QUESTIONS, "naive_rag", workspace, "by hand", retrieval_only=True, elsewhere=elsewhere)
        return list(dict.fromkeys(r.arm for r in evaluation.load_records("x_test")))

    assert arms_after(("raft@9+naive_rag",)) == ["naive_rag", "raft@9+naive_rag"]
    monkeypatch.setattr(evaluation.Workspace, "digest", lambda *_: "changed")
    assert arms_after(("raft@9+naive_rag",)) == ["naive_rag"]


def test_the_next_run_reuses_a_finished_file(workspace, tmp_path, monkeypatch):
    out, arm = tmp_path / "r.jsonl", evaluation.parse_arms("naive_rag")
    first = evaluation.run_arms(QUESTIONS, arm, workspace, out, retrieval_only=True)
    common.reopen(out, QUESTIONS)
    monkeypatch.setattr(runner, "make_record", lambda *_: pytest.fail("asked again"))
    assert evaluation.run_arms(QUESTIONS, arm, workspace, out, retrieval_only=True) == first
