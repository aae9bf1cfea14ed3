"""What measured dry runs found, and whether it still holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fintune_gui.project.cheaper import CheaperWay
from fintune_gui.project.document import ModelChoice
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.events import Ended, read_events
from fintune_gui.project.memory import gigabytes
from fintune_gui.project.settings import TrainingSettings
from fintune_gui.project.spec import EVENTS_FILE, FitSpec, TrainSpec, read_spec

TRIALS = "trial-"
"""What the folders of a dry run's parts are called, inside the job's."""
_SAME = 0.03
"""Differences up to this share are those between two runs of the same."""


@dataclass(frozen=True)
class Measured:
    """What a dry run found.

    Attributes:
        peak_memory_bytes: The most memory that the job's process held.
        tokens_per_second: Useful tokens.
        hours: How long the whole run would take.
        checkpoint_bytes: Size of one checkpoint on disk.
        steps: Steps that were measured; 0 if they did not fit into memory, and then all is 0.
        cheaper: What cheaper ways would need, in the order in which they were tried.
    """

    peak_memory_bytes: float
    tokens_per_second: float
    hours: float
    checkpoint_bytes: float
    steps: int
    cheaper: tuple[MeasuredWay, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the steps could be made at all."""
        return self.steps > 0


@dataclass(frozen=True)
class MeasuredWay:
    """A cheaper way with what was measured; `problem` says why there is nothing, else it is ""."""

    way: CheaperWay
    measured: Measured | None
    problem: str = ""

    def effect(self, before: Measured) -> str:
        """What it brings against the settings as they are: "1.2 GB instead of 2.1 GB, 20 % slower"."""
        if self.measured is None:
            return self.problem
        needs = gigabytes(self.measured.peak_memory_bytes)
        if not before.fits:
            return f"{needs}: fits; {self.measured.tokens_per_second:,.0f} tokens a second"
        memory, share = f"{needs} instead of {gigabytes(before.peak_memory_bytes)}", self._memory_share(before)
        if abs(share - 1) <= _SAME:
            memory = f"as much memory ({needs})"
        elif needs == gigabytes(before.peak_memory_bytes):
            memory = f"{abs(share - 1):.0%} {'less' if share < 1 else 'more'} memory ({needs})"
        speed = self.measured.tokens_per_second / before.tokens_per_second
        if abs(speed - 1) <= _SAME:
            return f"{memory}, as fast".replace("%", " %")
        return f"{memory}, {abs(speed - 1):.0%} {'faster' if speed > 1 else 'slower'}".replace("%", " %")

    def _memory_share(self, before: Measured) -> float:
        assert self.measured is not None
        return self.measured.peak_memory_bytes / before.peak_memory_bytes


def last_measured(
    jobs: Path, model: ModelChoice, training: TrainingSettings, inputs: dict[str, str]
) -> Measured | None:
    """The newest finished dry run below `jobs` that measured exactly this; None if there is none.

    Where a cheaper way was taken, its own measurement counts.

    Args:
        jobs: The project's folder of jobs.
        inputs: Present fingerprints of what a run is made from, see `fintune_gui.project.flow.input_fingerprints`.
    """
    for folder in _dry_runs(jobs):
        try:
            spec = read_spec(folder)
        except FintuneError:
            continue
        if isinstance(spec, FitSpec) and _measures(spec.train, model, training, inputs):
            ended = [event for event in read_events(folder / EVENTS_FILE) if isinstance(event, Ended)]
            if ended and ended[-1].outcome == "completed":
                return measured_from(ended[-1].result)
    return None


def _dry_runs(jobs: Path) -> Iterator[Path]:
    """All dry runs, the newest first, each followed by its parts."""
    for folder in sorted(jobs.glob("fit-[0-9]*"), reverse=True):
        yield folder
        yield from sorted(folder.glob(f"{TRIALS}*"))


def measured_from(result: dict[str, Any]) -> Measured:
    """The result that a dry run ended with."""
    figures = {name: result.get(name, 0) for name in Measured.__dataclass_fields__ if name != "cheaper"}
    return Measured(**figures, cheaper=tuple(_ways_from(result.get("cheaper", []))))


def _ways_from(told: list[dict[str, Any]]) -> Iterator[MeasuredWay]:
    for each in told:
        try:
            way = CheaperWay.model_validate(each["way"])
        except (ValidationError, KeyError):  # of another version: there is nothing to apply
            continue
        problem = str(each.get("problem", ""))
        yield MeasuredWay(way, None if problem else measured_from(each), problem)


def _measures(spec: TrainSpec, model: ModelChoice, training: TrainingSettings, inputs: dict[str, str]) -> bool:
    same_inputs = all(inputs.get(name) == value for name, value in spec.inputs.items())
    return spec.model == model and spec.training == training and same_inputs
