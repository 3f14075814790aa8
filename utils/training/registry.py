"""The local registry of adapters: registration under a new name, promotion, rollback, lineage."""
from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from .. import models
from .gate import GateResult


def register_adapter(adapter: Path, name: str, parent: str = "", metrics: dict | None = None) -> Path:
    """Copy an adapter into the local registry with its parent and metrics. Raises ValueError for an invalid or used name."""
    if not re.fullmatch(r"[a-z0-9_@-]+", name):
        raise ValueError(f"{name!r} is not a valid adapter name: use small letters, digits, _, - and @")
    target = models.local_registry() / name
    if target.exists():
        raise ValueError(f"the registry holds {name} already: choose another name for the new adapter")
    partial = models.local_registry() / f".{name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(adapter, partial)
    provenance = {**models.adapter_provenance(f"adapter:{adapter}"), "parent": parent, "metrics": metrics or {}}
    (partial / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
    partial.replace(target)
    return target


def unused_name(name: str) -> str:
    """The name if the local registry does not have it yet, else the name with the smallest free number appended."""
    names = {path.name for path in models.local_registry().iterdir()}
    return next(free for n in range(1, len(names) + 2) if (free := name if n == 1 else f"{name}_{n}") not in names)


def promoted_names() -> list[str]:
    """Promoted adapters, oldest first; the last is the adapter in use."""
    path = models.local_registry() / "promoted.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def promote(name: str, result: GateResult) -> str:
    """Put a registered adapter in use if the gate promoted it; returns the name of the adapter in use."""
    models.adapter_folder(name)
    if result.promoted:
        _write_promoted([*promoted_names(), name])
    return promoted_names()[-1] if promoted_names() else ""


def rollback() -> str:
    """Undo the last promotion; returns the name of the adapter in use. Raises ValueError when no earlier one exists."""
    if len(promoted_names()) < 2:
        raise ValueError("there is no earlier adapter to go back to: promote a second adapter first")
    _write_promoted(promoted_names()[:-1])
    return promoted_names()[-1]


def _write_promoted(names: list[str]) -> None:
    part = models.local_registry() / "promoted.part"
    part.write_text(json.dumps(names) + "\n", "utf-8")
    part.replace(models.local_registry() / "promoted.json")


def lineage() -> list[dict]:
    """One row per adapter of the local registry: name, parent, recipe, labels, metrics, digest, in use."""
    in_use = (promoted_names() or [""])[-1]
    rows = []
    for path in sorted(path for path in models.local_registry().iterdir() if (path / "adapter_model.safetensors").exists()):
        provenance = models.adapter_provenance(path.name)
        run = provenance.get("settings", {})
        rows.append({"name": path.name, "parent": provenance.get("parent", ""), "recipe": run.get("recipe", ""),
                     "labels": run.get("labels", ""), **provenance.get("metrics", {}),
                     "sha256": models.adapter_digest(path.name)[:8], "in_use": path.name == in_use})
    return rows
