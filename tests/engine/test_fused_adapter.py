"""LoRA layers in one piece: the library's numbers, and the library's own layer wherever they are not plain."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from fintune_gui.engine.fused_adapter import FusedLinear, fuse_adapters


def small_model(**options: Any) -> Any:
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 7, bias=False))
    adapted = get_peft_model(model, LoraConfig(r=3, lora_alpha=5, target_modules=["0", "2"], **options))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    return adapted


def gradients_of(model: Any, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    """Output, gradients of the weights that learn and of x, with random numbers that begin anew."""
    torch.manual_seed(1)
    x = x.clone().requires_grad_()
    y = model(x)
    y.square().sum().backward()
    assert x.grad is not None
    return y.detach(), [p.grad.clone() for p in model.parameters() if p.requires_grad], x.grad


@pytest.mark.parametrize("options", [{}, {"lora_dropout": 0.3}, {"use_rslora": True}], ids=str)
def test_that_a_fused_layer_gives_the_librarys_numbers(options: dict[str, Any]) -> None:
    model, x = small_model(**options).train(), torch.randn(2, 5, 12)
    expected = gradients_of(model, x)
    model.zero_grad()
    fuse_adapters(model)
    assert sum(isinstance(module, FusedLinear) for module in model.modules()) == 2
    found = gradients_of(model, x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(model.eval()(x), model(x)), "nothing is dropped while measuring"


def test_that_merged_and_disabled_adapters_are_left_to_the_library() -> None:
    model, x = small_model().eval(), torch.randn(5, 12)
    with model.disable_adapter():
        untuned = model(x)
    tuned = model(x)
    fuse_adapters(model)
    with model.disable_adapter():
        torch.testing.assert_close(model(x), untuned)
    torch.testing.assert_close(model(x), tuned)
    torch.testing.assert_close(model.merge_and_unload()(x), tuned)


def test_that_dora_and_autocast_are_left_to_the_library() -> None:
    x = torch.randn(5, 12)
    model = small_model(use_dora=True)
    expected = gradients_of(model, x)
    model.zero_grad()
    fuse_adapters(model)
    torch.testing.assert_close(gradients_of(model, x), expected, rtol=0, atol=0)
    plain = small_model()
    with torch.autocast("cpu", torch.bfloat16):
        half = plain(x)
        fuse_adapters(plain)
        assert torch.equal(plain(x), half)
