"""What Home tells of a project that it has not opened."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path

import pytest

from fintune_gui.project.channel import EventWriter
from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.events import CheckpointSaved, Ended, Plan, Started, TrainStep
from fintune_gui.project.files import write_text
from fintune_gui.project.report import REPORT_FILE, Interval, Report, Scores, Verdict
from fintune_gui.project.spec import EVENTS_FILE, LATEST_CHECKPOINT
from fintune_gui.project.store import PROJECT_FILE, ProjectFolder
from fintune_gui.ui.services.glances import Interrupted, day_words, glance

OBJECTIVE = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ProjectFolder.create(tmp_path / "p", Project(name="Support routing", objective=OBJECTIVE)).close()
    return tmp_path / "p"


def make_run(
    folder: Path, *, outcome: str = "", pid: int = 2**22 + 1, checkpoint: bool = True, steps: int = 500
) -> Path:
    run = folder / "runs" / "0004"
    run.mkdir(parents=True)
    with EventWriter(run) as write:
        write(Started(kind="train", pid=pid, time=time.time()))
        write(
            Plan(
                total_steps=2930, steps_per_epoch=900, training_rows=1, validation_rows=1,
                trainable_parameters=1, total_parameters=1,
            )
        )  # fmt: skip
        for step in range(1, steps + 1):
            write(
                TrainStep(
                    step=step, epoch=0.1, loss=2 / step, learning_rate=1e-4, grad_norm=1, tokens=1,
                    tokens_per_second=1, useful_share=1, memory_bytes=1,
                )
            )  # fmt: skip
        if checkpoint:
            write_text(run / LATEST_CHECKPOINT, "{}")
            write(CheckpointSaved(step=steps, folder="x", best=True, reason="time", seconds=1))
        if outcome:
            write(Ended.model_validate({"outcome": outcome}))
    return run


def make_report(run: Path, outcome: str, *, met: bool | None) -> None:
    verdict = Verdict.model_validate(
        {
            "outcome": outcome, "metric": "f1", "compared_with": "untuned", "difference": Interval(value=0.1),
            "p_value": 0.01, "test": "McNemar", "target_met": met, "headline": "x", "explanation": "y",
        }
    )  # fmt: skip
    scores = (Scores(contender="tuned", metrics={Metric.F1: Interval(value=0.9134)}),)
    report = Report(
        run=4, part="test", rows=10, objective=OBJECTIVE, checkpoint_step=1, scores=scores, verdict=verdict, seconds=1
    )
    write_text(run / REPORT_FILE, report.model_dump_json())


def test_that_a_new_project_is_not_trained_yet(folder: Path) -> None:
    look = glance(folder)
    assert (look.name, look.line, look.verdict, look.curve) == (
        "Support routing", "no model yet · today", "not trained yet", (),
    )  # fmt: skip


def test_that_a_run_without_an_end_is_offered_to_be_resumed(folder: Path) -> None:
    make_run(folder)
    look = glance(folder)
    assert look.interrupted is not None
    assert look.interrupted == Interrupted(run=4, step=500, total_steps=2930, saved_step=500)
    assert 60 <= len(look.curve) <= 160
    assert look.curve[0] == 2.0
    assert (look.verdict, look.tone) == ("not finished", "warn")


@pytest.mark.parametrize("outcome", ["completed", "stopped", "cancelled"])
def test_that_a_run_that_came_to_its_end_is_not(folder: Path, outcome: str) -> None:
    make_run(folder, outcome=outcome)
    assert glance(folder).interrupted is None


def test_that_a_run_that_saved_and_left_is_offered(folder: Path) -> None:
    make_run(folder, outcome="interrupted")
    assert glance(folder).interrupted is not None


def test_that_a_run_without_a_checkpoint_is_not(folder: Path) -> None:
    make_run(folder, checkpoint=False)
    assert glance(folder).interrupted is None


def test_that_a_checkpoint_whose_event_was_lost_is_gone_on_from(folder: Path) -> None:
    write_text(make_run(folder, checkpoint=False) / LATEST_CHECKPOINT, "{}")
    assert glance(folder).interrupted == Interrupted(run=4, step=500, total_steps=2930, saved_step=None)


def test_that_events_that_no_job_wrote_keep_no_project_from_home(folder: Path) -> None:
    run = make_run(folder)
    write_text(run / EVENTS_FILE, '{"type":"started","pid":1' + "0" * 300 + ',"time":1}\n')
    assert glance(folder).verdict == "not trained yet"
    (run / EVENTS_FILE).unlink()
    (run / EVENTS_FILE).mkdir()
    assert glance(folder).verdict == "not trained yet"


def test_that_a_run_that_is_still_at_work_is_not(folder: Path) -> None:
    make_run(folder, pid=os.getpid())
    look = glance(folder)
    assert look.interrupted is None
    assert look.verdict == "training now"


@pytest.mark.parametrize(
    ("outcome", "met", "verdict", "tone"),
    [
        ("better", True, "F1 0.913, target met", "good"),
        ("better", False, "F1 0.913, better", "good"),
        ("no_clear_difference", None, "F1 0.913, no clear difference", "warn"),
        ("worse", False, "F1 0.913, worse", "bad"),
    ],
)
def test_that_the_last_verdict_is_shown(folder: Path, outcome: str, met: bool | None, verdict: str, tone: str) -> None:
    make_report(make_run(folder, outcome="completed"), outcome, met=met)
    look = glance(folder)
    assert (look.verdict, look.tone) == (verdict, tone)


@pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 99}', "not json"])
def test_that_a_project_that_cannot_be_read_is_shown_as_such(folder: Path, content: str) -> None:
    (folder / PROJECT_FILE).write_text(content)
    look = glance(folder)
    assert look.verdict == "damaged"
    assert look.problem is not None


def test_that_a_torn_event_file_is_no_obstacle(folder: Path) -> None:
    run = make_run(folder)
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"type":"step","st')
    look = glance(folder)
    assert look.curve
    assert look.interrupted is not None


def test_that_days_are_said_as_people_say_them() -> None:
    today = date(2026, 11, 25)
    said = [day_words(day, today) for day in (today, date(2026, 11, 24), date(2026, 11, 20), date(2026, 11, 3))]
    assert said == ["today", "yesterday", "Friday", "3 Nov"]
    assert day_words(date(2024, 11, 3), today) == "3 Nov 2024"
