"""The child process that reads files, so that the window never waits for it and a kill costs nothing."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fintune_gui.dataset.importing import FileChoice, Report, add_files, import_files, sniff
from fintune_gui.project.channel import CommandReader, EventWriter, take_protocol_stream
from fintune_gui.project.errors import CancelledError, FintuneError, Problem
from fintune_gui.project.events import Ended, Progress, Started
from fintune_gui.project.spec import ImportSpec, JobSpec, LookSpec, read_spec

_REPORTS_PER_SECOND = 10


def main(folder: Path) -> int:
    """Import or look at files, as ``spec.json`` of a job folder says. Returns the exit code: 0, or 1 if it failed."""
    stream = take_protocol_stream()
    commands = CommandReader()
    with EventWriter(folder, stream) as write:
        write(Started(kind=_kind(folder), pid=os.getpid()))
        ended = _run(folder, write, commands)
        write(ended)
    return 0 if ended.outcome == "completed" else 1


def _run(folder: Path, write: EventWriter, commands: CommandReader) -> Ended:
    try:
        result = _work(read_spec(folder), _Reporter(write), commands.cancel_check())
    except CancelledError as error:
        return Ended(outcome="cancelled", problem=error.problem)
    except FintuneError as error:
        return Ended(outcome="failed", problem=error.problem)
    except Exception as error:
        return Ended(outcome="failed", problem=_defect(error))
    return Ended(outcome="completed", result=result)


def _kind(folder: Path) -> str:
    try:
        return read_spec(folder).kind
    except FintuneError:
        return "import"


def _work(spec: JobSpec, report: Report, check_cancelled: Callable[[], None]) -> dict[str, Any]:
    match spec:
        case ImportSpec():
            dataset = Path(spec.project_folder) / "dataset"
            if spec.add:
                result = add_files(dataset, spec.files, report=report, check_cancelled=check_cancelled)
            else:
                result = import_files(spec.files, dataset, report=report, check_cancelled=check_cancelled)
            return result.model_dump(mode="json")
        case LookSpec():
            found = []
            for choice in spec.files:
                check_cancelled()
                report(f"Looking at {choice.path}", 0, None)
                found.append(_look(choice))
            return {"files": found}
        case _:
            raise TypeError(f"the data worker does not do jobs of the kind {spec.kind}")


def _look(choice: FileChoice) -> dict[str, Any]:
    """What a file holds, or why it cannot be used; one bad file does not keep the others from being shown."""
    try:
        return {"path": choice.path, "found": sniff(choice).model_dump(mode="json")}
    except CancelledError:
        raise
    except FintuneError as error:
        return {"path": choice.path, "problem": error.problem.model_dump(mode="json")}


class _Reporter:
    """Passes progress on, but not more often than anybody can look."""

    def __init__(self, write: EventWriter) -> None:
        self._write = write
        self._stage = ""
        self._last = 0.0

    def __call__(self, stage: str, done: float, total: float | None) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._last < 1 / _REPORTS_PER_SECOND:
            return
        self._stage, self._last = stage, now
        unit = "bytes" if stage.startswith("Looking") else ""
        self._write(Progress(stage=stage, done=done, total=total, unit=unit))


def _defect(error: Exception) -> Problem:
    return Problem(
        code="defect",
        what="The import failed because of a mistake in Fintune.",
        why=f"{type(error).__name__}: {error}",
        todo="The rows from before are unchanged. Please report this with the details.",
        details=traceback.format_exc(),
    )
