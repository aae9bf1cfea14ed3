"""Dividing rows that have several labels each, so that every label keeps its share: iterative stratification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Groups = npt.NDArray[np.int64]


def divide_label_sets(
    groups: Groups, strata: Groups, sets: Sequence[Sequence[str]], ratios: Sequence[float], seed: int
) -> Groups:
    """The part (0, 1, …) of each group of rows.

    The rarest label comes first: each of its groups, the largest first, goes to the part that lacks most rows of this
    label, then of all rows. A label with as many groups as there are parts is in every part.

    Args:
        groups: For each row the number of its group, 0 … G-1; rows of a group are never divided.
        strata: For each row the number of its set of labels.
        sets: The labels of each set. Rows without a label count as having a label of their own.
        ratios: Wanted shares of the rows, as far as whole groups allow.
    """
    generator = np.random.default_rng(seed)
    labels_of = _labels_of_groups(groups, strata, sets)
    sizes = np.bincount(groups)
    order = generator.permutation(len(labels_of))
    order = order[np.argsort(-sizes[order], kind="stable")].tolist()
    groups_of: dict[str, list[int]] = {}
    for group in order:
        for label in labels_of[group]:
            groups_of.setdefault(label, []).append(group)
    rows_of = {label: sum(labels_of[group][label] for group in members) for label, members in groups_of.items()}
    wanted = {label: [ratio * rows for ratio in ratios] for label, rows in rows_of.items()}
    lacking = [ratio * len(groups) for ratio in ratios]
    parts: Groups = np.full(len(sizes), -1, np.int64)
    for label in sorted(groups_of, key=lambda label: (rows_of[label], label)):
        left = [group for group in groups_of[label] if parts[group] < 0]
        present = {int(parts[group]) for group in groups_of[label] if parts[group] >= 0}
        for number, group in enumerate(left):
            free = [part for part in range(len(ratios)) if part not in present]
            open_parts = free if len(left) - number <= len(free) else range(len(ratios))
            part = max(open_parts, key=lambda part: (wanted[label][part], lacking[part]))
            parts[group] = part
            present.add(part)
            lacking[part] -= int(sizes[group])
            for other, rows in labels_of[group].items():
                wanted[other][part] -= rows
    return parts


def _labels_of_groups(groups: Groups, strata: Groups, sets: Sequence[Sequence[str]]) -> list[Counter[str]]:
    """For each group how many of its rows have each label."""
    once = [Counter(labels) for labels in sets]
    found: list[Counter[str] | None] = [None] * (int(groups.max(initial=-1)) + 1)
    for group, stratum in zip(groups.tolist(), strata.tolist(), strict=True):
        before = found[group]
        found[group] = once[stratum] if before is None else before + once[stratum]
    return [labels or Counter() for labels in found]
