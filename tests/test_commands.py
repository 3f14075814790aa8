"""The commands as you type them: bad input ends in one sentence, never in a traceback."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from utils import __main__ as commands
from utils import environment, settings
from utils.course import doctor

GOOD = {"id": "q1", "task": "fact", "question": "How much dinner may the cat get?", "answers": ["200 grams"],
        "answer_set": [], "evidence": ["cat.txt"]}


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "utils", *arguments], cwd=settings.ROOT, text=True, capture_output=True,
                          env={**os.environ, **variables})


@pytest.fixture
def own_data(tmp_path):
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "cat.txt").write_text("The cat gets 200 grams of dinner, never more.")
    (tmp_path / "documents" / "dog.txt").write_text("The dog walks twice a day.")
    (tmp_path / "q.jsonl").write_text(json.dumps(GOOD) + "\n")
    return tmp_path


def benchmark(folder, *options: str, questions: str = "q.jsonl", out: str = "r.jsonl", **variables: str):
    return command("benchmark", "--questions", str(folder / questions), "--out", str(folder / out), "--retrieval-only",
                   *options, **variables)


@pytest.mark.parametrize(("problem", "options", "sentence"), [
    ("missing", (), "there is no such questions file"),
    ("broken", (), "line 2: is not valid JSON"),
    ("twice", (), "the id 'q1' is used twice"),
    ("unknown evidence", (), "evidence 'bird.txt' is not in the corpus"),
    ("", ("--arms", "nonsense"), "unknown arm 'nonsense'; known are base"),
    ("no documents", (), "holds no readable document"),
    ("out is folder", (), "is a folder; give --out a file name"),
    ("out is questions", (), "--out is the questions file itself"),
    ("", ("--split", "dev"), "holds no question of split 'dev'"),
])
def test_benchmark_refuses_bad_input_with_one_sentence(own_data, problem, options, sentence):
    name, out, documents = "q.jsonl", "r.jsonl", own_data / "documents"
    if problem == "missing":
        name = "nowhere.jsonl"
    elif problem == "broken":
        (own_data / name).write_text(json.dumps(GOOD) + "\n{oops\n")
    elif problem == "twice":
        (own_data / name).write_text((json.dumps(GOOD) + "\n") * 2)
    elif problem == "unknown evidence":
        (own_data / name).write_text(json.dumps({**GOOD, "evidence": ["bird.txt"]}))
    elif problem == "no documents":
        documents = own_data / "empty"
        documents.mkdir()
    elif problem == "out is folder":
        out = "documents"
    elif problem == "out is questions":
        out = name
    process = benchmark(own_data, "--corpus", str(documents), *options, questions=name, out=out)
    assert process.returncode == 1 and sentence in process.stderr
    assert process.stderr.strip().count("\n") == 0 and "Traceback" not in process.stderr + process.stdout


def test_an_invalid_variable_is_named_in_the_error(own_data):
    process = benchmark(own_data, LAB_PROFILE="laptp")
    assert process.returncode == 1 and "LAB_PROFILE is 'laptp'" in process.stderr and "Traceback" not in process.stderr


def test_a_port_out_of_range_is_refused():
    process = command("lab", "--no-browser", "--port", "99999")
    assert process.returncode == 1 and "--port 99999" in process.stderr


def test_own_documents_and_questions_give_a_table_and_records(own_data):
    process = benchmark(own_data, "--corpus", str(own_data / "documents"), "--arms", "naive_rag,oracle")
    assert process.returncode == 0, process.stderr
    records = [json.loads(line) for line in (own_data / "r.jsonl").read_text().splitlines()]
    assert [record["hits"][0]["document_id"] for record in records] == ["cat.txt", "cat.txt"]
    assert "recall@1" in process.stdout and "1 questions scored, 2 arm(s)" in process.stdout


def test_what_one_question_brings_is_named_at_once_and_at_the_end(own_data):
    (own_data / "documents" / "bird.txt").write_bytes(b"\xff\xfe\x00")
    rows = [GOOD, {**GOOD, "id": "q2", "answers": []}, {**GOOD, "id": "q3", "evidence": ["bird.txt"]}]
    (own_data / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    process = benchmark(own_data, "--corpus", str(own_data / "documents"), "--arms", "naive_rag")
    assert process.returncode == 1 and "Traceback" not in process.stderr  # a third is more than a tenth
    assert "question 'q3': bird.txt could not be read, so it is set aside" in process.stderr
    last = process.stdout.strip().split("\n")[-1]
    assert "1 question(s) set aside" in last and "q3" in last and "1 question(s) have no accepted answer" in last
    provenance = json.loads((own_data / "r.json").read_text())
    assert provenance["questions"]["scored"] == 2 and provenance["questions"]["retrieval_only"] == 1
    assert len(provenance["questions"]["set_aside"]) == 1 and provenance["corpus"]["documents"] == 2
    assert provenance["arms"]["naive_rag"]["model"] and provenance["command"].startswith("python3 -m utils benchmark")


def test_all_mistakes_of_a_file_are_printed(own_data):
    (own_data / "q.jsonl").write_text("{oops\n" + json.dumps({**GOOD, "task": "riddle"}) + "\n")
    process = benchmark(own_data, "--corpus", str(own_data / "documents"))
    lines = process.stderr.strip().split("\n")
    assert process.returncode == 1 and len(lines) == 2 and "line 1" in lines[0] and "line 2" in lines[1]


def test_stored_answers_are_scored_by_corrected_questions(own_data):
    documents = str(own_data / "documents")
    assert benchmark(own_data, "--corpus", documents, "--arms", "naive_rag").returncode == 0
    (own_data / "q.csv").write_text("id;question;answers;document\nq1;How much dinner may the cat get?;200;dog.txt\n")
    process = command("rescore", "--records", str(own_data / "r.jsonl"), "--questions", str(own_data / "q.csv"), "--corpus",
                      documents, "--out", str(own_data / "new.jsonl"))
    assert process.returncode == 0 and "1 of 1 records have other scores" in process.stdout, process.stderr
    (record,) = map(json.loads, (own_data / "new.jsonl").read_text().splitlines())
    assert record["scores"]["recall@1"] == 0 and record["cluster"] == "dog.txt" and record["rescored"] is True
    assert json.loads((own_data / "new.json").read_text())["rescored"]["file"].endswith("q.csv")


def test_doctor_finds_nothing_on_a_machine_that_is_set_up(capsys, monkeypatch):
    assert all(remedy == "" for _, _, remedy in doctor.machine_checks())


def test_doctor_names_the_command_for_a_damaged_model(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    remedies = {what: remedy for what, _, remedy in doctor.machine_checks()}
    assert remedies[f"files {settings.WHEEL_EMBEDDER}"] == doctor.SETUP and remedies["index"] == doctor.SETUP


def test_too_little_disk_space_is_refused_with_both_numbers():
    with pytest.raises(RuntimeError, match="GB are free .* 1000000.0 GB are needed"):
        environment.check_disk(1e6)


def test_an_unsupported_python_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    with pytest.raises(RuntimeError, match="not supported: run this with Python 3.11 to 3.13"):
        environment.create_environment()


def test_colab_installs_the_run_group_and_keeps_its_own_torch(monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    lines = environment.lines_to_install()
    names = {environment.package_name(line) for line in lines}
    assert not names & environment.COLAB_KEEPS and "chromadb" in names and "jupyterlab" not in names
    assert {"torch", "numpy"} <= environment.kept_by_colab().keys() and "torch" not in str(environment.package_problems())
    assert environment.interpreter() == Path(sys.executable) and environment.is_active()


FAMILY = '''
import subprocess, sys
from utils import __main__ as commands
grandchild = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
child = f"import subprocess; subprocess.Popen({grandchild}, start_new_session=True).wait()"
commands.COMMANDS["doctor"] = (lambda _: commands.run_child([sys.executable, "-c", child]), "", {})
commands.end_on_signals()
sys.exit(commands.main(["doctor"]))
'''


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_that_is_ended_ends_its_children_and_theirs(number):
    process = subprocess.Popen([sys.executable, "-c", FAMILY], cwd=settings.ROOT, stdout=subprocess.PIPE)
    process.stdout.readline()  # the grandchild runs
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    assert process.wait(20) == 128 + number and len(family) == 2
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_the_interpreter_path_matches_the_operating_system(monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    expected = "Scripts" if os.name == "nt" else "bin"
    assert environment.interpreter().parent.name == expected


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Exception("I/O error: … (os error 28)")])
def test_a_full_disk_is_one_sentence_that_names_the_folder_whichever_library_met_it(error, monkeypatch, capsys):
    def fail(_):
        raise error

    monkeypatch.setitem(commands.COMMANDS, "doctor", (fail, "", {}))
    assert commands.main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(r"/.+: No space left on device; free some space and run the command again\n", said)


def test_an_error_that_nobody_foresaw_is_not_hidden(monkeypatch):
    monkeypatch.setitem(commands.COMMANDS, "doctor", (lambda _: 1 // 0, "", {}))
    with pytest.raises(ZeroDivisionError):
        commands.main(["doctor"])
