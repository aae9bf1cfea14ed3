"""How the rows of one optimizer step are laid out in memory.

The rows of a step are chosen as ever; only their arrangement is ours. Packed rows lie behind one another without
padding, positions restart with each row, and attention stays within a row, so the mathematics is that of padded rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

_PACKED = "fintune_packed"
_segments: list[int] = []
"""Lengths of the rows in the pack that is being computed. One process computes one pack at a time."""


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


@contextmanager
def attention_within_rows(config: Any, lengths: list[int]) -> Iterator[None]:
    """While it lasts, a model with `config` reads one pack, and no row sees another.

    It must last until the backward pass is done: gradient checkpointing computes the forward pass again.
    """
    global _segments
    before = config._attn_implementation
    config._attn_implementation, _segments = _PACKED, lengths
    try:
        yield
    finally:
        config._attn_implementation, _segments = before, []


def _packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment. Shapes: (1, heads, tokens, size) in, (1, tokens, heads, size) out."""
    outputs = [
        sdpa_attention_forward(module, q, k, v, _window_mask(q, options.get("sliding_window")), **options)[0]
        for q, k, v in zip(query.split(_segments, 2), key.split(_segments, 2), value.split(_segments, 2), strict=True)
    ]
    return torch.cat(outputs, dim=1), None


def _window_mask(query: torch.Tensor, window: int | None) -> torch.Tensor | None:
    """The mask of a layer that sees only the last `window` tokens; None where the row is shorter than that."""
    length = query.shape[2]
    if not window or length <= window:
        return None
    distance = torch.arange(length, device=query.device)[:, None] - torch.arange(length, device=query.device)[None, :]
    return ((distance >= 0) & (distance < window))[None, None]


AttentionInterface.register(_PACKED, _packed_attention)
