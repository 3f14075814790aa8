"""Memory on a CPU: keep freed pages while work goes on, hand them back when a piece of it is done."""
from __future__ import annotations

import functools
import gc
from collections.abc import Callable


@functools.cache
def _libc():
    """glibc, or None on other systems."""
    import ctypes
    import platform

    return ctypes.CDLL("libc.so.6") if platform.libc_ver()[0] == "glibc" else None


@functools.cache
def keep() -> None:
    """Tell glibc not to hand freed pages back: on a CPU, fetching them anew costs more than the arithmetic.

    M_MMAP_THRESHOLD (-3) and M_TRIM_THRESHOLD (-1) of mallopt(3); on other systems nothing happens.
    """
    if _libc():
        _libc().mallopt(-3, 1 << 30)
        _libc().mallopt(-1, (1 << 31) - 1)


def hand_back() -> None:
    """Free what nothing refers to any more, circles included, and give its pages back to the system."""
    gc.collect()
    if _libc():
        _libc().malloc_trim(0)


def frugal(function: Callable) -> Callable:
    """A function that hands memory back when it ends: trainers hold their models in circles."""

    @functools.wraps(function)
    def wrapped(*given, **named):
        try:
            return function(*given, **named)
        finally:
            hand_back()

    return wrapped
