"""The log of a run: everything that happened in it but its steps."""

from __future__ import annotations

from fintune_gui.project.errors import Problem
from fintune_gui.project.event_words import log_line
from fintune_gui.project.events import (
    CheckpointSaved,
    Continued,
    Decided,
    Ended,
    Event,
    Log,
    Paused,
    Plan,
    Progress,
    Started,
    TrainStep,
    Validated,
)
from fintune_gui.project.history import RunHistory

PLAN = Plan(
    total_steps=1200, steps_per_epoch=400, training_rows=6400, validation_rows=800,
    trainable_parameters=10, total_parameters=1000,
)  # fmt: skip
STEP = TrainStep(
    step=1,
    epoch=0.1,
    loss=1,
    learning_rate=1,
    grad_norm=1,
    tokens=1,
    tokens_per_second=1,
    useful_share=1,
    memory_bytes=1,
)


def told(*events: Event) -> list[str]:
    history = RunHistory()
    history.extend(events)
    return [f"{line.level}: {line.message}" for line in history.logs]


def test_that_a_run_is_told_from_its_start_to_its_end() -> None:
    assert told(
        Started(kind="train", pid=7, versions={"torch": "2.13.0", "numpy": "2"}),
        Progress(stage="Loading", done=0),
        Decided(what="layout", value="packed rows", reason="Checked on 3 rows."),
        PLAN,
        STEP,
        Log(level="warning", message="as it is"),
        Validated(step=400, epoch=1, loss=1.23456, metrics={"f1": 0.5}, best=True),
        CheckpointSaved(step=400, folder="x", best=True, reason="evaluation", seconds=0.123),
        Paused(step=401),
        Continued(step=401),
        Ended(outcome="stopped"),
    ) == [
        "info: Started as process 7 with torch 2.13.0.",
        "info: Decided on layout: packed rows. Checked on 3 rows.",
        "info: 1,200 steps; 6,400 rows to learn from, 800 to measure; 10 of 1,000 parameters are trained.",
        "warning: as it is",
        "info: Validation after step 400: loss 1.235, F1 0.5; the best so far.",
        "info: Checkpoint of step 400 saved in 0.1 s (evaluation).",
        "info: Paused after step 401.",
        "info: Continued after step 401.",
        "info: The end: stopped.",
    ]


def test_that_what_went_wrong_has_its_level() -> None:
    problem = Problem(code="x", what="It broke.", why="A wire.")
    assert told(Paused(step=3, why="The disk is full.")) == ["warning: Paused after step 3. The disk is full."]
    assert told(Ended(outcome="interrupted", problem=problem)) == ["warning: It broke. A wire."]
    assert told(Ended(outcome="failed", problem=problem)) == ["error: It broke. A wire."]


def test_that_a_line_has_the_time_of_its_event() -> None:
    line = log_line(Paused(step=3, time=12.5))
    assert line is not None
    assert line.time == 12.5
