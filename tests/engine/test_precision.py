"""A processor's precision is measured on the model itself; what was measured is told, and nothing else changes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import torch

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import checkpoints, precision, train
from fintune_gui.engine.data import load_examples
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import load_for_training
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.project.document import Task
from fintune_gui.project.events import Decided, TrainStep
from fintune_gui.project.settings import Method
from tests.helpers.tiny import job_in, make_run, of_kind, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)


@pytest.mark.parametrize(
    ("kind", "task", "method"),
    [
        ("llama", Task.INSTRUCTION, Method.LORA),
        ("gpt2", Task.INSTRUCTION, Method.FULL),
        ("bert", Task.CLASSIFICATION, Method.LORA),
    ],
)
def test_that_trying_both_leaves_the_model_as_it_was(tmp_path: Path, kind: str, task: Task, method: Method) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model", kind), task, method=method)
    job, events = job_in(tmp_path / "run")
    examples = load_examples(job, tmp_path / "run", "train", spec, ModelTokenizer.load(tmp_path / "model"))
    model = load_for_training(spec, CPU, pad_id=0)
    layout, _ = choose_layout(model, CPU, 0, examples, generates=task.generates)
    before, state = layout.compute(examples).row_losses, torch.get_rng_state()
    began = time.perf_counter()
    device = precision.settle_precision(job, CPU, model, layout, examples)
    assert time.perf_counter() - began < 2  # half a second where nothing else is at work
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert layout.device == device
    layout.device = CPU
    assert layout.compute(examples).row_losses == before
    (told,) = of_kind(events, Decided)
    assert told.what == "precision"
    assert (told.value == "float32") != device.half
    assert "half a second" in told.reason or ("ms in bfloat16" in told.reason and "losses were" in told.reason)


@pytest.mark.parametrize(
    ("half_ms", "exact_ms", "half_loss", "chosen"),
    [
        ([9.0, 2.0, 2.0, 2.1], [9.0, 4.0, 4.1, 4.0], 3.001, True),
        ([9.0, 2.0, 2.0, 2.1], [9.0, 4.0, 4.1, 4.0], 3.4, False),  # another loss
        ([9.0, 2.0, 2.0, 4.0], [9.0, 4.0, 4.1, 4.0], 3.001, False),  # sometimes as slow: it may be chance
        ([9.0, 3.6, 3.6, 3.6], [9.0, 4.0, 4.1, 4.0], 3.001, False),  # hardly faster
        ([9.0, 1.0], [9.0, 4.0], 3.001, False),  # too little time to know
        ([9.0, 2.0, 2.0, 2.1], [9.0, 4.0, 4.1, 4.0], float("nan"), False),
    ],
)
def test_that_only_a_clear_gain_with_the_same_loss_counts(
    half_ms: list[float], exact_ms: list[float], half_loss: float, chosen: bool
) -> None:
    half, exact = precision._Trial(CPU), precision._Trial(CPU)
    half.seconds, half.loss = [ms / 1000 for ms in half_ms], half_loss
    exact.seconds, exact.loss = [ms / 1000 for ms in exact_ms], 3.0
    assert precision._judge(exact, half, 64)[0] is chosen


def test_that_a_model_that_is_too_large_stays_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_multiplications_per_second", lambda: 1.0)
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"), max_steps=2, eval_steps=2)
    job, events = job_in(tmp_path / "run")
    train.run(spec, job)
    reasons = [event.reason for event in of_kind(events, Decided) if event.what == "precision"]
    assert reasons == [precision._TOO_LARGE]


def test_that_a_run_in_bfloat16_goes_on_in_it_to_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_compare", lambda *_: (True, "for the test"))
    model = save_model(tmp_path / "model")
    spec = make_run(tmp_path / "whole", model, max_steps=8, eval_steps=4, lora_dropout=0.1)
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    job, events = job_in(tmp_path / "whole")
    train.run(spec, job)
    whole = {event.step: event.loss for event in of_kind(events, TrainStep)}
    parts: dict[int, float] = {}
    for words in ([(4, "hangup")], []):
        job, events = job_in(tmp_path / "parts", words)
        train.run(spec, job)
        parts |= {event.step: event.loss for event in of_kind(events, TrainStep)}
        monkeypatch.setattr(precision, "_compare", lambda *_: (False, "would now be found otherwise"))
    latest = checkpoints.find_checkpoint(tmp_path / "parts", "latest")
    assert parts == whole
    assert latest is not None
    assert checkpoints.read_state(latest).half
