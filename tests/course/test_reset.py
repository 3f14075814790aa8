"""`reset` makes labs blank and forgets the learner, and a backup holds all that it took away."""
from __future__ import annotations

import io
import json
import shutil

import pytest

from utils import models, settings
from utils.course import reset
from utils.course.learner import store_learner_state
from utils.course.preparation import work_folder
from utils.course.widgets import PreferenceAnnotator
from utils.roi import write_prices
from utils.training.sft import SFTSettings, checkpoint_folder
from utils.types import PreferencePair

LABS = sorted((settings.ROOT / "labs").glob("*.ipynb"))
LEARNERS = {"lab2", "registry", "training"}
KEPT = {"models", "corpus", "chroma", "prepared.json", "backup"}


@pytest.fixture
def course_folder(tmp_path, monkeypatch):
    """A copy of labs and solutions, and a cache with a model, an index, and the files that a learner's clicks make."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    for name in ("labs", "solutions"):
        shutil.copytree(settings.ROOT / name, tmp_path / name)
    cache = settings.cache()
    for name in KEPT - {"prepared.json", "backup"}:
        (cache / name).mkdir()
    (cache / "prepared.json").write_text("{}")
    store_learner_state("guesses", "first", 3)
    PreferenceAnnotator([PreferencePair("p", "q", (), "a", "b")], {}, {}).choose("left")
    write_prices({"correct": 2.0}, cache / "own_prices.yaml")
    (work_folder("lab2") / "raft_live").mkdir()
    (models.local_registry() / "raft_lab").mkdir()
    checkpoint_folder([], SFTSettings()).mkdir(parents=True)
    (tmp_path / "labs" / "my_decision").mkdir()
    (tmp_path / "labs" / "01_advanced_rag.ipynb").write_text("MY ANSWER")
    (tmp_path / "labs" / "03_evaluate_and_roi.ipynb").unlink()
    return tmp_path


def files(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_forgotten(folder):
    assert all((folder / "labs" / lab.name).read_bytes() == lab.read_bytes() for lab in LABS)
    assert files(folder / "labs") == {"README.md", *(lab.name for lab in LABS)} and files(settings.cache()) == KEPT


def test_what_it_removes_lies_in_the_backup_it_names(course_folder, capsys):
    assert reset.reset_labs(yes=True, root=course_folder) == 0
    assert_forgotten(course_folder)
    (backup,) = (settings.cache() / "backup").iterdir()
    assert str(backup) in capsys.readouterr().out
    assert (backup / "labs" / "01_advanced_rag.ipynb").read_text() == "MY ANSWER" and (backup / "labs" / "my_decision").is_dir()
    assert files(backup / "cache") == {"learner.json", "learner_feedback.jsonl", "own_prices.yaml", *LEARNERS}
    assert json.loads((backup / "cache" / "learner.json").read_text())["guesses"] == {"first": 3}
    assert reset.reset_labs(yes=False, root=course_folder) == 0  # nothing left to ask about


@pytest.mark.parametrize("failing", ["os.replace", "shutil.move"])
def test_interrupted_it_loses_nothing_and_can_be_run_again(course_folder, monkeypatch, failing):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(failing, interrupted)
        reset.reset_labs(yes=True, root=course_folder)
    monkeypatch.setattr(reset.time, "strftime", lambda _: "later")
    assert reset.reset_labs(yes=True, root=course_folder) == 0
    assert_forgotten(course_folder)
    assert any("MY ANSWER" in path.read_text() for path in settings.cache().rglob("01_advanced_rag.ipynb"))


def test_it_asks_first_and_refuses_where_nobody_can_answer(course_folder, monkeypatch, capsys):
    with pytest.raises(ValueError, match="add --yes"):
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        reset.reset_labs(yes=False, root=course_folder)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert reset.reset_labs(yes=False, root=course_folder) == 1 and "Nothing was changed." in capsys.readouterr().out
    assert (course_folder / "labs" / "01_advanced_rag.ipynb").read_text() == "MY ANSWER"
    assert "learner.json" in files(settings.cache())


def test_without_solutions_labs_are_left_alone(course_folder):
    shutil.rmtree(course_folder / "solutions")
    with pytest.raises(ValueError, match="check out the repository again"):
        reset.reset_labs(yes=True, root=course_folder)
    assert (course_folder / "labs" / "01_advanced_rag.ipynb").exists()
