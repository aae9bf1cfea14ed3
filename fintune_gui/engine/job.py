"""What every kind of work in the engine is given: its folder, a way to speak, and a way to listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fintune_gui.project.channel import CommandReader
from fintune_gui.project.events import Decided, Event, Log, Outcome, Progress

Result = tuple[Outcome, dict[str, Any]]
"""How a job ended, and the JSON-like result that goes into its end event."""


@dataclass(frozen=True)
class Job:
    """The running job. `emit` appends an event; `commands` holds what the user asked meanwhile.

    When the disk is full `emit` raises `OSError`, and `flush` tries again to write what was told meanwhile.
    """

    folder: Path
    emit: Callable[[Event], None]
    commands: CommandReader
    flush: Callable[[], None] = lambda: None

    def decided(self, what: str, value: str, reason: str) -> None:
        """Tell what the job settled by itself."""
        self.emit(Decided(what=what, value=value, reason=reason))

    def progress(self, stage: str, done: float, total: float | None = None, unit: str = "") -> None:
        """Tell how far `stage` is."""
        self.emit(Progress(stage=stage, done=done, total=total, unit=unit))

    def log(self, message: str, level: Literal["info", "warning", "error"] = "info") -> None:
        """Add a line to the log view."""
        self.emit(Log(level=level, message=message))

    def check_cancelled(self) -> None:
        """Raise `CancelledError` once the user cancelled or the parent has gone."""
        self.commands.cancel_check()()
