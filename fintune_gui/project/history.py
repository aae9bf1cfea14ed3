"""A training run as told by its events: the one view of a run that plots, pages, reports and tests share."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import from_json

from fintune_gui.project.event_words import log_line
from fintune_gui.project.events import (
    CheckpointSaved,
    Decided,
    Ended,
    Event,
    Log,
    Paused,
    Plan,
    Progress,
    SampleAnswer,
    Started,
    TrainStep,
    Validated,
    parse_event,
    parsed_lines,
    read_lines,
)
from fintune_gui.project.spec import EVENTS_FILE, LATEST_CHECKPOINT

CURVES = (
    "loss",
    "learning_rate",
    "grad_norm",
    "tokens_per_second",
    "useful_share",
    "memory_bytes",
    "epoch",
    "tokens",
    "time",
)

_A_STEP = b'"type":"step"'
_STEPS_AT_ONCE = 1000


@dataclass
class RunHistory:
    """Everything that has happened in one run, kept up to date by `add`.

    Attributes:
        steps: Step numbers of the training curve, strictly rising.
        curves: For each name in `CURVES` the values at `steps`.
        revision: Rises with each event, so that a view knows whether it must draw again.
    """

    plan: Plan | None = None
    started: Started | None = None
    steps: array[int] = field(default_factory=lambda: array("q"))
    curves: dict[str, array[float]] = field(default_factory=lambda: {name: array("d") for name in CURVES})
    validations: list[Validated] = field(default_factory=list)
    samples: list[SampleAnswer] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    checkpoints: list[CheckpointSaved] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    """What was logged, and everything else that happened but steps, in the order of its time."""
    progress: Progress | None = None
    last_step: TrainStep | None = None
    paused: bool = False
    paused_why: str = ""
    """Why the run paused by itself, in a sentence; empty if the user paused it."""
    ended: Ended | None = None
    checkpoint_on_disk: bool = False
    """Whether the run's folder holds a checkpoint, also if its event was lost: by a kill just then, or a power cut."""
    revision: int = 0

    def add(self, event: Event) -> None:  # noqa: PLR0912 - one branch per kind of event
        """Take in the next event. Steps that a resumed run repeats replace the ones that were lost."""
        self.revision += 1
        if (line := log_line(event)) is not None:
            self.logs.append(line)
        match event:
            case Started():
                self.started, self.ended, self.paused = event, None, False
                self._forget_after(event.resumed_from_step or 0)
            case Plan():
                self.plan = event
            case TrainStep():
                self.steps.append(event.step)
                for name, values in self.curves.items():
                    values.append(float(getattr(event, name)))
                self.last_step = event
                self.paused = False
            case Validated():
                self.validations.append(event)
            case SampleAnswer():
                self.samples.append(event)
            case Decided():
                self.decisions.append(event)
            case CheckpointSaved():
                self.checkpoints.append(event)
            case Progress():
                self.progress = event
            case Log():
                pass
            case Paused():
                self.paused, self.paused_why = True, event.why
            case Ended():
                self.ended = event
            case _:
                self.paused = False

    @classmethod
    def begin(cls, job_folder: Path) -> RunHistory:
        """The history of the job in `job_folder` before its first event."""
        return cls(checkpoint_on_disk=(job_folder / LATEST_CHECKPOINT).is_file())

    def extend(self, events: Iterable[Event]) -> None:
        for event in events:
            self.add(event)

    def add_steps(self, lines: Sequence[bytes]) -> None:
        """Take in lines of steps, as `add` does with each; damaged ones are left out."""
        try:
            told = from_json(b"[" + b",".join(lines) + b"]")
            steps = array("q", [event["step"] for event in told])
            curves = {name: array("d", map(float, [event[name] for event in told])) for name in self.curves}
            last = parse_event(lines[-1]) if lines else None
        except (ValueError, KeyError, TypeError, OverflowError):
            self.extend(parsed_lines(lines))
            return
        if not isinstance(last, TrainStep):
            return
        self.steps.extend(steps)
        for name, values in curves.items():
            self.curves[name].extend(values)
        self.last_step, self.paused = last, False
        self.revision += len(steps)

    def _forget_after(self, step: int) -> None:
        keep = len(self.steps)
        while keep and self.steps[keep - 1] > step:
            keep -= 1
        del self.steps[keep:]
        for values in self.curves.values():
            del values[keep:]
        self.validations = [v for v in self.validations if v.step <= step]
        self.samples = [s for s in self.samples if s.step <= step]
        self.decisions = []

    @property
    def best(self) -> Validated | None:
        """The last validation that was the best so far."""
        return next((v for v in reversed(self.validations) if v.best), None)

    @property
    def finished(self) -> bool:
        """Whether the run came to its end and can be evaluated: completed, or stopped by the user."""
        return self.ended is not None and self.ended.outcome in ("completed", "stopped")

    @property
    def resumable(self) -> bool:
        """Whether there is work to go on from: not finished, and a checkpoint is on disk."""
        return not self.finished and (bool(self.checkpoints) or self.checkpoint_on_disk)


def read_history(job_folder: Path) -> RunHistory:
    """The history of the job in `job_folder`, from its event file."""
    return read_history_and_newest(job_folder, 0)[0]


def read_history_and_newest(job_folder: Path, count: int) -> tuple[RunHistory, list[Event]]:
    """The history of a job, and the last `count` events that it was made from.

    Steps, of which a long run has a million, are taken in many at a time and not built as events.
    """
    history = RunHistory.begin(job_folder)
    newest: deque[bytes] = deque(maxlen=count)
    steps: list[bytes] = []
    for line in read_lines(job_folder / EVENTS_FILE):
        newest.append(line)
        if _A_STEP in line and len(steps) < _STEPS_AT_ONCE:
            steps.append(line)
            continue
        history.add_steps(steps)
        steps = [line] if _A_STEP in line else []
        if not steps:
            history.extend(parsed_lines([line]))
    history.add_steps(steps)
    if not history.checkpoint_on_disk:
        history.checkpoints.clear()  # told once, and gone since: nobody can go on from them
    return history, list(parsed_lines(newest))
