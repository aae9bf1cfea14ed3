"""Attention of a whole pack in one kernel on graphics cards that have one: FlashAttention for rows of varying length.

Each row is a sequence of its own, and so is a beginning that several rows share. The keys of a row behind a beginning
are those of the beginning and its own, and causal order is that of the last places: the kernel aligns them there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F

from fintune_gui.engine.packing import Segment

logger = logging.getLogger(__name__)

_TOLERANCE = 3e-2
"""Of half precision, relative to the largest number."""


@dataclass(frozen=True)
class Sequences:
    """A pack as the kernel takes it.

    Attributes:
        query_bounds, key_bounds: Where each sequence begins among queries and keys, and where the last one ends; int32,
            (sequences + 1,).
        longest_query, longest_key: Tokens of the longest sequence.
        keys: For each key its place in the pack; None if they are the pack's tokens as they lie.
    """

    query_bounds: torch.Tensor
    key_bounds: torch.Tensor
    longest_query: int
    longest_key: int
    keys: torch.Tensor | None


def sequences_of(segments: Sequence[Segment], device: torch.device) -> Sequences:
    """What the kernel must know of a pack."""
    queries: list[int] = []
    keys: list[list[range]] = []
    begin = 0
    for segment in segments:
        beginning = range(begin, begin + segment.shared)
        queries.append(segment.shared)
        keys.append([beginning])
        begin += segment.shared
        for length in segment.rows:
            queries.append(length)
            keys.append([beginning, range(begin, begin + length)])
            begin += length
    counts = [sum(map(len, places)) for places in keys]
    places = [place for parts in keys for part in parts for place in part]
    return Sequences(
        _bounds(queries, device),
        _bounds(counts, device),
        max(queries),
        max(counts),
        torch.tensor(places, device=device) if len(places) != begin else None,
    )


def _bounds(lengths: Sequence[int], device: torch.device) -> torch.Tensor:
    return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=device)


def has_kernel(query: torch.Tensor, key: torch.Tensor, *, windowed: bool) -> bool:
    """Whether this device has a kernel for tensors like these (1, heads, tokens, size); tried when first asked."""
    dtype = _dtype(query)
    if not query.is_cuda or dtype not in (torch.bfloat16, torch.float16):
        return False
    return _gives_the_right_numbers(query.device, dtype, query.shape[1], key.shape[1], query.shape[3], windowed)


def _dtype(tensor: torch.Tensor) -> torch.dtype:
    """The precision that attention computes in: the kernel knows nothing of autocast."""
    kind = tensor.device.type
    autocast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if autocast else tensor.dtype


@lru_cache
def _gives_the_right_numbers(  # noqa: PLR0917 (one key of a cache)
    device: torch.device, dtype: torch.dtype, heads: int, key_heads: int, size: int, windowed: bool
) -> bool:
    """Compare a small pack, forward and backward, with plain attention in float32."""
    segments = [Segment(5), Segment(3, (4, 6))]
    sequences, window = sequences_of(segments, device), 4 if windowed else None
    tokens = sum(segment.tokens for segment in segments)
    generator = torch.Generator(device).manual_seed(0)
    inputs = [
        torch.randn(1, count, tokens, size, generator=generator, device=device).to(dtype)
        for count in (heads, key_heads, key_heads)
    ]
    try:
        with torch.enable_grad(), torch.autocast(device.type, enabled=False):
            found = _with_gradients(partial(attend, sequences=sequences, scale=None, window=window), inputs)
            plain = partial(F.scaled_dot_product_attention, attn_mask=_mask(sequences, window), enable_gqa=True)
            expected = _with_gradients(lambda *tensors: plain(*tensors).transpose(1, 2), [x.float() for x in inputs])
    except (RuntimeError, ValueError, TypeError, ImportError, AttributeError, NotImplementedError) as error:
        logger.info("No kernel for rows of varying length: %s", error)
        return False
    pairs = zip(found, expected, strict=True)
    return all(bool((mine.float() - right).abs().max() <= _TOLERANCE * right.abs().max()) for mine, right in pairs)


def _with_gradients(attention: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The output, and the gradients of the sum of its squares."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    output = attention(*leaves)
    return [output, *torch.autograd.grad(output.float().square().sum(), leaves)]


def _mask(sequences: Sequences, window: int | None) -> torch.Tensor:
    """What each token of a pack sees, bool (tokens, tokens)."""
    assert sequences.keys is not None  # the pack on trial shares a beginning
    queries, keys = sequences.query_bounds.tolist(), sequences.key_bounds.tolist()
    mask = torch.zeros(queries[-1], queries[-1], dtype=torch.bool, device=sequences.keys.device)
    for (first, end), (begin, stop) in zip(pairwise(queries), pairwise(keys), strict=True):
        seen = sequences.keys[begin:stop]
        for query in range(first, end):
            until = len(seen) - (end - query) + 1
            mask[query, seen[max(0, until - window) if window else 0 : until]] = True
    return mask


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    sequences: Sequences,
    scale: float | None,
    window: int | None,
) -> torch.Tensor:
    """Causal attention within each sequence. Shapes: (1, heads, tokens, size) in, (1, tokens, heads, size) out."""
    from torch.nn.attention.varlen import varlen_attn  # where there is no such kernel, nothing is spent on it

    q, k, v = (tensor[0].transpose(0, 1).to(_dtype(tensor)) for tensor in (query, key, value))
    if sequences.keys is not None:
        k, v = k[sequences.keys], v[sequences.keys]
    output = varlen_attn(
        q,
        k,
        v,
        sequences.query_bounds,
        sequences.key_bounds,
        sequences.longest_query,
        sequences.longest_key,
        scale=scale,
        window_size=(window - 1 if window else -1, 0),
        enable_gqa=q.shape[1] != k.shape[1],
    )
    assert isinstance(output, torch.Tensor)  # a pair where more is asked for
    return output[None]
