"""The machine: device, number format, memory, energy, and quiet libraries."""
from __future__ import annotations

import contextlib
import functools
import gc
import logging
import os
import sys
import timeit
import warnings
from collections.abc import Iterator
from pathlib import Path


def quiet() -> None:
    """Turn off the libraries' progress bars, telemetry and all log text but errors; keep freed memory pages."""
    for name, value in {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", "ANONYMIZED_TELEMETRY": "False",
                        "DO_NOT_TRACK": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}.items():
        os.environ.setdefault(name, value)
    with contextlib.suppress(ImportError):
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
    warnings.filterwarnings("ignore", module="transformers|torch|chromadb|sentence_transformers")
    for name in ("transformers", "sentence_transformers", "chromadb", "httpx", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)
    keep_freed_pages()


def torch_device() -> str:
    """The first of `cuda`, `mps` and `cpu` that this machine has."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@functools.cache
def prefers_bfloat16() -> bool:
    """True where bfloat16 is the better format: on GPUs that support it, and on CPUs where it multiplies faster than float32.

    CPUs may support it and be slow: with AVX-512 alone, embedding took 1.7 times as long (`python -m tests.measure precision`).
    So this times products of the model's shape, once per process.
    """
    import torch

    if torch_device() == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if torch_device() == "mps":
        return False
    vectors = "SVE" in torch.backends.cpu.get_cpu_capability() or torch.cpu._is_avx512_bf16_supported()
    supported = vectors or torch.cpu._is_amx_tile_supported()
    if not supported:
        return False
    seconds = product_seconds()
    return seconds["bfloat16"] < 0.8 * seconds["float32"]


def product_seconds(rounds: int = 24) -> dict[str, float]:
    """Format → seconds of its fastest matrix product shaped like the model's feed-forward layers, at 512 positions.

    The formats take turns, so that a machine that is busy for a moment slows both: in turns of their own, the answer changed.
    """
    import torch

    pairs = {dtype: [torch.ones(shape, dtype=getattr(torch, dtype)) for shape in ((512, 576), (1536, 576))]
             for dtype in ("bfloat16", "float32")}
    fastest = dict.fromkeys(pairs, float("inf"))
    for _ in range(rounds):
        for dtype, pair in pairs.items():
            fastest[dtype] = min(fastest[dtype], timeit.timeit(lambda pair=pair: torch.nn.functional.linear(*pair), number=1))
    return fastest


@contextlib.contextmanager
def autocast() -> Iterator[None]:
    """Inference mode, with bfloat16 autocast where it is the better format."""
    import torch

    with torch.inference_mode(), torch.autocast(torch_device(), torch.bfloat16, enabled=prefers_bfloat16()):
        yield


@functools.cache
def _libc():
    """The glibc library, or None on other systems."""
    import ctypes
    import platform

    return ctypes.CDLL("libc.so.6") if platform.libc_ver()[0] == "glibc" else None


@functools.cache
def keep_freed_pages() -> None:
    """Make glibc keep freed pages, which are slow to request again (mallopt(3): M_MMAP_THRESHOLD, M_TRIM_THRESHOLD).

    Not those of blocks over 32 MB: among them, rows of many lengths leave gaps, which took 1.4 GB of a DPO run's 3.5.
    """
    if _libc():
        _libc().mallopt(-3, 1 << 25)
        _libc().mallopt(-1, (1 << 31) - 1)


def release_memory() -> None:
    """Free unreferenced objects, reference cycles included, and return their pages to the system."""
    gc.collect()
    if _libc():
        _libc().malloc_trim(0)


@contextlib.contextmanager
def release_memory_after() -> Iterator[None]:
    """Releases memory when the block, or the function that this decorates, ends: trainers hold models in reference cycles."""
    try:
        yield
    finally:
        release_memory()


def peak_memory_gb() -> float:
    """Peak resident memory of this process in GB (0 where the system does not report it)."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


COUNTERS = Path("/sys/class/powercap")


def joules(folder: Path = COUNTERS) -> float | None:
    """Joules that all processor packages counted so far, None without readable counters. They wrap around."""
    readings = []
    for path in sorted(folder.glob("*-rapl:[0-9]/energy_uj")):
        try:
            readings.append(int(path.read_text("utf-8")) / 1e6)
        except (OSError, ValueError):
            return None
    return sum(readings) if readings else None


def energy_per_answer(before: float | None, answers: int) -> str:
    """Energy per answer since the `joules` reading `before`, as text, or a note that this machine reports none."""
    now = joules()
    if before is None or now is None or now <= before:
        return "this machine reports none"
    return f"{(now - before) / answers:.0f} J an answer"
