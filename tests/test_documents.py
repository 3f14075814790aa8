"""The READMEs match the repository: length, example question and record, names, the map of folders."""
from __future__ import annotations

import json
import re

from utils import evaluation, settings
from utils.__main__ import COMMANDS
from utils.evaluation.arms import BASELINES, CONTEXTS, MODELS
from utils.types import Record

README = (settings.ROOT / "README.md").read_text("utf-8")
PACKAGE = (settings.ROOT / "utils" / "README.md").read_text("utf-8")


def example(heading: str) -> dict:
    """The JSON object below a heading of `utils/README.md`, without its comments."""
    block = PACKAGE.partition(f"## {heading}\n")[2].partition("    {\n")[2].partition("\n    }\n")[0]
    return json.loads("{" + re.sub(r"\s+# .*$", "", block, flags=re.M) + "}")


def test_the_front_page_is_short_and_has_no_decimal_number_before_the_first_command():
    assert len(README.encode()) <= 7000
    assert not re.findall(r"\d\.\d", README.partition("python3 -m utils lab")[0])


def test_the_example_question_is_a_benchmark_question_with_every_field():
    question = example("A question")
    rows = map(json.loads, settings.QUESTIONS.read_text("utf-8").splitlines())
    assert question == next(row for row in rows if row["id"] == question["id"])


def test_the_example_record_is_a_committed_record_with_every_field():
    row = example("A record")
    stored = next(record for record in evaluation.load_records("lab3_test")
                  if (record.question_id, record.arm) == (row["question_id"], row["arm"]))
    assert row == {**stored.to_json(), "hits": stored.to_json()["hits"][:1]}
    assert Record.from_json(row).to_json() == row


def test_the_package_readme_names_every_file_command_model_and_context():
    for path in (settings.ROOT / "utils").rglob("*.py"):
        if not path.name.startswith("__") and path.parent.name not in ("checks", "graph"):
            assert re.search(rf"\b{path.stem}\b", PACKAGE), path
    names = [*COMMANDS, *MODELS, *CONTEXTS, *BASELINES]
    assert [name for name in names if not re.search(rf"`{name}\b", PACKAGE)] == []


def test_every_folder_of_the_front_page_map_exists():
    folders = re.findall(r"^    (\S+)/ {2,}", README, re.M)
    assert len(folders) == 6 and all((settings.ROOT / folder).is_dir() for folder in folders)
