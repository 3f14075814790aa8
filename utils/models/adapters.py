"""LoRA adapters by name: where they lie, their digests and provenance, and merging one into a model."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .. import settings

CHECKPOINTS = settings.DATA / "checkpoints"


def local_registry() -> Path:
    """The learner's registry: an ignored folder in the cache."""
    path = settings.cache() / "registry"
    path.mkdir(exist_ok=True)
    return path


def adapter_folder(name: str) -> Path:
    """Where an arm's adapter lies: `adapter:FOLDER`, a shipped name, or a name (with @SEED) of the local registry.

    Raises ValueError naming what to do when it is not there.
    """
    if name.startswith("adapter:"):
        path = Path(name.removeprefix("adapter:")).expanduser()
        if not (path / "adapter_model.safetensors").exists():
            raise ValueError(f"{name}: the folder holds no adapter_model.safetensors; give the folder of a LoRA adapter")
        return path
    for path in (CHECKPOINTS / name.removesuffix("@0"), local_registry() / name):
        if (path / "adapter_model.safetensors").exists():
            return path
    raise ValueError(f"the adapter {name} is not on this machine: make it with `python3 -m utils rebuild lab2`")


def adapter_digest(name: str) -> str:
    """Digest of an adapter's weights."""
    return hashlib.sha256((adapter_folder(name) / "adapter_model.safetensors").read_bytes()).hexdigest()


def adapter_provenance(name: str) -> dict:
    """What is known of an adapter: settings, data, parent, metrics. Empty where nothing was kept."""
    path = adapter_folder(name) / "provenance.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def merge_adapter(holder, attribute: str, folder: str) -> str:
    """Add a LoRA adapter's weights into `holder.attribute` for good, so that it costs no time; returns its digest.

    Raises RuntimeError naming the remedy when the adapter is missing or damaged.
    """
    import hashlib

    from peft import PeftModel

    path = Path(folder)
    try:
        digest = hashlib.sha256((path / "adapter_model.safetensors").read_bytes()).hexdigest()[:12]
        merged = PeftModel.from_pretrained(getattr(holder, attribute), folder).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise RuntimeError(
            f"the adapter {path.parent.name}/{path.name} is missing or damaged ({type(error).__name__}): get it back with "
            f"`git checkout data/checkpoints`, or make it anew with `python3 -m utils rebuild`") from None
    setattr(holder, attribute, merged.eval())
    return digest
