"""LoRA layers in one piece: the same numbers as the library's, with fewer passes over memory and less of it kept.

The library adds the adapter to the layer's output in separate operations, whose results all exist at once, and keeps
what was dropped out in full precision. Here the adapter's products are added in place, and of the dropout a mask of
bytes is kept. What is not a plain LoRA layer in float32 is left to the library: DoRA, quantized and merged layers,
several adapters, autocast.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners import lora
from torch import nn


class _Randomness(threading.local):
    """Where a thread's layers draw what they drop out from; None for where everything draws from."""

    generator: torch.Generator | None = None


_randomness = _Randomness()


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """While it lasts, the fused layers that this thread computes draw their random numbers from `generator`."""
    _randomness.generator = generator
    try:
        yield
    finally:
        _randomness.generator = None


def fuse_adapters(model: nn.Module) -> None:
    """Let all plain LoRA layers of a model compute in one piece."""
    for module in model.modules():
        if type(module) is lora.Linear and type(module.base_layer) is nn.Linear:
            module.__class__ = FusedLinear


class FusedLinear(lora.Linear):  # type: ignore[misc]  # the library has no types
    """A LoRA layer whose forward and backward passes are one function each."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args or kwargs or not self._is_plain(x):
            return super().forward(x, *args, **kwargs)  # type: ignore[no-any-return]
        name = self.active_adapters[0]
        dropout = self.lora_dropout[name]
        share = dropout.p if self.training and isinstance(dropout, nn.Dropout) else 0.0
        base, down, up = self.base_layer, self.lora_A[name].weight, self.lora_B[name].weight
        return _Lora.apply(x, base.weight, base.bias, down, up, self.scaling[name], share)  # type: ignore[no-any-return, no-untyped-call]

    def _is_plain(self, x: torch.Tensor) -> bool:
        adapters = self.active_adapters
        return (
            len(adapters) == 1
            and adapters[0] in self.lora_A
            and not self.disable_adapters
            and not self.merged
            and not self.lora_variant
            and not self.lora_bias[adapters[0]]
            and x.dtype == self.base_layer.weight.dtype == torch.float32
            and not any(parameter.requires_grad for parameter in self.base_layer.parameters())
            and not torch.is_autocast_enabled(x.device.type)
        )


class _Lora(torch.autograd.Function):
    """y = x W' + b + scaling × dropout(x) A' B', with W and b at rest. Shapes: (..., size in) to (..., size out)."""

    @staticmethod
    def forward(  # noqa: PLR0917 (torch passes arguments by position)
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
        dropout: float,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        kept = None
        if dropout:
            kept = torch.empty(rows.shape, dtype=torch.bool, device=x.device)
            kept.bernoulli_(1 - dropout, generator=_randomness.generator)
        inner = _dropped(rows, kept, dropout) @ down.t()
        y = nn.functional.linear(rows, weight, bias).addmm_(inner, up.t(), alpha=scaling)
        ctx.save_for_backward(rows, weight, down, up, inner, kept)
        ctx.scaling, ctx.dropout, ctx.shape = scaling, dropout, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, down, up, inner, kept = ctx.saved_tensors
        grad = grads[0].reshape(-1, weight.shape[0])
        grad_up = (grad.t() @ inner).mul_(ctx.scaling)
        grad_inner = (grad @ up).mul_(ctx.scaling)
        grad_down = grad_inner.t() @ _dropped(rows, kept, ctx.dropout)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight
            if kept is None:
                grad_x.addmm_(grad_inner, down)
            else:
                grad_x.add_(_dropped(grad_inner @ down, kept, ctx.dropout))
            grad_x = grad_x.view(ctx.shape)
        return grad_x, None, None, grad_down, grad_up, None, None


def _dropped(x: torch.Tensor, kept: torch.Tensor | None, dropout: float) -> torch.Tensor:
    return x if kept is None else (x * kept).div_(1 - dropout)
