"""Generation through any OpenAI-compatible server (`LAB_ENDPOINT`): vLLM, `transformers serve` or a paid API."""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from ..types import Generation
from .device import quiet


class Endpoint:
    """The interface of a language model over an OpenAI-compatible server: one request per prompt, `parallel` at a time."""

    def __init__(self, url: str, name: str = "default", parallel: int = 8):
        from openai import OpenAI

        quiet()
        self.client = OpenAI(base_url=url, api_key=os.environ.get("LAB_ENDPOINT_KEY", "none"), max_retries=2, timeout=60)
        self.name, self.url, self.parallel = name, url, parallel

    def count(self, text: str) -> int:
        """Estimated tokens, at four characters each: the server's tokenizer is unknown. Its answers carry exact counts."""
        return max(1, len(text) // 4)

    def generate(self, conversations: Sequence[list[dict[str, str]]], max_new_tokens: int = 32, batch_size: int = 16,
                 on_batch: Callable[[list[int], list[Generation]], None] | None = None, silence: str = "") -> list[Generation]:
        """Greedy answers (temperature 0) in the order of `conversations`, without confidence, since not every server tells it.

        Raises RuntimeError when the server fails.
        """
        from concurrent.futures import ThreadPoolExecutor

        answers: list[Generation] = []
        for start in range(0, len(conversations), batch_size):
            batch = conversations[start : start + batch_size]
            with ThreadPoolExecutor(self.parallel) as pool:
                generations = list(pool.map(lambda messages: self._one(messages, max_new_tokens), batch))
            answers += generations
            if on_batch:
                on_batch(list(range(start, start + len(batch))), generations)
        return answers

    def _one(self, messages: list[dict[str, str]], max_new_tokens: int) -> Generation:
        from openai import OpenAIError

        started = time.perf_counter()
        try:
            reply = self.client.chat.completions.create(model=self.name, messages=messages, max_tokens=max_new_tokens,
                                                        temperature=0)
        except OpenAIError as error:
            raise RuntimeError(f"LAB_ENDPOINT {self.url} did not answer ({error}): is the server running?") from None
        usage, text = reply.usage, (reply.choices[0].message.content or "").strip()
        tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, self.count(text))
        return Generation(text, *tokens, time.perf_counter() - started)
