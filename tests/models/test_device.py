"""Memory: a run returns its memory to the system when it ends, even when it fails."""
from __future__ import annotations

from pathlib import Path

import pytest

from utils import models
from utils.models import device

STATUS = Path("/proc/self/status")


def resident_mb() -> float:
    line = next(line for line in STATUS.read_text("utf-8").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


@pytest.mark.skipif(not STATUS.exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("fails", [False, True])
def test_reference_cycles_are_freed_and_their_pages_returned(fails):
    device.keep_freed_pages()
    peak = []

    @models.release_memory_after()
    def run() -> str:
        held = {"much": [bytes(50_000) for _ in range(4_000)]}  # 200 MB in blocks that glibc would keep
        held["itself"] = held
        peak.append(resident_mb())
        if fails:
            raise ValueError("broken")
        return "done"

    models.release_memory()  # otherwise the run may reuse pages that earlier tests freed
    before = resident_mb()
    if fails:
        with pytest.raises(ValueError, match="broken"):
            run()
        models.release_memory()  # the error's traceback kept the frame alive until here
    else:
        assert run() == "done"
    assert peak[0] > before + 100 and resident_mb() < peak[0] - 100
