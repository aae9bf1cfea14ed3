"""What a report says in words and figures. No widgets here."""

from __future__ import annotations

from collections.abc import Sequence

from fintune_gui.project.document import Metric
from fintune_gui.project.report import Contender, Interval, Report
from fintune_gui.ui.theme.tokens import Tone
from fintune_gui.ui.widgets.charts import IntervalRow
from fintune_gui.ui.widgets.words import counted

_NAMES: dict[Contender, str] = {"majority": "most frequent", "untuned": "untuned", "tuned": "tuned"}
_WEAK, _VERY_WEAK = 0.85, 0.7


def verdict_tone(report: Report) -> Tone:
    """The colour of the verdict; "better" is only good when nothing more was asked for."""
    verdict = report.verdict
    if verdict.outcome == "worse":
        return "bad"
    return "good" if verdict.outcome == "better" and verdict.target_met is not False else "warn"


def figure(value: float, metric: Metric) -> str:
    """A metric with the digits that are usual for it."""
    return f"{value:,.2f}" if metric in (Metric.PERPLEXITY, Metric.SACREBLEU) else f"{value:.3f}"


def figure_with_interval(interval: Interval | None, metric: Metric) -> str:
    """ "0.913 (0.906–0.920)"."""
    if interval is None:
        return "–"
    if interval.low is None or interval.high is None:
        return figure(interval.value, metric)
    return f"{figure(interval.value, metric)} ({figure(interval.low, metric)}–{figure(interval.high, metric)})"


def metrics_of(report: Report) -> list[Metric]:
    """All metrics that were measured, the objective's first."""
    found = dict.fromkeys(metric for scores in report.scores for metric in scores.metrics)
    return sorted(found, key=lambda metric: metric is not report.verdict.metric)


def metric_lines(report: Report, *, intervals: bool = False) -> list[tuple[str, ...]]:
    """Metric, most frequent, untuned, tuned; with `intervals` each figure carries its own."""
    lines = []
    for metric in metrics_of(report):
        cells = [metric.display_name]
        for contender in ("majority", "untuned", "tuned"):
            scores = report.score(contender)
            interval = scores.metrics.get(metric) if scores else None
            plain = figure(interval.value, metric) if interval else "–"
            cells.append(figure_with_interval(interval, metric) if intervals else plain)
        lines.append(tuple(cells))
    return lines


def label_lines(report: Report) -> tuple[list[tuple[str, ...]], list[Tone | None]]:
    """Label, rows, precision, recall, F1, the weakest first; and the tone of each line."""
    labels = sorted(report.labels, key=lambda label: label.f1)
    tones: list[Tone | None] = [
        "bad" if label.f1 < _VERY_WEAK else "warn" if label.f1 < _WEAK else "good" for label in labels
    ]
    lines: list[tuple[str, ...]] = [
        (x.label, f"{x.rows:,}", f"{x.precision:.2f}", f"{x.recall:.2f}", f"{x.f1:.2f}") for x in labels
    ]
    return lines, tones


def baseline_rows(report: Report, earlier: Sequence[Report]) -> list[IntervalRow]:
    """The contenders of the verdict's metric with the tuned models of earlier runs, this run last."""
    metric = report.verdict.metric
    rows = [_row(report, contender, _NAMES[contender]) for contender in ("majority", "untuned")]
    for other in earlier:
        same = all(other.inputs.get(name) == report.inputs.get(name) for name in ("dataset", "split"))
        rows.append(_row(other, "tuned", f"run {other.run}" + ("" if same else " (other rows)"), metric))
    rows.append(_row(report, "tuned", f"run {report.run}", tone="info"))
    return [row for row in rows if row is not None]


def _row(
    report: Report, contender: Contender, name: str, metric: Metric | None = None, tone: Tone = "neutral"
) -> IntervalRow | None:
    scores = report.score(contender)
    interval = scores.metrics.get(metric or report.verdict.metric) if scores else None
    return IntervalRow(name, interval.value, interval.low, interval.high, tone) if interval else None


def notes_of(report: Report) -> list[str]:
    """What the reader must know to read the figures rightly."""
    notes = list(report.notes)
    test = f"Compared by {report.verdict.test}"
    if report.verdict.p_value is not None:
        p = report.verdict.p_value
        test += ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"
    return [*notes, f"{test}; the intervals are 95 % confidence intervals."]


def report_text(report: Report) -> str:
    """The whole report as text for the clipboard."""
    verdict = report.verdict
    lines = [verdict.headline, verdict.explanation, ""]
    lines.append(f"Run {report.run}, step {report.checkpoint_step:,}, {counted(report.rows, f'{report.part} row')}.")
    lines += ["", "\t".join(("metric", "most frequent", "untuned", "tuned"))]
    lines += ["\t".join(cells) for cells in metric_lines(report, intervals=True)]
    if report.labels:
        lines += ["", "\t".join(("label", "rows", "precision", "recall", "F1"))]
        lines += ["\t".join(cells) for cells in label_lines(report)[0]]
    return "\n".join([*lines, "", *notes_of(report)])


def what_is_measured(rows: int | None) -> str:
    """What "Measure" does, before it was done."""
    many = f"The {counted(rows, 'test row')}" if rows else "The test rows"
    return (
        f"{many}, which the run has never seen, are answered three times: by the tuned model, by the same model "
        "untuned, and by always giving the most frequent answer. The verdict compares them row by row."
    )
