"""The arithmetic of a step: forward and backward for a few rows at a time, in the layout that suits the model.

Each layout computes sums, never means, so that a step may be divided into any number of parts: its loss is the sum over
its answer tokens (or rows) divided by their number.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
import torch.nn.functional as F

from fintune_gui.engine.attention import attention_within_rows
from fintune_gui.engine.cross_entropy import cross_entropy_
from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import Model, base_of
from fintune_gui.engine.noise import noisy_embeddings
from fintune_gui.engine.packing import Pack, lay_out, packed_tokens, plan_padded, plan_shared_packs
from fintune_gui.engine.prefixes import group_rows
from fintune_gui.project.memory import places_with_logits

IGNORED = -100


@dataclass
class Sums:
    """What a few rows add up to.

    Attributes:
        loss: Sum of the losses.
        row_losses: Sum of the losses of each row, in the order of the rows.
        logits: For classification the rows' logits (rows, labels), on the CPU.
        computed: Tokens computed, padding included.
    """

    loss: float
    row_losses: list[float]
    computed: int
    logits: torch.Tensor | None = None


class Layout(Protocol):
    """One way to compute rows together.

    Attributes:
        label_smoothing: Share of certainty that training does not ask for; measuring asks for all of it.
        noise: NEFTune's alpha: noise on the embeddings while training, never while measuring.
    """

    name: str
    device: Device
    label_smoothing: float
    noise: float

    def plan(self, rows: Sequence[Example], budget: int) -> list[list[int]]:
        """Divide rows into parts that are computed at once, as lists of indices."""

    def computed(self, rows: Sequence[Example]) -> int:
        """Tokens that are computed for `rows` at once, padding included."""

    def weight(self, rows: Sequence[Example]) -> int:
        """What the sum of the losses of `rows` is divided by."""

    def compute(self, rows: Sequence[Example], scale: float | None = None) -> Sums:
        """Sums of `rows`. With `scale`, also add the gradients of scale times their loss."""

    def bound_to(self, model: Model) -> Self:
        """The same layout for another model of the same kind."""


class _Regularized:
    """What makes training harder than measuring: in force only where gradients are wanted."""

    label_smoothing = 0.0
    noise = 0.0

    def _smoothing(self, scale: float | None) -> float:
        return self.label_smoothing if scale is not None else 0.0

    def _noise(self, base: Model, lengths: torch.Tensor, scale: float | None) -> AbstractContextManager[object]:
        """Noise on the embeddings; `lengths` (rows, tokens) are those of each token's row."""
        return noisy_embeddings(base, self.noise, lengths) if scale is not None and self.noise else nullcontext()


class _Packed(_Regularized):
    """Rows behind one another without padding; what several rows begin with is computed once.

    Attributes:
        window: Rows longer than a model's sliding window see only a part of their beginning and share nothing.
    """

    name = "packed"
    share = True
    window: int | None = None
    device: Device

    def plan(self, rows: Sequence[Example], budget: int) -> list[list[int]]:
        return plan_shared_packs([row.ids for row in rows], budget, share=self._may_share(rows))

    def computed(self, rows: Sequence[Example]) -> int:
        return packed_tokens([row.ids for row in rows], share=self._may_share(rows))

    def _lay_out(self, rows: Sequence[Example]) -> Pack:
        return lay_out([row.ids for row in rows], self.device.torch, share=self._may_share(rows))

    def _may_share(self, rows: Sequence[Example]) -> bool:
        return self.share and (not self.window or max(map(len, rows)) <= self.window)


class _Padded(_Regularized):
    """Rows of similar length, filled up on the right."""

    name = "padded"

    def plan(self, rows: Sequence[Example], budget: int) -> list[list[int]]:
        return plan_padded([len(row) for row in rows], budget)

    def computed(self, rows: Sequence[Example]) -> int:
        return len(rows) * max(map(len, rows))


class _Causal(_Regularized):
    """Loss on the answers' tokens."""

    def __init__(self, model: Model, device: Device, pad_id: int) -> None:
        self.base = base_of(model)
        self.window = getattr(self.base.config, "sliding_window", None)
        self.device = device
        self.pad_id = pad_id

    def bound_to(self, model: Model) -> Self:
        other = copy.copy(self)
        other.base = base_of(model)
        return other

    def weight(self, rows: Sequence[Example]) -> int:
        return sum(row.learned_tokens for row in rows)


class PackedCausal(_Packed, _Causal):
    """Logits are computed only where there is loss."""

    def compute(self, rows: Sequence[Example], scale: float | None = None) -> Sums:
        pack = self._lay_out(rows)
        learned = [torch.tensor(row.learned[1:], device=self.device.torch).nonzero().squeeze(1) for row in rows]
        # A token's loss belongs to the place before it, which predicts it.
        before = torch.cat([place[tokens] for place, tokens in zip(pack.places, learned, strict=True)])
        wanted = torch.cat([place[tokens + 1] for place, tokens in zip(pack.places, learned, strict=True)])
        with attention_within_rows(self.base.config, pack.segments), gradients(scale), autocast(self.device):
            body = self.base.get_decoder()
            with self._noise(self.base, pack.row_lengths, scale):
                hidden = body(input_ids=pack.ids, position_ids=pack.positions, use_cache=False).last_hidden_state[0]
            head = self.base.get_output_embeddings()
            at_once = places_with_logits(self.base.config.get_text_config().vocab_size)
            losses = chunked_losses(
                head,
                hidden[before],
                pack.ids[0, wanted],
                at_once=at_once,
                scale=scale,
                smoothing=self._smoothing(scale),
            )
        row_losses = [float(part.sum()) for part in losses.split([len(tokens) for tokens in learned])]
        return Sums(float(losses.sum()), row_losses, pack.ids.numel())


def chunked_losses(
    head: Callable[[torch.Tensor], torch.Tensor],
    hidden: torch.Tensor,
    targets: torch.Tensor,
    *,
    at_once: int,
    scale: float | None,
    smoothing: float,
) -> torch.Tensor:
    """Losses (places,) from hidden states (places, size). Gradients go through the head first, chunk by chunk.

    Args:
        at_once: Places whose logits exist at the same time, see `places_with_logits`.
    """
    ends = hidden.detach().requires_grad_(scale is not None)
    losses = []
    for chunk, wanted in zip(ends.split(at_once), targets.split(at_once), strict=True):
        logits = head(chunk).float()
        losses.append(cross_entropy_(logits.detach(), wanted, smoothing=smoothing, scale=scale))
        if scale is not None:
            logits.backward(logits.detach())  # which are their gradients by now
    if scale is not None:
        hidden.backward(ends.grad)
    return torch.cat(losses) if losses else hidden.new_zeros(0)


class PaddedCausal(_Padded, _Causal):
    """For models whose attention cannot be kept within rows."""

    def compute(self, rows: Sequence[Example], scale: float | None = None) -> Sums:
        ids, mask = padded([row.ids for row in rows], self.pad_id, self.device.torch)
        with gradients(scale), autocast(self.device), self._noise(self.base, _row_lengths(mask), scale):
            logits = self.base(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
            targets = torch.full_like(ids, IGNORED)
            for number, row in enumerate(rows):
                learned = torch.tensor([False, *row.learned[1:]], device=ids.device)
                targets[number, : len(row)] = torch.where(learned, ids[number, : len(row)], IGNORED)
            losses = F.cross_entropy(
                logits.float().flatten(0, 1),
                targets[:, 1:].flatten(),
                ignore_index=IGNORED,
                reduction="none",
                label_smoothing=self._smoothing(scale),
            ).view(len(rows), -1)
            if scale is not None:
                (losses.sum() * scale).backward()
        return Sums(float(losses.detach().sum()), losses.detach().sum(1).tolist(), ids.numel())


class _Classification(_Regularized):
    """Loss on each row's label."""

    def __init__(self, model: Model, device: Device, pad_id: int) -> None:
        self.model = model
        self.window = getattr(base_of(model).config, "sliding_window", None)
        self.device = device
        self.pad_id = pad_id

    def bound_to(self, model: Model) -> Self:
        other = copy.copy(self)
        other.model = model
        return other

    def weight(self, rows: Sequence[Example]) -> int:
        return len(rows)

    def _sums(self, logits: torch.Tensor, rows: Sequence[Example], computed: int, scale: float | None) -> Sums:
        """What logits (rows, labels) add up to."""
        logits = logits.float()
        if rows[0].labels is None:
            labels = torch.tensor([row.label for row in rows], device=logits.device)
            losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=self._smoothing(scale))
        else:
            losses = self._losses_of_several(logits, rows, self._smoothing(scale))
        if scale is not None:
            (losses.sum() * scale).backward()
        return Sums(float(losses.detach().sum()), losses.tolist(), computed, logits.detach().cpu())

    def _losses_of_several(self, logits: torch.Tensor, rows: Sequence[Example], smoothing: float) -> torch.Tensor:
        """Each row's loss where it may have several labels: each label is a question of its own; their mean."""
        wanted = torch.zeros_like(logits)
        for number, row in enumerate(rows):
            wanted[number, list(row.labels or ())] = 1.0
        wanted = wanted * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)


class PackedClassification(_Packed, _Classification):
    """Each text is judged at its last token, as decoder models do."""

    def compute(self, rows: Sequence[Example], scale: float | None = None) -> Sums:
        base = base_of(self.model)
        pack = self._lay_out(rows)
        last = torch.stack([places[-1] for places in pack.places])
        with attention_within_rows(base.config, pack.segments), gradients(scale), autocast(self.device):
            body = getattr(base, base.base_model_prefix)
            with self._noise(base, pack.row_lengths, scale):
                hidden = body(input_ids=pack.ids, position_ids=pack.positions, use_cache=False).last_hidden_state[0]
            return self._sums(base.score(hidden[last]), rows, pack.ids.numel(), scale)


class PaddedClassification(_Padded, _Classification):
    """The model itself judges whole texts."""

    def compute(self, rows: Sequence[Example], scale: float | None = None) -> Sums:
        ids, mask = padded([row.ids for row in rows], self.pad_id, self.device.torch)
        with gradients(scale), autocast(self.device), self._noise(base_of(self.model), _row_lengths(mask), scale):
            return self._sums(self.model(input_ids=ids, attention_mask=mask).logits, rows, ids.numel(), scale)


def gradients(scale: float | None) -> AbstractContextManager[object]:
    """Gradients are recorded only where they will be used."""
    return torch.enable_grad() if scale is not None else torch.no_grad()


def autocast(device: Device) -> AbstractContextManager[object]:
    """Matrix products in the device's precision."""
    return torch.autocast(device.torch.type, torch.bfloat16) if device.half else nullcontext()


def padded(rows: Sequence[Sequence[int]], filler: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers and attention mask (rows, longest), filled up on the right.

    The mask is built from lengths, never from the padding's number, which may also be the end mark.
    """
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), filler, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids.to(device), mask.to(device)


def _row_lengths(mask: torch.Tensor) -> torch.Tensor:
    """For each token of a padded batch the length of its row, (rows, longest)."""
    return mask.sum(1, keepdim=True).expand_as(mask)


_CHECK_ROWS = 3
_CHECKED_FOR_SHARING = 64
_TOLERANCE = 1e-3
_HALF_TOLERANCE = 3e-2


def choose_layout(
    model: Model, device: Device, pad_id: int, examples: Sequence[Example], *, generates: bool
) -> tuple[Layout, str]:
    """The fastest layout that gives the right numbers for this model, and the reason for it.

    Packing is tried on a few rows against the model's own padded computation; models that mix rows through anything but
    attention, or scale their logits, show up here. Processors are asked in float32, so that a run that goes on in
    bfloat16 has the layout that it began with.
    """
    layout, reason = _checked_layout(
        model, replace(device, half=device.half and device.torch.type != "cpu"), pad_id, examples, generates=generates
    )
    layout.device = device
    return layout, reason


def _checked_layout(
    model: Model, device: Device, pad_id: int, examples: Sequence[Example], *, generates: bool
) -> tuple[Layout, str]:
    if not generates and not hasattr(base_of(model), "score"):
        reason = "Encoder models read each text from both sides; rows of similar length go together."
        return PaddedClassification(model, device, pad_id), reason
    if generates and base_of(model).config.is_encoder_decoder:
        from fintune_gui.engine.seq2seq import checked_seq2seq  # built on what is above

        return checked_seq2seq(model, device, pad_id, _rows_to_check(examples))
    tried: PackedCausal | PackedClassification = (PackedCausal if generates else PackedClassification)(
        model, device, pad_id
    )
    plain: Layout = (PaddedCausal if generates else PaddedClassification)(model, device, pad_id)
    rows = _rows_to_check(examples)
    was_training = model.training
    model.eval()
    try:
        expected = _one_by_one(plain, rows)
        try:
            difference = differing_loss(tried.compute(rows), expected, device)
            if difference:
                tried.share = False
                difference = differing_loss(tried.compute(rows), expected, device)
        except (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError, KeyError) as error:
            return plain, f"This kind of model cannot be packed ({type(error).__name__}: {str(error)[:120]})."
        if difference:
            return plain, f"Packed rows would give other numbers with this model ({difference})."
        return tried, f"Checked on {len(rows)} rows: the same losses as padded rows, without computing padding."
    finally:
        model.train(was_training)


def _one_by_one(plain: Layout, rows: Sequence[Example]) -> Sums:
    """Sums of rows that are computed alone: the logits of all their tokens at once may need more than training does."""
    each = [plain.compute([row]) for row in rows]
    losses = [loss for sums in each for loss in sums.row_losses]
    return Sums(sum(losses), losses, sum(sums.computed for sums in each))


def _rows_to_check(examples: Sequence[Example]) -> list[Example]:
    """A few rows of ordinary length, and two that begin alike where some do."""
    rows = sorted(examples, key=len)[len(examples) // 4 :][:_CHECK_ROWS]
    rows = rows * 2 if len(rows) == 1 else rows  # one row alone would not show whether rows see each other
    first = examples[:_CHECKED_FOR_SHARING]
    groups = [group for group in group_rows([row.ids for row in first]) if group.shared]
    return rows + [first[index] for group in groups[:1] for index in group.rows[:2]]


def differing_loss(found: Sums, expected: Sums, device: Device) -> str:
    """The first loss that is not what it should be; "" if all are."""
    tolerance = _HALF_TOLERANCE if device.half else _TOLERANCE
    for mine, theirs in zip(found.row_losses, expected.row_losses, strict=True):
        if not abs(mine - theirs) <= tolerance * max(1.0, abs(theirs)):
            return f"{mine:.4f} for {theirs:.4f}"
    return ""
