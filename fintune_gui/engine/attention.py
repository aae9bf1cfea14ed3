"""Attention inside a pack of rows: each row sees itself and the beginning that it shares with others, nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

from fintune_gui.engine import varlen_attention
from fintune_gui.engine.packing import Segment
from fintune_gui.engine.varlen_attention import Sequences, sequences_of

_PACKED = "fintune_packed"


@dataclass
class _Pack:
    """What a thread is computing.

    Attributes:
        sequences: The same for the kernel that attends within all of them at once, from the first layer that asks on.
    """

    segments: Sequence[Segment]
    sequences: Sequences | None = None


_packs: dict[int, _Pack] = {}
"""By the thread that computes; each computes one pack at a time."""


@contextmanager
def attention_within_rows(config: Any, segments: Sequence[Segment]) -> Iterator[None]:
    """While it lasts, a model with `config` reads one pack, and no row sees another.

    It must last until the backward pass is done: gradient checkpointing computes the forward pass again.
    """
    thread, before = threading.get_ident(), config._attn_implementation
    outer = _packs.get(thread)
    config._attn_implementation, _packs[thread] = _PACKED, _Pack(segments)
    try:
        yield
    finally:
        config._attn_implementation = before
        if outer is None:
            del _packs[thread]
        else:
            _packs[thread] = outer


def _pack() -> _Pack:
    """That of this thread, or else the only one.

    The backward pass of a graphics card has a thread of its own, and there one thread computes; on processors, where
    several may, it has none.
    """
    return _packs.get(threading.get_ident()) or next(iter(_packs.values()))


def _packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment. Shapes: (1, heads, tokens, size) in, (1, tokens, heads, size) out."""
    pack, window = _pack(), options.get("sliding_window")
    if not options.get("dropout") and varlen_attention.has_kernel(query, key, windowed=bool(window)):
        pack.sequences = pack.sequences or sequences_of(pack.segments, query.device)
        scale = options.get("scaling")
        return varlen_attention.attend(query, key, value, sequences=pack.sequences, scale=scale, window=window), None
    sizes = [segment.tokens for segment in pack.segments]
    outputs = []
    for segment, q, k, v in zip(
        pack.segments, query.split(sizes, 2), key.split(sizes, 2), value.split(sizes, 2), strict=True
    ):
        lengths = [segment.shared, *segment.rows]
        q_begin, *q_rows = q.split(lengths, 2)
        k_begin, *k_rows = k.split(lengths, 2)
        v_begin, *v_rows = v.split(lengths, 2)
        outputs.append(_causal(module, q_begin, k_begin, v_begin, options))
        if not q_rows:
            continue
        if _can_join(q, options.get("dropout")):
            after = q[:, :, segment.shared :], k[:, :, segment.shared :], v[:, :, segment.shared :]
            outputs.append(_after_beginning(module, after, (k_begin, v_begin), segment.rows, options))
            continue
        for q_row, k_row, v_row in zip(q_rows, k_rows, v_rows, strict=True):
            mask = _lower_right(q_row.shape[2], segment.shared, q.device)
            whole_key, whole_value = torch.cat((k_begin, k_row), 2), torch.cat((v_begin, v_row), 2)
            outputs.append(sdpa_attention_forward(module, q_row, whole_key, whole_value, mask, **options)[0])
    return torch.cat(outputs, dim=1), None


def _can_join(query: torch.Tensor, dropout: float | None) -> bool:
    """Whether attention can be computed in parts here: processors give the sums that join them, without dropout."""
    return query.device.type == "cpu" and not dropout


def _causal(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, options: dict[str, Any]
) -> torch.Tensor:
    mask = _window_mask(query, options.get("sliding_window"))
    return sdpa_attention_forward(module, query, key, value, mask, **options)[0]


def _window_mask(query: torch.Tensor, window: int | None) -> torch.Tensor | None:
    """The mask of a layer that sees only the last `window` tokens; None where the row is shorter than that."""
    length = query.shape[2]
    if not window or length <= window:
        return None
    places = torch.arange(length, device=query.device)
    distance = places[:, None] - places[None, :]
    return ((distance >= 0) & (distance < window))[None, None]


def _lower_right(length: int, before: int, device: torch.device) -> torch.Tensor:
    """The mask of `length` tokens that also see `before` tokens in front of them."""
    places = torch.arange(before + length, device=device)
    return (places[None, :] <= places[before:, None])[None, None]


Pair = tuple[torch.Tensor, torch.Tensor]


def _after_beginning(
    module: torch.nn.Module,
    after: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    beginning: Pair,
    rows: tuple[int, ...],
    options: dict[str, Any],
) -> torch.Tensor:
    """Attention of all tokens behind a beginning. Returns (1, tokens, heads, size)."""
    groups = getattr(module, "num_key_value_groups", 1)
    query, key, value = after[0], repeat_kv(after[1], groups), repeat_kv(after[2], groups)
    key_before, value_before = (repeat_kv(part, groups) for part in beginning)
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    joined: torch.Tensor = _JoinedAttention.apply(  # type: ignore[no-untyped-call]
        query, key, value, key_before, value_before, rows, scale
    )
    return joined.transpose(1, 2)


class _JoinedAttention(torch.autograd.Function):
    """Attention to a shared beginning and, causally, to the own row, joined by the sums of their exponentials.

    With L = log sum exp of the scores of one part, the softmax over both parts gives each part's output the weight
    exp(L_part - L), L = log(exp L_1 + exp L_2). The backward pass of one part needs only the joined output and L,
    as in Dao (2023), FlashAttention-2, section 3.1. Shapes: (1, heads, tokens, size).
    """

    @staticmethod
    def forward(  # noqa: PLR0917 (torch passes arguments by position)
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        key_before: torch.Tensor,
        value_before: torch.Tensor,
        rows: tuple[int, ...],
        scale: float,
    ) -> torch.Tensor:
        before, sums_before = _flash(query, key_before, value_before, causal=False, scale=scale)
        own_parts = [
            _flash(*part, causal=True, scale=scale)
            for part in zip(query.split(rows, 2), key.split(rows, 2), value.split(rows, 2), strict=True)
        ]
        own = torch.cat([output for output, _ in own_parts], 2)
        sums_own = torch.cat([sums for _, sums in own_parts], 2)
        sums = torch.logaddexp(sums_before, sums_own)
        joined = before * _weight(sums_before, sums, before) + own * _weight(sums_own, sums, own)
        ctx.save_for_backward(query, key, value, key_before, value_before, joined, sums)
        ctx.rows, ctx.scale = rows, scale
        return joined

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grads
        query, key, value, key_before, value_before, joined, sums = ctx.saved_tensors
        grad_query, grad_key_before, grad_value_before = _flash_backward(
            grad, query, key_before, value_before, joined, sums, causal=False, scale=ctx.scale
        )
        pieces = zip(*(part.split(ctx.rows, 2) for part in (grad, query, key, value, joined, sums)), strict=True)
        own = [_flash_backward(*piece, causal=True, scale=ctx.scale) for piece in pieces]
        grad_own, grad_key, grad_value = (torch.cat(parts, 2) for parts in zip(*own, strict=True))
        return grad_query + grad_own, grad_key, grad_value, grad_key_before, grad_value_before, None, None


def _weight(part: torch.Tensor, sums: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return (part - sums).exp().unsqueeze(-1).to(like.dtype)


def _flash(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool, scale: float) -> Pair:
    """Output and log sum exp of the scores."""
    forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return forward(query, key, value, 0.0, causal, scale=scale)  # type: ignore[no-any-return]


def _flash_backward(
    *tensors: torch.Tensor, causal: bool, scale: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of query, key and value from: gradient, query, key, value, output, log sum exp."""
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    return backward(*tensors, 0.0, causal, scale=scale)  # type: ignore[no-any-return]


AttentionInterface.register(_PACKED, _packed_attention)
