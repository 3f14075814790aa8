"""Guesses, quizzes and tries are kept in one file and compared in words; open tasks accept every right answer and name a slip."""
from __future__ import annotations

import json
import statistics
from dataclasses import replace

import pytest

from utils import course, evaluation, metrics, retrieval, settings
from utils.course import learner, pipeline_choice
from utils.course.checks import open_tasks
from utils.course.reference_solutions import blank_exercise, reference_solution
from utils.types import Example, Question


@pytest.fixture
def cache(tmp_path, monkeypatch):
    (tmp_path / "models").symlink_to(settings.cache() / "models")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("answer", "mine", "truth", "words"), [
    ((0, 100, "%"), 60.0, 35.0, "You guessed 60 %; it is 35 %: 25 points too high."),
    ((0, 100, "%"), 33.0, 35.0, "You guessed 33 %; it is 35 %: close."),
    ((0, 5, "of 5"), 1.0, 4, "You guessed 1 of 5; it is 4 of 5: 3 too low."),
    ((0, 100, "%"), None, 35.0, "You made no guess; it is 35 %."),
    (("a", "b"), "a", "a", "You guessed “a”, and that is right."),
    (("a", "b"), "a", "b", "You guessed “a”; it is “b”."),
])
def test_a_guess_is_kept_and_compared_in_words(cache, answer, mine, truth, words):
    entry = course.guess("x", "How many?", answer).children[1]
    if mine is not None:
        entry.value = mine
        course.guess("x", "How many?", answer)  # not kept yet
        box = course.guess("x", "How many?", answer)
        box.children[1].value = mine
        box.children[2].children[0].click()
        assert course.guess("x", "How many?", answer).children[1].value == mine
    assert learner.compared("x", truth) == words


def test_a_choice_is_needed_and_an_unknown_guess_is_refused(cache, monkeypatch):
    monkeypatch.setattr(learner, "_asked", {})
    box = course.guess("y", "Which?", ("a", "b"))
    box.children[2].children[0].click()
    assert "Choose an option" in box.children[2].children[1].value and course.guess_progress() == "0 of 1 guesses made"
    with pytest.raises(ValueError, match="run the cell that asks"):
        learner.compared("never asked", 1)


def test_a_damaged_file_is_set_aside_and_told(cache, capsys):
    (cache / "learner.json").write_text("{", "utf-8")
    assert learner.learner_state("guesses") == {} and "renamed" in capsys.readouterr().out
    learner.store_learner_state("guesses", "x", 1)
    assert learner.learner_state("guesses") == {"x": 1} and (cache / "learner.damaged").exists()


def test_every_quiz_has_four_questions_with_one_right_option_and_a_reason_for_each():
    for questions in json.loads(learner.QUIZZES.read_text("utf-8")).values():
        assert len(questions) == 4
        for item in questions:
            assert sum(option["right"] for option in item["options"]) == 1 and len(item["options"]) >= 3
            assert all(option["why"] and len(option["text"]) <= 70 for option in item["options"])


def test_a_quiz_explains_each_choice_and_remembers_it(cache):
    box = course.quiz("lab1")
    box.children[1].index = 0
    assert "No. " in box.children[2].value and "0 of 4" in box.children[-1].value
    box.children[1].index = 1
    again = course.quiz("lab1")
    assert again.children[1].index == 1 and "Right. " in again.children[2].value and "1 of 4" in again.children[-1].value
    with pytest.raises(ValueError, match="lab1"):
        course.quiz("lab9")


def test_tries_are_scored_kept_and_the_best_is_chosen(cache, tiny, chosen, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("LAB_UNATTENDED", raising=False)
    workspace = evaluation.Workspace(tiny, replace(chosen, fast=False))
    workspace.model = lambda: type("Words", (), {"count": staticmethod(lambda text: len(text.split()))})
    questions = [Question("q1", "fact", "How long does a loaf take in the oven?", ("an hour",), (), ("shop.BakeBread",)),
                 Question("q2", "fact", "how heavy is the cat's dinner", ("200 grams",), (), ("shop.FeedCat",))]
    assert course.chosen_pipeline() == retrieval.PipelineConfig(tuned=True)
    choice = course.PipelineChoice(workspace, questions)
    assert "No try yet" in choice.leaderboard()
    dear = choice.measure(pipeline_choice.pipeline_config(120, 8, ["section chunks with headers"]), 480, "all")
    cheap = choice.measure(pipeline_choice.pipeline_config(120, 1, ["fused with BM25"]), 480, "first <only>")
    assert dear["answer_in_prompt"] == cheap["answer_in_prompt"] == 1.0 and cheap["tokens"] < dear["tokens"]
    assert course.chosen_pipeline().k == 1 and course.chosen_pipeline().bm25 and not course.chosen_pipeline().sections
    assert choice.leaderboard().index("first &lt;only&gt;") < choice.leaderboard().index(">all<")
    test = course.read_test_once(workspace, questions[:1])
    assert test["scores"]["recall@1"] == {"q1": 1.0} and course.read_test_once(workspace, questions) == test
    assert choice.widget().children[-1].value == choice.leaderboard()


def ranks_only(dense, words):
    scores = {}
    for ranking in (dense, words):
        for rank, (id_, _) in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0) + 1 / (60 + rank)
    return sorted(scores, key=lambda id_: -scores[id_])


def shares_of_the_first(dense, words):
    return raw_sum(*([(id_, score / ranking[0][1]) for id_, score in ranking] for ranking in (dense, words)))


def missing_is_average(dense, words):
    return raw_sum(*([(id_, (score - mean) / (spread or 1)) for id_, score in ranking] for ranking in (dense, words)
                     for mean, spread in [(statistics.mean(values), statistics.pstdev(values))
                                          for values in [[score for _, score in ranking] or [0]]]))


def raw_sum(dense, words):
    scores = dict(dense)
    for id_, score in words:
        scores[id_] = scores.get(id_, 0) + score
    return sorted(scores, key=lambda id_: -scores[id_])


def first_that_fit(passages, budget):
    used = 0
    return [n for n, (_, _, tokens) in enumerate(passages) if (used := used + tokens) <= budget or not n]


@pytest.mark.parametrize(("name", "wrong", "slip"), [
    ("fuse_scores", ranks_only, "do gaps count"), ("fuse_scores", raw_sum, "unit of"),
    ("fuse_scores", lambda dense, words: [id_ for id_, _ in dense], "One ranking alone"),
    ("fuse_scores", lambda dense, words: [id_ for id_, _ in dense + words], "exactly once"),
    ("fuse_scores", shares_of_the_first, "can be negative"), ("fuse_scores", missing_is_average, "missing from the other"),
    ("pack_passages", first_that_fit, "repeats the text"),
    ("pack_passages", lambda passages, budget: list(range(len(passages))), "within the budget"),
    ("pack_passages", lambda passages, budget: [passages.pop(0) and 0] if passages else [], ""),
    ("answer_confidence", lambda answer, abstention, search: answer, "adds less than a quarter of what log_probability adds"),
    ("answer_confidence", lambda answer, abstention, search: answer - abstention + search, "a quarter of what search_score adds"),
    ("answer_confidence", lambda answer, abstention, search: answer - abstention + search / 4, "Limit what each adds"),
    ("answer_confidence", lambda answer, abstention, search: answer + search + abstention, "sign right"),
    ("answer_confidence", lambda answer, abstention, search: search + answer / abstention, "sign right|divide"),
    ("answer_confidence", lambda answer, abstention, search: None, "finite float"),
    ("choose_pairs", lambda pairs, most: list(range(len(pairs)))[:most], "A tie has no winner"),
    ("choose_pairs", lambda pairs, most: [n for n, pair in enumerate(pairs) if pair[3] != "tie"][:most], "short prompts"),
    ("choose_pairs", lambda pairs, most: sorted([n for n in range(len(pairs)) if pairs[n][3] != "tie"],
                                                key=lambda n: pairs[n][0])[:most][::-1], "ascending|abstain always|short"),
    ("choose_pairs", lambda pairs, most: sorted(sorted((n for n in range(len(pairs)) if pairs[n][3] != "tie"),
                                                       key=lambda n: pairs[n][0])[:most]), "abstain always"),
])
def test_a_design_that_breaks_a_promise_is_rejected_by_name(name, wrong, slip):
    wrong.__name__ = name
    with pytest.raises(AssertionError, match=slip):
        getattr(course, f"check_{name}")(wrong)
    assert course.use_design(wrong) is not wrong


@pytest.mark.parametrize("name", ["answer_confidence", "choose_pairs", "fuse_scores", "pack_passages"])
def test_a_design_that_keeps_its_promises_is_used_as_it_is(name, capsys):
    mine = reference_solution(name)
    getattr(course, f"check_{name}")(mine)
    assert course.use_design(mine) is mine and "solved" in capsys.readouterr().out


def test_a_design_of_which_nothing_but_the_starter_is_written_is_still_to_do(capsys):
    for name in ("fuse_scores", "pack_passages"):
        getattr(course, f"check_{name}")(blank_exercise(name))
    assert capsys.readouterr().out.count("to do") == 2


def test_repairs_say_what_is_wrong_and_when_it_is_mended(capsys):
    open_tasks.check_prompt(lambda question, passages: f"{question}\n[1] first passage\n[2] second passage")
    open_tasks.check_prompt(lambda question, passages: f"[1] {passages[0]} [2] {passages[1]} {question} not in the documentation")
    questions = [Question(str(n), "fact", "?", ("x",), (), (f"d{n // 2}",)) for n in range(10)]
    open_tasks.check_split(lambda rows: (rows[:5], rows[5:]), questions)
    open_tasks.check_split(lambda rows: (rows[:6], rows[6:]), questions)
    open_tasks.check_ask_in_both_orders(lambda ask, pair: ask(pair))
    open_tasks.check_ask_in_both_orders(lambda ask, pair: ask(pair) if ask(pair) != ask(pair.swapped()) else "tie")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Not mended yet", "Mended."] * 3


def test_the_repair_of_leaking_examples_names_a_leak_and_misses_dropped_examples(capsys):
    questions = [Question(f"q{n}", "fact", text, ("x",), (), (f"d.{n}",), split)
                 for n, (text, split) in enumerate([("How long?", "train"), ("Which colour?", "train"), ("Who pays?", "dev")])]
    sound = [Example(f"q{n}", [], "x [1]", "answer", (f"d.{n}#0",)) for n in (0, 1)]
    spoiled = [*sound, Example("q2", [], "x [1]"), Example("q1", [], metrics.ABSTENTION, "absent", ("d.1#0",))]
    for keep in (lambda rows: rows, lambda rows: rows[:2], lambda rows: rows[1:2]):
        open_tasks.check_training_data(keep, spoiled, questions)
    assert capsys.readouterr().out.splitlines() == [
        "Not mended yet: q2 is a dev question.", "Mended.", "Not mended yet: 1 of 1 sound examples are dropped, too."]
