"""What a job says while it works: one frozen event per line of JSON.

The same lines go through a private stream to whoever started the job and into the job's ``events.jsonl``. Live plot,
reopened plot, comparison of runs and tests all read them through `read_events`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from fintune_gui.project.errors import Problem
from fintune_gui.project.settings import Frozen

Outcome = Literal["completed", "stopped", "cancelled", "failed", "interrupted"]
"""How a job ended. "stopped": by the user, the result is kept; "interrupted": it saved and can be resumed."""


Count = Annotated[int, Field(ge=0, le=2**53)]
"""A number of things; what is larger was never written by a job, and fits into no curve."""


class _Event(Frozen):
    time: float = Field(default_factory=time.time)
    """Seconds since 1970."""


class Started(_Event):
    """First event of every process that works on a job; a resumed job has several."""

    type: Literal["started"] = "started"
    kind: str
    pid: Annotated[int, Field(ge=0, le=2**32)]
    device: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    resumed_from_step: Count | None = None


class Decided(_Event):
    """Something the job settled by itself, and why."""

    type: Literal["decided"] = "decided"
    what: str
    value: str
    reason: str


class Progress(_Event):
    """How far the present stage is. `total` is None when it is not known."""

    type: Literal["progress"] = "progress"
    stage: str
    done: float
    total: float | None = None
    unit: str = ""


class Plan(_Event):
    """What a training run is going to do; sent once before the first step."""

    type: Literal["plan"] = "plan"
    total_steps: Count
    steps_per_epoch: Count
    training_rows: Count
    validation_rows: Count
    trainable_parameters: Count
    total_parameters: Count


class TrainStep(_Event):
    """One optimizer step."""

    type: Literal["step"] = "step"
    step: Count
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: Count
    """Useful tokens (no padding) since the start of the run."""
    tokens_per_second: float
    useful_share: float
    """Useful tokens divided by computed tokens, 0 to 1."""
    memory_bytes: Count
    seconds_left: float | None = None


class Validated(_Event):
    """The validation rows were measured."""

    type: Literal["validated"] = "validated"
    step: Count
    epoch: float
    loss: float
    metrics: dict[str, float] = Field(default_factory=dict)
    best: bool


class SampleAnswer(_Event):
    """What the model answers to a fixed validation row at this step."""

    type: Literal["sample"] = "sample"
    step: Count
    row_id: Count
    prompt: str
    expected: str
    answer: str


class CheckpointSaved(_Event):
    """A checkpoint is safely on disk."""

    type: Literal["checkpoint"] = "checkpoint"
    step: Count
    folder: str
    best: bool
    reason: str
    seconds: float


class Log(_Event):
    """A line for the log view."""

    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"]
    message: str


class Paused(_Event):
    type: Literal["paused"] = "paused"
    step: Count
    why: str = ""
    """A sentence when the run paused by itself; it goes on by itself when that is over. Empty: the user paused it."""


class Continued(_Event):
    type: Literal["continued"] = "continued"
    step: Count


class Ended(_Event):
    """Last event of every job; exactly one per process that ends by itself."""

    type: Literal["ended"] = "ended"
    outcome: Outcome
    problem: Problem | None = None
    result: dict[str, Any] = Field(default_factory=dict)


Event = Annotated[
    Started | Decided | Progress | Plan | TrainStep | Validated | SampleAnswer | CheckpointSaved | Log | Paused
    | Continued | Ended,
    Field(discriminator="type"),
]  # fmt: skip

_adapter: TypeAdapter[Event] = TypeAdapter(Event)

Command = Literal["pause", "continue", "stop", "save", "cancel"]
"""What can be said to a running job on its standard input, one word a line."""


def parse_event(line: str | bytes) -> Event:
    """One line of an event stream.

    Raises:
        pydantic.ValidationError: if the line is not a whole, known event.
    """
    return _adapter.validate_json(line)


def read_events(path: Path) -> Iterator[Event]:
    """The events of a job, in order. A torn last line (the writer was killed) is left out; a missing file is empty."""
    yield from parsed_lines(read_lines(path))


def read_lines(path: Path) -> Iterator[bytes]:
    """The whole lines of an event file."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line


def parsed_lines(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events that lines tell; damaged and unknown ones are left out."""
    for line in lines:
        try:
            yield parse_event(line)
        except ValidationError:
            continue
