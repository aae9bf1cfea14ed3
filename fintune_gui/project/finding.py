"""What a coach has found in a run, and which kinds of it the user does not want to hear again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fintune_gui.project.files import write_json
from fintune_gui.project.history import RunHistory
from fintune_gui.project.stretches import Stretch

Rule = Literal["not_a_number", "divergence", "by_heart", "overfitting", "rate_too_high", "plateau", "rate_too_low"]
Act = Literal["stop", "halve", "raise", "keep"]
"""Stop at the best; a new run from the best with half the rate; a new run with three times the rate; keep going."""

GRAVEST_FIRST: Final[tuple[Rule, ...]] = (
    "not_a_number",
    "divergence",
    "by_heart",
    "overfitting",
    "rate_too_high",
    "plateau",
    "rate_too_low",
)
RAISED_BY: Final = 3
SILENCED_FILE = "coach.json"


@dataclass(frozen=True)
class Finding:
    """One thing that the coach saw.

    Attributes:
        rule: What kind of thing; a finding of the same rule can be silenced for a run.
        saw: A sentence with the figures.
        means: What that usually means.
        todo: What can be done.
        actions: What can be done by a button, the best first.
    """

    rule: Rule
    saw: str
    means: str
    todo: str
    actions: tuple[Act, ...]

    def __str__(self) -> str:
        return f"{self.saw} {self.means} {self.todo}"


def rate_too_low(steps: int, then: Stretch, now: Stretch, rate: float) -> Finding:
    """What is said where the training loss has hardly moved in so many steps."""
    return Finding(
        "rate_too_low",
        f"Training loss has hardly moved in {steps:,} steps: {figure(then.mean)} then, {figure(now.mean)} now.",
        f"The learning rate of {rate_words(rate)} is too low, or the model knows already what these rows can teach.",
        f"A run with {RAISED_BY} times the rate would show which.",
        ("raise", "keep", "stop"),
    )


def best_words(history: RunHistory) -> str:
    """Which checkpoint is the best so far; "" before the first."""
    best = history.best
    return f"The best checkpoint, of step {best.step:,}, is kept whatever you choose." if best else ""


def figure(value: float) -> str:
    """A loss as people read it."""
    return f"{value:,.1f}" if value >= 100 else f"{value:.3f}"


def rate_words(rate: float) -> str:
    """A learning rate as people read it."""
    return f"{rate:.2g}"


# What the user does not want to hear again


def read_silenced(run_folder: Path) -> set[str]:
    """The rules that the user has silenced for a run; empty if the file is missing or damaged."""
    try:
        told = json.loads((run_folder / SILENCED_FILE).read_text(encoding="utf-8"))["silenced"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {rule for rule in told if isinstance(rule, str)} if isinstance(told, list) else set()


def silence(run_folder: Path, rule: str) -> None:
    """Say nothing more of `rule` about this run.

    Raises:
        ProjectError: if the file cannot be written.
    """
    write_json(run_folder / SILENCED_FILE, {"silenced": sorted(read_silenced(run_folder) | {rule})})
