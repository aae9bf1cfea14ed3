"""What a run's history says in words: every sentence that a user reads while training."""

from __future__ import annotations

from datetime import datetime

import pytest

from fintune_gui.project.document import Metric, Objective, Task
from fintune_gui.project.events import CheckpointSaved, Event, Plan, Progress, Started, TrainStep, Validated
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.widgets.run_words import (
    interruption,
    metric_curve,
    model_words,
    outcome_figure,
    scientific,
    speed_figure,
    time_figure,
    training_figure,
    validation_figure,
    where_it_is,
)
from tests.helpers.runs import ended, model_choice, training_events

F1 = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
NOON = datetime(2026, 5, 4, 12, 0)  # noqa: DTZ001 - the user's clock


def history(*events: Event) -> RunHistory:
    told = RunHistory()
    told.extend(events)
    return told


def validations(*losses: float, f1: float = 0.5) -> list[Validated]:
    best = float("inf")
    told = []
    for number, loss in enumerate(losses, start=1):
        told.append(Validated(step=100 * number, epoch=1, loss=loss, metrics={"f1": f1}, best=loss < best))
        best = min(best, loss)
    return told


def test_that_nothing_is_claimed_before_the_first_step() -> None:
    empty = history()
    assert validation_figure(empty).note == "not measured yet"
    assert training_figure(None, 50).value == "–"
    assert speed_figure(empty).note == "no step yet"
    assert time_figure(empty, NOON).note == "known after some steps"
    assert where_it_is(empty) == "Starting"


def test_that_the_stage_is_said_before_the_first_step_and_the_place_after() -> None:
    assert where_it_is(history(Progress(stage="Loading the model", done=0))) == "Loading the model"
    told = history(*training_events(steps=100, total=240))
    assert where_it_is(told) == "Step 100 of 240 · last saved at step 80 · 2.0 GB of memory"


def test_that_the_speed_is_a_mean_of_steps_of_different_size() -> None:
    told = []
    total = 0
    for step in range(1, 41):
        size = 10 if step == 40 else 1000  # the last step of an epoch has few rows, and is slow for its size
        total += size
        rate = 100.0 if step == 40 else 1000.0
        first = training_events(steps=1, total=40)[-1]
        assert isinstance(first, TrainStep)
        share = 0.5 if step < 21 else 0.8
        changes = {"step": step, "tokens": total, "tokens_per_second": rate, "useful_share": share}
        told.append(first.model_copy(update=changes))
    figure = speed_figure(history(*told))
    assert figure.value == "995 tok/s"
    assert (figure.note, figure.brief) == ("80 % of tokens are useful", "80 % useful")


@pytest.mark.parametrize(
    ("losses", "badge", "tone"),
    [((0.5, 0.4), "↓ 20.0 %", "good"), ((0.4, 0.5), "↑ 25.0 %", "warn"), ((0.4, 0.4), "no change", "neutral")],
)
def test_that_the_validation_loss_says_how_it_moved(losses, badge: str, tone: str) -> None:
    figure = validation_figure(history(*validations(*losses)))
    assert (figure.badge, figure.tone) == (badge, tone)
    assert figure.note == f"best at step {100 if losses[0] <= losses[1] else 200} · 0.400"


def test_that_the_end_is_told_by_the_users_clock_with_the_day_if_it_is_another_one() -> None:
    step = training_events(steps=1, total=10)[-1]
    assert isinstance(step, TrainStep)
    soon = history(step.model_copy(update={"seconds_left": 660.0}))
    assert (time_figure(soon, NOON).value, time_figure(soon, NOON).note) == ("11 min", "ends about 12:11")
    late = history(step.model_copy(update={"seconds_left": 13 * 3600.0}))
    assert time_figure(late, NOON).note == "ends about Tuesday 01:00"


def test_that_an_outcome_says_how_long_it_took() -> None:
    done = history(Started(kind="train", pid=1, time=0), ended("completed", time=720))
    assert outcome_figure(done).value == "Completed"
    assert outcome_figure(done).note.startswith("took 12 min, until ")
    resumed = history(Started(kind="train", pid=1, time=0, resumed_from_step=5), ended("stopped", time=60))
    assert "since it was resumed" in outcome_figure(resumed).note
    assert outcome_figure(history()).value == "Interrupted"


def test_that_shared_beginnings_are_said_in_words_and_not_as_a_share_above_one() -> None:
    step = training_events(steps=1, total=10)[-1]
    assert isinstance(step, TrainStep)
    assert speed_figure(history(step)).note == "94 % of tokens are useful"
    shared = history(step.model_copy(update={"useful_share": 3.14}))
    assert speed_figure(shared).note == "3.1 × as many tokens as were computed"


def test_that_an_interruption_says_what_is_saved() -> None:
    told = history(*training_events(steps=100, total=240))
    assert interruption(told) == "Everything up to step 80 of 240 is saved; the run can go on from there."
    assert interruption(RunHistory(checkpoint_on_disk=True)).startswith("Everything that was done is saved")


def test_that_only_measured_values_of_the_objectives_metric_are_drawn() -> None:
    other = Validated(step=5, epoch=1, loss=1, metrics={"accuracy": 0.3}, best=False)
    assert metric_curve(history(other, *validations(0.5, f1=0.7)), F1) == ([100.0], [0.7])


def test_that_models_and_rates_are_named_as_people_write_them(tmp_path) -> None:
    model = model_choice(tmp_path)
    assert model_words(model, 8) == "Qwen3-0.6B · LoRA r8"
    assert model_words(model.model_copy(update={"name": "C:\\models\\mine\\", "method": "full"}), 8).startswith("mine")
    assert scientific(2e-4) == "2e-4"
    assert scientific(0.00015) == "1.5e-4"


def test_that_a_plan_without_steps_does_not_divide_by_zero() -> None:
    plan = Plan(
        total_steps=0, steps_per_epoch=0, training_rows=0, validation_rows=0, trainable_parameters=0, total_parameters=0
    )
    saved = CheckpointSaved(step=0, folder="x", best=False, reason="time", seconds=0)
    assert where_it_is(history(plan, saved)) == "Starting · last saved at step 0"
