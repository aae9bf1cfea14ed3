"""The estimate of memory: each part against arithmetic done here by hand, on a real model's headers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from fintune_gui.project.document import FormatSettings, ModelChoice, Objective, Task
from fintune_gui.project.events import Ended
from fintune_gui.project.measured import Measured, last_measured
from fintune_gui.project.memory import TOKENS_AT_ONCE_CPU, MemoryEstimate, estimate_memory, gigabytes, short_count
from fintune_gui.project.model_shape import ModelShape, measures, read_shape
from fintune_gui.project.paths import resource
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.spec import EVENTS_FILE, FitSpec, TrainSpec, write_spec

SHAPE = ModelShape(
    parameters=1_000_000, matrix_width=10_000, vocabulary=4_000, attention_width=4_000, kind="llama", layers=4,
    hidden=64, query=64, key_value=32, heads=4, inner=192, gated=True,
)  # fmt: skip
TRAINING = TrainingSettings(batch_size=4, lora_rank=8)
KEPT_FULL = 4 * (6 * 64 + 3 * 64 + 2 * 32 + 4 * 192)
"""Bytes that a layer of `SHAPE` keeps of a token, see `fintune_gui.project.activations`."""
ENDS = 4 * 3 * 64
HOLES = 1.5


def _estimate(method: Method = Method.LORA, *, task: Task = Task.CLASSIFICATION, on_gpu: bool = False,
              max_length: int = 256, shape: ModelShape = SHAPE, **settings: Any) -> dict[str, int]:  # fmt: skip
    training = TrainingSettings(**{**dict(TRAINING), **settings})
    estimate = estimate_memory(shape, method, training, max_length=max_length, task=task, on_gpu=on_gpu)
    assert estimate.total == sum(part.bytes for part in estimate.parts)
    return {part.name: part.bytes for part in estimate.parts}


def test_that_the_shape_of_the_tiny_base_is_read_from_its_headers():
    shape = read_shape(resource("models", "tiny-base"))
    config = json.loads((resource("models", "tiny-base") / "config.json").read_text())
    hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    assert shape is not None
    assert shape.vocabulary == config["vocab_size"]
    assert shape.matrix_width == layers * (4 * 2 * hidden + 3 * (hidden + inner))
    matrices = layers * (4 * hidden * hidden + 3 * hidden * inner) + config["vocab_size"] * hidden
    assert shape.parameters == matrices + (2 * layers + 1) * hidden


def test_that_a_folder_without_readable_weights_has_no_shape(tmp_path: Path):
    assert read_shape(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"\x10\x00\x00")
    assert read_shape(tmp_path) is None


def test_that_measures_are_found_under_the_names_of_each_family(tmp_path: Path):
    shape = read_shape(resource("models", "tiny-base"))
    assert shape is not None
    assert (shape.kind, shape.layers, shape.hidden, shape.query, shape.inner) == ("llama", 4, 192, 192, 512)
    assert shape.gated
    assert not shape.dropout
    gpt2 = measures({"model_type": "gpt2", "n_embd": 64, "n_layer": 3, "n_head": 4, "n_inner": None, "attn_pdrop": 0.1})
    assert (gpt2["inner"], gpt2["gated"], gpt2["attention_dropout"]) == (256, False, True)
    t5 = measures({"model_type": "t5", "is_encoder_decoder": True, "d_model": 64, "num_layers": 3, "num_heads": 4,
                   "d_kv": 8, "d_ff": 100, "num_decoder_layers": 2, "feed_forward_proj": "gated-gelu"})  # fmt: skip
    assert (t5["layers"], t5["decoder_layers"], t5["query"], t5["gated"]) == (3, 2, 32, True)
    assert measures({"model_type": "unheard-of"}) == {}


def test_that_full_tuning_keeps_weights_and_two_moments():
    parts = _estimate(Method.FULL)
    assert parts["Weights"] == 4_000_000
    assert parts["Optimizer"] == 8_000_000
    assert "Adapter" not in parts


def test_that_gradients_take_the_place_of_activations_unless_a_step_has_several_parts():
    at_once = _estimate(Method.FULL, batch_size=1, max_length=8)
    assert at_once["Gradients"] + at_once["Activations"] == 4_000_000, "the larger of both"
    assert _estimate(Method.FULL, batch_size=8)["Gradients"] == 2 * 4_000_000, "two parts are computed side by side"
    dropping = dataclasses.replace(SHAPE, dropout=True)
    one_by_one = _estimate(Method.FULL, batch_size=8, shape=dropping)
    assert one_by_one["Gradients"] == 4_000_000, "the second part's activations come beside"


def test_that_an_adapter_learns_rank_times_the_width_of_the_matrices():
    parts = _estimate(batch_size=8)
    assert parts["Weights"] == 4_000_000
    assert parts["Adapter"] == 8 * 10_000 * 4
    assert parts["Gradients"] == 2 * parts["Adapter"]
    assert parts["Optimizer"] == 8 * 10_000 * 8
    assert _estimate(lora_targets="attention")["Adapter"] == 8 * 4_000 * 4
    assert _estimate(frozen_layers=1)["Adapter"] == 8 * 10_000 * 4 * 3 / 4


def test_that_weights_are_halved_on_a_graphics_card_and_quartered_again_by_qlora():
    assert _estimate(Method.LORA, on_gpu=True)["Weights"] == 2_000_000
    assert _estimate(Method.QLORA, on_gpu=True)["Weights"] == 560_000
    assert _estimate(Method.FULL, on_gpu=True)["Weights"] == 4_000_000


def test_that_activations_grow_with_the_tokens_of_a_step_until_the_limit_of_what_is_computed_at_once():
    at = {length: _estimate(Method.FULL, max_length=length)["Activations"] for length in (64, 128, 256, 512)}
    each = 4 * KEPT_FULL + ENDS
    assert at[64] == int(HOLES * 4 * 64 * each)
    assert at[128] == 2 * at[64]
    assert at[512] == at[256] == int(HOLES * TOKENS_AT_ONCE_CPU * each)
    assert _estimate(Method.FULL, max_length=8192)["Activations"] == int(HOLES * 8192 * each)


def test_that_frozen_layers_keep_nothing():
    each = 4 * KEPT_FULL + ENDS
    assert _estimate(Method.FULL, frozen_layers=3)["Activations"] == int(HOLES * 1024 * (each - 3 * KEPT_FULL))


def test_that_gradient_checkpointing_keeps_the_inputs_of_layers_and_all_of_one():
    checkpointed = _estimate(Method.FULL, gradient_checkpointing=True)["Activations"]
    assert checkpointed == 1024 * (4 * 64 * 4 + KEPT_FULL + ENDS)


def test_that_only_generation_pays_for_probabilities_over_the_vocabulary():
    inside_a_layer = 4 * 1024 * (3 * 192 + 2 * 64)
    large = dataclasses.replace(SHAPE, vocabulary=100_000)
    assert _estimate(shape=large)["At work"] == inside_a_layer
    places = 2 * (2**24 // 100_000)
    assert _estimate(shape=large, task=Task.CHAT)["At work"] == places * 100_000 * 4
    assert _estimate(Method.FULL, shape=large, task=Task.CHAT)["At work"] == (places + 2 * 64) * 100_000 * 4


def test_that_an_unknown_family_is_estimated_like_its_relatives_and_called_rough():
    def estimate(kind: str) -> MemoryEstimate:
        shape = dataclasses.replace(SHAPE, kind=kind)
        return estimate_memory(shape, Method.LORA, TRAINING, max_length=256, task=Task.CHAT, on_gpu=False)

    assert not estimate("llama").rough
    assert estimate("unheard-of").rough
    assert estimate("unheard-of").total == estimate("llama").total


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 MB"), (12 * 1024**2, "12 MB"), (1.44 * 1024**3, "1.4 GB"), (23.4 * 1024**3, "23 GB")]
)
def test_that_sizes_are_said_as_people_compare_them(size: float, words: str):
    assert gigabytes(size) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(960, "960"), (2_560_000, "2.6 million"), (134_515_008, "135 million"), (7_600_000_000, "7.6 billion")],
)
def test_that_counts_are_said_in_words(count: int, words: str):
    assert short_count(count) == words


def _fit(jobs: Path, number: int, train: TrainSpec, outcome: str = "completed", **result: float) -> None:
    folder = jobs / f"fit-{number:04d}"
    write_spec(folder, FitSpec(train=train))
    (folder / EVENTS_FILE).write_text(Ended(outcome=outcome, result=result).model_dump_json() + "\n")  # type: ignore[arg-type]


def _train_spec(**changes: object) -> TrainSpec:
    model = ModelChoice(
        name="sample:tiny-base", folder="/m", fingerprint="f", parameters=1, context_length=8, architecture="A",
        has_chat_template=True,
    )  # fmt: skip
    fields = {
        "run": 1, "project_name": "p", "objective": Objective(task=Task.TEXT, metric="perplexity"), "model": model,
        "format": FormatSettings(), "training": TrainingSettings(), "inputs": {"dataset": "d1"},
    }  # fmt: skip
    return TrainSpec.model_validate({**fields, **changes})


def test_that_the_newest_finished_dry_run_of_the_same_settings_is_found(tmp_path: Path):
    train = _train_spec()
    _fit(tmp_path, 1, train, peak_memory_bytes=1.0, tokens_per_second=10.0, hours=0.5, checkpoint_bytes=3, steps=3)
    _fit(tmp_path, 2, train, peak_memory_bytes=2.0, tokens_per_second=20.0, hours=0.25, checkpoint_bytes=3, steps=3)
    _fit(tmp_path, 3, train, outcome="cancelled")
    found = last_measured(tmp_path, train.model, train.training, {"dataset": "d1"})
    assert found == Measured(2.0, 20.0, 0.25, 3, 3)


@pytest.mark.parametrize("changed", ["model", "training", "inputs"])
def test_that_a_dry_run_of_something_else_is_not_shown(tmp_path: Path, changed: str):
    train = _train_spec()
    _fit(tmp_path, 1, train, peak_memory_bytes=1.0)
    model = train.model.model_copy(update={"method": Method.FULL}) if changed == "model" else train.model
    training = TrainingSettings(epochs=9) if changed == "training" else train.training
    inputs = {"dataset": "d2" if changed == "inputs" else "d1"}
    assert last_measured(tmp_path, model, training, inputs) is None
