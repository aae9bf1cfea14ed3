"""Models and rows that the contestants of `benchmarks.training` train. All are drawn from fixed seeds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fintune_gui.engine.data import Example

VOCABULARY = 16_384
LARGE_VOCABULARY = 128_256
LABELS = 4


def _row(
    number: int, generator: random.Random, length: int, learned_from: int, prompt: list[int] | None = None
) -> Example:
    ids = [*(prompt or []), *(generator.randrange(3, VOCABULARY) for _ in range(length - len(prompt or [])))]
    return Example(number, ids, [place >= learned_from for place in range(length)], number % LABELS)


def skewed_rows(count: int, *, longest: int = 1000) -> list[Example]:
    """Log-normal lengths (median 150, 20 to `longest` tokens); the second half of each is learned."""
    generator = random.Random(1)
    lengths = (min(longest, max(20, int(generator.lognormvariate(math.log(150), 0.9)))) for _ in range(count))
    return [_row(number, generator, length, length // 2) for number, length in enumerate(list(lengths))]


def even_rows(count: int, *, shortest: int, longest: int, learned: float) -> list[Example]:
    """Lengths between two bounds; the last part of each is learned."""
    generator = random.Random(3)
    lengths = [generator.randint(shortest, longest) for _ in range(count)]
    return [_row(number, generator, size, round(size * (1 - learned))) for number, size in enumerate(lengths)]


def prompted_rows(count: int, *, shortest: int, longest: int) -> list[Example]:
    """The same 300 tokens, then tokens of their own, of which the second half is learned."""
    generator = random.Random(2)
    prompt = [generator.randrange(3, VOCABULARY) for _ in range(300)]
    own = [generator.randint(shortest, longest) for _ in range(count)]
    return [_row(number, generator, 300 + size, 300 + size // 2, prompt) for number, size in enumerate(own)]


ROWS: dict[str, Callable[[int], list[Example]]] = {
    "skewed": skewed_rows,
    "skewed, at most 512": partial(skewed_rows, longest=512),
    "even": partial(even_rows, shortest=90, longest=260, learned=0.5),
    "equal": partial(even_rows, shortest=256, longest=256, learned=1.0),
    "prompted": partial(prompted_rows, shortest=40, longest=80),
    "long-prompted": partial(prompted_rows, shortest=150, longest=250),
}


def make_model(kind: str, method: str) -> Any:
    """A model with fresh weights, or that in the folder that `kind` names; with an adapter for the method "lora"."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    if Path(kind).is_dir():
        model: Any = AutoModelForCausalLM.from_pretrained(kind, dtype=torch.float32, local_files_only=True)
    elif kind == "encoder":
        model = _encoder()
    else:
        model = _llama(LARGE_VOCABULARY if kind == "large vocabulary" else VOCABULARY)
    if method == "lora":
        from peft import LoraConfig, get_peft_model

        adapter = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, adapter)
    return model


def _llama(vocabulary: int) -> Any:
    """12.7 million parameters with the small vocabulary."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=8,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def _encoder() -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_labels=LABELS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
    )
    return BertForSequenceClassification(config)
