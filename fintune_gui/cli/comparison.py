"""Two runs laid over each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fintune_gui.project.errors import ProjectError
from fintune_gui.project.history import RunHistory, read_history
from fintune_gui.project.report import Report, read_report
from fintune_gui.project.settings import Frozen
from fintune_gui.project.spec import SPEC_FILE, TrainSpec, read_spec

_NONE = "–"


class Row(Frozen):
    """One line of a comparison."""

    name: str
    first: Any
    second: Any

    @property
    def cells(self) -> tuple[str, str, str]:
        return self.name, _text(self.first), _text(self.second)


class Comparison(Frozen):
    """What came out of two runs, what they were made with, and how far they may be compared."""

    figures: tuple[Row, ...]
    differences: tuple[Row, ...]
    notes: tuple[str, ...]


def compare_runs(first: Path, second: Path) -> Comparison:
    """Compare the runs in two run folders."""
    specs = [_train_spec(folder) for folder in (first, second)]
    reports = [read_report(folder) for folder in (first, second)]
    figures = [_figures(read_history(folder), report) for folder, report in zip((first, second), reports, strict=True)]
    settings = [dict(_settings(spec)) for spec in specs]
    return Comparison(
        figures=tuple(_overlay(*figures)),
        differences=tuple(row for row in _overlay(*settings) if row.first != row.second),
        notes=tuple(_notes(*reports)),
    )


def _train_spec(folder: Path) -> TrainSpec:
    spec = read_spec(folder)
    if not isinstance(spec, TrainSpec):
        raise ProjectError(
            "project.bad_spec",
            f"Run {folder.name} cannot be compared.",
            f"{SPEC_FILE} in {folder} describes no training.",
            "Choose another run.",
        )
    return spec


def _overlay(first: dict[str, Any], second: dict[str, Any]) -> Iterator[Row]:
    for name in dict.fromkeys([*first, *second]):
        yield Row(name=name, first=first.get(name), second=second.get(name))


def _figures(history: RunHistory, report: Report | None) -> dict[str, Any]:
    best = history.best
    figures: dict[str, Any] = {
        "outcome": history.ended.outcome if history.ended else "interrupted",
        "steps": history.last_step.step if history.last_step else 0,
        "last training loss": history.last_step.loss if history.last_step else None,
        "best validation loss": best.loss if best else None,
    }
    if best:
        figures |= {f"validation {name}": value for name, value in best.metrics.items()}
    if report:
        figures["verdict"] = report.verdict.outcome.replace("_", " ")
        for scores in report.scores:
            figures |= {
                f"test {metric.display_name}, {scores.contender}": interval.value
                for metric, interval in scores.metrics.items()
            }
    return figures


def _settings(spec: TrainSpec) -> Iterator[tuple[str, Any]]:
    """Everything that a run was made with, flat."""
    yield "model", spec.model.name
    yield "method", spec.model.method.value
    yield "learning_rate (effective)", spec.training.effective_learning_rate(spec.model.method)
    yield from json.loads(spec.training.model_dump_json()).items()
    for name, value in json.loads(spec.format.model_dump_json()).items():
        yield f"format: {name}", value
    for name in ("dataset", "split"):
        yield f"version of the {'rows' if name == 'dataset' else 'split'}", spec.inputs.get(name, "")
    yield "labels", len(spec.labels)


def _notes(first: Report | None, second: Report | None) -> Iterator[str]:
    if first is None or second is None:
        yield 'A run without a report has no test figures; measure it with "fintune evaluate".'
    elif (first.part, first.rows, first.inputs.get("split"), first.inputs.get("dataset")) != (
        second.part, second.rows, second.inputs.get("split"), second.inputs.get("dataset"),
    ):  # fmt: skip
        yield "The two runs were measured on different rows: their test figures cannot be compared directly."


def _text(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
