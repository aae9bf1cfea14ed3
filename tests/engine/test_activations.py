"""The numbers that the estimate of memory says a layer keeps, against those that autograd really keeps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as t

from fintune_gui.engine.adapter import add_adapter
from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.fused_adapter import fuse_adapters
from fintune_gui.engine.seq2seq import PaddedSeq2Seq
from fintune_gui.engine.stepping import PackedCausal, PaddedClassification
from fintune_gui.project.activations import KINDS, Learning, layer_bytes
from fintune_gui.project.document import Task
from fintune_gui.project.model_shape import ModelShape, measures
from fintune_gui.project.settings import TrainingSettings

ROWS, LENGTH = 4, 64
MARKS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
SIZES = {"hidden_size": 128, "intermediate_size": 320, "num_attention_heads": 4, "max_position_embeddings": 256}


def _config(kind: str, layers: int) -> Any:
    """A configuration of one kind, small, with the family's own dropout."""
    sizes = {"layers": layers, "ffn_dim": 320, "attention_heads": 4}
    both = {f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in sizes.items()}
    gpt2 = {"n_embd": 128, "n_inner": 320, "n_head": 4, "n_layer": layers, "n_positions": 256}
    bart = {"d_model": 128, "decoder_start_token_id": 1, **both}
    t5 = {"num_layers": layers, "d_model": 128, "d_kv": 32, "d_ff": 320, "num_heads": 4, "decoder_start_token_id": 0}
    few_heads = {**SIZES, "num_key_value_heads": 2}
    known = {
        "llama": few_heads,
        "mistral": few_heads,
        "qwen2": few_heads,
        "smollm3": few_heads,
        "phi3": few_heads,
        **{name: {**few_heads, "head_dim": 64} for name in ("qwen3", "gemma3_text")},
        "gpt2": gpt2,
        "opt": {"hidden_size": 128, "ffn_dim": 320, "num_attention_heads": 4, "word_embed_proj_dim": 128},
        "distilbert": {"dim": 128, "hidden_dim": 320, "n_heads": 4, "n_layers": layers},
        "modernbert": {**SIZES, "cls_token_id": 1, "sep_token_id": 1},
        **{name: {**t5, "feed_forward_proj": "relu"} for name in ("t5", "mt5", "umt5")},
        "gated t5": {**t5, "feed_forward_proj": "gated-gelu"},
        "bart": bart,
        "mbart": bart,
    }
    options = known.get(kind, SIZES)
    deep = {} if options in (gpt2, bart) or "d_kv" in options or "dim" in options else {"num_hidden_layers": layers}
    return t.AutoConfig.for_model(kind.removeprefix("gated "), vocab_size=64, **MARKS, **deep, **options)


def _kept(config: Any, learning: Learning) -> int:
    """Bytes of all tensors that autograd keeps, each storage once, without the model's own weights."""
    torch.manual_seed(0)
    device = Device(torch.device("cpu"), "CPU", half=False)
    classifies = config.model_type in ("bert", "roberta", "xlm-roberta", "distilbert", "modernbert")
    if classifies:
        model = t.AutoModelForSequenceClassification.from_config(config)
    else:
        kind = t.AutoModelForSeq2SeqLM if config.is_encoder_decoder else t.AutoModelForCausalLM
        model = kind.from_config(config)
    if learning.adapter:
        settings = TrainingSettings(
            lora_rank=learning.rank,
            lora_dropout=0.05 if learning.dropout else 0.0,
            lora_targets="attention" if learning.attention_only else "all-linear",
        )
        heads = {name for name in ("pre_classifier", "classifier") if hasattr(model, name)}
        task = Task.CLASSIFICATION if classifies else Task.INSTRUCTION
        model = add_adapter(model, heads, settings, task, quantized=False)
        fuse_adapters(model)
    model.train()
    if config.is_encoder_decoder:
        layout, rows = PaddedSeq2Seq(model, device, 0), [_pair(number) for number in range(ROWS)]
    else:
        layout = (PaddedClassification if classifies else PackedCausal)(model, device, 0)
        rows = [_row(number) for number in range(ROWS)]
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    found: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        found.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layout.compute(rows, scale=1.0)
    return sum(tensor.untyped_storage().nbytes() for place, tensor in found.items() if place not in weights)


def _row(number: int) -> Example:
    ids = [2 + (number + place * (number + 1)) % 60 for place in range(LENGTH)]
    return Example(number, ids, [place >= LENGTH - 2 for place in range(LENGTH)], label=number % 2)


def _pair(number: int) -> Example:
    """As much to read as to write, with the token that answers begin with."""
    half = _row(number).ids[: LENGTH // 2]
    return Example(number, [0, *half], [False] + [True] * len(half), prompt=half)


@pytest.mark.parametrize(
    "learning",
    [
        Learning(adapter=False),
        Learning(adapter=True, rank=8, dropout=True),
        Learning(adapter=True, rank=8, attention_only=True),
    ],
    ids=["full", "LoRA", "LoRA on attention"],
)
@pytest.mark.parametrize("kind", [*KINDS, "gated t5"])
def test_that_a_layer_keeps_what_is_counted(kind: str, learning: Learning) -> None:
    two, three = (_kept(_config(kind, layers), learning) for layers in (2, 3))
    shape = ModelShape(1, 1, 64, **measures(_config(kind, 2).to_dict()))
    counted = layer_bytes(shape, learning, LENGTH)
    if shape.decoder_layers:
        counted = (
            layer_bytes(shape, learning, LENGTH // 2) + layer_bytes(shape, learning, LENGTH // 2, decoder=True)
        ) / 2

    assert counted == pytest.approx((three - two) / (ROWS * LENGTH), rel=0.04)
