"""A run pauses for the user, a full disk and an empty battery, and goes on as if nothing had happened."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from fintune_gui.engine import checkpoints, train
from fintune_gui.engine.awake import Wakefulness
from fintune_gui.engine.job import Job, Result
from fintune_gui.project.channel import HANGUP, EventWriter
from fintune_gui.project.document import Task
from fintune_gui.project.errors import DiskFullError
from fintune_gui.project.events import (
    CheckpointSaved,
    Continued,
    Event,
    Paused,
    Progress,
    SampleAnswer,
    TrainStep,
    Validated,
    read_events,
)
from fintune_gui.project.spec import EVENTS_FILE, TrainSpec
from tests.helpers.tiny import Commands, job_in, make_run, of_kind, save_model

SETTINGS: dict[str, Any] = {"epochs": 3, "evaluations_per_epoch": 1, "lora_dropout": 0.1, "early_stopping_patience": 0}


class Words(Commands):
    """Says each word at the first look after something was told."""

    def __init__(self, words: Iterable[tuple[Callable[[Event], bool], str]], while_paused: Iterable[str] = ()) -> None:
        super().__init__()
        self._awaited = list(words)
        self._ready: list[str] = []
        self._while_paused = list(while_paused)

    def hear(self, event: Event) -> None:
        if self._awaited and self._awaited[0][0](event):
            self._ready.append(self._awaited.pop(0)[1])

    def poll(self) -> str | None:
        return self._ready.pop(0) if self._ready else None

    def wait(self, timeout_s: float | None = None) -> str | None:
        return self._while_paused.pop(0) if self._while_paused else super().wait(timeout_s)


def measuring(event: Event) -> bool:
    return isinstance(event, Progress) and event.stage.startswith("Measuring")


def run(folder: Path, words: Words) -> tuple[Result, list[Event]]:
    events: list[Event] = []

    def emit(event: Event) -> None:
        events.append(event)
        words.hear(event)

    return train.run(spec_of(folder), Job(folder, emit, words)), events  # type: ignore[arg-type]


def spec_of(folder: Path) -> TrainSpec:
    return TrainSpec.model_validate_json((folder / "spec.json").read_bytes())


def told(events: list[Event]) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that must not depend on interruptions."""
    return {
        "losses": [(e.step, e.loss) for e in of_kind(events, TrainStep)],
        "validations": [(e.step, e.loss, e.best) for e in of_kind(events, Validated)],
        "answers": [(e.step, e.row_id, e.answer) for e in of_kind(events, SampleAnswer)],
    }


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "gpt2", "gpt2", dropout=0.1)


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result, list[Event]]:
    """A run that nothing interrupts, and a folder to repeat it from."""
    folder = tmp_path_factory.mktemp("runs") / "0001"
    make_run(folder, model, Task.INSTRUCTION, **SETTINGS)
    fresh = shutil.copytree(folder, folder.with_name("fresh"))
    job, events = job_in(folder)
    return fresh, train.run(spec_of(folder), job), events


@pytest.fixture
def folder(whole: tuple[Path, Result, list[Event]], tmp_path: Path) -> Path:
    return shutil.copytree(whole[0], tmp_path / "run")


def test_that_a_run_that_hangs_up_while_measuring_measures_again(folder: Path, whole: Any) -> None:
    """In the first evaluation, in the making up for it, and in the last one."""
    events: list[Event] = []
    outcomes = []
    for nth in (1, 1, 3, 1):
        seen = iter(range(1, 100))
        words = Words([(lambda event, nth=nth, seen=seen: measuring(event) and next(seen) == nth, HANGUP)])
        (outcome, result), heard = run(folder, words)
        outcomes.append(outcome)
        events += heard
    assert outcomes == ["interrupted"] * 4
    (outcome, result), heard = run(folder, Words([]))
    assert (outcome, result) == whole[1]
    assert told(events + heard) == told(whole[2])


def test_that_stopping_while_measuring_keeps_the_best(folder: Path) -> None:
    second = iter(range(1, 100))
    (outcome, result), events = run(folder, Words([(lambda e: measuring(e) and next(second) == 2, "stop")]))
    assert (outcome, result["best_step"], result["steps"]) == ("stopped", 5, 10)
    assert len(of_kind(events, Validated)) == 1
    best = checkpoints.find_checkpoint(folder, "best")
    assert best is not None
    assert best.name == "step-000005"


def test_that_the_only_evaluation_is_finished_before_stopping(folder: Path) -> None:
    (outcome, result), events = run(folder, Words([(measuring, "stop")]))
    assert (outcome, result["best_step"]) == ("stopped", 5)
    assert [event.step for event in of_kind(events, TrainStep)] == [1, 2, 3, 4, 5]


def test_that_pausing_and_saving_while_measuring_changes_nothing(folder: Path, whole: Any) -> None:
    words = Words([(measuring, "pause"), (lambda e: isinstance(e, Continued), "save")], ["save", "pause", "continue"])
    ended, events = run(folder, words)
    assert ended == whole[1]
    assert told(events) == told(whole[2])
    kinds = [e.type for e in events if isinstance(e, Paused | Continued | CheckpointSaved | Validated)][:4]
    assert kinds == ["paused", "checkpoint", "continued", "validated"]


def test_that_a_full_disk_pauses_the_run_until_there_is_room(
    folder: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)
    room = iter([usage.free, 10, 10, 10])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage._replace(free=next(room, usage.free)))
    ended, events = run(folder, Words([]))
    (pause,) = of_kind(events, Paused)
    assert (pause.step, len(of_kind(events, Continued))) == (10, 1)
    assert "no room left" in pause.why
    assert ended == whole[1]
    assert told(events) == told(whole[2])
    assert [event.step for event in of_kind(events, CheckpointSaved)] == [5, 10, 15]


def test_that_hanging_up_on_a_full_disk_leaves_earlier_checkpoints(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)
    room = iter([usage.free])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage._replace(free=next(room, 10)))
    with pytest.raises(DiskFullError):
        run(folder, Words([], [HANGUP]))
    assert [path.name for path in (folder / "checkpoints").glob("*step*")] == ["step-000005"]
    assert checkpoints.latest_step(folder) == 5


def test_that_stopping_on_a_full_disk_keeps_the_best(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    room = iter([usage.free])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage._replace(free=next(room, 10)))
    (outcome, _), _ = run(folder, Words([], ["stop"]))
    assert outcome == "stopped"
    assert checkpoints.find_checkpoint(folder, "best") is not None


class DiskForEvents:
    """Stands before the events' file: full for so many writes after the first hundred bytes."""

    def __init__(self, file: Any, refusals: int) -> None:
        self._file, self._refusals = file, refusals

    def write(self, data: bytes) -> int:
        if self._refusals and b'"step":7,' in data:
            self._refusals -= 1
            if self._refusals == 3:
                return int(self._file.write(data[:20]))  # what still fitted
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_that_events_that_a_full_disk_refused_are_written_later(folder: Path, whole: Any) -> None:
    with EventWriter(folder) as writer:
        writer._file = DiskForEvents(writer._file, refusals=5)  # type: ignore[assignment]
        words = Words([])
        ended = train.run(spec_of(folder), Job(folder, writer, words, writer.flush))  # type: ignore[arg-type]
    written = list(read_events(folder / EVENTS_FILE))
    assert ended == whole[1]
    assert told(written) == told(whole[2])
    assert [event.step for event in of_kind(written, Paused)] == [7]


def test_that_an_empty_battery_saves_and_pauses_until_it_is_charged(
    folder: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [(80, False), (9, False), (8, False), (8, True)]

    def battery() -> Any:
        percent, plugged = states.pop(0) if len(states) > 1 else states[0]
        return SimpleNamespace(percent=percent, power_plugged=plugged)

    monkeypatch.setattr(psutil, "sensors_battery", battery, raising=False)
    monkeypatch.setattr("fintune_gui.engine.battery._LOOK_EVERY_S", 0)
    ended, events = run(folder, Words([]))
    (pause,) = of_kind(events, Paused)
    assert "battery" in pause.why
    saved = of_kind(events, CheckpointSaved)[0]
    assert (saved.reason, saved.step) == ("low battery", pause.step)
    assert ended == whole[1]
    assert told(events) == told(whole[2])


def test_that_a_user_who_goes_on_with_an_empty_battery_is_not_asked_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = SimpleNamespace(percent=3, power_plugged=False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: empty, raising=False)
    monkeypatch.setattr("fintune_gui.engine.battery._LOOK_EVERY_S", 0)
    (outcome, _), events = run(folder, Words([], ["continue"]))
    assert outcome == "completed"
    assert len(of_kind(events, Paused)) == 1


@pytest.mark.parametrize("state", [None, SimpleNamespace(percent=3, power_plugged=None)])
def test_that_a_computer_without_a_battery_never_runs_low(state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fintune_gui.engine.battery import Battery

    monkeypatch.setattr(psutil, "sensors_battery", lambda: state, raising=False)
    assert not Battery().is_low()
    monkeypatch.delattr(psutil, "sensors_battery")
    assert not Battery().is_low()


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(("platform", "tool"), [("linux", "systemd-inhibit"), ("darwin", "caffeinate")])
def test_that_the_computer_is_kept_awake_and_let_go(
    platform: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in that does as the system's tool does: it runs the last word of its command line."""
    script = tmp_path / tool
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n"${{@: -1}}"\necho ended >> {tmp_path}/asked\n')
    script.write_text(script.read_text().replace('"${@: -1}"', "cat"))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    awake = Wakefulness(platform)
    awake.hold()
    awake.hold()
    awake.release()
    awake.release()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 2
    assert asked[0].endswith("cat")
    assert asked[1] == "ended"


def test_that_a_system_without_such_a_tool_trains_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    awake = Wakefulness("linux")
    awake.hold()
    awake.release()


def test_that_windows_is_asked_to_stay_awake_and_told_when_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    asked: list[int] = []
    kernel = SimpleNamespace(SetThreadExecutionState=lambda flags: asked.append(flags) or 1)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    awake = Wakefulness("win32")
    awake.hold()
    awake.release()
    assert asked == [0x80000001, 0x80000000]
