"""The arithmetic of a step for models of two halves: one reads the prompts, the other writes the answers.

Rows of similar length go together, prompts and answers filled up apart. The model computes them as it always does; only
what goes into its last layer is caught on the way, so that logits exist for the answers' tokens alone, some at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import torch
import torch.nn.functional as F

from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import Model, base_of
from fintune_gui.engine.noise import noisy_embeddings
from fintune_gui.engine.packing import plan_padded_pairs
from fintune_gui.engine.stepping import Layout, Sums, autocast, chunked_losses, differing_loss, gradients, padded
from fintune_gui.project.memory import places_with_logits


class PaddedSeq2Seq:
    """Loss on the answers' tokens.

    Attributes:
        whole: Let the model itself compute the logits of all places, also of those that carry no loss.
    """

    name = "padded"
    label_smoothing = 0.0
    noise = 0.0
    whole = False

    def __init__(self, model: Model, device: Device, pad_id: int) -> None:
        self.base = base_of(model)
        self.device = device
        self.pad_id = pad_id

    def bound_to(self, model: Model) -> Self:
        other = copy.copy(self)
        other.base = base_of(model)
        return other

    def plan(self, rows: Sequence[Example], budget: int) -> list[list[int]]:
        return plan_padded_pairs([(len(row.prompt), len(row.ids)) for row in rows], budget)

    def computed(self, rows: Sequence[Example]) -> int:
        return len(rows) * (max(len(row.prompt) for row in rows) + max(len(row.ids) for row in rows))

    def weight(self, rows: Sequence[Example]) -> int:
        return sum(row.learned_tokens for row in rows)

    def compute(self, rows: Sequence[Example], scale: float | None = None) -> Sums:
        place = self.device.torch
        prompts, mask = padded([row.prompt for row in rows], self.pad_id, place)
        answers, _ = padded([row.ids for row in rows], self.pad_id, place)
        learned = padded([row.learned for row in rows], 0, place)[0][:, 1:].bool()
        # Each token is predicted from those before it; the first is the one that answers begin with.
        inputs = {"input_ids": prompts, "attention_mask": mask, "decoder_input_ids": answers[:, :-1]}
        smoothing = self.label_smoothing if scale is not None else 0.0
        with gradients(scale), autocast(self.device), self._noise(rows, scale):
            if self.whole:
                logits = self.base(**inputs, use_cache=False).logits[learned]
                losses = F.cross_entropy(
                    logits.float(), answers[:, 1:][learned], reduction="none", label_smoothing=smoothing
                )
                if scale is not None:
                    (losses.sum() * scale).backward()
            else:
                losses = chunked_losses(
                    self._logits,
                    self._before_head(inputs)[learned],
                    answers[:, 1:][learned],
                    at_once=places_with_logits(self.base.config.get_text_config().vocab_size),
                    scale=scale,
                    smoothing=smoothing,
                )
        losses = losses.detach()
        row_losses = [float(part.sum()) for part in losses.split([row.learned_tokens for row in rows])]
        return Sums(float(losses.sum()), row_losses, prompts.numel() + answers.numel())

    def _before_head(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """What goes into the layer that makes logits, (rows, longest answer, size)."""
        caught: list[torch.Tensor] = []

        def catch(_head: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            caught.append(arguments[0])
            return (arguments[0][:, :1],)  # the model goes on with one place of each row; nobody looks at it

        hook = self.base.get_output_embeddings().register_forward_pre_hook(catch)
        try:
            self.base(**inputs, use_cache=False)
        finally:
            hook.remove()
        return caught[0]

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (places, vocabulary) from hidden states (places, size); BART adds a bias of its own to them."""
        logits: torch.Tensor = self.base.get_output_embeddings()(hidden)
        bias = getattr(self.base, "final_logits_bias", None)
        return logits if bias is None else logits + bias

    @contextmanager
    def _noise(self, rows: Sequence[Example], scale: float | None) -> Iterator[None]:
        """NEFTune's noise on the embeddings of prompts and answers, while gradients are wanted."""
        if scale is None or not self.noise:
            yield
            return
        halves: list[tuple[Any, list[int]]] = [
            (self.base.get_encoder(), [len(row.prompt) for row in rows]),
            (self.base.get_decoder(), [len(row.ids) - 1 for row in rows]),
        ]
        with ExitStack() as stack:
            for half, lengths in halves:
                each = torch.tensor(lengths, device=self.device.torch).unsqueeze(1)
                stack.enter_context(noisy_embeddings(half, self.noise, each))
            yield


def checked_seq2seq(model: Model, device: Device, pad_id: int, rows: Sequence[Example]) -> tuple[Layout, str]:
    """The layout for a model of two halves, compared on a few rows with the logits of the model itself."""
    layout = PaddedSeq2Seq(model, device, pad_id)
    was_training = model.training
    model.eval()
    try:
        layout.whole = True
        expected = layout.compute(rows)
        layout.whole = False
        layout.whole = bool(differing_loss(layout.compute(rows), expected, device))
    finally:
        model.train(was_training)
    reason = (
        "This model reads each prompt from both sides and then writes the answer; rows of similar length go together."
    )
    return layout, reason
