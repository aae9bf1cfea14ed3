"""What a run comes to, from a quick look through its event file: a long run has a million lines, and many are asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

from fintune_gui.project.events import read_lines
from fintune_gui.project.spec import EVENTS_FILE, LATEST_CHECKPOINT

_CLOCK_TOLERANCE_SECONDS = 2.0

_CURVE_POINTS = 80


@dataclass(frozen=True)
class RunOutline:
    """A job in a few figures.

    Attributes:
        pid: Of the last process that began to work on it; None if none did.
        started: When that was, in seconds since 1970.
        step: The last step that was told; those that were lost by a kill count until they are repeated.
        saved_step: That of the last checkpoint that was told.
        checkpoint_on_disk: Whether there is one, also if its event was lost.
        outcome: How it ended; "" while it has not.
        result: What its end told.
        curve: About eighty of its training losses.
    """

    pid: int | None = None
    started: float = 0.0
    step: int = 0
    total_steps: int = 0
    saved_step: int | None = None
    checkpoint_on_disk: bool = False
    outcome: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    curve: tuple[float, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether it came to its end and can be evaluated: completed, or stopped by the user."""
        return self.outcome in ("completed", "stopped")

    @property
    def resumable(self) -> bool:
        """Whether there is work to go on from."""
        return not self.finished and self.checkpoint_on_disk


def read_outline(job_folder: Path) -> RunOutline | None:
    """The job in `job_folder`; None if it has said nothing yet, or cannot be read."""
    try:
        seen = (job_folder / EVENTS_FILE).stat()
        on_disk = (job_folder / LATEST_CHECKPOINT).is_file()
        return _read_unchanged(job_folder, seen.st_size, seen.st_mtime_ns, on_disk)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _read_unchanged(folder: Path, _size: int, _changed: int, checkpoint_on_disk: bool) -> RunOutline:
    """Read once for each state of the event file."""
    steps: list[bytes] = []
    told: dict[str, Any] = {"checkpoint_on_disk": checkpoint_on_disk}
    for line in read_lines(folder / EVENTS_FILE):
        if b'"type":"step"' in line:
            steps.append(line)
        elif any(kind in line for kind in _TELLING):
            told |= _told(_parsed(line))
    chosen = [_parsed(line) for line in steps[:: max(1, len(steps) // _CURVE_POINTS)]]
    curve = tuple(float(event["loss"]) for event in chosen if isinstance(event.get("loss"), int | float))
    last = next((step for line in reversed(steps) if isinstance(step := _parsed(line).get("step"), int)), 0)
    return RunOutline(step=last, curve=curve, **told)


_TELLING = tuple(f'"type":"{kind}"'.encode() for kind in ("started", "plan", "checkpoint", "ended"))


def _told(event: dict[str, Any]) -> dict[str, Any]:
    """What one of the `_TELLING` events tells; nothing if it is damaged."""
    try:
        match event.get("type"):
            case "started":
                return {"pid": int(event["pid"]), "started": float(event["time"]), "outcome": "", "result": {}}
            case "plan":
                return {"total_steps": int(event["total_steps"])}
            case "checkpoint":
                return {"saved_step": int(event["step"])}
            case "ended":
                return {"outcome": str(event["outcome"]), "result": dict(event.get("result") or {})}
    except (KeyError, TypeError, ValueError):
        pass
    return {}


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def is_at_work(told: RunOutline) -> bool:
    """Whether the process that a job told of last still runs; a later process may have got its number."""
    if told.outcome or told.pid is None:
        return False
    try:
        process = psutil.Process(told.pid)
        same = process.create_time() <= told.started + _CLOCK_TOLERANCE_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return False
