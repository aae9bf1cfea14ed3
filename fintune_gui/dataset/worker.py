"""The child process that imports files, so that the window never waits for it and a kill costs nothing."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from fintune_gui.dataset.importing import ImportOptions, import_files
from fintune_gui.project.channel import CommandReader, EventWriter, take_protocol_stream
from fintune_gui.project.errors import CancelledError, FintuneError, Problem
from fintune_gui.project.events import Ended, Progress, Started
from fintune_gui.project.spec import ImportSpec, read_spec

_REPORTS_PER_SECOND = 10


def main(folder: Path) -> int:
    """Do the import described in ``spec.json`` of a job folder. Returns the exit code: 0, or 1 if it failed."""
    stream = take_protocol_stream()
    commands = CommandReader()
    with EventWriter(folder, stream) as write:
        write(Started(kind="import", pid=os.getpid()))
        ended = _run(folder, write, commands)
        write(ended)
    return 0 if ended.outcome == "completed" else 1


def _run(folder: Path, write: EventWriter, commands: CommandReader) -> Ended:
    try:
        spec = read_spec(folder)
        if not isinstance(spec, ImportSpec):
            raise TypeError(f"the data worker does not do jobs of the kind {spec.kind}")
        result = import_files(
            [Path(file) for file in spec.files],
            Path(spec.project_folder) / "dataset",
            ImportOptions(format=spec.format, encoding=spec.encoding, delimiter=spec.delimiter),
            report=_Reporter(write),
            check_cancelled=commands.cancel_check(),
        )
    except CancelledError as error:
        return Ended(outcome="cancelled", problem=error.problem)
    except FintuneError as error:
        return Ended(outcome="failed", problem=error.problem)
    except Exception as error:
        return Ended(outcome="failed", problem=_defect(error))
    return Ended(outcome="completed", result=result.model_dump(mode="json"))


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
        unit = "lines" if stage.startswith("Reading") else "bytes"
        self._write(Progress(stage=stage, done=done, total=total, unit=unit))


def _defect(error: Exception) -> Problem:
    return Problem(
        code="defect",
        what="The import failed because of a mistake in Fintune.",
        why=f"{type(error).__name__}: {error}",
        todo="The rows from before are unchanged. Please report this with the details.",
        details=traceback.format_exc(),
    )
