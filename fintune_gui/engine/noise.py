"""NEFTune: noise on the embeddings while training, so that few rows are not learnt by heart (Jain et al., 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def noisy_embeddings(base: Any, alpha: float, lengths: torch.Tensor) -> Iterator[None]:
    """While it lasts, each token's embedding gets uniform noise of at most alpha / sqrt(length × size).

    Args:
        lengths: For each token the length of its row, (rows, tokens): the row's own, not the pack's or the padding's.
    """

    def add_noise(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        greatest = alpha / (lengths.to(output.device, torch.float32) * output.shape[-1]).sqrt()
        noise = torch.empty_like(output, dtype=torch.float32).uniform_(-1, 1) * greatest.unsqueeze(-1)
        return output + noise.to(output.dtype)

    hook = base.get_input_embeddings().register_forward_hook(add_noise)
    try:
        yield
    finally:
        hook.remove()
