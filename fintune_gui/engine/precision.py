"""Whether a processor computes this very model faster in bfloat16: tried out in half a second, never guessed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from fintune_gui.engine.adapter import blocks_of
from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.job import Job
from fintune_gui.engine.model import Model, base_of
from fintune_gui.engine.stepping import Layout
from fintune_gui.project.errors import TrainingError

_SECONDS = 0.45
"""For all passes together; what else there is to do takes some hundredths."""
_PASS_SECONDS = 0.03
_TOKENS = (256, 128, 64, 32, 16)
_LEARNED_TOKENS = 2
_ROUNDS = 5
_FEWEST_ROUNDS = 2
_CLEARLY = 1.25
_AGREES = 0.02


def settle_precision(job: Job, device: Device, model: Model, layout: Layout, examples: Sequence[Example]) -> Device:
    """The device in the precision that suits the model; on a processor both are tried, and the figures told.

    One block of the model, with its own weights, goes forward and backward over a part of a row. float32 stays unless
    bfloat16 is clearly faster and gives the same loss.
    """
    if device.torch.type != "cpu":
        return device
    half, reason = _compare(device, model, layout, examples)
    job.decided("precision", "bfloat16 products, float32 weights" if half else "float32", reason)
    settled = replace(device, half=half)
    layout.device = settled
    return settled


def _compare(device: Device, model: Model, layout: Layout, examples: Sequence[Example]) -> tuple[bool, str]:
    began = time.perf_counter()
    base = base_of(model)
    try:
        name, blocks = blocks_of(base)
    except TrainingError:
        return False, "This kind of model cannot be tried out in parts."
    row = _part_of_a_row(base, blocks[0], examples)
    if row is None:
        return False, "The model is too large to try bfloat16 in half a second."
    exact, half = _Trial(replace(device, half=False)), _Trial(replace(device, half=True))
    was_training = model.training
    model.eval()
    try:
        with _only_first_block(base, name, blocks):
            for _ in range(1 + _ROUNDS):
                for trial in (exact, half):
                    trial.make(model, layout, row)
                if time.perf_counter() - began + exact.seconds[-1] + half.seconds[-1] > _SECONDS:
                    break
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        return False, f"bfloat16 does not work with this model here ({type(error).__name__})."
    finally:
        layout.device = device
        model.train(was_training)
    return _judge(exact, half, len(row))


def _judge(exact: _Trial, half: _Trial, tokens: int) -> tuple[bool, str]:
    """Whether to use bfloat16, and the figures that say so. The first round of each only warms up."""
    ours, theirs = half.seconds[1:], exact.seconds[1:]
    if len(ours) < _FEWEST_ROUNDS:
        return False, "The model is too large to try bfloat16 in half a second."
    figures = (
        f"One block over {tokens} tokens took {1000 * statistics.median(ours):.1f} ms in bfloat16 and "
        f"{1000 * statistics.median(theirs):.1f} ms in float32; the losses were {half.loss:.4f} and {exact.loss:.4f}."
    )
    # Even the slowest of one must beat the fastest of the other: chance alone does not do that.
    faster = max(ours) * _CLEARLY < min(theirs)
    agrees = abs(half.loss - exact.loss) <= _AGREES * max(1.0, abs(exact.loss))
    return faster and agrees, figures


class _Trial:
    """Passes in one precision, with their durations."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.seconds: list[float] = []
        self.loss = float("nan")

    def make(self, model: Model, layout: Layout, row: Example) -> None:
        """One forward and backward pass."""
        layout.device = self.device
        began = time.perf_counter()
        self.loss = layout.compute([row], scale=1.0).loss / layout.weight([row])
        self.seconds.append(time.perf_counter() - began)
        model.zero_grad()


def _part_of_a_row(base: Any, block: nn.Module, examples: Sequence[Example]) -> Example | None:
    """So much of the longest row that a pass is short; None if even the least is too much for this computer."""
    speed = _multiplications_per_second()
    size = sum(parameter.numel() for parameter in block.parameters())
    head = base.get_output_embeddings()
    head_size = sum(parameter.numel() for parameter in head.parameters()) if head is not None else 0
    longest = max(examples, key=len)
    for tokens in _TOKENS:
        learned = min(tokens - 1, _LEARNED_TOKENS)
        if 3 * (size * tokens + head_size * learned) <= _PASS_SECONDS * speed:
            # Short rows are repeated: what they say does not matter, only how long it takes.
            ids = (longest.ids * (1 + tokens // len(longest)))[:tokens]
            return Example(longest.row_id, ids, [False] * (tokens - learned) + [True] * learned, longest.label)
    return None


def _multiplications_per_second() -> float:
    """Speed of this computer's float32 matrix products, from one that takes a few milliseconds."""
    matrix = torch.ones(384, 384)
    matrix @ matrix
    began = time.perf_counter()
    matrix @ matrix
    return float(384**3 / (time.perf_counter() - began))


@contextmanager
def _only_first_block(base: Any, name: str, blocks: nn.ModuleList) -> Iterator[None]:
    """While it lasts, the model has one block only."""
    parent, _, attribute = name.rpartition(".")
    owner = base.get_submodule(parent)
    setattr(owner, attribute, blocks[:1])
    try:
        yield
    finally:
        setattr(owner, attribute, blocks)
