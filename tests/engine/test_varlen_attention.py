"""One kernel for a whole pack, as graphics cards have it: here a stand-in of few lines, called as the real one is."""

from __future__ import annotations

import inspect
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention import varlen
from transformers import MistralConfig, MistralForCausalLM

from fintune_gui.engine import varlen_attention
from fintune_gui.engine.device import Device
from fintune_gui.engine.packing import Segment
from fintune_gui.engine.stepping import PackedCausal, PaddedCausal
from fintune_gui.engine.varlen_attention import attend, has_kernel, sequences_of
from tests.engine.test_packing import computed_with, examples, model_in, sharing_rows
from tests.helpers.tiny import VOCABULARY

CPU = Device(torch.device("cpu"), "CPU", half=False)
REAL = varlen.varlen_attn


def stand_in(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
    """Sequence by sequence what the real function says that it does."""
    called = inspect.signature(REAL).bind(query, key, value, *rest, **options).arguments
    left, right = called["window_size"]
    assert right == 0
    assert called["cu_seq_q"].dtype == called["cu_seq_k"].dtype == torch.int32
    assert called["enable_gqa"] or query.shape[1] == key.shape[1]
    queries, keys = (list(pairwise(called[name].tolist())) for name in ("cu_seq_q", "cu_seq_k"))
    assert called["max_q"] == max(end - begin for begin, end in queries)
    assert called["max_k"] == max(end - begin for begin, end in keys)
    outputs = []
    for (begin, end), (first, last) in zip(queries, keys, strict=True):
        q = query[begin:end].transpose(0, 1)
        k, v = (part[first:last].repeat_interleave(query.shape[1] // part.shape[1], 1) for part in (key, value))
        places = torch.arange(last - first)
        distance = places[last - first - (end - begin) :, None] - places[None, :]
        seen = (distance >= 0) & ((distance <= left) if left >= 0 else True)
        scores = (q @ k.permute(1, 2, 0)) * (called.get("scale") or q.shape[-1] ** -0.5)
        outputs.append((scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v.transpose(0, 1)).transpose(0, 1))
    return torch.cat(outputs)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The stand-in, in use on this processor; the number of tokens of each call."""
    calls: list[int] = []

    def counted(query: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        calls.append(len(query))
        return stand_in(query, *rest, **options)

    monkeypatch.setattr(varlen, "varlen_attn", counted)
    monkeypatch.setattr(varlen_attention, "has_kernel", lambda query, key, windowed: True)
    varlen_attention._gives_the_right_numbers.cache_clear()
    return calls


@pytest.mark.parametrize("kind", ["llama", "qwen", "gpt2"])
@pytest.mark.parametrize("rows", [examples(12, 40, 30, 7), sharing_rows()], ids=["apart", "sharing a beginning"])
def test_that_losses_and_gradients_are_those_of_padded_rows(
    tmp_path: Path, kernel: list[int], kind: str, rows: list[Any]
) -> None:
    model = model_in(tmp_path, kind)
    packed, gradients = computed_with(model, PackedCausal(model, CPU, 0), rows)
    padded, expected = computed_with(model, PaddedCausal(model, CPU, 0), rows)
    assert packed.row_losses == pytest.approx(padded.row_losses, abs=1e-4)
    torch.testing.assert_close(gradients, expected, atol=1e-5, rtol=1e-4)
    assert kernel == [packed.computed] * 2  # one call for each of the two layers, whatever the number of rows


def test_that_a_sliding_window_is_kept(kernel: list[int]) -> None:
    torch.manual_seed(1)
    config = MistralConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=6,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    rows = examples(20, 30, 4)
    packed, padded = PackedCausal(model, CPU, 0).compute(rows), PaddedCausal(model, CPU, 0).compute(rows)
    assert packed.row_losses == pytest.approx(padded.row_losses, abs=1e-4)
    assert kernel


@pytest.mark.parametrize("key_heads", [4, 2])
def test_that_the_real_function_takes_what_it_is_given(key_heads: int) -> None:
    """On a device without memory, where shapes and types are all there is."""
    meta = torch.device("meta")
    sequences = sequences_of([Segment(5), Segment(3, (4, 6))], torch.device("cpu"))
    assert sequences.keys is not None
    assert sequences.key_bounds.tolist() == [0, 5, 8, 15, 24]
    query, key = (torch.empty(1, heads, 18, 16, dtype=torch.bfloat16, device=meta) for heads in (4, key_heads))
    inputs = [tensor.requires_grad_() for tensor in (query, key, key.clone().detach())]
    output = attend(*inputs, sequences=sequences, scale=0.25, window=None)
    assert (output.shape, output.dtype) == ((1, 18, 4, 16), torch.bfloat16)
    gradients = torch.autograd.grad(output.sum(), inputs)
    assert [gradient.shape for gradient in gradients] == [tensor.shape for tensor in inputs]


def test_that_attention_is_computed_in_the_precision_of_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.dtype] = []

    def note(query: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        asked.append(query.dtype)
        return query

    monkeypatch.setattr(varlen, "varlen_attn", note)
    query = torch.randn(1, 2, 5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        attend(query, query, query, sequences=sequences_of([Segment(5)], query.device), scale=None, window=None)
    assert asked == [torch.bfloat16]


@pytest.mark.parametrize("windowed", [False, True])
def test_that_a_kernel_is_used_only_if_its_numbers_are_right(
    kernel: list[int], monkeypatch: pytest.MonkeyPatch, windowed: bool
) -> None:
    what = torch.device("cpu"), torch.float32, 4, 2, 8, windowed
    assert varlen_attention._gives_the_right_numbers(*what)

    def ignores_the_beginning(query: torch.Tensor, key: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        return stand_in(query, key * 1.5, *rest, **options)

    def fails(*_: Any, **__: Any) -> torch.Tensor:
        raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.")

    for broken in (ignores_the_beginning, fails):
        monkeypatch.setattr(varlen, "varlen_attn", broken)
        varlen_attention._gives_the_right_numbers.cache_clear()
        assert not varlen_attention._gives_the_right_numbers(*what)
    varlen_attention._gives_the_right_numbers.cache_clear()


def test_that_a_processor_is_not_even_asked() -> None:
    query = torch.randn(1, 2, 5, 8, dtype=torch.bfloat16)
    assert not has_kernel(query, query, windowed=False)
