"""Rows that begin with the same tokens: a system prompt, instructions, examples. What they share is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

    @property
    def saved(self) -> int:
        """Tokens that are not computed again."""
        return (len(self.rows) - 1) * self.shared

    def tokens(self, lengths: Sequence[int]) -> int:
        """Tokens that are computed for the group."""
        return sum(lengths[row] for row in self.rows) - self.saved


def group_rows(rows: Sequence[Sequence[int]], *, fewest: int = FEWEST_SHARED) -> list[Group]:
    """Group token sequences so that few tokens are computed; every row is in one group.

    The common beginnings of sorted rows form a tree, which is walked once. At each beginning those groups inside it
    join whose rows save more with it than they did apart. Rarely, a group that joined early would have been worth more
    to a shorter beginning further up: then a few tokens are computed twice.
    """
    order = sorted(range(len(rows)), key=lambda row: (rows[row], row))
    open_beginnings: list[tuple[int, list[Group]]] = [(0, [])]
    """Length of each beginning around the present row, the shortest first, and the groups inside it so far."""
    for row, following in zip(order, [*order[1:], None], strict=False):
        common = 0 if following is None else _common_length(rows[row], rows[following])
        shared = common if common >= fewest else 0
        if shared > open_beginnings[-1][0]:
            open_beginnings.append((shared, []))
        open_beginnings[-1][1].append(Group((row,)))
        while open_beginnings[-1][0] > shared:
            ended, groups = open_beginnings.pop()
            if open_beginnings[-1][0] < shared:
                open_beginnings.append((shared, []))
            open_beginnings[-1][1].extend(_joined(groups, ended))
    return open_beginnings[0][1]


def _joined(groups: list[Group], shared: int) -> list[Group]:
    """The groups inside a beginning of `shared` tokens, those joined that save more together."""
    gains = [len(group.rows) * shared - group.saved for group in groups]
    if sum(gain for gain in gains if gain > 0) <= shared:
        return groups
    together = tuple(row for group, gain in zip(groups, gains, strict=True) if gain > 0 for row in group.rows)
    apart = [group for group, gain in zip(groups, gains, strict=True) if gain <= 0]
    return [Group(together, shared), *apart]


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
