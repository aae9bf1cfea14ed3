"""Models whose files contradict each other, and checkpoints that were damaged: told, never trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from fintune_gui.engine import checkpoints, train
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import load_base, load_for_training, load_trainable_state, trainable_state
from fintune_gui.engine.trainer import not_finite
from fintune_gui.project.document import Task
from fintune_gui.project.errors import ModelError, TrainingError
from fintune_gui.project.events import Decided, Log, TrainStep
from tests.helpers.tiny import LABELS, job_in, make_run, of_kind, save_model
from tests.invariants.test_same_losses import CPU


def _load(folder: Path, task: Task, device: Device = CPU) -> None:
    load_base(folder, task, LABELS if task is Task.CLASSIFICATION else (), device, seed=1, pad_id=0)


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.TEXT])
@pytest.mark.parametrize("changes", [{"hidden_size": 30}, {"hidden_size": 64}, {"num_attention_heads": "four"}])
def test_that_a_configuration_that_does_not_fit_its_weights_is_told(
    tmp_path: Path, task: Task, changes: dict[str, object]
) -> None:
    model = save_model(tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(ModelError) as refusal:
        _load(model, task)
    assert refusal.value.problem.code in ("model.cannot_load", "model.incomplete")
    assert refusal.value.problem.todo


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_that_only_the_head_of_a_classifier_may_be_new(tmp_path: Path, kind: str) -> None:
    """A body without its weights would be trained from random numbers, and nobody would know why it learns nothing."""
    model = save_model(tmp_path / "model", kind)
    _load(model, Task.CLASSIFICATION)
    weights = load_file(model / "model.safetensors")
    lost = next(name for name in weights if "layers.1" in name or "layer.1" in name)
    del weights[lost]
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError) as refusal:
        _load(model, Task.CLASSIFICATION)
    assert refusal.value.problem.code == "model.incomplete"


def test_that_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"))
    model = load_for_training(spec, CPU, pad_id=0)
    folder = tmp_path / "run" / checkpoints.FOLDER / "step-000001"
    folder.mkdir(parents=True)
    path = folder / checkpoints.WEIGHTS_FILE
    save_file({name: tensor.contiguous() for name, tensor in trainable_state(model).items()}, path)
    load_trainable_state(model, path)
    for content in (path.read_bytes()[:-10], b"", None):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(TrainingError, match=r"weights\.safetensors is missing or damaged") as told:
            load_trainable_state(model, path)
        assert told.value.problem.code == "training.bad_checkpoint"


def test_that_weights_without_numbers_are_told_before_the_first_step(tmp_path: Path) -> None:
    """It is not the learning rate, so nothing is said of it."""
    model = save_model(tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    next(tensor for name, tensor in weights.items() if "down_proj" in name)[0, 0] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    spec = make_run(tmp_path / "run", model)
    job, events = job_in(tmp_path / "run")
    with pytest.raises(ModelError) as refusal:
        train.run(spec, job)
    assert refusal.value.problem.code == "model.not_finite"
    assert "learning rate" in refusal.value.problem.why
    assert not of_kind(events, TrainStep)
    assert not checkpoints.find_checkpoint(tmp_path / "run", "latest")


def test_that_a_first_step_without_numbers_is_not_blamed_on_the_rate() -> None:
    assert "rate" not in not_finite(1, "loss").problem.todo
    assert "rate" in not_finite(1, "validation loss").problem.todo
    assert "rate" in not_finite(2, "loss").problem.todo


def test_that_rows_beyond_the_context_and_few_validation_rows_are_told(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"), Task.CLASSIFICATION, sizes=(12, 1, 1), epochs=1)
    spec = spec.model_copy(update={"model": spec.model.model_copy(update={"context_length": 16})})
    job, events = job_in(tmp_path / "run")
    outcome, _ = train.run(spec, job)
    assert outcome == "completed"
    (cut,) = (event for event in of_kind(events, Decided) if event.what == "longest row")
    assert cut.value == "16 tokens"
    assert "of 12 training rows" in cut.reason
    (few,) = (event.message for event in of_kind(events, Log) if "validation row" in event.message)
    assert "by chance" in few
