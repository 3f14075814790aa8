"""`python -m data.build vectors`: ships the vectors of the course's indexes, so that set-up embeds nothing."""
from __future__ import annotations

import datetime
from pathlib import Path

from utils import evaluation, settings
from utils.course.preparation import course_indexes
from utils.retrieval.storage import VECTORS, arrays_digest, shipped_vectors, text_key


def vectors() -> None:
    """Write one file for each embedder; only texts without a shipped vector are embedded, and other files are removed."""
    digests, rows = {}, {}
    for dense in course_indexes(evaluation.Workspace(settings=settings.Settings())):
        name = dense.embedder.name
        digests[name] = dense.embedder.digest
        keys = (text_key(chunk.indexed) for chunk in dense.chunks.values())
        rows.setdefault(name, {}).update(zip(keys, dense.vectors, strict=True))
    for path in VECTORS.glob("*.safetensors"):
        if path.stem not in rows:
            path.unlink()
    for name, digest in digests.items():
        if shipped_vectors(digest).keys() == rows[name].keys():
            print(f"{name}: {len(rows[name]):,} vectors, as they were")
            continue
        path = write_vectors(VECTORS / f"{name}.safetensors", digest, rows[name])
        print(f"{name}: {len(rows[name]):,} vectors, {path.stat().st_size / 1e6:.1f} MB")


def write_vectors(path: Path, embedder: str, rows: dict) -> Path:
    """Write `keys`, uint8 of shape (texts, 8), and `vectors`, float16 of shape (texts, dimension), and return the path.

    embedder: digest of its weights. rows: `text_key` → vector.
    """
    import numpy
    from safetensors.numpy import save_file

    keys = sorted(rows)
    arrays = {"keys": numpy.frombuffer(b"".join(keys), "uint8").reshape(-1, 8),
              "vectors": numpy.array([rows[key] for key in keys], "float16")}
    path.parent.mkdir(exist_ok=True)
    save_file(arrays, path, {"embedder": embedder, "date": datetime.date.today().isoformat(), "sha256": arrays_digest(**arrays)})
    return path
