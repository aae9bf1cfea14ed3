"""The quick look at a run tells what the whole history tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.project.channel import EventWriter
from fintune_gui.project.events import CheckpointSaved, Event, Started
from fintune_gui.project.history import read_history
from fintune_gui.project.outline import read_outline
from fintune_gui.project.spec import EVENTS_FILE, LATEST_CHECKPOINT
from tests.helpers.runs import ended, training_events


def write(folder: Path, events: list[Event]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with EventWriter(folder) as writer:
        for event in events:
            writer(event)
    if any(isinstance(event, CheckpointSaved) for event in events):
        (folder / LATEST_CHECKPOINT).parent.mkdir()
        (folder / LATEST_CHECKPOINT).write_text("{}", encoding="utf-8")
    return folder


def test_that_checkpoints_that_are_gone_are_nothing_to_go_on_from(tmp_path: Path) -> None:
    write(tmp_path, [*training_events(steps=100, total=240), ended("interrupted", time=3.0)])
    assert read_history(tmp_path).resumable
    (tmp_path / LATEST_CHECKPOINT).unlink()
    outline, history = read_outline(tmp_path), read_history(tmp_path)
    assert outline is not None
    assert (outline.resumable, history.resumable, history.checkpoints) == (False, False, [])


@pytest.mark.parametrize("end", ["", "completed", "stopped", "failed", "interrupted"])
def test_that_it_agrees_with_the_history(tmp_path: Path, end: str) -> None:
    events = training_events(steps=100, total=240)
    write(tmp_path, [*events, *([ended(end, time=3.0)] if end else [])])
    outline, history = read_outline(tmp_path), read_history(tmp_path)
    assert outline is not None
    assert history.started is not None
    assert (outline.pid, outline.started) == (history.started.pid, history.started.time)
    assert (outline.step, outline.total_steps, outline.saved_step) == (100, 240, history.checkpoints[-1].step)
    assert (outline.finished, outline.resumable) == (history.finished, history.resumable)
    assert outline.outcome == end
    assert outline.curve[0] == history.curves["loss"][0]
    assert len(outline.curve) >= 80


def test_that_a_resumed_run_has_not_ended(tmp_path: Path) -> None:
    again = Started(kind="train", pid=9, resumed_from_step=80)
    write(tmp_path, [*training_events(steps=90, total=240), ended("interrupted", time=3.0), again])
    outline = read_outline(tmp_path)
    assert outline is not None
    assert (outline.outcome, outline.pid, outline.resumable) == ("", 9, True)


def test_that_torn_and_damaged_lines_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, training_events(steps=30, total=240))
    with (tmp_path / EVENTS_FILE).open("ab") as file:
        file.write(b'{"type":"plan","total_steps":null}\n{"type":"ended"\n[1]\n{"time":1,"type":"step","step":31')
    outline = read_outline(tmp_path)
    assert outline is not None
    assert (outline.step, outline.total_steps, outline.outcome) == (30, 240, "")


def test_that_a_checkpoint_counts_whose_event_was_lost(tmp_path: Path) -> None:
    write(tmp_path, training_events(steps=5, total=240))
    before = read_outline(tmp_path)
    (tmp_path / LATEST_CHECKPOINT).parent.mkdir()
    (tmp_path / LATEST_CHECKPOINT).write_text("{}", encoding="utf-8")
    after = read_outline(tmp_path)
    assert before is not None
    assert after is not None
    assert (before.resumable, after.resumable) == (False, True)


def test_that_a_job_that_said_nothing_has_no_outline(tmp_path: Path) -> None:
    assert read_outline(tmp_path) is None
