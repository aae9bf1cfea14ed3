"""What happened to a job that went without a word: told from its exit code, its log and its checkpoints."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

import psutil

from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Ended
from fintune_gui.project.history import RunHistory, read_history
from fintune_gui.project.spec import LOG_FILE

_LOG_TAIL_BYTES = 4000
_OUT_OF_MEMORY_SIGNS = ("out of memory", "memoryerror", "cannot allocate memory", "can't allocate memory", "bad_alloc")
_DEVICE_SIGNS = ("cuda error", "cudnn error", "cublas_status", "cuda driver", "hip error", "nvml", "acceleratorerror")
_WINDOWS_CODES = {
    0xC0000005: "access violation",
    0xC00000FD: "stack overflow",
    0xC0000374: "heap corruption",
    0xC0000409: "stack buffer overrun",
    0xC000001D: "SIGILL",
    0xC000013A: "SIGINT",
}
_SPARE_MEMORY = "If it ends the same way, close other programs, or use fewer rows or a smaller model."
_MEND_DRIVER = "If it ends the same way, restart the computer, and bring the graphics card's driver up to date."
_TRY_AGAIN = "If it ends the same way, the log's last lines say more."


class _Cause(NamedTuple):
    why: str
    if_again: str


_ENDED_FROM_OUTSIDE = _Cause("Its process was ended from outside, as when the computer shuts down.", _TRY_AGAIN)
_SIGNALS_WITH_A_REASON = {
    **dict.fromkeys(("SIGTERM", "SIGHUP", "SIGINT"), _ENDED_FROM_OUTSIDE),
    "SIGILL": _Cause(
        "This computer's processor does not know an instruction that a library was built for.",
        "If it ends the same way, install a build of PyTorch for older processors.",
    ),
}
_SIGNS_IN_THE_LOG = {
    _OUT_OF_MEMORY_SIGNS: _Cause("The memory of this computer ran out.", _SPARE_MEMORY),
    _DEVICE_SIGNS: _Cause("The graphics card or its driver failed.", _MEND_DRIVER),
}


def ended_without_event(folder: Path, exit_code: int, log: str, *, asked_to_stop: bool) -> Ended:
    """The end event that the process in `folder` did not live to write.

    "interrupted" when a checkpoint is there to go on from, "cancelled" when the user ended it before the first one,
    else "failed".
    """
    history = read_history(folder)
    cause = _cause(history, exit_code, log)
    if history.resumable:
        problem = Problem(
            code="job.interrupted",
            what="The run was interrupted.",
            why=cause.why,
            todo=f"Resume it: it goes on from its last checkpoint. {cause.if_again}",
            details=log,
        )
        return Ended(outcome="interrupted", problem=problem)
    if asked_to_stop:
        return Ended(outcome="cancelled", problem=Problem(code="cancelled", what="Cancelled."))
    problem = Problem(
        code="job.died",
        what="The work ended without a result.",
        why=cause.why,
        todo=f"Start it again. {cause.if_again}",
        details=log,
    )
    return Ended(outcome="failed", problem=problem)


def log_tail(folder: Path, start: int = 0) -> str:
    """The last lines that the job's libraries printed, of those after the first `start` bytes of the log."""
    try:
        with (folder / LOG_FILE).open("rb") as file:
            size = file.seek(0, 2)
            first = max(start, size - _LOG_TAIL_BYTES)
            file.seek(first)
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if first == start else text.partition("\n")[2]


def _cause(history: RunHistory, exit_code: int, log: str) -> _Cause:
    """What a process died of, as far as anybody can tell from outside."""
    for signs, cause in _SIGNS_IN_THE_LOG.items():
        if any(sign in log.lower() for sign in signs):
            return cause
    name = _signal_name(exit_code)
    if name == "SIGKILL":
        why = "Its process was killed from outside: by hand, or by the system because memory ran out."
        return _Cause(f"{why} {_memory_used(history)}".strip(), _SPARE_MEMORY)
    if name in _SIGNALS_WITH_A_REASON:
        return _SIGNALS_WITH_A_REASON[name]
    if name:
        return _Cause(f"A library that it uses crashed ({name}).", _TRY_AGAIN)
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    return _Cause(f"Its process ended with code {exit_code}" + (f": {last}" if last else "."), _TRY_AGAIN)


def _signal_name(exit_code: int) -> str:
    """The signal, or what Windows calls the same, that ended a process; "" if it ended by itself."""
    if exit_code >= 0:
        return _WINDOWS_CODES.get(exit_code, "")
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def _memory_used(history: RunHistory) -> str:
    """What the run last told of this computer's memory; "" if it used a graphics card's."""
    device = next((decision.value for decision in history.decisions if decision.what == "device"), "")
    if history.last_step is None or not device.startswith("CPU"):
        return ""
    used, total = history.last_step.memory_bytes, psutil.virtual_memory().total
    return f"It last used {used / 1e9:.1f} of {total / 1e9:.1f} GB."
