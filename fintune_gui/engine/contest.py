"""What both kinds of evaluation share: the models that compete, the rows, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.dataset.results import ResultRow
from fintune_gui.engine import checkpoints
from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.job import Job
from fintune_gui.engine.model import Model, load_for_training, load_trainable_state, padding_id
from fintune_gui.engine.stepping import Layout, Sums
from fintune_gui.engine.verdict import Measured
from fintune_gui.project.document import Metric
from fintune_gui.project.report import Contender, LabelScores, Verdict
from fintune_gui.project.spec import EvaluateSpec, TrainSpec

BUDGET = 2048
"""Tokens computed at once while measuring."""


@dataclass
class Contest:
    """An evaluation. The model begins untuned; `tune` turns it into the run's result.

    A run that added tokens is compared with the model as it came, which knows none of them: `model`, `tokenizer` and
    `examples` are at first those without, and `grown` holds the tokenizer and the same rows with them.
    """

    job: Job
    spec: EvaluateSpec
    trained: TrainSpec
    run_folder: Path
    checkpoint: Path
    device: Device
    tokenizer: ModelTokenizer
    model: Model
    examples: Sequence[Example]
    grown: tuple[ModelTokenizer, Sequence[Example]] | None = None

    def tune(self) -> None:
        """Put the best checkpoint's weights into the model, after the tokens that the run added if there are any."""
        if self.grown is not None:
            self.model = None  # two at once might be too much
            self.tokenizer, self.examples = self.grown
            self.model = load_for_training(self.trained, self.device, padding_id(self.tokenizer))
        load_trainable_state(self.model, self.checkpoint / checkpoints.WEIGHTS_FILE)

    def compute(self, layout: Layout, stage: str, examples: Sequence[Example]) -> list[tuple[list[int], Sums]]:
        """Sums of all rows, part by part, each with the indices of its rows; tells how far it is."""
        self.model.eval()
        parts, done = [], 0
        for indices in layout.plan(examples, BUDGET):
            self.job.check_cancelled()
            parts.append((indices, layout.compute([examples[index] for index in indices])))
            done += len(indices)
            self.job.progress(stage, done, len(examples), "rows")
        return parts


@dataclass
class Outcome:
    """What an evaluation found.

    Attributes:
        verdict_rows: How many rows the objective's metric was measured on.
    """

    measured: dict[Contender, dict[Metric, Measured]]
    verdict: Verdict
    verdict_rows: int
    rows: list[ResultRow]
    notes: list[str]
    generated_rows: int = 0
    labels: tuple[LabelScores, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = field(default=())
