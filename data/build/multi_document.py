"""Questions that need several documents: vector RAG and map-reduce, over the same number of passages."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from utils import generation, metrics, models, retrieval
from utils.types import Document, Hit

READ = 12  # passages that vector RAG and map-reduce read
MAP = "Does this text answer the question for its operation? Reply yes or no."


def best_passages(hits: Sequence[Hit], documents: int) -> list[Hit]:
    """The best passage of each of the first `documents` documents."""
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.document_id, hit)
    return list(first.values())[:documents]


def vector_rag(question: str, hits: Sequence[Hit], model, max_new_tokens: int = 64) -> list[str]:
    """Names that the model lists from one prompt with the best passages of `READ` documents."""
    shown = best_passages(hits, READ)
    text = "\n\n".join([*generation.numbered_passages(shown), f"Question: {question}\nList the names only, separated by commas."])
    return metrics.parse_set(model.generate([[{"role": "user", "content": text}]], max_new_tokens)[0].text)


def retrieved_names(hits: Sequence[Hit], most: int, documents: Mapping[str, Document]) -> list[str]:
    """The baseline without a model: names of the first `most` retrieved documents."""
    return [documents[id_].name for id_ in retrieval.distinct_documents(hits)[:most]]


def map_scores(question: str, hits: Sequence[Hit], documents: Mapping[str, Document], model,
               batch_size: int = 12) -> list[tuple[str, float]]:
    """The map step: name and log-odds of "yes" against "no" for each of `READ` documents, one forward pass each."""
    import torch

    shown = best_passages(hits, READ)
    prompts = [model.prompt([{"role": "user", "content": f"{hit.document_id}: {hit.chunk.text}\n\nQuestion: {question}\n{MAP}"}])
               for hit in shown]
    words = {word: model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("Yes", "No", "yes", "no")}
    scores: list[float] = []
    for start in range(0, len(prompts), batch_size):
        rows = model.tokenizer(prompts[start : start + batch_size], add_special_tokens=False)["input_ids"]
        padded = model.tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(models.torch_device())
        with models.autocast():
            last = model.model(**padded, logits_to_keep=1).logits[:, -1].float()
        yes, no = (torch.logsumexp(last[:, [words[a], words[b]]], -1) for a, b in (("Yes", "yes"), ("No", "no")))
        scores += (yes - no).tolist()
    return [(documents[hit.document_id].name, score) for hit, score in zip(shown, scores, strict=True)]


def reduce_names(mapped: Sequence[tuple[str, float]], threshold: float) -> list[str]:
    """The reduce step: names whose log-odds reach the threshold."""
    return [name for name, score in mapped if score >= threshold]


def best_threshold(mapped: Sequence[Sequence[tuple[str, float]]], golds: Sequence[Sequence[str]]) -> float:
    """The threshold with the best mean set F1 against `golds`; 0 when there are no scores."""
    candidates = sorted({score for scores in mapped for _, score in scores})
    if not candidates:
        return 0.0

    def mean_f1(threshold: float) -> float:
        return sum(metrics.set_f1(reduce_names(scores, threshold), gold) for scores, gold in zip(mapped, golds, strict=True))

    return max(candidates, key=mean_f1)
