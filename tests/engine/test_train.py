"""A run: what it tells, what it keeps, and how it ends when something goes wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fintune_gui.engine import checkpoints, stepping, train
from fintune_gui.engine.trainer import Schedule
from fintune_gui.project.document import Task
from fintune_gui.project.errors import CancelledError, DataError, ModelError, TrainingError
from fintune_gui.project.events import (
    CheckpointSaved,
    Continued,
    Decided,
    Log,
    Paused,
    Plan,
    SampleAnswer,
    TrainStep,
    Validated,
)
from fintune_gui.project.settings import Method, TrainingSettings
from tests.helpers.tiny import job_in, make_run, of_kind, save_model


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama"))


def test_that_a_run_tells_all_that_the_window_draws(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, epochs=2, evaluations_per_epoch=2, learning_rate=1e-2)
    job, events = job_in(tmp_path)
    outcome, result = train.run(spec, job)
    assert outcome == "completed"
    plan = of_kind(events, Plan)[0]
    assert (plan.total_steps, plan.steps_per_epoch, plan.training_rows, plan.validation_rows) == (10, 5, 40, 8)
    assert 0 < plan.trainable_parameters < plan.total_parameters
    steps = of_kind(events, TrainStep)
    assert [step.step for step in steps] == list(range(1, 11))
    assert steps[-1].epoch == 2.0
    assert steps[-1].useful_share == 1.0
    assert steps[-1].tokens > steps[0].tokens > 0
    assert steps[-1].seconds_left == 0
    validated = of_kind(events, Validated)
    assert [event.step for event in validated] == [3, 5, 8, 10]
    assert validated[-1].loss < validated[0].loss
    best = next(event for event in reversed(validated) if event.best)
    assert result["best_step"] == best.step
    assert result["best_loss"] == best.loss
    assert len(of_kind(events, SampleAnswer)) == 3 * len(validated)
    assert {event.what for event in of_kind(events, Decided)} >= {"device", "precision", "layout"}


def test_that_rows_are_measured_by_the_clock_where_it_is_wanted(tmp_path: Path, llama: Path) -> None:
    moment = 1e-6
    spec = make_run(tmp_path, llama, max_steps=4, eval_minutes=moment, early_stopping_patience=0)
    job, events = job_in(tmp_path)
    train.run(spec, job)
    assert [event.step for event in of_kind(events, Validated)] == [1, 2, 3, 4]

    other = tmp_path / "other"
    spec = make_run(other, llama, max_steps=4, eval_minutes=1000)
    job, events = job_in(other)
    train.run(spec, job)
    assert [event.step for event in of_kind(events, Validated)] == [4]


def test_that_a_checkpoint_is_saved_every_so_many_steps(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, max_steps=7, eval_steps=4, checkpoint_steps=3)
    job, events = job_in(tmp_path)
    train.run(spec, job)
    told = [(event.step, event.reason) for event in of_kind(events, CheckpointSaved)]
    assert told == [(3, "steps"), (4, "evaluation"), (6, "steps"), (7, "evaluation")]


@pytest.mark.parametrize("load_best", [True, False])
def test_that_the_result_is_the_best_state_or_the_last_one(tmp_path: Path, llama: Path, load_best: bool) -> None:
    rates = {"learning_rate": 1.0, "scheduler": "constant", "max_grad_norm": 1000.0}  # it gets worse at once
    spec = make_run(tmp_path, llama, method=Method.FULL, max_steps=6, eval_steps=1, load_best=load_best, **rates)
    job, events = job_in(tmp_path)
    outcome, result = train.run(spec, job)
    assert outcome == "completed"
    last = of_kind(events, Validated)[-1].step
    assert result["best_step"] < last
    assert result["kept_step"] == (result["best_step"] if load_best else last)
    kept = checkpoints.find_checkpoint(tmp_path, "best")
    assert kept is not None
    assert checkpoints.read_state(kept).step == result["kept_step"]
    job, _ = job_in(tmp_path)
    assert train.run(spec, job) == (outcome, result)  # as after a kill just before the end was told


def test_that_only_the_latest_and_the_best_checkpoint_are_kept(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, epochs=3, evaluations_per_epoch=1, learning_rate=1e-2)
    job, events = job_in(tmp_path)
    train.run(spec, job)
    assert [event.step for event in of_kind(events, CheckpointSaved)] == [5, 10, 15]
    latest, best = (checkpoints.find_checkpoint(tmp_path, pointer) for pointer in ("latest", "best"))
    assert latest is not None
    assert latest.name == "step-000015"
    assert set((tmp_path / "checkpoints").glob("*step*")) == {latest, best}


def test_that_patience_ends_a_run_that_no_longer_gains(tmp_path: Path, llama: Path) -> None:
    spec = make_run(
        tmp_path, llama, Task.CLASSIFICATION, epochs=50, learning_rate=1e-9, early_stopping_patience=2, weight_decay=0
    )
    job, events = job_in(tmp_path)
    outcome, result = train.run(spec, job)
    assert outcome == "completed"
    assert result["steps"] < 30
    assert any(event.what == "early stop" for event in of_kind(events, Decided))


class Case(NamedTuple):
    word: str
    outcome: str
    reason: str


@pytest.mark.parametrize("case", [Case("stop", "stopped", "stopped"), Case("hangup", "interrupted", "interrupted")])
def test_that_stopping_keeps_a_result(tmp_path: Path, llama: Path, case: Case) -> None:
    spec = make_run(tmp_path, llama, epochs=9)
    job, events = job_in(tmp_path, [(3, case.word)])
    outcome, result = train.run(spec, job)
    assert outcome == case.outcome
    assert result["steps"] == 2
    assert of_kind(events, CheckpointSaved)[-1].reason == case.reason
    assert (checkpoints.find_checkpoint(tmp_path, "best") is not None) == (case.word == "stop")


def test_that_pause_and_save_and_cancel_are_obeyed(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, epochs=2, evaluations_per_epoch=1)
    job, events = job_in(tmp_path, [(2, "pause"), (4, "save"), (18, "cancel")])
    with pytest.raises(CancelledError):
        train.run(spec, job)
    assert [event.step for event in of_kind(events, Paused)] == [1]
    assert [event.step for event in of_kind(events, Continued)] == [1]
    assert [(event.step, event.reason) for event in of_kind(events, CheckpointSaved)] == [
        (4, "asked for"),
        (5, "evaluation"),
    ]


def limited_memory(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    """Let computing more than so many tokens at once fail as the CPU's allocator fails."""
    compute = stepping.PackedCausal.compute

    def limited(self: Any, rows: Any, scale: float | None = None) -> Any:
        if scale is not None and sum(map(len, rows)) > tokens:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.")
        return compute(self, rows, scale)

    monkeypatch.setattr(stepping.PackedCausal, "compute", limited)


def test_that_a_lack_of_memory_changes_nothing_but_the_layout(
    tmp_path: Path, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_run(tmp_path / "roomy", llama, epochs=1)
    shutil.copytree(tmp_path / "roomy", tmp_path / "tight")
    job, events = job_in(tmp_path / "roomy")
    train.run(spec, job)
    roomy = [event.loss for event in of_kind(events, TrainStep)]
    limited_memory(monkeypatch, 150)
    job, events = job_in(tmp_path / "tight")
    train.run(spec, job)
    assert [event.loss for event in of_kind(events, TrainStep)] == pytest.approx(roomy, abs=1e-4)
    assert any(event.what == "budget" for event in of_kind(events, Decided))


def test_that_a_row_that_does_not_fit_is_named(tmp_path: Path, llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_run(tmp_path, llama)
    limited_memory(monkeypatch, 5)
    job, events = job_in(tmp_path)
    with pytest.raises(TrainingError, match=r"Row \d+ does not fit into memory") as failure:
        train.run(spec, job)
    assert failure.value.problem.code == "training.out_of_memory"
    assert any(event.what == "gradient checkpointing" for event in of_kind(events, Decided))


def test_that_numbers_that_are_no_numbers_end_the_run_before_they_are_saved(tmp_path: Path, llama: Path) -> None:
    spec = make_run(
        tmp_path,
        llama,
        method=Method.FULL,
        learning_rate=1.0,
        max_grad_norm=1000,
        epochs=40,
        evaluations_per_epoch=1,
        warmup_ratio=0,
        early_stopping_patience=0,
    )
    job, _ = job_in(tmp_path)
    poisoned = {"done": False}
    compute = stepping.PackedCausal.compute

    def diverging(self: Any, rows: Any, scale: float | None = None) -> Any:
        sums = compute(self, rows, scale)
        if scale is not None and (checkpoints.find_checkpoint(tmp_path, "latest") or poisoned["done"]):
            sums.loss = float("nan")
        return sums

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepping.PackedCausal, "compute", diverging)
        with pytest.raises(TrainingError, match="not a number"):
            train.run(spec, job)
    latest = checkpoints.find_checkpoint(tmp_path, "latest")
    assert latest is not None
    assert checkpoints.read_state(latest).step == 5


def test_that_a_damaged_checkpoint_is_not_taken_for_whole(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, epochs=2, evaluations_per_epoch=1)
    job, _ = job_in(tmp_path, [(7, "hangup")])
    train.run(spec, job)
    latest = checkpoints.find_checkpoint(tmp_path, "latest")
    assert latest is not None
    (latest / checkpoints.OPTIMIZER_FILE).write_bytes(b"half")
    job, _ = job_in(tmp_path)
    with pytest.raises(TrainingError, match="cannot be read"):
        train.run(spec, job)
    (latest / checkpoints.STATE_FILE).write_text(json.dumps({"step": "many"}))
    with pytest.raises(TrainingError, match="cannot be read"):
        train.run(spec, job)


def test_that_rows_without_anything_to_learn_are_told(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, epochs=1)
    short = spec.model_copy(update={"format": spec.format.model_copy(update={"max_length": 24})})
    job, events = job_in(tmp_path)
    train.run(short, job)
    assert any("rows are left out" in event.message for event in of_kind(events, Log))
    none = spec.model_copy(update={"format": spec.format.model_copy(update={"max_length": 8})})
    shutil.rmtree(tmp_path / "checkpoints")
    with pytest.raises(DataError) as failure:
        train.run(none, job)
    assert failure.value.problem.code == "data.nothing_to_learn"


def test_that_an_encoder_is_not_trained_to_write(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model", "bert"))
    job, _ = job_in(tmp_path / "run")
    with pytest.raises(ModelError) as failure:
        train.run(spec, job)
    assert failure.value.problem.code == "model.wrong_task"


def test_that_qlora_without_its_library_is_refused(tmp_path: Path, llama: Path) -> None:
    spec = make_run(tmp_path, llama, method=Method.QLORA)
    job, _ = job_in(tmp_path)
    with pytest.raises(ModelError) as failure:
        train.run(spec, job)
    assert failure.value.problem.code == "model.no_qlora"


@pytest.mark.parametrize(("rows", "batch", "epochs"), [(10, 4, 2.0), (7, 7, 1.5), (3, 16, 0.4)])
def test_that_an_epoch_holds_each_row_once(rows: int, batch: int, epochs: float) -> None:
    schedule = Schedule(rows, TrainingSettings(batch_size=batch, epochs=epochs))
    for epoch in (0, 1):
        first = epoch * schedule.steps_per_epoch
        seen = [row for step in range(first, first + schedule.steps_per_epoch) for row in schedule.rows_of_step(step)]
        assert sorted(seen) == list(range(rows))
    assert schedule.total_steps >= 1
    assert schedule.evaluates_after(schedule.total_steps)
    assert schedule.rows_of_step(0) == Schedule(rows, schedule.training).rows_of_step(0)
