"""Did tuning help? Intervals and tests on paired rows, and the sentences that say what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fintune_gui.project.document import Metric, Objective
from fintune_gui.project.report import Contender, Interval, Verdict

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Statistic = Callable[[Ints], Floats]
"""A metric as a function of resampled rows: indices (resamples, rows) in, values (resamples,) out."""

RESAMPLES = 2000
_RESAMPLES_AT_ONCE = 100
_PERMUTATIONS = 2000
_FEW_ROWS = 20

_NAMES: dict[Contender, str] = {
    "majority": "always giving the most frequent answer",
    "untuned": "the untuned model",
    "tuned": "the tuned model",
}


@dataclass(frozen=True)
class Measured:
    """One metric of one contender: its value, and how it comes out on resampled rows."""

    value: float
    resampled: Floats

    def interval(self) -> Interval:
        """The value with its 95 % percentile interval."""
        low, high = np.percentile(self.resampled, (2.5, 97.5))
        return Interval(value=self.value, low=float(low), high=float(high))


class Bootstrap:
    """Draws the same resamples of rows for every contender and metric, so that differences stay paired."""

    def __init__(self, rows: int, seed: int, resamples: int = RESAMPLES) -> None:
        self._rows = rows
        self._seed = seed
        self._resamples = resamples

    def measure(self, statistic: Statistic) -> Measured:
        """The value of `statistic` on all rows, and on resamples of them."""
        return self.measure_all(lambda rows: {Metric.ACCURACY: statistic(rows)})[Metric.ACCURACY]

    def measure_all(self, statistics: Callable[[Ints], dict[Metric, Floats]]) -> dict[Metric, Measured]:
        """Several metrics that are computed together; see `measure`."""
        generator = np.random.default_rng(self._seed)
        parts = []
        for start in range(0, self._resamples, _RESAMPLES_AT_ONCE):
            size = (min(_RESAMPLES_AT_ONCE, self._resamples - start), self._rows)
            parts.append(statistics(generator.integers(0, self._rows, size)))
        whole = statistics(np.arange(self._rows)[None])
        return {
            metric: Measured(float(value[0]), np.concatenate([part[metric] for part in parts]))
            for metric, value in whole.items()
        }


def mcnemar(right: npt.NDArray[np.bool_], baseline_right: npt.NDArray[np.bool_]) -> float:
    """Two-sided p-value of the exact McNemar test on paired right and wrong answers."""
    gained, lost = int((right & ~baseline_right).sum()), int((~right & baseline_right).sum())
    changed = gained + lost
    tail = sum(math.comb(changed, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / float(2**changed))


def sign_flip(differences: Floats, seed: int) -> float:
    """Two-sided p-value of a paired permutation test on the rows' differences: would the sign not matter?"""
    generator = np.random.default_rng(seed)
    observed = abs(differences.sum())
    signs = generator.integers(0, 2, (_PERMUTATIONS, len(differences)), dtype=np.int8) * 2 - 1
    as_extreme = int((np.abs(signs @ differences) >= observed - 1e-12).sum())
    return (as_extreme + 1) / (_PERMUTATIONS + 1)


def swap_test(tuned: Floats, baseline: Floats, metric: Callable[[Floats], Floats], seed: int) -> float:
    """Two-sided p-value of a paired permutation test: would it matter if rows swapped their two answers?

    Args:
        tuned, baseline: What each row adds to the sums of its contender, (rows, sums).
        metric: Gives values (...,) from sums (..., sums).
    """
    generator = np.random.default_rng(seed)
    totals, difference = (tuned.sum(0), baseline.sum(0)), baseline - tuned
    observed = abs(metric(totals[0]) - metric(totals[1]))
    as_extreme = 0
    for _ in range(0, _PERMUTATIONS, _RESAMPLES_AT_ONCE):
        swapped = generator.integers(0, 2, (_RESAMPLES_AT_ONCE, len(tuned))).astype(float) @ difference
        differences = np.abs(metric(totals[0] + swapped) - metric(totals[1] - swapped))
        as_extreme += int((differences >= observed - 1e-12).sum())
    return (as_extreme + 1) / (_PERMUTATIONS + 1)


def decide(
    objective: Objective,
    measured: dict[Contender, dict[Metric, Measured]],
    p_value: Callable[[Contender], tuple[float, str]],
    rows: int,
) -> Verdict:
    """Compare the tuned model with the stronger baseline on the objective's metric.

    Args:
        measured: What each contender reaches; a baseline without the metric takes no part.
        p_value: The p-value against a baseline, and the name of its test.
        rows: How many rows the metric was measured on, for the sentence.
    """
    metric = objective.metric
    sign = 1 if metric.higher_is_better else -1
    tuned = measured["tuned"][metric]
    baselines = {name: found[metric] for name, found in measured.items() if name != "tuned" and metric in found}
    # Of equals the untuned model is named: it is what the user started from.
    stronger = max(baselines, key=lambda name: (sign * baselines[name].value, name == "untuned"))
    baseline = baselines[stronger]
    difference = Measured(
        sign * (tuned.value - baseline.value), sign * (tuned.resampled - baseline.resampled)
    ).interval()
    assert difference.low is not None
    assert difference.high is not None
    p, test = p_value(stronger)
    better, worse = difference.low > 0, difference.high < 0
    met = objective.met_by(tuned.value)
    return Verdict(
        outcome="better" if better else "worse" if worse else "no_clear_difference",
        metric=metric,
        compared_with=stronger,
        difference=difference,
        p_value=p,
        test=test,
        target_met=met,
        headline=_headline(stronger, better=better, worse=worse, met=met),
        explanation=_explanation(objective, tuned, baseline, stronger, difference=difference, p=p, rows=rows),
    )


def few_rows_note(rows: int) -> str | None:
    """What a reader must know when there are few rows."""
    if rows >= _FEW_ROWS:
        return None
    measured = "1 row was" if rows == 1 else f"{rows} rows were"
    return f"Only {measured} measured: read every figure as a hint. {_FEW_ROWS} or more say something."


def _headline(stronger: Contender, *, better: bool, worse: bool, met: bool | None) -> str:
    if better:
        goal = {True: ", and the target is met", False: ", but the target is not met yet", None: ""}[met]
        return f"Better{goal}."
    if worse:
        return f"Worse than {_NAMES[stronger]}."
    return "No clear difference" + (", though the target is met." if met else ".")


def _explanation(
    objective: Objective,
    tuned: Measured,
    baseline: Measured,
    stronger: Contender,
    *,
    difference: Interval,
    p: float,
    rows: int,
) -> str:
    metric = objective.metric
    whole = tuned.interval()
    low, high = (_figure(metric, value) for value in (whole.low, whole.high))
    sentences = [
        f"On {rows} rows that it never saw, the tuned model reaches {metric.display_name} "
        f"{_figure(metric, tuned.value)} (95 % interval {low} to {high}); "
        f"{_NAMES[stronger]} reaches {_figure(metric, baseline.value)}."
    ]
    low, high = (_figure(metric, value, signed=True) for value in (difference.low, difference.high))
    gain = f"the gain is {_figure(metric, difference.value, signed=True)}, between {low} and {high}"
    chance = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    if difference.low is not None and difference.low > 0:
        sentences.append(f"Row by row, {gain} ({chance}): more than chance explains.")
    elif difference.high is not None and difference.high < 0:
        sentences.append(f"Row by row, {gain} ({chance}): tuning made it worse.")
    else:
        sentences.append(f"Row by row, {gain} ({chance}): chance could explain that. More test rows would tell.")
    if objective.target is not None:
        reached = "is met" if objective.met_by(tuned.value) else "is not met"
        sentences.append(f"The target {objective.goal} {reached}.")
    return " ".join(sentences)


def _figure(metric: Metric, value: float | None, *, signed: bool = False) -> str:
    """A value as people write this metric."""
    digits = 1 if metric in (Metric.PERPLEXITY, Metric.SACREBLEU) else 3
    return f"{value:{'+' if signed else ''}.{digits}f}" if value is not None else "unknown"


def ratio_statistic(
    sums: Sequence[float], weights: Sequence[float], transform: Callable[[Floats], Floats]
) -> Statistic:
    """A metric that is a function of a weighted mean over rows, such as perplexity."""
    top, bottom = np.asarray(sums, dtype=float), np.asarray(weights, dtype=float)
    return lambda rows: transform(top[rows].sum(1) / bottom[rows].sum(1))
