"""Layouts: every row once, within the budget, and no row sees another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.engine import attention
from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.packing import plan_packs, plan_padded, plan_shared_packs
from fintune_gui.engine.stepping import Layout, PackedCausal, PaddedCausal, Sums, choose_layout
from tests.helpers.tiny import VOCABULARY, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)
LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 500))
def test_that_packs_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    packs = plan_packs(lengths, budget)
    assert sorted(index for pack in packs for index in pack) == list(range(len(lengths)))
    assert all(len(pack) == 1 or sum(lengths[index] for index in pack) <= budget for pack in packs)


@given(LENGTHS, st.integers(1, 500))
def test_that_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = plan_padded(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget for batch in batches)


def examples(*lengths: int, seed: int = 0) -> list[Example]:
    generator = torch.Generator().manual_seed(seed)
    return [
        Example(
            number,
            torch.randint(0, VOCABULARY, (length,), generator=generator).tolist(),
            [place >= length // 2 for place in range(length)],
        )
        for number, length in enumerate(lengths)
    ]


def model_in(folder: Path, kind: str, **changes: object) -> torch.nn.Module:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(save_model(folder, kind, **changes), dtype=torch.float32)
    return model.eval()


def computed_with(model: torch.nn.Module, layout: Layout, rows: list[Example]) -> tuple[Sums, dict[str, torch.Tensor]]:
    """The sums of rows, and the gradients of a tenth of their loss."""
    model.zero_grad()
    sums = layout.compute(rows, scale=0.1)
    return sums, {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_that_a_row_in_a_pack_does_not_see_the_others(tmp_path: Path, kind: str) -> None:
    layout = PackedCausal(model_in(tmp_path, kind), CPU, 0)
    rows = examples(12, 1, 30, 7)
    alone = [layout.compute([row]).loss for row in rows]
    assert layout.compute(rows).row_losses == pytest.approx(alone, abs=1e-4)
    other_company = [examples(50, seed=5)[0], *rows[1:]]
    assert layout.compute(other_company).row_losses[1:] == pytest.approx(alone[1:], abs=1e-4)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_that_packed_and_padded_gradients_agree(tmp_path: Path, kind: str) -> None:
    model = model_in(tmp_path, kind)
    rows = examples(12, 40, 30, 7)
    _, packed = computed_with(model, PackedCausal(model, CPU, 0), rows)
    _, padded = computed_with(model, PaddedCausal(model, CPU, 0), rows)
    torch.testing.assert_close(packed, padded, atol=1e-5, rtol=1e-4)


def test_that_a_backward_pass_in_another_thread_computes_again_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on graphics cards, whose backward pass has a thread of its own, with gradient checkpointing."""
    model = model_in(tmp_path, "llama").train()
    layout, rows = PackedCausal(model, CPU, 0), examples(12, 40, 30, 7)
    backward = torch.Tensor.backward
    _, here = computed_with(model, layout, rows)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    monkeypatch.setattr(torch.Tensor, "backward", lambda *given: _elsewhere(backward, *given))
    _, elsewhere = computed_with(model, layout, rows)
    torch.testing.assert_close(elsewhere, here, atol=1e-6, rtol=1e-5)


def _elsewhere(work: Callable[..., None], *given: Any) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work, *given).result()


def test_that_a_sliding_window_is_kept(tmp_path: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(1)
    config = MistralConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=6,
    )
    model = MistralForCausalLM(config).eval()
    rows = examples(20, 30, 4)
    packed, padded = PackedCausal(model, CPU, 0).compute(rows), PaddedCausal(model, CPU, 0).compute(rows)
    assert packed.row_losses == pytest.approx(padded.row_losses, abs=1e-4)


def test_that_a_model_that_cannot_be_packed_is_padded_and_says_why(tmp_path: Path) -> None:
    """A running sum over positions mixes the rows of a pack, whatever the attention does."""
    model = model_in(tmp_path, "llama")
    norm = model.model.norm

    class Mixing(torch.nn.Module):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            hidden = norm(hidden)
            return hidden + 0.5 * hidden.cumsum(1)

    model.model.norm = Mixing()
    layout, reason = choose_layout(model, CPU, 0, examples(9, 12, 15), generates=True)
    assert layout.name == "padded"
    assert "other numbers" in reason
    model.model.norm = norm
    assert choose_layout(model, CPU, 0, examples(9), generates=True)[0].name == "packed"


def sharing_rows() -> list[Example]:
    """Two beginnings, one within the other, rows with and without them, and one that ends where the beginning does."""
    generator = torch.Generator().manual_seed(3)

    def draw(count: int) -> list[int]:
        return torch.randint(0, VOCABULARY, (count,), generator=generator).tolist()

    long = draw(40)
    texts = [long + draw(9), long + draw(1), long[:24] + draw(14), draw(33), long, long + draw(30)]
    return [
        Example(number, ids, [place >= 22 for place in range(len(ids))])  # also tokens of the beginning carry loss
        for number, ids in enumerate(texts)
    ]


@pytest.mark.parametrize("joined", [True, False], ids=["two parts joined", "masked"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_that_a_shared_beginning_changes_neither_losses_nor_gradients(
    tmp_path: Path, kind: str, joined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_in(tmp_path, kind)
    rows = sharing_rows()
    if not joined:  # the way of devices other than the processor
        monkeypatch.setattr(attention, "_can_join", lambda query, dropout: False)
    shared, gradients = computed_with(model, PackedCausal(model, CPU, 0), rows)
    padded, expected = computed_with(model, PaddedCausal(model, CPU, 0), rows)
    assert shared.computed == 40 + 9 + 1 + 38 + 33 + 30
    assert shared.row_losses == pytest.approx(padded.row_losses, abs=1e-4)
    torch.testing.assert_close(gradients, expected, atol=1e-5, rtol=1e-4)


def test_that_a_shared_beginning_counts_once_against_the_budget() -> None:
    beginning = list(range(100))
    rows = [[*beginning, 1000 + number, number] for number in range(10)]
    assert len(plan_shared_packs(rows, 120, share=True)) == 1
    assert len(plan_shared_packs(rows, 110, share=True)) == 2
    assert len(plan_shared_packs(rows, 120, share=False)) == 10


def test_that_rows_longer_than_a_sliding_window_share_nothing(tmp_path: Path) -> None:
    layout = PackedCausal(model_in(tmp_path, "llama"), CPU, 0)
    rows = sharing_rows()
    sharing = layout.compute(rows).computed
    layout.window = 50
    assert layout.compute(rows).computed == sum(map(len, rows)) > sharing
