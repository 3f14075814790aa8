"""All settings: paths, services, profiles, environment variables. Standard library only, for use before `.venv` exists."""
from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
QUESTIONS = DATA / "questions.jsonl"
ERROR_QUESTIONS = DATA / "error_questions.jsonl"  # extra training questions on errors, for `raft` only
MORE_QUESTIONS = DATA / "more_questions.jsonl"  # more training questions on the course's documents, written later
FURTHER_QUESTIONS = DATA / "further_questions.jsonl"  # and others, written after the language model's conversations were drawn
UNANSWERABLE = DATA / "unanswerable.jsonl"  # more dev and test questions that the documents do not answer
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # the only extra package index, used for torch only
REPOSITORY_URL = "https://github.com/rag-or-finetune/course"  # defined only here; `release` writes it into every badge
COURSE_SERVICES = ("dynamodb", "kinesis", "kms", "lambda", "secretsmanager", "sns", "sqs", "stepfunctions")
WHEEL_MODEL = "SmolLM2-135M-Instruct-q4"  # the folder a wheel is unpacked into
WHEEL_EMBEDDER = "all-MiniLM-L6-v2"
OLDER_BOTOCORE = "botocore-1.40.0"  # the same services fifteen months earlier, the starting point of lab 3's update


@dataclass(frozen=True)
class Settings:
    """Settings of one run. Where a field's comment names an environment variable, that variable overrides it."""

    profile: str = "laptop"  # LAB_PROFILE: laptop, gpu or endpoint
    model: str = WHEEL_MODEL  # LAB_MODEL: a hub id or a local directory
    embedder: str = WHEEL_EMBEDDER  # LAB_EMBEDDER: a hub id or a local directory
    reranker: str = ""  # a hub cross-encoder on the gpu profile
    endpoint: str = ""  # LAB_ENDPOINT: base URL of an OpenAI-compatible server, for `endpoint` arms or the profile endpoint
    endpoint_model: str = ""  # LAB_ENDPOINT_MODEL: its model (default: LAB_MODEL with the profile endpoint, else "default")
    chroma_url: str = ""  # LAB_CHROMA_URL: a Chroma server instead of the embedded one
    fast: bool = False  # LAB_FAST=1: the smallest run that still covers every step
    chunk_tokens: int = 120
    chunk_overlap: int = 20
    k: int = 3  # passages in the prompt
    depth: int = 50  # passages retrieved, enough for a ranking of 10 distinct documents
    context_tokens: int = 480  # token budget of the passages in one prompt
    max_new_tokens: int = 32
    batch_size: int = 16


PROFILES = {
    "laptop": Settings(),
    "gpu": Settings(profile="gpu", model="HuggingFaceTB/SmolLM2-1.7B-Instruct", embedder="BAAI/bge-base-en-v1.5",
                    reranker="BAAI/bge-reranker-base", batch_size=64),
    "endpoint": Settings(profile="endpoint", model="default"),
}


def load() -> Settings:
    """Settings of the selected profile with the environment applied; ValueError names a variable with an invalid value."""
    name = os.environ.get("LAB_PROFILE", "laptop")
    if name not in PROFILES:
        raise ValueError(f"LAB_PROFILE is {name!r}: set it to one of {', '.join(PROFILES)}")
    overrides = {field: value for field in ("model", "embedder", "endpoint", "endpoint_model", "chroma_url")
                 if (value := os.environ.get(f"LAB_{field.upper()}"))}
    settings = replace(PROFILES[name], fast=fast(), **overrides)
    for variable, url in (("LAB_ENDPOINT", settings.endpoint), ("LAB_CHROMA_URL", settings.chroma_url)):
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(f"{variable} is {url!r}: it must start with http:// or https://")
    if settings.profile == "endpoint" and not settings.endpoint:
        raise ValueError("LAB_PROFILE is endpoint but LAB_ENDPOINT is empty: set it to the server's base URL")
    return settings


def fast() -> bool:
    """True when `LAB_FAST` selects the smallest run."""
    return os.environ.get("LAB_FAST", "") not in ("", "0")


def cache() -> Path:
    """Folder for models, corpus and index: `LAB_CACHE`, by default `.cache/`, which git ignores; created if missing."""
    path = Path(os.environ.get("LAB_CACHE") or ROOT / ".cache")
    path.mkdir(parents=True, exist_ok=True)
    return path
