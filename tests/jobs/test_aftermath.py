"""Whatever a job's process dies of becomes a sentence, with the log's last lines, and says whether it can go on."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from fintune_gui.jobs.aftermath import ended_without_event, log_tail
from fintune_gui.project.channel import EventWriter
from fintune_gui.project.events import CheckpointSaved, Decided, Ended, TrainStep, read_events
from fintune_gui.project.spec import EVENTS_FILE
from tests.helpers.children import last_of, start_child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are the deaths of a POSIX system")

SEGFAULT = "import ctypes, faulthandler\nfaulthandler.enable()\nctypes.string_at(0)"
ABORT = 'sys.stderr.write("what():  std::bad_alloc\\n")\nsys.stderr.flush()\nos.abort()'
DRIVER = 'sys.stderr.write("CUDA error: an illegal memory access was encountered\\n")\nsys.stderr.flush()\nos.abort()'
SIGNAL = "import signal\nos.kill(os.getpid(), signal.{0})"
TOO_MUCH = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\nbytearray(2 << 30)"


@pytest.mark.parametrize(
    ("death", "why", "advice"),
    [
        (SEGFAULT, "A library that it uses crashed (SIGSEGV).", "last lines"),
        (ABORT, "The memory of this computer ran out.", "smaller model"),
        (DRIVER, "The graphics card or its driver failed.", "driver up to date"),
        (SIGNAL.format("SIGKILL"), "killed from outside: by hand, or by the system", "smaller model"),
        (SIGNAL.format("SIGTERM"), "ended from outside, as when the computer shuts down", "last lines"),
        (SIGNAL.format("SIGILL"), "does not know an instruction", "older processors"),
        (SIGNAL.format("SIGBUS"), "crashed (SIGBUS)", "last lines"),
        (TOO_MUCH, "The memory of this computer ran out.", "smaller model"),
    ],
)
@pytest.mark.parametrize("saved", [True, False])
def test_that_every_death_is_explained(tmp_path: Path, death: str, why: str, advice: str, saved: bool) -> None:
    before = "checkpoint()\n" if saved else ""
    words = 'sys.stderr.write("the last words\\n")\nsys.stderr.flush()\n'
    ended = last_of(list(start_child(tmp_path, before + words + death).events()))
    assert ended.problem is not None
    assert why in ended.problem.why
    assert advice in ended.problem.todo
    assert "the last words" in ended.problem.details
    assert ended.outcome == ("interrupted" if saved else "failed")
    assert ended.problem.todo.startswith("Resume it" if saved else "Start it again")
    assert list(read_events(tmp_path / EVENTS_FILE))[-1] == ended


def test_that_a_crash_says_where_it_was(tmp_path: Path) -> None:
    ended = last_of(list(start_child(tmp_path, SEGFAULT).events()))
    assert ended.problem is not None
    assert "Segmentation fault" in ended.problem.details
    assert "string_at" in ended.problem.details


def test_that_a_killed_run_tells_how_much_memory_it_used(tmp_path: Path) -> None:
    with EventWriter(tmp_path) as write:
        write(Decided(what="device", value="CPU, 2 threads", reason=""))
        write(
            TrainStep(
                step=1, epoch=0.1, loss=1.0, learning_rate=0.1, grad_norm=1.0, tokens=1, tokens_per_second=1.0,
                useful_share=1.0, memory_bytes=5_300_000_000,
            )
        )  # fmt: skip
        write(CheckpointSaved(step=1, folder="step-000001", best=False, reason="time", seconds=0.1))
    ended = ended_without_event(tmp_path, -signal.SIGKILL, "", asked_to_stop=False)
    assert ended.problem is not None
    assert "It last used 5.3 of" in ended.problem.why


@pytest.mark.parametrize(
    ("code", "why"),
    [(0xC0000005, "crashed (access violation)"), (0xC000013A, "ended from outside"), (3, "ended with code 3: at last")],
)
def test_that_exit_codes_are_translated(tmp_path: Path, code: int, why: str) -> None:
    ended = ended_without_event(tmp_path, code, "first\nat last\n\n", asked_to_stop=False)
    assert isinstance(ended, Ended)
    assert ended.problem is not None
    assert why in ended.problem.why


def test_that_a_log_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert log_tail(tmp_path) == ""
    (tmp_path / "log.txt").mkdir()
    assert log_tail(tmp_path) == ""
