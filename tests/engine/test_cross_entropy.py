"""The loss whose gradient is written over the logits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fintune_gui.engine import cross_entropy
from fintune_gui.engine.cross_entropy import cross_entropy_


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("in_cache", [50, 1 << 20])
def test_that_losses_and_gradients_are_torchs(smoothing: float, in_cache: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_NUMBERS_IN_CACHE", in_cache)
    torch.manual_seed(0)
    logits, targets = 30 * torch.randn(11, 23), torch.randint(0, 23, (11,))
    exact = logits.clone().requires_grad_()
    expected = F.cross_entropy(exact, targets, reduction="none", label_smoothing=smoothing)
    (0.25 * expected.sum()).backward()
    torch.testing.assert_close(cross_entropy_(logits, targets, smoothing=smoothing, scale=0.25), expected.detach())
    torch.testing.assert_close(logits, exact.grad)


def test_that_measuring_leaves_the_logits_alone() -> None:
    logits, targets = torch.randn(4, 9), torch.randint(0, 9, (4,))
    before = logits.clone()
    cross_entropy_(logits, targets, smoothing=0.0, scale=None)
    assert torch.equal(logits, before)
