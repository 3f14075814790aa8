"""Forty bad inputs of the commands on a person's own documents: one sentence and exit code 1."""
from __future__ import annotations

import json

import pytest

from utils import settings
from utils.__main__ import main


@pytest.fixture(scope="module")
def place(farm, tmp_path_factory):
    """A folder with good and bad files: {name: path}."""
    folder, (documents, questions) = tmp_path_factory.mktemp("bad"), farm
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    prices = settings.DATA.joinpath("prices.yaml").read_text("utf-8")
    again = [{**row, "id": row["id"] + "y", "question": row["question"] + "!"} for row in rows]
    files = {
        "few": rows[:5], "half": [{**row, "split": "train" if n % 2 else ""} for n, row in enumerate(rows)],
        "leak": [{**row, "split": "train" if n < len(rows) else "test"} for n, row in enumerate(rows + again)],
        "odd split": [{**row, "split": "trial"} for row in rows], "twice": [rows[0], rows[0]],
        "unknown": [{**rows[0], "evidence": ["zebra.md"]}], "riddle": [{**rows[0], "task": "riddle"}],
        "no answer": [{**rows[0], "answers": [], "evidence": []}], "empty answer": [{**rows[0], "answers": [" "]}],
        "all test": [{**row, "split": "test"} for row in rows],
    }
    for name, content in files.items():
        (folder / name).with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    (folder / "broken.jsonl").write_text("{oops\n")
    (folder / "columns.csv").write_text("frage,antwort\nhow?,1\n")
    (folder / "text").write_text("x")
    for name in ("empty", "full", "no adapter"):
        (folder / name).mkdir()
    (folder / "full" / "other.txt").write_text("x")
    (folder / "bad.yaml").write_text("prices: [1")
    (folder / "negative.yaml").write_text(prices.replace("value: 10000", "value: -5", 1))
    (folder / "unit.yaml").write_text(prices.replace("questions per month", "questions per day", 1))
    return {"docs": str(documents), "good": str(questions), **{path.name: str(path) for path in folder.iterdir()},
            "new": str(folder / "new"), "new.jsonl": str(folder / "new.jsonl"), "nowhere": str(folder / "nowhere")}


CASES = [
    ("draft --corpus nowhere --out new.jsonl", "no such folder"),
    ("draft --corpus text --out new.jsonl", "no such folder"),
    ("draft --corpus empty --out new.jsonl", "holds no readable document: add files"),
    ("draft --corpus docs --out good", "already exists and may hold reviewed questions"),
    ("draft --corpus docs --out empty", "already exists"),
    ("draft --corpus docs --out new.jsonl --many 0", "--many 0 is too small"),
    ("train --recipe raft --corpus nowhere --questions good --out new", "no such folder"),
    ("train --recipe raft --corpus docs --questions nowhere --out new", "there is no such questions file"),
    ("train --recipe raft --corpus docs --questions few.jsonl --out new", "missing questions: 1"),
    ("train --recipe raft --corpus docs --questions half.jsonl --out new", "has no split, though others have one"),
    ("train --recipe raft --corpus docs --questions leak.jsonl --out new", "put both in one split or delete one"),
    ("train --recipe raft --corpus docs --questions good --out text", "is a file; give --out a new folder"),
    ("train --recipe raft --corpus docs --questions good --out full", "is a folder with other things"),
    ("train --recipe raft --corpus docs --questions good --out new --from nobody", "holds no adapter_model.safetensors"),
    ("train --recipe raft --corpus docs --questions good --out new --limit -3", "--limit -3 is too small"),
    ("decide --corpus nowhere --questions good --out new", "no such folder"),
    ("decide --corpus empty --questions good --out new", "holds no readable document"),
    ("decide --corpus docs --questions nowhere --out new", "there is no such questions file"),
    ("decide --corpus docs --questions broken.jsonl --out new", "line 1: is not valid JSON"),
    ("decide --corpus docs --questions columns.csv --out new", "question"),
    ("decide --corpus docs --questions few.jsonl --out new", "missing questions: 1"),
    ("decide --corpus docs --questions all_test.jsonl --out new", "20 train"),
    ("decide --corpus docs --questions odd_split.jsonl --out new", "has the split 'trial'; write train, dev or test"),
    ("decide --corpus docs --questions twice.jsonl --out new", "is used twice"),
    ("decide --corpus docs --questions unknown.jsonl --out new", "evidence 'zebra.md' is not in the corpus"),
    ("decide --corpus docs --questions riddle.jsonl --out new", "unknown task 'riddle'"),
    ("decide --corpus docs --questions no_answer.jsonl --out new", "needs at least one accepted answer"),
    ("decide --corpus docs --questions empty_answer.jsonl --out new", "'answers' holds an empty entry"),
    ("decide --corpus docs --questions good --out text", "is a file; give --out a new folder"),
    ("decide --corpus docs --questions good --out full", "is a folder with other things"),
    ("decide --corpus docs --questions good --out new --minutes 0", "--minutes 0 is too little"),
    ("decide --corpus docs --questions good --out new --minutes nan", "--minutes nan is too little"),
    ("decide --corpus docs --questions good --out new --prices nowhere", "No such file or directory; fix this"),
    ("decide --corpus docs --questions good --out new --prices bad.yaml", "is not a price file"),
    ("decide --corpus docs --questions good --out new --prices negative.yaml", "outside its own range"),
    ("decide --corpus docs --questions good --out new --prices unit.yaml", "give its value questions per month"),
    ("ask --from nowhere hello", "holds no decision; run `decide"),
    ("ask --from full hello", "holds no decision"),
    ("ask --from text hello", "holds no decision"),
    ("benchmark --corpus docs --questions good --arms own_raft --out new.jsonl", "is an arm inside `decide`"),
    ("benchmark --corpus docs --questions good --arms endpoint --out new.jsonl", "LAB_ENDPOINT is not set"),
]


@pytest.mark.parametrize(("words", "sentence"), CASES, ids=[words[:70] for words, _ in CASES])
def test_bad_input_is_one_sentence(words, sentence, place, capsys):
    arguments = [place.get(word.replace("_", " ") if word.endswith(".jsonl") else word, word) for word in words.split()]
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert sentence in printed and "Traceback" not in printed and len(printed.splitlines()) <= 70, printed[-600:]
