"""The real model: batches agree with single prompts; other sources of models and answers are interchangeable."""
from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from utils import downloads, models, settings
from utils.models import device
from utils.models import endpoint as endpoints

QUESTIONS = [
    "What colour is the sky?",
    "Name the capital of France and tell me one thing about its river, in a short sentence please.",
    "Count from one to five.",
    "Is water wet? Answer yes or no.",
]


def conversations() -> list:
    return [[{"role": "user", "content": text}] for text in QUESTIONS]


def test_batched_answers_equal_one_by_one_generation_in_input_order(language_model):
    batched = language_model.generate(conversations(), 12, batch_size=4)
    single = [language_model.generate([one], 12, batch_size=1)[0] for one in conversations()]
    assert [answer.text for answer in batched] == [answer.text for answer in single]
    assert [answer.prompt_tokens for answer in batched] == [answer.prompt_tokens for answer in single]


def test_tokens_and_seconds_come_with_every_answer(language_model):
    (answer,) = language_model.generate(conversations()[:1], 5)
    prompt = language_model.prompt(conversations()[0])
    assert answer.prompt_tokens == language_model.count(prompt) and 0 < answer.completion_tokens <= 5 and answer.seconds > 0


def test_on_batch_is_called_after_each_batch(language_model):
    seen = []
    language_model.generate(conversations(), 2, 3, lambda indices, answers: seen.append((indices, len(answers))))
    assert [count for _, count in seen] == [3, 1] and sorted(i for indices, _ in seen for i in indices) == [0, 1, 2, 3]


def test_a_reply_that_begins_as_silence_does_also_says_what_it_withholds(language_model):
    plain = language_model.generate(conversations(), 6)
    silence = plain[0].text[:12]
    asked = language_model.generate(conversations(), 6, silence=silence)
    assert [one.text for one in asked] == [one.text for one in plain] and all(one.confidence is None for one in plain)
    assert asked[0].withheld and not asked[0].withheld.startswith(silence) and 0 < asked[0].confidence < 0.5
    spoken = [one for one in asked if not one.text.startswith(silence)]
    assert spoken and all(not one.withheld and 0 < one.confidence < 1 for one in spoken)


def test_the_chat_template_came_through_the_conversion(language_model):
    assert language_model.prompt(conversations()[0]).endswith("<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(("capability", "supported", "seconds", "expected"), [
    ("AVX2", False, 0.1, False), ("AVX512", True, 1.9, False), ("AVX512", True, 0.5, True), ("SVE256", False, 0.5, True)])
def test_bfloat16_is_used_where_it_is_faster_not_wherever_it_is_supported(capability, supported, seconds, expected, monkeypatch):
    import torch

    monkeypatch.setattr(device, "torch_device", lambda: "cpu")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(device, "product_seconds", lambda: {"float32": 1.0, "bfloat16": seconds})
    assert models.prefers_bfloat16.__wrapped__() is expected


def test_products_are_timed_in_either_format():
    assert all(0 < seconds < 5 for seconds in device.product_seconds(2).values())


def test_a_local_directory_works_in_place_of_a_model_name():
    folder = models.language_model_path(settings.WHEEL_MODEL)
    assert models.language_model_path(folder) == folder
    assert models.LanguageModel(folder).generate(conversations()[:1], 2)[0].completion_tokens > 0


def test_only_safetensors_are_kept():
    folder = settings.cache() / "models" / models.CONVERTED
    assert not [p for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pkl")] and downloads.is_intact(folder, deep=True)


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing"])
def test_a_missing_model_folder_is_named(name):
    with pytest.raises(ValueError, match="LAB_MODEL: there is no folder"):
        models.language_model_path(name)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no config.json"):
        models.embedder_path(str(tmp_path))


def test_a_hub_id_that_cannot_be_reached_is_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RuntimeError, match="LAB_MODEL: could not load nobody/nothing"):
        models.LanguageModel("nobody/nothing")


@pytest.fixture
def server():
    """A loopback server that speaks just enough of the OpenAI protocol."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = f"heard {request['messages'][-1]['content']}"
            body = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": request["model"],
                               "choices": [{"index": 0, "finish_reason": "stop",
                                            "message": {"role": "assistant", "content": text}}],
                               "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    running = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/v1"
    running.shutdown()


def test_an_endpoint_answers_through_the_same_interface(server, chosen):
    endpoint = models.language_model(replace(chosen, profile="endpoint", endpoint=server))
    answers = endpoint.generate(conversations(), 8, batch_size=3)
    assert [answer.text for answer in answers] == [f"heard {text}" for text in QUESTIONS]
    assert answers[0].prompt_tokens == 7 and answers[0].completion_tokens == 3


def test_an_endpoint_that_is_down_is_named():
    endpoint = endpoints.Endpoint("http://127.0.0.1:9/v1")
    endpoint.client = endpoint.client.with_options(max_retries=0)
    with pytest.raises(RuntimeError, match="LAB_ENDPOINT http://127.0.0.1:9/v1 did not answer"):
        endpoint.generate(conversations()[:1])


@pytest.mark.parametrize(("variables", "sentence"), [
    ({"LAB_PROFILE": "laptp"}, "LAB_PROFILE is 'laptp': set it to one of laptop, gpu, endpoint"),
    ({"LAB_ENDPOINT": "localhost:8000"}, "LAB_ENDPOINT is 'localhost:8000': it must start with http"),
    ({"LAB_CHROMA_URL": "db"}, "LAB_CHROMA_URL is 'db'"),
    ({"LAB_PROFILE": "endpoint"}, "LAB_ENDPOINT is empty"),
])
def test_settings_that_make_no_sense_are_refused(monkeypatch, variables, sentence):
    for name in [name for name in os.environ if name.startswith("LAB_") and name not in ("LAB_CACHE", "LAB_FAST")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=sentence):
        settings.load()


def test_profiles_and_overrides(monkeypatch):
    monkeypatch.setenv("LAB_PROFILE", "gpu")
    monkeypatch.setenv("LAB_MODEL", "some/model")
    overridden = settings.load()
    assert overridden.model == "some/model" and overridden.reranker and overridden.embedder != settings.WHEEL_EMBEDDER
