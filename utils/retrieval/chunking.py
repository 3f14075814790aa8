"""Documents split into chunks: fixed-size windows, sections with contextual headers."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..text import sentences, split_identifiers
from ..types import Chunk, Document

Count = Callable[[str], int]
LONGEST_TOKEN = 20  # characters; tokenizers turn a longer run, such as base64, into one "unknown" token


def fixed_size_chunks(document: Document, tokenizer: Callable, size: int = 120, overlap: int = 20) -> list[Chunk]:
    """Windows of `size` tokens (of a fast tokenizer), each `size - overlap` after the one before, across section borders.

    Raises ValueError when overlap is not smaller than size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap is {overlap}: it must be at least 0 and below the chunk size {size}")
    starts, position = [], 0
    for section in document.sections:
        starts.append((position, section.name))
        position += len(section.text) + 2
    text = document.text
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    offsets = [(i, min(i + LONGEST_TOKEN, end)) for start, end in offsets for i in range(start, end, LONGEST_TOKEN)]
    chunks = []
    for begin in range(0, max(1, len(offsets)), size - overlap):
        window = offsets[begin : begin + size]
        if not window or (begin and len(window) <= overlap):
            break
        section = next(name for start, name in reversed(starts) if start <= window[0][0])
        chunks.append(Chunk(f"{document.id}#{len(chunks)}", document.id, section, text[window[0][0] : window[-1][1]]))
    return chunks


def contextual_header(document: Document, section: str) -> str:
    """A passage's place in plain words, nothing said twice: group › document › title, if it says more › section."""
    own_title = "" if document.title in (document.name, f"{document.group} {document.name}") else document.title
    parts = [" ".join(split_identifiers(part).lower().split()) for part in (document.group, document.name, own_title, section)]
    return " › ".join(dict.fromkeys(part for part in parts if part))


def pack_sentences(parts: Sequence[str], count: Count, size: int) -> list[str]:
    """Neighbouring parts joined while they fit in `size` tokens; a longer part is cut at spaces, or inside a word that long."""
    packed: list[str] = []
    used = 0
    for joint, part in [piece for long in parts for piece in cut_to_size(long, count, size)]:
        tokens = count(part)
        if packed and used + tokens <= size:
            packed[-1] += joint + part
            used += tokens
        else:
            packed.append(part)
            used = tokens
    return packed


def cut_to_size(part: str, count: Count, size: int, joint: str = " ") -> list[tuple[str, str]]:
    """Pieces of at most `size` tokens, each with what stood between it and the piece before."""
    if count(part) <= size or len(part) < 2:
        return [(joint, part)]
    words = part.split()
    half, middle = len(words) // 2, len(part) // 2
    if half:
        return cut_to_size(" ".join(words[:half]), count, size, joint) + cut_to_size(" ".join(words[half:]), count, size)
    ends = (match.end() for match in re.finditer(r"\W", part) if middle / 2 < match.end() < middle * 1.5)
    middle = min(ends, key=lambda end: abs(end - middle), default=middle)
    return cut_to_size(part[:middle], count, size, joint) + cut_to_size(part[middle:], count, size, "")


def chunk_by_section(document: Document, count: Count, size: int = 120) -> list[Chunk]:
    """One chunk of at most `size` tokens (`count` counts) per section; a long section is split at sentence ends.

    The header is stored apart from the text: the index reads both, a prompt may leave the header out.
    """
    chunks = []
    for section in document.sections:
        head = contextual_header(document, section.name)
        while count(head) > size // 2:  # a heading may be a paragraph
            head = head[: len(head) * 3 // 4]
        for text in pack_sentences(sentences(section.text), count, max(20, size - count(head))):
            chunks.append(Chunk(f"{document.id}#{len(chunks)}", document.id, section.name, text, head))
    return chunks


def section_chunks(documents: Sequence[Document], tokenizer, size: int) -> list[Chunk]:
    """Section chunks with contextual headers for all documents; sizes are counted with the embedder's tokenizer."""
    count = token_counter(documents, tokenizer)
    return [chunk for document in documents for chunk in chunk_by_section(document, count, size)]


def token_counter(documents: Sequence[Document], tokenizer) -> Callable[[str], int]:
    """A function that counts a text's tokens (sentences of `documents` in advance); at least one for every ten characters."""
    texts = list({sentence for d in documents for section in d.sections for sentence in sentences(section.text)})
    ids = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    counts = dict(zip(texts, map(len, ids), strict=True))

    def count(text: str) -> int:
        if text not in counts:
            counts[text] = len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        return max(counts[text], len(text) // 10)

    return count
