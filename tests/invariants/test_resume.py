"""A run that was interrupted or killed goes on as if nothing had happened: the same losses, to the last bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fintune_gui.engine import checkpoints, train
from fintune_gui.project.document import Task
from fintune_gui.project.events import CheckpointSaved, Ended, Event, Started, TrainStep, parse_event
from fintune_gui.project.history import read_history
from fintune_gui.project.settings import Method
from tests.helpers.tiny import job_in, make_run, of_kind, save_model

SETTINGS = {"epochs": 4, "batch_size": 8, "lora_dropout": 0.1, "evaluations_per_epoch": 1, "early_stopping_patience": 0}


def losses(events: list[Event]) -> dict[int, float]:
    return {event.step: event.loss for event in of_kind(events, TrainStep)}


@pytest.mark.parametrize(
    ("task", "method"),
    [(Task.INSTRUCTION, Method.LORA), (Task.INSTRUCTION, Method.FULL), (Task.CLASSIFICATION, Method.LORA)],
)
def test_that_a_resumed_run_repeats_the_uninterrupted_one(tmp_path: Path, task: Task, method: Method) -> None:
    model = save_model(tmp_path / "model", "gpt2", dropout=0.1)
    spec = make_run(tmp_path / "whole", model, task, method=method, **SETTINGS)
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    job, events = job_in(tmp_path / "whole")
    outcome, result = train.run(spec, job)
    whole = losses(events)
    assert outcome == "completed"
    assert len(whole) == 20

    parts: dict[int, float] = {}
    outcomes = []
    for hangup_at_look in (8, 5, 10_000):
        job, events = job_in(tmp_path / "parts", [(hangup_at_look, "hangup")])
        outcome, resumed_result = train.run(spec, job)
        outcomes.append(outcome)
        parts |= losses(events)
    assert outcomes == ["interrupted", "interrupted", "completed"]
    assert parts == whole
    assert resumed_result == result


def test_that_a_run_whose_end_was_not_told_ends_at_once(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"), epochs=1)
    job, _ = job_in(tmp_path / "run")
    first = train.run(spec, job)
    job, events = job_in(tmp_path / "run")
    assert train.run(spec, job) == first
    assert not of_kind(events, TrainStep)


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fintune_gui", "engine", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log.txt").open("ab"),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 on Windows")
def test_that_a_killed_trainer_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "gpt2", dropout=0.1)
    make_run(tmp_path / "whole", model, sizes=(80, 8, 8), **SETTINGS)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")

    whole = start(tmp_path / "whole")
    events = [parse_event(line) for line in whole.stdout or ()]
    whole.wait()
    assert [type(event) for event in events[-1:]] == [Ended]

    killed = start(tmp_path / "killed")
    steps_after_checkpoint = 0
    for line in killed.stdout or ():
        event = parse_event(line)
        if isinstance(event, TrainStep) and event.step > 20:
            steps_after_checkpoint += 1
        if steps_after_checkpoint == 3:
            killed.send_signal(signal.SIGKILL)
            break
    killed.wait()
    (killed.stdout or sys.stdin).close()
    assert checkpoints.latest_step(tmp_path / "killed") == 20

    again = start(tmp_path / "killed")
    resumed = [parse_event(line) for line in again.stdout or ()]
    again.wait()
    assert of_kind(resumed, Started)[0].resumed_from_step == 20
    assert len(of_kind(resumed, Ended)) == 1
    history, expected = read_history(tmp_path / "killed"), read_history(tmp_path / "whole")
    assert list(history.curves["loss"]) == list(expected.curves["loss"])
    assert list(history.steps) == list(range(1, 41))
    assert history.ended is not None
    assert history.ended.result == expected.ended.result if expected.ended else False
    assert of_kind(resumed, CheckpointSaved)[-1].step == 40
