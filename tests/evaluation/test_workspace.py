"""A workspace: copies count once, few documents give few hits, edits change the digest, limits are told, prompts keep theirs."""
from __future__ import annotations

from dataclasses import replace

import pytest

from utils import evaluation, generation
from utils.evaluation import scoring
from utils.generation import rag
from utils.types import Answer, Chunk, Document, Hit, Question, Section


def document(id_: str, text: str) -> Document:
    return Document(id_, id_, "", (Section("text", text),))


def question(id_: str = "q", text: str = "How long may a bike be returned?", evidence=("returns.md",)) -> Question:
    return Question(id_, "fact", text, ("30 days",), (), tuple(evidence))


@pytest.fixture
def workspace(chosen, tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    bike = "A bike may be returned\nwithin 30 days."
    texts = {"archive/returns.md": bike.replace("\n", "  "), "returns.md": bike, "10:30 a:error:b.md": "Bikes are green. " * 200,
             "one.txt": "Open at 7."}
    return evaluation.Workspace([document(id_, text) for id_, text in texts.items()], chosen)


@pytest.mark.parametrize("evidence", ["returns.md", "archive/returns.md"])
def test_a_hit_or_a_citation_of_any_copy_counts(workspace, evidence):
    asked, arm = question(evidence=(evidence,)), evaluation.parse_arm("naive_rag")
    hits = workspace.hits(asked, "naive_rag")
    for cited in ("returns.md", "archive/returns.md"):
        answer = Answer("30 days", False, (cited,), tuple(hits), 1, 9, 2, 0.1, 0.1)
        scores = scoring.make_record(asked, arm, answer, "", copies=workspace.copies).scores
        assert scores["recall@1"] == scores["ndcg@10"] == scores["cited_right"] == scores["citation_precision"] == 1
    assert workspace.copies == {"returns.md": "archive/returns.md"}
    assert not {hit.document_id for hit in workspace.hits(asked, "distractor")} & {"returns.md", "archive/returns.md"}
    assert [hit.document_id for hit in workspace.hits(asked, "oracle")] == [evidence]


@pytest.mark.parametrize("context", ["naive_rag", "advanced_rag", "graph", "distractor"])
def test_fewer_than_ten_documents_give_the_prompt_s_hits_and_the_best_of_each_other(workspace, context):
    hits, k = workspace.hits(question(), context), workspace.settings_for(context).k
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    others = [hit.document_id for hit in hits[k:]]
    assert len(others) == len(set(others)) and not set(others) & {hit.document_id for hit in hits[:k]}
    assert {hit.document_id for hit in hits} >= {"10:30 a:error:b.md", "one.txt"}


def test_an_edit_of_the_same_length_changes_the_digest_and_the_course_keeps_its_own(workspace, world, chosen):
    arm, documents = evaluation.parse_arm("naive_rag"), list(workspace.documents.values())
    edited = evaluation.Workspace([*documents[:-1], document("one.txt", "Open at 8.")], chosen)
    assert edited.digest(arm) != workspace.digest(arm) == evaluation.Workspace(documents, chosen).digest(arm)
    stored = {record.arm: record.settings_hash for record in evaluation.load_records("lab1_dev")}
    assert evaluation.Workspace(list(world.documents.values())).digest(arm) == stored["naive_rag"]


def test_documents_changed_deleted_renamed_or_doubled_between_runs_leave_no_stale_passage(workspace, chosen):
    first = {"a.md": "A bike may be returned within 30 days.", "b.md": "Kites are lent for two hours."}
    longer = "A bike may be returned within 31 days."
    states = [first, {**first, "a.md": longer}, {"a.md": first["a.md"]}, {"z.md": first["a.md"]},
              {**first, "c.md": first["a.md"]}, first]
    for state in states:
        now = evaluation.Workspace([document(id_, text) for id_, text in state.items()], chosen)
        for context in ("naive_rag", "advanced_rag"):
            hits = now.hits(question(evidence=()), context)
            assert {hit.document_id: hit.chunk.text for hit in hits} == state and "bike" in hits[0].chunk.text


def told(workspace, questions, arms: str) -> str:
    return "\n".join(workspace.limits(questions, evaluation.parse_arms(arms)))


def test_limits_of_questions_documents_and_arms_are_told(workspace):
    long = [question(f"q{n}", text="How long may " + "a bike " * 200 + "be returned?") for n in range(5)]
    sentences = told(workspace, long, "naive_rag,raft+naive_rag")
    assert "question q2 has 406 tokens; the embedder reads 254, the rest was cut" in sentences and "question q3" not in sentences
    assert "2 more questions are longer" in sentences and "archive/returns.md = returns.md" in sentences
    assert "raft+naive_rag: trained on the course's documents" in sentences
    assert told(workspace, [question()], "base") == ""


def test_oracle_asks_for_evidence(workspace):
    without = question("w", evidence=())
    with pytest.raises(ValueError, match="oracle needs evidence"):
        told(workspace, [without], "naive_rag,oracle")
    assert "1 of 2 questions name no evidence: for them oracle searches everything" in told(workspace, [question(), without],
                                                                                            "oracle")
    unanswerable = replace(without, task="unanswerable", answers=())
    assert "no evidence" not in told(workspace, [question(), unanswerable], "oracle,distractor")


def test_the_course_has_no_limits_to_tell(world):
    whole = evaluation.Workspace(list(world.documents.values()))
    questions = evaluation.load_questions(known=whole.documents)
    assert told(whole, questions, "base,naive_rag,oracle,distractor,raft+advanced_rag,question_only") == ""


@pytest.mark.parametrize("name", ["question_only", "nearest_question"])
def test_a_baseline_learns_from_one_question_or_from_one_answer_alone(workspace, name):
    for train in ([question("t")], [question("t"), question("u", "When may a kite be returned?")]):
        (record,) = evaluation.run_arms([question()], name, workspace, train=train)
        assert record.answer == "30 days"
    with pytest.raises(ValueError, match="no word of two letters"):
        evaluation.run_arms([question()], name, workspace, train=[question("t", "? !")])


@pytest.mark.parametrize("text", [
    "What do c++ (x.md and Kites.md say, but not Returns.md?", "Where is the md?", "Which documents fail?",
    "List the operations of a:error:b.md that only Kites has, more than Returns"])
def test_the_graph_reads_files_whatever_they_are_called(chosen, tmp_path, monkeypatch, text):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    names = ["Returns.md", "Kites.md", "c++ (x.md", "a:error:b.md", "10:30 plan.md", "v1.2/[a.md", "notes.html", "x.y.txt"]
    text_of_all = "See Returns and Kites. Error Late. It fails: at 9:00.\nsize: (string). Required.\nHow big."
    texts = [f"{name}\n{text_of_all}" for name in names]
    graph = evaluation.Workspace(list(map(document, names, texts)), chosen).graph
    assert {hit.document_id for hit in graph.search(text, 50)} == set(names)
    nodes = dict(graph.graph.nodes(data=True))
    assert all(nodes[name]["kind"] == "operation" and nodes[name]["name"] == name for name in names)
    assert {n for n, data in nodes.items() if data["kind"] == "operation"} == set(names)


class Model:
    window = 1000
    count = staticmethod(len)

    def generate(self, conversations, *_):
        self.prompts = [turns[0]["content"] for turns in conversations]
        return []


def test_prompts_keep_to_the_budget_whatever_stands_in_passage_heading_and_question(chosen, capsys):
    model, run = Model(), replace(chosen, context_tokens=300)
    giant = Hit(Chunk("b#0", "b.md", "Heading " * 400, "A" * 5000, "header"), 1, 1.0)
    asked = [question("long", "why " * 500), question()]
    rag.answer_questions(asked, [[giant, giant], [giant]], [0, 0], model, run)
    assert max(map(len, model.prompts)) <= model.window - run.max_new_tokens
    assert model.prompts[1].startswith("[1] b.md Heading") and len(model.prompts[1].split("\n\n")[0]) == 300
    told = capsys.readouterr().err
    assert told.count("passages longer than the budget of 300 tokens") == 1 and "question long has 2000 tokens" in told
    short = Hit(Chunk("s#0", "s.md", "s", "Short."), 1, 1.0)
    rag.answer_questions([question()], [[short]], [0], model, run)
    assert model.prompts == [generation.build_prompt(question().question, [short])[0]["content"]]
