"""What happened in a run, as lines of a log."""

from __future__ import annotations

from typing import Literal

from fintune_gui.project.document import Metric
from fintune_gui.project.events import (
    CheckpointSaved,
    Continued,
    Decided,
    Ended,
    Event,
    Log,
    Paused,
    Plan,
    Started,
    Validated,
)

_LIBRARIES = ("torch", "transformers", "peft")
_METRICS = {metric.value: metric.display_name for metric in Metric}


def log_line(event: Event) -> Log | None:
    """The line that an event is worth in the log of its run; None for steps, progress and answers."""
    if isinstance(event, Log):
        return event
    if isinstance(event, Ended) and event.problem is not None and event.outcome != "cancelled":
        level: Literal["error", "warning"] = "error" if event.outcome == "failed" else "warning"
        return Log(time=event.time, level=level, message=f"{event.problem.what} {event.problem.why}".strip())
    words = _words(event)
    alarms = isinstance(event, Paused) and event.why
    return Log(time=event.time, level="warning" if alarms else "info", message=words) if words else None


def _words(event: Event) -> str:
    """One or two sentences; "" for what is shown elsewhere."""
    words = ""
    match event:
        case Started():
            versions = ", ".join(f"{name} {event.versions[name]}" for name in _LIBRARIES if name in event.versions)
            words = f"Started as process {event.pid}{f' with {versions}' if versions else ''}."
        case Plan():
            rows = f"{event.training_rows:,} rows to learn from, {event.validation_rows:,} to measure"
            trained = f"{event.trainable_parameters:,} of {event.total_parameters:,} parameters are trained"
            words = f"{event.total_steps:,} steps; {rows}; {trained}."
        case Decided():
            words = f"Decided on {event.what}: {event.value}. {event.reason}"
        case Validated():
            figures = "".join(f", {_METRICS.get(name, name)} {value:.4g}" for name, value in event.metrics.items())
            best = "; the best so far" if event.best else ""
            words = f"Validation after step {event.step:,}: loss {event.loss:.4g}{figures}{best}."
        case CheckpointSaved():
            words = f"Checkpoint of step {event.step:,} saved in {event.seconds:.1f} s ({event.reason})."
        case Paused():
            words = f"Paused after step {event.step:,}. {event.why}".strip()
        case Continued():
            words = f"Continued after step {event.step:,}."
        case Ended():
            words = f"The end: {event.outcome}."
    return words
