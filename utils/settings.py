"""Every setting in one place: paths, course services, profiles and what the environment may override.

Reads no file and imports nothing heavy, so that `python -m utils` can use it before `.venv` exists.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
QUESTIONS = DATA / "questions.jsonl"
ERROR_QUESTIONS = DATA / "error_questions.jsonl"  # more training questions on errors, for the reader only
READING = DATA / "reading.jsonl"  # questions on services outside the course, for the reader only
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # the one source beside pip's own, and for torch alone
REPOSITORY_URL = "https://github.com/rag-or-finetune/course"  # set once here; `release` writes every badge from it
COURSE_SERVICES = ("dynamodb", "kinesis", "kms", "lambda", "secretsmanager", "sns", "sqs", "stepfunctions")
WHEEL_MODEL = "SmolLM2-135M-Instruct-q4"  # the name of the model unpacked from its wheel
WHEEL_EMBEDDER = "all-MiniLM-L6-v2"
OLDER_BOTOCORE = "botocore-1.40.0"  # the same services fifteen months earlier: what lab 3 updates from


@dataclass(frozen=True)
class Settings:
    """What one run uses. Every field may be overridden by the environment variable named beside it."""

    profile: str = "laptop"  # LAB_PROFILE: laptop, gpu or endpoint
    model: str = WHEEL_MODEL  # LAB_MODEL: a hub id or a local directory
    embedder: str = WHEEL_EMBEDDER  # LAB_EMBEDDER: a hub id or a local directory
    reranker: str = ""  # a hub cross-encoder on the gpu profile
    endpoint: str = ""  # LAB_ENDPOINT: base URL of an OpenAI-compatible server
    chroma_url: str = ""  # LAB_CHROMA_URL: a Chroma server instead of the embedded one
    fast: bool = False  # LAB_FAST=1: the smallest run that still exercises everything
    chunk_tokens: int = 120
    chunk_overlap: int = 20
    k: int = 3  # passages in the prompt
    depth: int = 50  # passages fetched, so that the ranking reaches 10 distinct documents
    context_tokens: int = 480  # token budget of the passages in one prompt
    max_new_tokens: int = 32
    batch_size: int = 16


PROFILES = {
    "laptop": Settings(),
    "gpu": Settings(
        profile="gpu",
        model="HuggingFaceTB/SmolLM2-1.7B-Instruct",
        embedder="BAAI/bge-base-en-v1.5",
        reranker="BAAI/bge-reranker-base",
        batch_size=64,
    ),
    "endpoint": Settings(profile="endpoint", model="default"),
}


def load() -> Settings:
    """Settings of the chosen profile with the environment applied.

    Raises ValueError naming the variable when one does not make sense.
    """
    name = os.environ.get("LAB_PROFILE", "laptop")
    if name not in PROFILES:
        raise ValueError(f"LAB_PROFILE is {name!r}: set it to one of {', '.join(PROFILES)}")
    found = {
        "model": os.environ.get("LAB_MODEL"),
        "embedder": os.environ.get("LAB_EMBEDDER"),
        "endpoint": os.environ.get("LAB_ENDPOINT"),
        "chroma_url": os.environ.get("LAB_CHROMA_URL"),
    }
    settings = replace(PROFILES[name], fast=fast(), **{key: value for key, value in found.items() if value})
    for variable, url in (("LAB_ENDPOINT", settings.endpoint), ("LAB_CHROMA_URL", settings.chroma_url)):
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(f"{variable} is {url!r}: it has to start with http:// or https://")
    if settings.profile == "endpoint" and not settings.endpoint:
        raise ValueError("LAB_PROFILE is endpoint but LAB_ENDPOINT is empty: set it to the server's base URL")
    return settings


def fast() -> bool:
    """True when LAB_FAST asks for the smallest run."""
    return os.environ.get("LAB_FAST", "") not in ("", "0")


def cache() -> Path:
    """Folder for models, corpus and index. `LAB_CACHE` moves it; git ignores the default one."""
    path = Path(os.environ.get("LAB_CACHE") or ROOT / ".cache")
    path.mkdir(parents=True, exist_ok=True)
    return path
