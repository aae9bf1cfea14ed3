"""The result of an evaluation, as data: scores, verdict and the sentence that says it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from fintune_gui.project.document import Metric, Objective
from fintune_gui.project.settings import Frozen
from fintune_gui.project.spec import Part

REPORT_FILE = "report.json"
RESULTS_FILE = "samples.parquet"

Contender = Literal["majority", "untuned", "tuned"]


class Interval(Frozen):
    """A value and its 95 % confidence interval; low and high are None where none can be given."""

    value: float
    low: float | None = None
    high: float | None = None


class Scores(Frozen):
    """All metrics of one contender on the same rows."""

    contender: Contender
    metrics: dict[Metric, Interval]


class LabelScores(Frozen):
    """Precision, recall and F1 of the tuned model for one label."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float


class Verdict(Frozen):
    """Did tuning help? Decided on paired rows, never on two separate averages."""

    outcome: Literal["better", "no_clear_difference", "worse"]
    metric: Metric
    compared_with: Contender
    """The stronger of the baselines."""
    difference: Interval
    """Tuned minus baseline, in the direction in which positive is better."""
    p_value: float | None
    test: str
    """Name of the statistical test, as a statistician would write it."""
    target_met: bool | None
    headline: str
    """ "Better, and the target is met." """
    explanation: str
    """Two or three sentences with the figures."""


class Report(Frozen):
    """``report.json`` of a run. Its rows are in ``samples.parquet`` beside it."""

    run: int
    part: Part
    rows: int
    generated_rows: int = 0
    objective: Objective
    checkpoint_step: int
    scores: tuple[Scores, ...]
    labels: tuple[LabelScores, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows: expected label, columns: the tuned model's answer, in the order of `labels`."""
    verdict: Verdict
    notes: tuple[str, ...] = ()
    """What the reader must know to read the figures rightly."""
    seconds: float
    inputs: dict[str, str] = Field(default_factory=dict)

    def score(self, contender: Contender) -> Scores | None:
        """The scores of one contender, if it was measured."""
        return next((scores for scores in self.scores if scores.contender == contender), None)


def read_report(run_folder: Path) -> Report | None:
    """The report of a run, or None if it has none that this version can read."""
    try:
        return Report.model_validate_json((run_folder / REPORT_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
