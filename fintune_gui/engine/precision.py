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
_PASS_SECONDS = 0.06
_TOKENS = (256, 128, 64, 32, 16)
_LEARNED_TOKENS = 2
_VOCABULARY = 256
_ROUNDS = 5
_FEWEST_ROUNDS = 2
_CLEARLY = 1.25
_TOO_LARGE = "The model is too large, or the processor too busy, to try bfloat16 in half a second."
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
    if base.config.is_encoder_decoder:
        return False, "A model that reads and writes with two halves cannot be tried out in parts."
    try:
        name, blocks = blocks_of(base)
    except TrainingError:
        return False, "This kind of model cannot be tried out in parts."
    if _pass_seconds(blocks[-1], _TOKENS[-1]) > _PASS_SECONDS:
        return False, _TOO_LARGE
    exact, half = _Trial(replace(device, half=False)), _Trial(replace(device, half=True))
    was_training = model.training
    model.eval()
    try:
        with _only_last_block(base, name, blocks):
            row = _part_of_a_row(examples, _TOKENS[-1])
            for trial in (exact, half):  # a first pass is slower than all others, and shows how long a row may be
                trial.make(model, layout, row)
                if time.perf_counter() - began > _SECONDS / 2:
                    return False, _TOO_LARGE
            expected = exact.seconds[0] / _TOKENS[-1]
            row = _part_of_a_row(examples, next((n for n in _TOKENS if n * expected <= _PASS_SECONDS), _TOKENS[-1]))
            for _ in range(_ROUNDS):
                for trial in (exact, half):
                    trial.make(model, layout, row)
                if time.perf_counter() - began + exact.seconds[-1] + half.seconds[-1] > _SECONDS:
                    break
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        return False, f"bfloat16 does not work with this model here ({type(error).__name__})."
    finally:
        layout.device = device
        model.train(was_training)
    return _judge(exact, half, len(row))


def _judge(exact: _Trial, half: _Trial, tokens: int) -> tuple[bool, str]:
    """Whether to use bfloat16, and the figures that say so. The first round of each only warms up."""
    ours, theirs = half.seconds[1:], exact.seconds[1:]
    if len(ours) < _FEWEST_ROUNDS:
        return False, _TOO_LARGE
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


def _pass_seconds(block: nn.Module, tokens: int) -> float:
    """What a pass takes at the least, so that none is begun that takes seconds."""
    size = sum(parameter.numel() for parameter in block.parameters())
    return 3 * size * tokens / _multiplications_per_second()


def _part_of_a_row(examples: Sequence[Example], tokens: int) -> Example:
    """So many tokens of the longest row. Short rows are repeated: how long it takes matters, not what they say."""
    longest = max(examples, key=len)
    ids = [token % _VOCABULARY for token in (longest.ids * (1 + tokens // len(longest)))[:tokens]]
    learned = [False] * (tokens - _LEARNED_TOKENS) + [True] * _LEARNED_TOKENS
    return Example(longest.row_id, ids, learned, longest.label)


def _multiplications_per_second() -> float:
    """Speed of this computer's float32 matrix products, from the best of three that take a few milliseconds."""
    matrix = torch.ones(384, 384)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - began)
    return float(384**3 / min(seconds))


@contextmanager
def _only_last_block(base: Any, name: str, blocks: nn.ModuleList) -> Iterator[None]:
    """While it lasts, the model has one block only, the last, which always learns; all around it rests.

    Of the vocabulary's head a part is left: a whole one would take longer than the block for so few tokens.
    """
    parent, _, attribute = name.rpartition(".")
    owner = base.get_submodule(parent)
    inside = set(blocks[-1].parameters())
    around = [parameter for parameter in base.parameters() if parameter.requires_grad and parameter not in inside]
    head = base.get_output_embeddings()
    setattr(owner, attribute, blocks[-1:])
    for parameter in around:
        parameter.requires_grad_(False)
    if head is not None:
        weight = head.weight.detach()[:_VOCABULARY]
        part = nn.Linear(weight.shape[1], _VOCABULARY, bias=False, device="meta")
        part.weight = nn.Parameter(weight, requires_grad=False)
        base.set_output_embeddings(part)
    try:
        yield
    finally:
        if head is not None:
            base.set_output_embeddings(head)
        setattr(owner, attribute, blocks)
        for parameter in around:
            parameter.requires_grad_(True)
