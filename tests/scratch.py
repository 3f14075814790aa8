"""What the scripts that try real processes share: a cache of their own, small data, servers that end with them."""
from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from utils import corpus, models, settings


def own_cache(folder: Path, linked: Sequence[str] = ("models", "wheels"), copied: Sequence[str] = ()) -> Path:
    """A cache folder with parts of the prepared one: hard links of what is never written in place, copies of the rest."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in (*linked, *copied):
        source = settings.ROOT / ".cache" / part
        if source.is_file():
            shutil.copy2(source, folder / part)
        elif not (folder / part).exists():
            shutil.copytree(source, folder / part, copy_function=os.link if part in linked else shutil.copy2)
    return folder


def own_documents(folder: Path, many: int) -> tuple[Path, Path]:
    """(folder of docstrings of networkx, the first `many` questions about them)."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = (settings.DATA / "questions_networkx.jsonl").read_text("utf-8").splitlines(keepends=True)[:many]
    (folder / "questions.jsonl").write_text("".join(rows), "utf-8")
    for path in corpus.write_docstrings("networkx", folder / "documents"):
        if f'"{path.name}"' not in "".join(rows):
            path.unlink()
    return folder / "documents", folder / "questions.jsonl"


def small_model(folder: Path) -> Path:
    """A language model of two small layers with untrained weights and the course's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    models.quiet()
    if not (folder / "config.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(models.language_model_path(settings.WHEEL_MODEL))
        torch.manual_seed(0)
        LlamaForCausalLM(LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
            pad_token_id=2)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@contextlib.contextmanager
def slow_files(folder: Path, seconds: float) -> Iterator[str]:
    """Address of a web server on loopback that takes so many seconds to send a file of the folder."""
    class Slow(http.server.SimpleHTTPRequestHandler):
        def copyfile(self, source, outputfile) -> None:
            data = source.read()
            with contextlib.suppress(ConnectionError):  # the one who asked was killed
                for start in range(0, len(data), len(data) // 20 + 1):
                    outputfile.write(data[start : start + len(data) // 20 + 1])
                    time.sleep(seconds / 20 if len(data) > 1e6 else 0)

        def log_message(self, *_) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Slow, directory=str(folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process: subprocess.Popen, sign: int = signal.SIGTERM) -> None:
    """Signal the process and all its children, started as a session of their own, and wait; kill what does not end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sign)
    try:
        process.wait(15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def answers(address: str) -> bool:
    """True when a server answers there, if only with an error of its own."""
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextlib.contextmanager
def server(command: Sequence[str], address: str, log: Path, seconds: float = 120, folder: Path = settings.ROOT,
           **variables: str) -> Iterator[subprocess.Popen]:
    """A server process, run in `folder`, that answers at the address; it ends with the block. RuntimeError, with its last line,
    if it does not answer."""
    with log.open("w") as output:
        process = subprocess.Popen(command, env={**os.environ, **variables}, cwd=folder, stdout=output, stderr=output,
                                   start_new_session=True)
    try:
        deadline = time.monotonic() + seconds
        while not answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                told = log.read_text("utf-8").strip().splitlines() or ["no word"]
                raise RuntimeError(f"{Path(command[0]).name} did not start: {told[-1]}")
            time.sleep(0.5)
        yield process
    finally:
        end(process)


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system mounted on a new folder during the block."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
