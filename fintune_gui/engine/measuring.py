"""Loss and metrics over the validation rows, of one computation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from fintune_gui.engine.data import Example
from fintune_gui.engine.metrics import (
    classification_metrics,
    confusion,
    perplexity,
    row_tallies,
    several_labels_metrics,
)
from fintune_gui.engine.multi_label import answered_labels, expected_labels
from fintune_gui.engine.stepping import Layout, Sums
from fintune_gui.engine.team import Team
from fintune_gui.project.document import Metric


def measure(
    model: Any,
    layout: Layout,
    examples: Sequence[Example],
    budget: int,
    labels: int,
    *,
    check: Callable[[], None] = lambda: None,
    team: Team | None = None,
) -> tuple[float, dict[str, float]]:
    """Loss over `examples`, and metrics of the same computation. `check` is called before each part."""
    model.eval()
    total, counts, tallies = 0.0, np.zeros((labels, labels), dtype=np.int64), np.zeros(3 * labels + 2)
    several = bool(examples) and examples[0].labels is not None
    for rows, sums in _computed(layout, examples, budget, check, team):
        total += sums.loss
        if sums.logits is not None and several:
            tallies += row_tallies(expected_labels(rows, labels), answered_labels(sums.logits)).sum(0)
        elif sums.logits is not None:
            answered = sums.logits.argmax(1).numpy()
            counts += confusion(np.array([row.label for row in rows]), answered, labels)
    loss = total / max(layout.weight(examples), 1)
    if labels:
        found = several_labels_metrics(tallies) if several else classification_metrics(counts)
        return loss, {name.value: float(value) for name, value in found.items()}
    return loss, {Metric.PERPLEXITY.value: perplexity(loss)}


def _computed(
    layout: Layout, examples: Sequence[Example], budget: int, check: Callable[[], None], team: Team | None
) -> Iterator[tuple[Sequence[Example], Sums]]:
    """All examples, some at a time, with what they add up to."""
    mine = team.hand_out(layout, examples, budget) if team else examples
    for part in layout.plan(mine, budget):
        check()
        rows = [mine[index] for index in part]
        yield rows, layout.compute(rows)
    if team:
        yield from team.collect(check=check)
