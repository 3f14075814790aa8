"""LlamaIndex and LangChain at their documented defaults on the course's questions, with the course's MiniLM."""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from utils import corpus, evaluation, metrics, models, settings  # noqa: E402
from utils.types import Document  # noqa: E402

FETCHED = 100  # hits asked for: enough for ten distinct documents


def llama_index(documents: list[Document]):
    """VectorStoreIndex with SentenceSplitter's defaults (1,024 tokens, overlap 200)."""
    from llama_index.core import Document, Settings, VectorStoreIndex
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    Settings.embed_model = HuggingFaceEmbedding(model_name=models.embedder_path(settings.WHEEL_EMBEDDER))
    index = VectorStoreIndex.from_documents([Document(text=d.text, id_=d.id) for d in documents])
    retriever = index.as_retriever(similarity_top_k=FETCHED)
    return lambda question: [hit.node.ref_doc_id for hit in retriever.retrieve(question)]


def langchain(documents: list[Document]):
    """RecursiveCharacterTextSplitter's defaults (4,000 characters, overlap 200) and an in-memory vector store."""
    from langchain_core.documents import Document
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    made = [Document(page_content=d.text, metadata={"id": d.id}) for d in documents]
    pieces = RecursiveCharacterTextSplitter().split_documents(made)
    store = InMemoryVectorStore.from_documents(
        pieces, HuggingFaceEmbeddings(model_name=models.embedder_path(settings.WHEEL_EMBEDDER)))
    return lambda question: [hit.metadata["id"] for hit in store.similarity_search(question, k=FETCHED)]


def main() -> None:
    """Print Recall@1/5/10 and MRR of each framework on fact, error and routing questions of one split."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", default="dev")
    split = parser.parse_args().split
    models.quiet()
    documents = corpus.load()
    questions = [q for q in evaluation.load_questions(split=split) if q.task in ("fact", "error", "routing")]
    for build in (llama_index, langchain):
        begun = time.monotonic()
        search = build(documents)
        seconds = time.monotonic() - begun
        scores = []
        for question in questions:
            ranking = list(dict.fromkeys(search(question.question)))
            scores.append(metrics.retrieval_scores(ranking, question.evidence, all_needed=False))
        clusters = [q.cluster for q in questions]
        row = {name: str(metrics.mean_interval([s[name] for s in scores], clusters))
               for name in ("recall@1", "recall@5", "recall@10", "mrr@10")}
        print(json.dumps({"framework": build.__name__, "split": split, "n": len(questions), "index_seconds": round(seconds),
                          **row}), flush=True)


if __name__ == "__main__":
    main()
