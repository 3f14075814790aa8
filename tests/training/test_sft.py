"""Training on a very small Llama of random weights: the compact head, resuming, and what is saved."""
from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, TrainerCallback
from trl.trainer.utils import add_fused_lm_head

from data.build import grpo, lab2, scoring_judges, span_reader
from utils import models, settings, training
from utils.evaluation.arms import MODELS
from utils.training import preferences, sft
from utils.types import Example, Question

ROWS = [Example(f"q{n}", [{"role": "user", "content": f"[1] shelf {n} holds {n} cups\n\nQuestion: how many cups?"}],
                f"{n} [1]") for n in range(24)]
SHIPPED = [name for name, spec in MODELS.items() if spec.shipped and spec.recipe]
RUN = training.SFTSettings(rank=4, alpha=8, batch_size=2, micro_batch=1, epochs=1.0, learning_rate=1e-2)


def tiny() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(vocab_size=49_152, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                                        num_attention_heads=2, num_key_value_heads=1))


@pytest.fixture
def small(monkeypatch, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(models.language_model_path(settings.WHEEL_MODEL))
    for module in (sft, training):
        monkeypatch.setattr(module, "load_base_model", lambda *_, **__: (tiny(), tokenizer))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))


def test_the_compact_head_gives_what_trls_own_head_gives():
    ids = torch.randint(0, 49_152, (2, 9))
    labels = ids.clone()
    labels[:, :6] = -100
    theirs, ours = tiny(), tiny()
    for model in (theirs, ours):
        add_fused_lm_head(model, outputs=("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1"))
    sft.score_labelled_tokens_only(ours)
    a, b = (model(input_ids=ids, labels=labels, fused_lm_head=True) for model in (theirs, ours))
    for name in ("loss", "log_probs", "entropy", "log_sum_sq_probs", "mean_logits"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-4)
    assert a.is_top1.tolist() == b.is_top1.tolist() and a.label_mask.tolist() == b.label_mask.tolist()
    for out in (a, b):
        out.loss.backward()
    torch.testing.assert_close(theirs.model.embed_tokens.weight.grad, ours.model.embed_tokens.weight.grad, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(theirs(input_ids=ids).logits, ours(input_ids=ids).logits)


class Stop(TrainerCallback):
    """Interrupts a run after some steps, the way Ctrl-C does."""

    def on_step_end(self, args, state, control, **_):
        if state.global_step == 7:
            raise KeyboardInterrupt


@pytest.mark.parametrize("half", [None, "", '{"epoch": 1'])
def test_a_half_written_checkpoint_is_passed_over_for_the_one_before(half, tmp_path):
    for step, state in ((20, "{}"), (100, half)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state, "utf-8")
    assert sft.last_checkpoint(tmp_path).name == "checkpoint-20"
    assert not (tmp_path / "checkpoint-100").exists() and sft.last_checkpoint(tmp_path / "none") is None


def test_an_interrupted_training_resumes_and_ends_with_the_same_loss(small, tmp_path, monkeypatch):
    monkeypatch.setattr(sft, "SAVE_EVERY", 3)
    whole = training.train_sft(ROWS, RUN, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        training.train_sft(ROWS, RUN, tmp_path / "cut", callbacks=[Stop()])
    resumed = training.train_sft(ROWS, RUN, tmp_path / "cut")
    assert resumed["resumed"] and not whole["resumed"] and resumed["tokens_per_second"] > 0
    assert [step for step, _ in resumed["loss"]] == [step for step, _ in whole["loss"]]
    assert resumed["loss"][-1][1] == pytest.approx(whole["loss"][-1][1], abs=1e-3)
    assert whole["loss"][-1][1] < whole["loss"][0][1]


def test_an_adapter_is_saved_as_bfloat16_safetensors_with_provenance_and_no_path(small, tmp_path):
    training.train_sft(ROWS[:4], RUN, tmp_path / "made")
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "made" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    assert len(weights) == 2 * 2 * len(training.LINEAR_LAYERS)  # A and B of every linear layer of two blocks
    provenance = json.loads((tmp_path / "made" / "provenance.json").read_text("utf-8"))
    assert provenance["settings"]["rank"] == 4 and provenance["examples"] == 4 and len(provenance["adapter_sha256"]) == 64
    assert str(tmp_path) not in json.dumps(provenance) + (tmp_path / "made" / "adapter_config.json").read_text("utf-8")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "provenance.json"]


def test_another_model_is_trained_from_its_local_directory(tmp_path, monkeypatch):
    tokenizer = AutoTokenizer.from_pretrained(models.language_model_path(settings.WHEEL_MODEL))
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    for part in (tiny(), tokenizer):
        part.save_pretrained(tmp_path / "other")
    provenance = training.train_sft(ROWS[:4], RUN, tmp_path / "made", model_name=str(tmp_path / "other"))
    assert provenance["base"] == str(tmp_path / "other") and provenance["loss"]
    reader = models.LanguageModel(str(tmp_path / "other"), adapter=str(tmp_path / "made"))
    assert reader.generate([ROWS[0].prompt], 4)


@pytest.mark.parametrize("recipe", ["dpo", "kto"])
def test_preferences_move_the_chosen_answer_above_the_rejected_one(small, tmp_path, recipe):
    training.train_sft(ROWS, RUN, tmp_path / "parent")
    rows = [preferences.PreferenceRow(row.prompt, "none", row.completion) for row in ROWS[:12]]
    run = training.PreferenceSettings(recipe=recipe, rank=4, alpha=8, batch_size=4, micro_batch=4, learning_rate=2e-2,
                                         epochs=3.0, beta=0.1)
    train = scoring_judges.train_kto if recipe == "kto" else training.train_preferences
    record = train(rows, tmp_path / "parent", run, tmp_path / recipe)
    assert record["parent"] == "parent" and record["loss"][-1][1] < record["loss"][0][1]
    assert record["diagnostics"][-1][1]["rewards/margins"] > 0
    before, after = (load_file(tmp_path / name) for name in ("parent", recipe))
    assert set(before) == set(after) and any((before[name] != after[name]).any() for name in before)


def test_supervised_training_can_continue_from_an_adapter(small, tmp_path):
    training.train_sft(ROWS, RUN, tmp_path / "parent")
    record = training.train_sft(ROWS[:4], RUN, tmp_path / "child", parent=tmp_path / "parent")
    before, after = (load_file(tmp_path / name) for name in ("parent", "child"))
    assert record["parent"] == "parent" and set(before) == set(after) and any((before[n] != after[n]).any() for n in before)
    first = models.adapter_provenance(f"adapter:{tmp_path / 'parent'}")["loss"][0][1]
    assert record["loss"][0][1] < first, "training starts from the adapter's weights"


def test_another_selected_model_is_replaced_with_a_note(capsys, monkeypatch):
    monkeypatch.setenv("LAB_PROFILE", "gpu")
    adapted = training.settings_for_adapters()
    assert adapted.model == settings.WHEEL_MODEL and "instead of HuggingFaceTB/SmolLM2-1.7B-Instruct" in capsys.readouterr().out
    monkeypatch.delenv("LAB_PROFILE")
    assert training.settings_for_adapters() == settings.load() and not capsys.readouterr().out


def load_file(folder):
    from safetensors.torch import load_file as load

    return load(folder / "adapter_model.safetensors")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_adapters_are_small_complete_and_trained_with_the_settings_in_the_code(name):
    provenance = models.adapter_provenance(name)
    weights = (models.adapter_folder(name) / "adapter_model.safetensors").read_bytes()
    assert provenance["settings"] == asdict({**lab2.SUPERVISED, "span_reader": span_reader.SpanTraining()}[name])
    assert len(weights) <= 10_000_000 and provenance["adapter_sha256"] == hashlib.sha256(weights).hexdigest()
    assert len(provenance["data_sha256"]) == 64 and provenance["versions"]["trl"]


def test_the_same_training_started_twice_waits_for_the_first(tmp_path, capsys):
    order = []

    def second() -> None:
        with sft.only_trainer(tmp_path / "a"):
            order.append("second")

    with sft.only_trainer(tmp_path / "a"), sft.only_trainer(tmp_path / "b"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"] and "the same training runs elsewhere" in capsys.readouterr().err


def test_all_checkpoints_together_stay_small():
    assert sum(path.stat().st_size for path in models.CHECKPOINTS.rglob("*") if path.is_file()) <= 40_000_000


def test_the_verifiable_reward_ranks_correct_then_abstaining_then_wrong():
    answers = ["5 [2]", "5 [1]", "5", "6 [2]", "not in the documentation", "about 5 [2]"]
    assert grpo.verifiable(answers, [["5"]] * 6, [2] * 6) == [1.3, 1.0, 1.0, -0.5, 0.0, -0.5]
    assert grpo.verifiable(["not in the documentation", "5 [1]"], [[], []], [0, 0]) == [1.0, -0.5]


def test_grpo_needs_a_gpu_unless_it_may_run_anywhere(small, tmp_path):
    training.train_sft(ROWS[:4], RUN, tmp_path / "parent")
    questions = {f"q{n}": Question(f"q{n}", "fact", "how many cups?", (f"{n}",), (), ("d",)) for n in range(24)}
    run = grpo.GRPOSettings(rank=4, alpha=8, batch_size=4, micro_batch=4, group=4, limit=4)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="needs a GPU"):
            grpo.train_grpo(ROWS, questions, tmp_path / "parent", run, tmp_path / "grpo")
    record = grpo.train_grpo(ROWS, questions, tmp_path / "parent", run, tmp_path / "grpo", anywhere=True)
    assert record["prompts"] == 4 and (tmp_path / "grpo" / "adapter_model.safetensors").exists()


def test_a_reward_model_learns_which_answer_is_better_the_same_way_every_time(small, tmp_path):
    training.train_sft(ROWS, RUN, tmp_path / "parent")
    rows = [preferences.PreferenceRow(row.prompt, "none", row.completion) for row in ROWS]
    run = training.PreferenceSettings(recipe="reward", rank=4, alpha=8, batch_size=4, micro_batch=4, learning_rate=2e-2,
                                         epochs=2.0)
    scores = []
    for _ in range(2):
        reward, record = scoring_judges.train_reward_model(rows, tmp_path / "parent", run, tmp_path / "reward")
        scores.append(reward.score([ROWS[0].prompt] * 2, ["none", ROWS[0].completion]))
    assert scores[0][0] > scores[0][1] and scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert record["parent"] == "parent" and len(record["parent_sha256"]) == 64


def test_a_training_process_ends_with_the_one_that_started_it(tmp_path):
    import os
    import signal
    import subprocess
    import sys
    import time

    script = tmp_path / "run.py"
    script.write_text(f"import os, sys, time\nsys.path.insert(0, {str(settings.ROOT)!r})\n"
                      f"def work():\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n    time.sleep(60)\n"
                      "if __name__ == '__main__':\n    from utils import training\n    training.run_in_subprocess(work)\n")
    parent, told = subprocess.Popen([sys.executable, str(script)]), tmp_path / "pid"
    deadline = time.monotonic() + 60
    while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    child = int(told.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    time.sleep(2)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
