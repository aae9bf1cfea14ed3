"""What happened to a job that went without a word: told from its exit code, its log and its checkpoints."""

from __future__ import annotations

import signal
from pathlib import Path

from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Ended
from fintune_gui.project.history import read_history
from fintune_gui.project.spec import LOG_FILE

_LOG_TAIL_BYTES = 4000
_OUT_OF_MEMORY_SIGNS = ("out of memory", "MemoryError", "cannot allocate memory", "bad_alloc")


def ended_without_event(folder: Path, exit_code: int, log: str, *, asked_to_stop: bool) -> Ended:
    """The end event that the process in `folder` did not live to write.

    "interrupted" when a checkpoint is there to go on from, "cancelled" when the user ended it before the first one,
    else "failed".
    """
    if read_history(folder).resumable:
        problem = Problem(
            code="job.interrupted",
            what="The run was interrupted.",
            why=_cause(exit_code, log),
            todo="Resume it: it goes on from its last checkpoint.",
            details=log,
        )
        return Ended(outcome="interrupted", problem=problem)
    if asked_to_stop:
        return Ended(outcome="cancelled", problem=Problem(code="cancelled", what="Cancelled."))
    problem = Problem(
        code="job.died",
        what="The work ended without a result.",
        why=_cause(exit_code, log),
        todo=_advice(exit_code, log),
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
    except FileNotFoundError:
        return ""
    return text if first == start else text.partition("\n")[2]


def _memory_ran_out(exit_code: int, log: str) -> bool:
    return any(sign.lower() in log.lower() for sign in _OUT_OF_MEMORY_SIGNS)


def _cause(exit_code: int, log: str) -> str:
    if _memory_ran_out(exit_code, log):
        return "The memory of this computer ran out."
    if exit_code == -getattr(signal, "SIGKILL", 9):
        return "Its process was killed from outside: by hand, or by the system because memory ran out."
    if exit_code < 0:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        return f"Its process was ended by the system ({name})."
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    return f"Its process ended with code {exit_code}" + (f": {last}" if last else ".")


def _advice(exit_code: int, log: str) -> str:
    if _memory_ran_out(exit_code, log) or exit_code == -getattr(signal, "SIGKILL", 9):
        return "Close other programs and start it again; if it ends the same way, use fewer rows or a smaller model."
    return "Start it again; if it ends the same way, the log in the job's folder says more."
