"""BM25 with identifier-aware tokens (`SendMessage` also matches "send message"), stemmed in the documents' language."""
from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import numpy

from ..text import detect_language, stems, stop_stems
from ..types import Chunk, Hit

IDENTIFIER = re.compile(r"[^\W\d_](?:[^\W_]|[\u0300-\u036f])*|\d+")


def bm25_tokens(text: str, language: str = "en") -> list[str]:
    """Stems without English stop words; an identifier of several words gives a token for the whole and one for each word.

    language: an ISO 639 code, as for `text.stems`.
    >>> bm25_tokens("Use SendMessage to send messages.")
    ['sendmessag', 'send', 'messag', 'send', 'messag']
    """
    tokens = []
    for word in IDENTIFIER.findall(text):
        parts = stems(word, language)
        tokens += [*(stems(word.lower(), language) if word.isascii() and len(parts) > 1 else []), *parts]
    return [token for token in tokens if token not in stop_stems()]


class BM25Index:
    """Chunks ranked by BM25 (Lucene's variant; package `bm25s`)."""

    def __init__(self, chunks: Sequence[Chunk]):
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets DEBUG when it is imported
        self.chunks = list(chunks)
        self.language = detect_language(chunk.text for chunk in chunks)
        tokens = {text: bm25_tokens(text, self.language) for text in {chunk.indexed for chunk in chunks}}
        self.index = bm25s.BM25()
        self.index.index([tokens[chunk.indexed] for chunk in chunks], show_progress=False)

    def scores(self, query: str):
        """BM25 score of every chunk, in the order of `chunks`: an array of shape (chunks,)."""
        terms = [token for token in bm25_tokens(query, self.language) if token in self.index.vocab_dict]
        return self.index.get_scores(terms) if terms else numpy.zeros(len(self.chunks), "float32")

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best chunks, best first; chunks that share no word with the query are left out."""
        scores = self.scores(query)
        best = numpy.argsort(-scores, kind="stable")[:k]
        return [Hit(self.chunks[i], rank, float(scores[i])) for rank, i in enumerate(best, 1) if scores[i] > 0]
