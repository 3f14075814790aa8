"""`train`, `decide` and `ask`, whole, with a language model of two tiny layers: what comes out, what resumes, what is refused."""
from __future__ import annotations

import html
import json
from types import SimpleNamespace

import pytest

from utils import evaluation, models, own_domain, roi, training
from utils.evaluation import confidence
from utils.own_domain import own_training
from utils.own_domain.plan import ARMS
from utils.types import Example, Question


@pytest.fixture
def small(small_model, monkeypatch):
    """The tiny language model as the one of the settings; training stays in this process."""
    monkeypatch.setenv("LAB_MODEL", str(small_model))
    monkeypatch.setattr(training, "run_in_subprocess", lambda function, *arguments: function(*arguments))
    yield small_model
    models.language_model.cache_clear()


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """The output folder of one whole run, which the tests below share."""
    return tmp_path_factory.mktemp("decided") / "out"


def decide(farm, out, **more):
    out.mkdir(exist_ok=True)
    documents, questions = farm
    return own_domain.Decision(str(documents), str(questions), out, **more)


def test_a_quick_run_takes_a_few_questions_and_says_so(small, farm, tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_FAST", "1")
    quick = decide(farm, tmp_path / "quick")
    assert {name: len(part) for name, part in quick.parts.items()} == {"train": 4, "dev": 2, "test": 2}
    assert "the numbers mean nothing" in quick.notes[-1]


def test_training_examples_are_kept_for_the_same_inputs_and_made_again_for_others(tmp_path, monkeypatch):
    made, path = [], tmp_path / "examples.json"
    question = Question("q", "fact", "?", ("x",), (), ("d",))

    def examples_for(recipe, *rest):
        made.append(recipe)
        prompt = [{"role": "user", "content": f"{len(made)}"}]
        return [Example("q", prompt, "x [1]", shown=("d#0",), question=question, more=(("a", "b"),))]

    monkeypatch.setattr(own_training, "examples_for", examples_for)
    first, again, other = (own_training.kept_examples(path, key, [question], None) for key in ("one", "one", "two"))
    assert first == again != other and made == ["raft", "closed_book"] * 2
    path.write_text("{", "utf-8")
    assert own_training.kept_examples(path, "two", [question], None) != other


def test_a_training_that_is_interrupted_while_its_loss_is_measured_is_not_repeated(small, tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    examples = [Example(f"q{n}", [{"role": "user", "content": f"{n}?"}], f"{n} [1]") for n in range(4)]
    trained, train, losses = [], training.train_sft, iter([1.0, KeyboardInterrupt(), 1.0, 0.5, 1.0, 0.5])
    monkeypatch.setattr(training, "train_sft", lambda *rows, **more: trained.append(1) or train(*rows, **more))

    def loss(*_):
        if isinstance(value := next(losses), BaseException):
            raise value
        return value

    monkeypatch.setattr(own_training, "held_out_loss", loss)
    task = (examples, [], None, tmp_path / "out", training.SFTSettings(epochs=1.0), {}, str(small))
    with pytest.raises(KeyboardInterrupt):
        own_training.train_adapter(*task)
    assert own_training.train_adapter(*task)["held_out_loss"]["after"] == 0.5 and len(trained) == 1
    own_training.train_adapter(*task)
    assert len(trained) == 2, "a run that had finished is made anew"


def test_a_run_that_is_interrupted_and_resumed_leaves_what_the_agreement_says(small, farm, decided, capsys, monkeypatch):
    run_arms, asked = evaluation.run_arms, []

    def interrupted(questions, arms, *rest, **named):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(arms[0].name)
        return run_arms(questions, arms, *rest, **named)

    monkeypatch.setattr(evaluation, "run_arms", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decide(farm, decided)()
    printed = capsys.readouterr()
    assert "Plan (60 minutes in all" in printed.err + printed.out and "search is" in printed.err + printed.out

    again = []
    monkeypatch.setattr(evaluation, "run_arms", lambda *a, **named: [again.append(a[1][0].name), run_arms(*a, **named)][1])
    monkeypatch.setattr(training, "train_sft", lambda *a, **named: pytest.fail("trained again"))
    page = decide(farm, decided)()
    for name in ("plan.json", "questions.jsonl", "read.json", "retrieval.json", "records.jsonl", "records.json", "decision.html",
                 "adapters/own_raft/adapter_model.safetensors", "adapters/own_closed_book/provenance.json"):
        assert (decided / name).exists(), name
    records = evaluation.read_records(decided / "records.jsonl")
    split = evaluation.load_questions(decided / "questions.jsonl")
    test = [q for q in split if q.split == "test"]
    arms = [name for name in ARMS if not name.startswith("raft")]  # the course's adapter belongs to another base
    assert asked + again == arms and {record.arm for record in records} == set(arms) and len(records) == len(arms) * len(test)
    assert {q.split for q in split} == {"train", "dev", "test"} and page == decided / "decision.html"
    assert len(json.loads((decided / "plan.json").read_text())["test_read"]) == 1


def test_a_second_run_in_the_same_folder_is_refused(small, farm, decided):
    import filelock

    with filelock.FileLock(decided / "plan.json.lock"), pytest.raises(ValueError, match="another run is writing this"):
        decide(farm, decided)()


def test_the_reader_with_the_lower_loss_on_dev_is_used(farm, decided, tmp_path):
    import shutil

    for name, loss in (("own_raft", 0.5), ("own_raft_from_base", 0.4)):
        (tmp_path / "adapters" / name).mkdir(parents=True)
        (tmp_path / "adapters" / name / "provenance.json").write_text(json.dumps({"held_out_loss": {"after": loss}}))
    shutil.copy(decided / "retrieval.json", tmp_path)
    documents = list(evaluation.load_workspace(str(farm[0])).documents.values())
    assert own_domain.own_workspace(tmp_path, documents).adapters["own_raft"].name == "own_raft_from_base"
    shutil.rmtree(tmp_path / "adapters" / "own_raft_from_base")
    assert own_domain.own_workspace(tmp_path, documents).adapters["own_raft"].name == "own_raft"


def test_the_page_says_what_it_is_about(decided):
    provenance = evaluation.read_provenance(decided / "records.jsonl")
    page = html.unescape((decided / "decision.html").read_text())
    trained = provenance["arms"]["own_raft+advanced_rag"]["trained_on"]
    assert trained["corpus_sha256"] == provenance["corpus"]["sha256"] and trained["training_questions"] >= 20
    assert all(words in page for words in ("questions of the file.", "<td>search is"))
    assert "own_raft started from" in page and "14 documents of" in page
    record = json.loads((decided / "adapters" / "own_raft" / "provenance.json").read_text())
    assert record["questions_seen"] > 20 and record["held_out_loss"]["after"] < record["held_out_loss"]["before"]
    changed = provenance["decide"]["changed_answers"]
    assert "differ from those of advanced_rag" in changed["own_raft+advanced_rag"] and "of base" in changed["own_closed_book"]
    assert record["base_sha256"] == models.base_digest(record["base"])


def test_another_answer_in_the_file_asks_test_again_and_says_so(small, farm, decided, tmp_path):
    import shutil

    out, questions = tmp_path / "out", tmp_path / "questions.jsonl"
    shutil.copytree(decided, out)
    asked = next(q for q in evaluation.load_questions(out / "questions.jsonl") if q.split == "test" and q.answers)
    rows = [json.loads(line) for line in farm[1].read_text().splitlines()]
    for row in rows:
        row["answers"] = ["nobody knows"] if row["id"] == asked.id else row["answers"]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    trained = (out / "adapters" / "own_raft" / "adapter_model.safetensors").stat().st_mtime_ns
    decide((farm[0], questions), out)()
    assert (out / "adapters" / "own_raft" / "adapter_model.safetensors").stat().st_mtime_ns == trained
    assert "Test was read 2 times, so the intervals are too narrow." in (out / "decision.html").read_text()


def test_ask_answers_with_the_recommended_option_or_another(small, decided):
    said = own_domain.ask(decided, "how much breakfast does the cat get?", "base")
    assert "by base" in said and said.endswith(" s")
    assert "read: cat.md" in own_domain.ask(decided, "how much breakfast does the cat get?", "advanced_rag")
    best = roi.build_report(evaluation.read_records(decided / "records.jsonl")).best.name
    assert f"by {best} (the recommended option)" in own_domain.ask(decided, "how heavy is a toad?")
    assert "by few_shot+advanced_rag" in own_domain.ask(decided, "how heavy is a toad?", "few_shot+advanced_rag")
    for folder, question, arm, sentence in ((decided / "arms", "what?", "", "holds no decision; run `decide"),
                                            (decided, " ", "", "the question is empty"),
                                            (decided, "what?", "own_raft+oracle", "needs more than a question")):
        with pytest.raises(ValueError, match=sentence):
            own_domain.ask(folder, question, arm)


def test_where_dev_is_large_enough_the_prices_decide_between_an_answer_and_silence(small, farm, decided, tmp_path, monkeypatch):
    import shutil

    out, prices = tmp_path / "out", tmp_path / "prices.yaml"
    shutil.copytree(decided, out)
    monkeypatch.setattr(evaluation, "FEWEST", 5)
    monkeypatch.setattr(confidence, "fit_calibration", lambda records, _: evaluation.Calibration(1.0, 0.0, len(records)))
    page = decide(farm, out)()
    provenance = evaluation.read_provenance(out / "records.jsonl")
    options = [name for name in ARMS if not name.startswith("raft") and evaluation.parse_arm(name).is_option]
    assert list(provenance["confidence"]) == options and provenance["threshold"] == pytest.approx(0.2667)

    def decided_records():
        rows = evaluation.read_records(out / "records.jsonl")
        return [row for row in rows if row.arm in options and row.confidence is not None]

    assert all(row.abstained == (row.confidence < provenance["threshold"]) for row in decided_records())
    assert "with the limit below" in page.read_text()
    assert "an answer is given from 0.27 on" in own_domain.ask(out, "a cat?", "base")
    roi.write_prices({"wrong": 1e6}, prices)
    monkeypatch.setattr(evaluation, "run_arms", lambda *_, **more: pytest.fail("a model was asked"))
    decide(farm, out, prices=prices)()
    assert all(row.abstained for row in decided_records())


@pytest.mark.parametrize(("change", "sentence"), [
    ({"minutes": 0.0}, "--minutes 0 is too little"),
    ({"minutes": 0.01}, "do not fit into 0.01 minutes on this machine: they need about"),
])
def test_too_little_time_is_told(small, farm, decided, tmp_path, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        decide(farm, tmp_path / "out", **change)()


def test_an_adapter_of_another_base_is_refused_before_anything_is_asked(small, farm, decided, tmp_path):
    workspace = evaluation.load_workspace(str(farm[0]))
    for arm in ("raft+advanced_rag", "closed_book"):
        with pytest.raises(ValueError, match="its adapter was trained on SmolLM2-135M-Instruct-q4, not on .*small_model"):
            evaluation.run_arms([Question("q", "fact", "how?", ("1",), (), ())], arm, workspace, tmp_path / "r.jsonl")
    assert not list(tmp_path.iterdir())


def test_train_goes_on_from_its_own_adapter_and_says_what_came_of_it(small, farm, decided, tmp_path, capsys):
    workspace = evaluation.load_workspace(str(farm[0]))
    file = evaluation.read_questions(decided / "questions.jsonl", workspace.documents)
    parent = decided / "adapters" / "own_raft"
    own_domain.train(file, workspace, str(farm[0]), "raft", tmp_path / "next", str(parent), limit=8)
    record = json.loads((tmp_path / "next" / "provenance.json").read_text())
    assert record["parent"] == "own_raft" and record["examples"] == 8
    assert "8 examples, starting from own_raft: about" in capsys.readouterr().out


def test_no_example_of_ones_own_comes_from_dev_or_test(small, farm, decided):
    workspace = own_domain.own_workspace(decided, list(evaluation.load_workspace(str(farm[0])).documents.values()))
    questions = evaluation.load_questions(decided / "questions.jsonl")
    splits = {q.question: q.split for q in questions}
    for recipe in own_domain.RECIPES:
        for example in own_domain.examples_for(recipe, questions, workspace, views=2):
            first = example.prompt[-1]["content"].partition("Question: ")[2].partition("\n")[0]
            asked = [first, *(turn for turn, _ in example.more)]
            assert {splits[question] for question in asked} == {"train"}
    copied = next(q for q in questions if q.split == "test").question
    leaking = [*questions, Question("copy", "fact", copied, ("1",), (), (), "train")]
    with pytest.raises(ValueError, match="near-duplicates: put both in one split, or delete one"):
        own_domain.examples_for("closed_book", leaking, SimpleNamespace(reference=lambda question: ""))
