"""Where the vectors lie: Chroma's client, one builder at a time, what becomes of a damaged or foreign database, and the
vectors that are shipped in `data/vectors`."""
from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from .. import downloads
from ..settings import DATA, ROOT, Settings, cache, load

SEGMENT = "SELECT s.id FROM segments s JOIN collections c ON s.collection = c.id WHERE c.name = ? AND s.scope = 'VECTOR'"
PERSISTED = "index_metadata.pickle"  # without it Chroma makes the vectors anew from its database whenever it opens them
VECTORS = DATA / "vectors"


def chroma_client(settings: Settings):
    """A Chroma client: the server at LAB_CHROMA_URL, else an embedded one in the cache. RuntimeError when the server is down."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    options = ChromaSettings(anonymized_telemetry=False)
    if not settings.chroma_url:
        return chromadb.PersistentClient(str(cache() / "chroma"), settings=options)
    host = re.match(r"(https?)://([^/:]+)(?::(\d+))?", settings.chroma_url)
    try:
        return chromadb.HttpClient(host[2], int(host[3] or 8000), ssl=host[1] == "https", settings=options)
    except Exception as error:
        raise RuntimeError(
            f"LAB_CHROMA_URL {settings.chroma_url} did not answer ({type(error).__name__}): start the server with "
            f"`chroma run`, or unset the variable to use the embedded one") from None


def text_key(text: str) -> bytes:
    """What the shipped vectors know a text by: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(text.encode()).digest()[:8]


def arrays_digest(keys, vectors) -> str:
    """SHA-256 of the two arrays of a file of vectors, in hex."""
    return hashlib.sha256(keys.tobytes() + vectors.tobytes()).hexdigest()


@functools.lru_cache(maxsize=4)
def shipped_vectors(embedder: str) -> dict:
    """`text_key` → vector (float32, unit length) of the texts whose vectors are shipped; a damaged file is told and left out.

    embedder: the digest of its weights.
    """
    import numpy
    from safetensors import safe_open

    shipped = {}
    for path in sorted(VECTORS.glob("*.safetensors")):
        try:
            with safe_open(path, "numpy") as file:
                if (metadata := file.metadata())["embedder"] != embedder:
                    continue
                keys, vectors = file.get_tensor("keys"), file.get_tensor("vectors")
            if arrays_digest(keys, vectors) != metadata["sha256"]:
                raise ValueError("its bytes changed")
            vectors = vectors.astype("float32")
            vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
            shipped.update(zip(map(bytes, keys), vectors, strict=True))
        except Exception as error:
            _tell_once(f"index: data/vectors/{path.name} is damaged or foreign ({_line(error)}), so its passages are embedded on "
                       "this machine; `git checkout data/vectors` restores it")
    return shipped


@functools.cache
def _tell_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


@contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """The right to change the index, for which it waits, and says so. RuntimeError when the index cannot be written.

    A Chroma server keeps its own order.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(cache() / "chroma.lock")
    try:
        if not settings.chroma_url:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                print("another process is building the index; waiting …", file=sys.stderr, flush=True)
                lock.acquire()
        yield
    except (ValueError, RuntimeError):
        raise
    except Exception as error:
        place = settings.chroma_url or cache()
        raise RuntimeError(f"the index in {place} cannot be built ({_unwritable(error) or _line(error)}): free space there or "
                           "set LAB_CACHE to a folder that you may write to, then run this again; it resumes") from None
    finally:
        lock.release()


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _unwritable(error: Exception) -> str:
    """Why the cache takes no more data, "" if it does: then `error` comes from damage."""
    probe = cache() / "chroma.probe"
    try:
        probe.write_bytes(bytes(1 << 20))
    except OSError as failure:
        return failure.strerror
    finally:
        with suppress(OSError):
            probe.unlink()
    return _line(error) if re.search(r"is full|readonly|read-only|denied|is locked", str(error), re.I) else ""


def _segment(name: str) -> Path | None:
    """Folder of a collection's vectors, None if there is no such collection. sqlite3.DatabaseError for a damaged database."""
    file = cache().resolve() / "chroma" / "chroma.sqlite3"
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=60)) as database:
            if database.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("SQLite's integrity check fails")
            row = database.execute(SEGMENT, (name,)).fetchone()
    except sqlite3.OperationalError:  # no such file, or not Chroma's tables
        return None
    return file.parent / row[0] if row else None


def index_damage(name: str, settings: Settings, search: bool = False) -> str:
    """Why a stored collection cannot be used as it is; "" if it is finished and intact. search: also read and search it."""
    if settings.chroma_url:
        return ""
    try:
        segment = _segment(name)
    except sqlite3.DatabaseError as error:
        return f"its database is damaged ({_line(error)})"
    if segment is None or not (segment / downloads.MANIFEST).exists():
        return "not built yet, or not to the end"
    return "" if downloads.is_intact(segment, deep=True) and (not search or _opens(name)) else "its vectors are damaged"


def writable_collection(name: str, settings: Settings):
    """The collection, created if missing; what is damaged is removed or set aside first, and told. Call it under `exclusive`."""
    for first in (True, False):
        try:
            if not settings.chroma_url and (segment := _segment(name)):
                manifest = segment / downloads.MANIFEST
                if (manifest.exists() and not downloads.is_intact(segment, deep=True)) or not _opens(name):
                    remove_collection(name, settings)
                manifest.unlink(missing_ok=True)
            return chroma_client(settings).get_or_create_collection(
                name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}})
        except Exception as error:
            if settings.chroma_url or not first or _unwritable(error):
                raise
            _set_aside(_line(error))


def remove_collection(name: str, settings: Settings) -> None:
    """Delete a collection whose vectors are damaged."""
    segment = None if settings.chroma_url else _segment(name)
    chroma_client(settings).delete_collection(name)
    if segment:
        shutil.rmtree(segment, ignore_errors=True)
    print("index: its vectors are damaged, so they are computed again", file=sys.stderr)


def _set_aside(reason: str) -> None:
    from chromadb.api.shared_system_client import SharedSystemClient

    folder = cache() / "chroma"
    aside = folder.with_name("chroma.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    aside.unlink(missing_ok=True)
    folder.rename(aside)
    SharedSystemClient.clear_system_cache()  # it would go on with the database that was moved
    print(f"index: its database is damaged or foreign ({reason}); it is kept as {aside.name} and built again", file=sys.stderr)


def seal(name: str, settings: Settings) -> None:
    """Note that the collection is finished, with the digests of its files."""
    if not settings.chroma_url and (segment := _segment(name)):
        downloads.write_manifest(segment, segment.iterdir() if (segment / PERSISTED).exists() else ())


def _opens(name: str) -> bool:
    """True when a process of its own can search the collection: reading damaged vectors can end a process."""
    environment = {**os.environ, "LAB_CACHE": str(cache().resolve()), "LAB_CHROMA_URL": ""}
    command = [sys.executable, "-c", f"from utils.retrieval import storage; storage._search_stored({name!r})"]
    return not subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode


def _search_stored(name: str) -> None:
    """Search the collection for a sample of its own vectors. AssertionError when they are no unit vectors or are not found."""
    import numpy

    collection = chroma_client(load()).get_collection(name, embedding_function=None)
    vectors = numpy.asarray(collection.get(include=["embeddings"])["embeddings"])
    if len(vectors):
        nearest = collection.query(query_embeddings=vectors[:: len(vectors) // 32 + 1], n_results=1, include=["distances"])
        assert abs((vectors**2).sum(1) - 1).max() < 0.01 and numpy.median(nearest["distances"]) < 0.01
