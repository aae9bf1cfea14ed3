"""A trainer may be killed at any moment, also in the middle of a save: its losses are those of an uninterrupted run."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fintune_gui.project.history import RunHistory, read_history
from tests.helpers.killed import TrainerNursery, train
from tests.helpers.tiny import make_run, save_model

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 on Windows")

_EVERY_STEP = 1e-5
_SETTINGS: dict[str, Any] = {
    "batch_size": 8, "lora_dropout": 0.1, "evaluations_per_epoch": 1, "early_stopping_patience": 0,
    "checkpoint_minutes": _EVERY_STEP,
}  # fmt: skip


@pytest.fixture(scope="module")
def nursery() -> Iterator[TrainerNursery]:
    nursery = TrainerNursery()
    yield nursery
    nursery.close()


def two_runs(folder: Path, rows: int, epochs: int) -> tuple[Path, Path]:
    """The same run twice."""
    model = save_model(folder / "model", "gpt2", dropout=0.1)
    make_run(folder / "whole", model, sizes=(rows, 8, 8), epochs=epochs, **_SETTINGS)
    shutil.copytree(folder / "whole", folder / "killed")
    return folder / "whole", folder / "killed"


def assert_same(killed: Path, whole: Path) -> RunHistory:
    """The two runs tell the same of every step and evaluation, and nothing of a killed writer is left."""
    history, expected = read_history(killed), read_history(whole)
    assert list(history.steps) == list(expected.steps)
    for curve in ("loss", "learning_rate", "grad_norm"):
        assert list(history.curves[curve]) == list(expected.curves[curve]), curve
    told = [[(v.step, v.loss, v.best) for v in each.validations] for each in (history, expected)]
    assert told[0] == told[1]
    assert history.ended is not None
    assert expected.ended is not None
    assert (history.ended.outcome, history.ended.result) == ("completed", expected.ended.result)
    names = [sorted(path.name for path in (folder / "checkpoints").iterdir()) for folder in (killed, whole)]
    assert [name.split("-")[:2] for name in names[0]] == [name.split("-")[:2] for name in names[1]]
    return history


def test_that_a_run_killed_while_saving_loses_nothing(nursery: TrainerNursery, tmp_path: Path) -> None:
    whole, killed = two_runs(tmp_path, rows=40, epochs=3)
    assert nursery.train(whole) == 0
    ends = [nursery.train(killed, kill_at=operation) for operation in (5, 23, 52)]
    assert ends == [-signal.SIGKILL] * 3
    assert nursery.train(killed) == 0
    assert_same(killed, whole)


@pytest.mark.exhaustive
@pytest.mark.timeout(2700)  # some two hundred trainers, and perhaps a busy machine
def test_that_there_is_no_moment_of_a_save_at_which_a_kill_costs_anything(
    nursery: TrainerNursery, tmp_path: Path
) -> None:
    """Every file operation of a whole run in turn; what is there after each kill is gone on from."""
    whole, killed = two_runs(tmp_path, rows=24, epochs=2)
    assert nursery.train(whole) == 0
    operation, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        operation += 1
        attempt = tmp_path / f"attempt-{operation}"
        shutil.copytree(killed, attempt)
        ended = nursery.train(attempt, kill_at=operation)
        if ended == -signal.SIGKILL:
            assert nursery.train(attempt) == 0
        assert_same(attempt, whole)
        shutil.rmtree(attempt)
    assert operation > 50


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_that_thirty_kills_at_random_moments_change_no_loss(tmp_path: Path) -> None:
    whole, killed = two_runs(tmp_path, rows=160, epochs=10)
    assert train(whole) == 0
    dice = random.Random(4)
    for kill in range(32):
        if kill % 2:
            ended = train(killed, kill_at=f"{dice.randint(1, 60)}+{dice.random() / 100:.6f}")
        else:
            ended = train(killed, kill_after_steps=dice.randint(1, 8))
        assert ended == -signal.SIGKILL, kill
    assert train(killed) == 0
    history = assert_same(killed, whole)
    assert list(history.steps) == list(range(1, 201))
