"""A run that begins with the weights of another run's best checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.engine import train
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.events import Decided, TrainStep, Validated
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import TrainSpec
from tests.helpers.tiny import job_in, make_run, of_kind, save_model

RATE = 1e-2


def continued(source: TrainSpec) -> TrainSpec:
    training = source.training.model_copy(update={"learning_rate": RATE / 2, "warmup_ratio": 0.5})
    return source.model_copy(update={"run": 2, "training": training, "start_from_run": 1})


def test_that_it_starts_where_the_best_was_and_with_its_own_rate(tmp_path: Path) -> None:
    model = save_model(tmp_path / "llama")
    source = make_run(tmp_path / "0001", model, method=Method.FULL, epochs=3, learning_rate=RATE)
    job, first = job_in(tmp_path / "0001")
    train.run(source, job)
    make_run(tmp_path / "0002", model, method=Method.FULL, epochs=3, learning_rate=RATE)  # the same rows
    job, second = job_in(tmp_path / "0002")
    outcome, _ = train.run(continued(source), job)

    assert outcome == "completed"
    untrained, best = of_kind(first, TrainStep)[0].loss, min(v.loss for v in of_kind(first, Validated))
    assert best < 0.9 * untrained
    steps = of_kind(second, TrainStep)
    assert steps[0].loss < (untrained + best) / 2
    assert max(step.learning_rate for step in steps) == pytest.approx(RATE / 2)
    (told,) = (event for event in of_kind(second, Decided) if event.what == "weights")
    assert told.value.startswith("those of run 1 after step ")


def test_that_a_best_that_is_gone_is_said_before_the_first_step(tmp_path: Path) -> None:
    source = make_run(tmp_path / "0002", save_model(tmp_path / "llama"))
    job, events = job_in(tmp_path / "0002")
    with pytest.raises(TrainingError) as raised:
        train.run(continued(source), job)
    assert raised.value.problem.what == "The best checkpoint of run 1 is gone."
    assert not of_kind(events, TrainStep)
