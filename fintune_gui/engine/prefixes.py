"""Rows that begin with the same tokens: a system prompt, instructions, examples. What they share is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

FEWEST_SHARED = 16
"""Shorter beginnings cost more bookkeeping than they save."""


@dataclass(frozen=True)
class Group:
    """Rows with a common beginning.

    Attributes:
        rows: Their indices.
        shared: Tokens of the beginning; 0 for a row that shares nothing.
    """

    rows: tuple[int, ...]
    shared: int = 0

    def tokens(self, lengths: Sequence[int]) -> int:
        """Tokens that are computed for the group."""
        return self.shared + sum(lengths[row] - self.shared for row in self.rows)


def group_rows(rows: Sequence[Sequence[int]], *, fewest: int = FEWEST_SHARED) -> list[Group]:
    """Group token sequences so that as few tokens as possible are computed; every row is in one group.

    Rows are sorted, so that those with a common beginning are neighbours. Neighbours join in the order of how much they
    share; whether a joined group beats its parts is decided by the tokens that each saves.
    """
    order = sorted(range(len(rows)), key=lambda row: (rows[row], row))
    joints = [(_common_length(rows[a], rows[b]), place) for place, (a, b) in enumerate(pairwise(order))]
    best: dict[int, tuple[int, int, list[Group]]] = {
        place: (place, 0, [Group((row,))]) for place, row in enumerate(order)
    }
    """First place of a run of neighbours -> its last place, the tokens saved, and its groups."""
    first_of = list(range(len(order)))
    for shared, place in sorted(joints, key=lambda joint: (-joint[0], joint[1])):
        if shared < fewest:
            break
        left, right = _root(first_of, place), place + 1
        _, left_saved, left_groups = best[left]
        right_end, right_saved, right_groups = best.pop(right)
        saved = (right_end - left) * shared
        if saved >= left_saved + right_saved:
            groups = [Group(tuple(order[left : right_end + 1]), shared)]
        else:
            saved, groups = left_saved + right_saved, left_groups + right_groups
        best[left] = (right_end, saved, groups)
        first_of[right] = left
    return [group for _, (_, _, groups) in sorted(best.items()) for group in groups]


def divide(group: Group, lengths: Sequence[int], budget: int) -> list[Group]:
    """Divide a group into parts of at most `budget` tokens; each part computes the beginning again."""
    parts: list[list[int]] = []
    room = 0
    for row in group.rows:
        own = lengths[row] - group.shared
        if not parts or own > room:
            parts.append([])
            room = budget - group.shared
        parts[-1].append(row)
        room -= own
    return [Group(tuple(part), group.shared if len(part) > 1 else 0) for part in parts]


def _root(first_of: list[int], place: int) -> int:
    while first_of[place] != place:
        first_of[place] = first_of[first_of[place]]
        place = first_of[place]
    return place


def _common_length(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common, found by halving."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
