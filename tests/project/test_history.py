"""The event file is the run: writing, reading, resuming."""

from __future__ import annotations

import io
import math
import sys
import time
from pathlib import Path

import pytest

from fintune_gui.project.channel import HANGUP, CommandReader, EventWriter
from fintune_gui.project.errors import CancelledError
from fintune_gui.project.events import (
    CheckpointSaved,
    Ended,
    Event,
    Log,
    Paused,
    Started,
    TrainStep,
    Validated,
    parse_event,
    read_events,
)
from fintune_gui.project.history import CURVES, RunHistory, read_history, read_history_and_newest
from fintune_gui.project.spec import EVENTS_FILE, LATEST_CHECKPOINT
from tests.helpers.runs import training_events


def _step(number: int, loss: float) -> TrainStep:
    return TrainStep(
        step=number, epoch=number / 10, loss=loss, learning_rate=1e-4, grad_norm=1.0, tokens=100 * number,
        tokens_per_second=50.0, useful_share=0.9, memory_bytes=1000,
    )  # fmt: skip


def _checkpoint(step: int) -> CheckpointSaved:
    return CheckpointSaved(step=step, folder=f"checkpoints/step-{step:06d}", best=True, reason="time", seconds=0.1)


def _first_process() -> list[Event]:
    steps = [_step(number, loss=10.0 - number) for number in range(1, 6)]
    return [
        Started(kind="train", pid=1), *steps[:3], Validated(step=3, epoch=0.3, loss=7.5, best=True), _checkpoint(3),
        *steps[3:], Validated(step=5, epoch=0.5, loss=7.0, best=True),
    ]  # fmt: skip


def test_that_a_resumed_run_replaces_the_steps_that_were_lost() -> None:
    history = RunHistory()
    history.extend(_first_process())
    assert history.resumable
    history.add(Ended(outcome="interrupted"))
    history.add(Started(kind="train", pid=2, resumed_from_step=3))
    history.extend([_step(4, loss=1.0), _step(5, loss=0.5), _step(6, loss=0.4), Ended(outcome="completed")])
    assert list(history.steps) == [1, 2, 3, 4, 5, 6]
    assert list(history.curves["loss"]) == [9.0, 8.0, 7.0, 1.0, 0.5, 0.4]
    assert all(len(history.curves[name]) == 6 for name in CURVES)
    assert [validated.step for validated in history.validations] == [3]
    assert history.best is not None
    assert history.best.loss == 7.5
    assert history.finished
    assert not history.resumable


def test_that_a_run_without_a_checkpoint_starts_over() -> None:
    history = RunHistory()
    history.extend([Started(kind="train", pid=1), _step(1, 9.0), Started(kind="train", pid=2), _step(1, 8.0)])
    assert list(history.steps) == [1]
    assert not history.resumable


def test_that_a_checkpoint_is_gone_on_from_even_if_its_event_was_lost(tmp_path: Path) -> None:
    """A kill can fall between the checkpoint and its event, and a power cut can take the events after the last sync."""
    with EventWriter(tmp_path) as write:
        write(Started(kind="train", pid=1))
    assert not read_history(tmp_path).resumable
    (tmp_path / LATEST_CHECKPOINT).parent.mkdir()
    (tmp_path / LATEST_CHECKPOINT).write_text("{}")
    assert read_history(tmp_path).resumable
    with EventWriter(tmp_path) as write:
        write(Ended(outcome="completed"))
    assert not read_history(tmp_path).resumable


@pytest.mark.skipif(sys.platform != "linux", reason="the device that is always full is Linux's")
def test_that_the_end_is_heard_when_the_disk_is_full(tmp_path: Path) -> None:
    (tmp_path / EVENTS_FILE).symlink_to("/dev/full")
    stream = io.BytesIO()
    with EventWriter(tmp_path, stream) as write:
        with pytest.raises(OSError, match="No space"):
            write(Log(level="info", message="work that must not go on unrecorded"))
        write(Ended(outcome="failed"))
    assert [parse_event(line).type for line in stream.getvalue().splitlines()] == ["log", "ended"]


def test_that_figures_beyond_all_numbers_come_back(tmp_path: Path) -> None:
    """A perplexity can be too large for a number; it must not make its event or report unreadable."""
    told = Validated(step=1, epoch=1.0, loss=800.0, metrics={"perplexity": math.inf}, best=False)
    with EventWriter(tmp_path) as write:
        write(told)
    assert list(read_events(tmp_path / EVENTS_FILE)) == [told]


def test_that_reading_the_file_gives_the_same_history_as_listening(tmp_path: Path) -> None:
    stream = io.BytesIO()
    events = [*_first_process(), Paused(step=5), Log(level="warning", message="“Zeile\n zwei”")]
    with EventWriter(tmp_path, stream) as write:
        for event in events:
            write(event)
    assert [parse_event(line) for line in stream.getvalue().splitlines()] == events
    assert list(read_events(tmp_path / EVENTS_FILE)) == events
    heard = RunHistory()
    heard.extend(events)
    assert read_history(tmp_path).checkpoints == []  # there are none on disk
    (tmp_path / LATEST_CHECKPOINT).parent.mkdir()
    (tmp_path / LATEST_CHECKPOINT).write_text("{}", encoding="utf-8")
    heard.checkpoint_on_disk = True
    assert read_history(tmp_path) == heard
    assert heard.paused


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_that_a_torn_line_is_left_out_and_the_next_writer_goes_on(tmp_path: Path, cut: int) -> None:
    events = _first_process()
    with EventWriter(tmp_path) as write:
        for event in events:
            write(event)
    path = tmp_path / EVENTS_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_events(path)) == events[:-1]
    with EventWriter(tmp_path) as write:
        write(Ended(outcome="interrupted"))
    read = list(read_events(path))
    assert read[: len(events) - 1] == events[:-1]
    assert isinstance(read[-1], Ended)


def test_that_a_run_that_never_began_is_empty(tmp_path: Path) -> None:
    history = read_history(tmp_path)
    assert not history.steps
    assert not history.resumable


def test_that_events_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    lines = [b'{"type": "started", "kind": "train", "pid": 1}', b'{"type": "hologram"}', b"\xff\xfe", b"null"]
    (tmp_path / EVENTS_FILE).write_bytes(b"\n".join(lines) + b"\n")
    assert [event.type for event in read_events(tmp_path / EVENTS_FILE)] == ["started"]


def test_that_commands_are_heard_in_order_and_noise_is_not() -> None:
    reader = CommandReader(io.BytesIO(b"pause\nformat the disk\n continue \n\xff\nstop\n"))
    assert [reader.wait() for _ in range(4)] == ["pause", "continue", "stop", HANGUP]
    assert reader.poll() is None


@pytest.mark.parametrize("words", [b"cancel\n", b"stop\n", b""])
def test_that_work_is_given_up_when_the_user_or_the_parent_has_gone(words: bytes) -> None:
    reader = CommandReader(io.BytesIO(words))
    time.sleep(0.05)  # the words are read by another thread
    with pytest.raises(CancelledError):
        reader.cancel_check()()


def test_that_numbers_no_job_ever_wrote_are_left_out(tmp_path: Path) -> None:
    """A disk that fails, or a person with an editor: no curve can take such numbers."""
    with EventWriter(tmp_path) as write:
        write(_step(1, 8.0))
    path = tmp_path / EVENTS_FILE
    line = path.read_text(encoding="utf-8")
    absurd = [line.replace('"step":1', f'"step":{number}') for number in ("1" + "0" * 400, "-3", "1e400")]
    path.write_text("".join([*absurd, line.replace('"tokens":100', '"tokens":1' + "0" * 400), line]), encoding="utf-8")
    assert list(read_history(tmp_path).steps) == [1]


def test_that_a_folder_in_the_place_of_the_events_reads_as_no_events(tmp_path: Path) -> None:
    (tmp_path / EVENTS_FILE).mkdir()
    assert list(read_events(tmp_path / EVENTS_FILE)) == []
    assert not read_history(tmp_path).resumable


def test_that_steps_taken_in_together_are_those_taken_in_one_by_one(tmp_path: Path) -> None:
    events = training_events(steps=2500, total=3000, validate_every=700)
    odd = events[10].model_copy(update={"loss": math.nan, "grad_norm": math.inf})
    again = Started(kind="train", pid=9, resumed_from_step=2100)
    more = training_events(steps=2300, total=3000, first_step=2101)[1:]
    with EventWriter(tmp_path) as writer:
        for event in (*events[:10], odd, *events[11:], again, *more):
            writer(event)
    with (tmp_path / EVENTS_FILE).open("ab") as file:
        file.write(b'{"type":"step","step":"x"}\n{"time":1,"type":"step","st\n[1]\n')
    one_by_one = RunHistory()
    one_by_one.extend(read_events(tmp_path / EVENTS_FILE))
    history, newest = read_history_and_newest(tmp_path, 7)
    assert history.steps == one_by_one.steps
    assert [list(map(str, values)) for values in history.curves.values()] == [
        list(map(str, values)) for values in one_by_one.curves.values()
    ]
    assert (history.last_step, history.validations, history.revision) == (
        one_by_one.last_step, one_by_one.validations, one_by_one.revision,
    )  # fmt: skip
    assert newest == list(read_events(tmp_path / EVENTS_FILE))[-4:]  # three of the last seven lines are damaged
