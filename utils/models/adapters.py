"""LoRA adapters by name: their folders, digests and provenance, and merging one into a model."""
from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path

from .. import downloads, settings

CHECKPOINTS = settings.DATA / "checkpoints"
PACKAGES = ("torch", "transformers", "sentence-transformers", "trl", "peft", "chromadb", "botocore")


def local_registry() -> Path:
    """The registry of adapters trained on this machine: a folder in the cache, ignored by git."""
    path = settings.cache() / "registry"
    path.mkdir(exist_ok=True)
    return path


def adapter_folder(name: str) -> Path:
    """Folder of an adapter: `adapter:FOLDER`, shipped, or of the local registry (NAME@SEED). Raises ValueError without one."""
    if name.startswith("adapter:"):
        path = Path(name.removeprefix("adapter:")).expanduser()
        if not (path / "adapter_model.safetensors").exists():
            raise ValueError(f"{name}: the folder holds no adapter_model.safetensors; pass the folder of a LoRA adapter, or "
                             "restore the course's with `git checkout data/checkpoints`")
        return path
    for path in (CHECKPOINTS / name.removesuffix("@0"), local_registry() / name):
        if (path / "adapter_model.safetensors").exists():
            return path
    if name.startswith("own_"):
        raise ValueError(f"{name} is an arm inside `decide`: ask its adapter as adapter:OUT/adapters/{name}, with the folder of "
                         "that decision")
    raise ValueError(f"the adapter {name} is missing on this machine: train it with `python3 -m utils rebuild lab2`")


def has_adapter(name: str) -> bool:
    """True when `adapter_folder` finds the adapter."""
    try:
        return bool(adapter_folder(name))
    except ValueError:
        return False


def adapter_digest(name: str) -> str:
    """SHA-256 of an adapter's weights, in hex."""
    return hashlib.sha256((adapter_folder(name) / "adapter_model.safetensors").read_bytes()).hexdigest()


def adapter_provenance(name: str) -> dict:
    """An adapter's recorded settings, data, parent and metrics; empty if there is no record."""
    path = adapter_folder(name) / "provenance.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def is_extractive(name: str) -> bool:
    """True for an adapter of `SpanReader`; False for one of the language model, or a damaged one, which merging reports."""
    try:
        config = json.loads((adapter_folder(name) / "adapter_config.json").read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return False
    return config.get("task_type") == "QUESTION_ANS"


def package_versions() -> dict[str, str]:
    """Versions of the packages that results depend on, for provenance."""
    return {package: importlib.metadata.version(package) for package in PACKAGES}


def save_adapter(model, folder: Path, precision: str, record: dict, **options) -> dict:
    """Save an adapter in this precision with configuration and provenance: `record`, which names the base, digest, versions."""
    import torch
    from safetensors.torch import load_file, save_file

    partial = downloads.fresh_folder(folder)
    model.save_pretrained(partial, **options)
    path = partial / "adapter_model.safetensors"
    tensors = {name: tensor.to(getattr(torch, precision)) for name, tensor in load_file(path).items()}
    save_file(tensors, path, {"format": "pt"})
    (partial / "README.md").unlink(missing_ok=True)
    config = json.loads((partial / "adapter_config.json").read_text("utf-8")) | {"base_model_name_or_path": record["base"]}
    (partial / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")
    provenance = {**record, "adapter_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "versions": package_versions()}
    (partial / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", "utf-8")
    downloads.replace_folder(partial, folder)
    return provenance


def merge_adapter(holder, attribute: str, folder: str) -> str:
    """Merge a LoRA adapter into `holder.attribute`; returns its digest. Raises RuntimeError when it is missing or damaged."""
    from peft import PeftModel

    path = Path(folder)
    try:
        digest = hashlib.sha256((path / "adapter_model.safetensors").read_bytes()).hexdigest()[:12]
        merged = PeftModel.from_pretrained(getattr(holder, attribute), folder).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise RuntimeError(
            f"the adapter {path.parent.name}/{path.name} is missing or damaged ({type(error).__name__}): restore it with "
            f"`git checkout data/checkpoints` or train it again with `python3 -m utils rebuild`") from None
    setattr(holder, attribute, merged.eval())
    return digest
