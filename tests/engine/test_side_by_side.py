"""Parts of a step that threads compute at the same time: the numbers of one after another, and the same each time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.fused_adapter import fuse_adapters
from fintune_gui.engine.seq2seq import PaddedSeq2Seq
from fintune_gui.engine.side_by_side import SideBySide, _dealt, why_not
from fintune_gui.engine.stepping import Layout, PackedCausal, PaddedClassification
from tests.helpers.tiny import VOCABULARY, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)
BUDGET = 1024
KINDS: dict[str, tuple[Any, Any]] = {
    "llama": (AutoModelForCausalLM, PackedCausal),
    "bert": (AutoModelForSequenceClassification, PaddedClassification),
    "t5": (AutoModelForSeq2SeqLM, PaddedSeq2Seq),
}


@pytest.fixture(autouse=True)
def two_cores() -> Any:
    """As on a computer with two cores, whatever this one has."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def rows(count: int = 12, *, beginning: int = 0, prompted: bool = False) -> list[Example]:
    generator = torch.Generator().manual_seed(3)

    def tokens(length: int) -> list[int]:
        return torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()

    shared, lengths = tokens(beginning), range(5, 5 + 3 * count, 3)
    return [
        Example(
            number,
            shared + tokens(length),
            [False] * (beginning + length // 2) + [True] * (length - length // 2),
            number % 2,
            prompt=tokens(6) if prompted else [],
        )
        for number, length in enumerate(lengths)
    ]


def trained(folder: Path, kind: str, *, dropout: float | None = None) -> tuple[Any, Layout]:
    """A tiny model and its layout: learning as a whole, or with an adapter and its dropout."""
    loader, layout = KINDS[kind]
    torch.manual_seed(0)
    model = loader.from_pretrained(save_model(folder, kind), dtype=torch.float32)
    if dropout is not None:
        model = get_peft_model(model, LoraConfig(r=4, lora_dropout=dropout, target_modules="all-linear"))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        fuse_adapters(model)
    return model.train(), layout(model, CPU, 0)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    return found


def parts_of(layout: Layout, examples: list[Example], budget: int) -> list[list[Example]]:
    return [[examples[index] for index in part] for part in layout.plan(examples, budget)]


@pytest.mark.parametrize(
    ("kind", "dropout"),
    [
        ("llama", 0.0),
        ("llama", None),
        # transformers says that the saved model brings no head for classes
        pytest.param("bert", None, marks=pytest.mark.expects_log("LOAD REPORT")),
        ("t5", None),
    ],
)
def test_that_losses_and_gradients_are_those_of_one_part_after_another(
    tmp_path: Path, kind: str, dropout: float | None
) -> None:
    model, layout = trained(tmp_path, kind, dropout=dropout)
    assert not why_not(model, layout)
    parts = parts_of(layout, rows(prompted=kind == "t5"), 60)
    assert len(parts) > 3
    expected = [layout.compute(part, 0.1) for part in parts]
    one_by_one = gradients(model)
    sums = SideBySide(model, layout).compute(parts, 0.1, BUDGET, lambda: None)
    together = gradients(model)
    assert [s.loss for s in sums] == pytest.approx([e.loss for e in expected], rel=1e-5)
    assert [s.computed for s in sums] == [layout.computed(part) for part in parts]
    assert together.keys() == one_by_one.keys()
    for name, gradient in one_by_one.items():
        torch.testing.assert_close(together[name], gradient, rtol=1e-4, atol=1e-6)


def test_that_numbers_with_dropout_depend_on_the_seed_alone(tmp_path: Path) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.3)
    parts, side_by_side = parts_of(layout, rows(), 60), SideBySide(model, layout)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses = [sums.loss for sums in side_by_side.compute(parts, 0.1, BUDGET, lambda: None)]
        found.append((losses, gradients(model), torch.get_rng_state()))
    assert found[0][0] == found[1][0] != found[2][0]
    assert all(torch.equal(found[0][1][name], found[1][1][name]) for name in found[0][1])
    assert torch.equal(found[0][2], found[1][2])


def test_that_weights_that_were_replaced_are_seen_by_all_threads(tmp_path: Path) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.0)
    parts, side_by_side = parts_of(layout, rows(), 60), SideBySide(model, layout)
    for weight in model.parameters():
        weight.data = weight.data * 1.5
    expected = [layout.compute(part).loss for part in parts]
    assert [s.loss for s in side_by_side.compute(parts, 0.1, BUDGET, lambda: None)] == pytest.approx(expected, rel=1e-5)


def test_that_an_error_in_any_thread_is_told_and_leaves_no_gradients_in_the_further_ones(tmp_path: Path) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.0)
    side_by_side, parts = SideBySide(model, layout), parts_of(layout, rows(), 60)
    outside = [Example(0, [VOCABULARY + 50_000] * 20, [True] * 20)]  # the largest part goes to this thread
    for broken in ([*parts, outside], [outside, outside]):
        with pytest.raises(IndexError):
            side_by_side.compute(broken, 0.1, BUDGET, lambda: None)
        model.zero_grad()
        expected = [layout.compute(part, 0.1).loss for part in parts]
        one_by_one = gradients(model)
        assert [s.loss for s in side_by_side.compute(parts, 0.1, BUDGET, lambda: None)] == pytest.approx(
            expected, rel=1e-5
        )
        together = gradients(model)
        for name, gradient in one_by_one.items():
            torch.testing.assert_close(together[name], gradient, rtol=1e-4, atol=1e-6)


def test_that_an_interruption_ends_all_threads(tmp_path: Path) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.0)
    side_by_side, before = SideBySide(model, layout), threading.active_count()

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side.compute(parts_of(layout, rows(40), 60), 0.1, BUDGET, interrupt)
    assert threading.active_count() == before
    assert torch.get_num_threads() == 2


def test_that_parts_are_small_unless_shared_beginnings_would_be_computed_again(tmp_path: Path) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.0)
    side_by_side = SideBySide(model, layout)
    apart, alike = rows(), rows(beginning=90)
    small = side_by_side.plan(apart, 120)
    assert small == layout.plan(apart, 60)
    large = side_by_side.plan(alike, 240)
    assert sorted(index for part in large for index in part) == list(range(len(alike)))
    assert len(large) < len(layout.plan(alike, 120))
    sizes = [layout.computed([alike[index] for index in part]) for part in large]
    assert len(sizes) % 2 == 0
    assert max(sizes) < 1.4 * min(sizes)


def test_that_long_parts_are_computed_alone_with_all_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.0)
    parts, seen = parts_of(layout, rows(), 60), []
    computed = PackedCausal.compute

    def watched(self: PackedCausal, part: list[Example], scale: float | None = None) -> Any:
        seen.append((layout.computed(part), torch.get_num_threads(), threading.current_thread().name))
        return computed(self, part, scale)

    monkeypatch.setattr(PackedCausal, "compute", watched)
    SideBySide(model, layout).compute(parts, 0.1, 58, lambda: None)
    assert {size > 58 for size, _, _ in seen} == {True, False}
    assert all((threads == 2) == (size > 58) for size, threads, _ in seen)
    assert len({name for size, _, name in seen if size <= 58}) == 2


@pytest.mark.parametrize(
    ("sizes", "hands"),
    [
        ([9, 8, 7, 6], [[0, 3], [1, 2]]),
        ([9, 8, 8], [[0], [1]]),
        ([9, 6, 2], [[0], [1, 2]]),
        ([5], [[], []]),
        ([], [[], []]),
    ],
)
def test_that_a_part_that_others_would_wait_for_is_dealt_to_nobody(sizes: list[int], hands: list[list[int]]) -> None:
    assert _dealt(dict(enumerate(sizes))) == hands


def test_that_models_that_draw_numbers_elsewhere_compute_one_part_after_another(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save_model(tmp_path, "gpt2"), dtype=torch.float32)
    assert not why_not(model, PackedCausal(model, CPU, 0))
    model.transformer.h[0].mlp.dropout.p = 0.1
    assert "random numbers" in why_not(model, PackedCausal(model, CPU, 0))


def test_that_one_core_computes_one_part_after_another(tmp_path: Path) -> None:
    model, layout = trained(tmp_path, "llama", dropout=0.0)
    torch.set_num_threads(1)
    assert why_not(model, layout)
