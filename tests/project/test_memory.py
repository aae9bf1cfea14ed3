"""The estimate of memory: each part against arithmetic done here by hand, on a real model's headers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fintune_gui.project.document import FormatSettings, ModelChoice, Objective, Task
from fintune_gui.project.events import Ended
from fintune_gui.project.memory import (
    TOKENS_AT_ONCE_CPU,
    Measured,
    ModelShape,
    estimate_memory,
    gigabytes,
    last_measured,
    read_shape,
    short_count,
)
from fintune_gui.project.paths import resource
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.spec import EVENTS_FILE, FitSpec, TrainSpec, write_spec

SHAPE = ModelShape(parameters=1_000_000, matrix_width=10_000, vocabulary=4_000)
TRAINING = TrainingSettings(batch_size=4, lora_rank=8)


def _parts(method: Method, *, task: Task = Task.INSTRUCTION, on_gpu: bool = False, max_length: int = 256) -> dict:
    estimate = estimate_memory(SHAPE, method, TRAINING, max_length=max_length, task=task, on_gpu=on_gpu)
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


def test_that_full_tuning_keeps_weights_gradients_and_two_moments():
    parts = _parts(Method.FULL)
    assert parts["Weights"] == parts["Gradients"] == 4_000_000
    assert parts["Optimizer"] == 8_000_000
    assert "Adapter" not in parts


def test_that_an_adapter_learns_rank_times_the_width_of_the_matrices():
    parts = _parts(Method.LORA)
    assert parts["Weights"] == 4_000_000
    assert parts["Adapter"] == parts["Gradients"] == 8 * 10_000 * 4
    assert parts["Optimizer"] == 8 * 10_000 * 8


def test_that_weights_are_halved_on_a_graphics_card_and_quartered_again_by_qlora():
    assert _parts(Method.LORA, on_gpu=True)["Weights"] == 2_000_000
    assert _parts(Method.QLORA, on_gpu=True)["Weights"] == 560_000
    assert _parts(Method.FULL, on_gpu=True)["Weights"] == 4_000_000


def test_that_activations_grow_with_the_tokens_of_a_step_until_the_limit_of_what_is_computed_at_once():
    at = {length: _parts(Method.FULL, task=Task.CLASSIFICATION, max_length=length)["Activations"] for length in
          (64, 128, 256, 512)}  # fmt: skip
    assert at[64] == 4 * 64 * 10_000 * 2 * 4
    assert at[128] == 2 * at[64]
    assert at[512] == at[256] == TOKENS_AT_ONCE_CPU * 10_000 * 2 * 4
    longer_than_limit = _parts(Method.FULL, task=Task.CLASSIFICATION, max_length=8192)["Activations"]
    assert longer_than_limit == 8192 * 10_000 * 2 * 4


def test_that_only_generation_pays_for_probabilities_over_the_vocabulary():
    difference = _parts(Method.LORA)["Activations"] - _parts(Method.LORA, task=Task.CLASSIFICATION)["Activations"]
    assert difference == 3 * 512 * 4_000 * 4


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


def test_that_gradient_checkpointing_keeps_a_fraction_of_the_activations():
    def activations(**settings: bool) -> int:
        training = TRAINING.model_copy(update=settings)
        estimate = estimate_memory(SHAPE, Method.FULL, training, max_length=256, task=Task.CLASSIFICATION, on_gpu=False)
        return {part.name: part.bytes for part in estimate.parts}["Activations"]

    assert activations(gradient_checkpointing=True) == pytest.approx(0.15 * activations())
