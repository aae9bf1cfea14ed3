"""How the rows of one optimizer step are laid out in memory.

The rows of a step are chosen as ever; only their arrangement is ours. Packed rows lie behind one another without
padding, and what several rows begin with lies there once. Positions restart with each row, and attention stays within a
row, so the mathematics is that of padded rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fintune_gui.engine.prefixes import Group, divide, group_rows


@dataclass(frozen=True)
class Segment:
    """Rows that lie behind one another in a pack after the beginning that they share.

    Attributes:
        shared: Tokens of the beginning, or of the only row.
        rows: Tokens that follow in each row; empty for a row alone.
    """

    shared: int
    rows: tuple[int, ...] = ()

    @property
    def tokens(self) -> int:
        return self.shared + sum(self.rows)


@dataclass(frozen=True)
class Pack:
    """Rows as they lie behind one another.

    Attributes:
        ids, positions: Token numbers and their places within their row, both (1, tokens).
        segments: What belongs together, in order.
        places: For each row the place in the pack of each of its tokens.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    segments: list[Segment]
    places: list[torch.Tensor]

    @property
    def row_lengths(self) -> torch.Tensor:
        """For each token the length of its row, (1, tokens); where rows share tokens, that of one of them."""
        lengths = torch.zeros_like(self.ids)
        for place in self.places:
            lengths[0, place] = len(place)
        return lengths


def lay_out(rows: Sequence[Sequence[int]], device: torch.device, *, share: bool) -> Pack:
    """Lay token sequences behind one another; with `share`, what several begin with lies there once."""
    ids: list[int] = []
    positions: list[int] = []
    segments: list[Segment] = []
    places: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    for group in _groups(rows, share=share):
        first, begin = rows[group.rows[0]], len(ids)
        shared = group.shared or len(first)
        ids += first[:shared]
        positions += range(shared)
        beginning = torch.arange(begin, begin + shared)
        if not group.shared:
            places[group.rows[0]] = beginning
            segments.append(Segment(shared))
            continue
        for row in group.rows:
            own = rows[row][shared:]
            places[row] = torch.cat((beginning, torch.arange(len(ids), len(ids) + len(own))))
            ids += own
            positions += range(shared, shared + len(own))
        own_lengths = (len(rows[row]) - shared for row in group.rows)
        segments.append(Segment(shared, tuple(length for length in own_lengths if length)))
    return Pack(
        torch.tensor([ids], device=device),
        torch.tensor([positions], device=device),
        segments,
        [place.to(device) for place in places],
    )


def plan_shared_packs(rows: Sequence[Sequence[int]], budget: int, *, share: bool) -> list[list[int]]:
    """Divide token sequences into packs of at most `budget` computed tokens; those that share stay together."""
    lengths = [len(row) for row in rows]
    groups = [part for group in _groups(rows, share=share) for part in divide(group, lengths, budget)]
    packs = plan_packs([group.tokens(lengths) for group in groups], budget)
    return [[row for number in pack for row in groups[number].rows] for pack in packs]


def packed_tokens(rows: Sequence[Sequence[int]], *, share: bool) -> int:
    """Tokens that are computed for a pack of token sequences."""
    lengths = [len(row) for row in rows]
    return sum(group.tokens(lengths) for group in _groups(rows, share=share))


def _groups(rows: Sequence[Sequence[int]], *, share: bool) -> list[Group]:
    return group_rows(rows) if share else [Group((row,)) for row in range(len(rows))]


def plan_packs(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Divide rows into packs of at most `budget` tokens, few and full: best fit, longest first.

    Returns the indices of the rows in each pack. A row longer than the budget gets a pack of its own.
    """
    packs: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        fitting = [p for p in range(len(packs)) if room[p] >= lengths[index]]
        if fitting:
            best = min(fitting, key=lambda p: (room[p], p))
            packs[best].append(index)
            room[best] -= lengths[index]
        else:
            packs.append([index])
            room.append(budget - lengths[index])
    return packs


def plan_padded(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Divide rows into batches of similar length whose padded size is at most `budget` tokens.

    Returns the indices of the rows in each batch. A row longer than the budget gets a batch of its own.
    """
    batches: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * longest <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = lengths[index]
    return batches


def plan_padded_pairs(lengths: Sequence[tuple[int, int]], budget: int) -> list[list[int]]:
    """As `plan_padded`, for rows of two parts that are padded apart: what is read, and what is written."""
    batches: list[list[int]] = []
    longest = (0, 0)
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i][0], -lengths[i][1], i)):
        read, written = lengths[index]
        grown = max(longest[0], read), max(longest[1], written)
        if batches and (len(batches[-1]) + 1) * sum(grown) <= budget:
            batches[-1].append(index)
            longest = grown
        else:
            batches.append([index])
            longest = lengths[index]
    return batches
