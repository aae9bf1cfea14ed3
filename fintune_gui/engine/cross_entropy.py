"""The loss of tokens and its gradient, written over the logits: a large vocabulary needs one buffer, not four."""

from __future__ import annotations

import torch

_NUMBERS_IN_CACHE = 1 << 20
"""Logits that are gone through at a time on a processor, so that all passes over them find them in its cache."""


def cross_entropy_(
    logits: torch.Tensor, targets: torch.Tensor, *, smoothing: float, scale: float | None
) -> torch.Tensor:
    """Losses (places,) of float32 logits (places, vocabulary), as `torch.nn.functional.cross_entropy` gives them.

    With `scale`, the logits become the gradients of scale times the sum of the losses.
    """
    places, vocabulary = logits.shape
    at_once = max(1, _NUMBERS_IN_CACHE // vocabulary) if logits.device.type == "cpu" else max(1, places)
    losses = [
        _block_(block, wanted.unsqueeze(1), smoothing, scale)
        for block, wanted in zip(logits.split(at_once), targets.split(at_once), strict=True)
    ]
    return torch.cat(losses)


def _block_(logits: torch.Tensor, targets: torch.Tensor, smoothing: float, scale: float | None) -> torch.Tensor:
    """With p = softmax: loss = -(1 - e) log p[target] - e mean(log p), gradient = p - (1 - e) [target] - e / size."""
    log_p = torch.log_softmax(logits, 1)
    losses = log_p.gather(1, targets).squeeze(1).neg()
    spread = smoothing / logits.shape[1]
    if smoothing:
        losses = losses * (1 - smoothing) - log_p.mean(1) * smoothing
    if scale is not None:
        torch.exp(log_p, out=logits)
        if smoothing:
            logits.sub_(spread)
        logits.scatter_add_(1, targets, torch.full_like(targets, smoothing - 1, dtype=logits.dtype))
        logits.mul_(scale)
    return losses
