"""How much memory training will need, by arithmetic alone: the most that its process holds at one moment.

With P weights, A of them learning, W the sum of (rows + columns) over the matrices that get an adapter, V entries in
the vocabulary and H the width of the hidden state:

    weights      P × 4 bytes; × 2 for LoRA on a graphics card; × 0.56 for QLoRA (4 bits and their scales)
    adapter      A × 4 bytes, A = rank × W                       (LoRA and QLoRA; for full, A = P and nothing is added)
    gradients    A × 4 bytes
    optimizer    A × 8 bytes: AdamW remembers two numbers for each weight that learns; 8-bit AdamW two bytes, Adafactor
                 one number for each row and column (Shazeer and Stern, 2018)
    activations  what layers keep of each token until the backward pass: `fintune_gui.project.activations`.
                 With gradient checkpointing each layer's input, and all of one layer at a time; half of it in
                 bfloat16 on a graphics card. On a processor half as much again: see `_HOLES`
    at work      the larger of what lives at the turn from forward to backward: the probabilities of L tokens at
                 a time (L × V × 4 bytes, L = min(512, 2²⁴ / V), and for full the gradient of the matrix that makes
                 them, V × H × 4, a second time while it is added up), and the gradients inside one layer
    program      what Python, torch, transformers and their threads take before any model; a card's own context

A processor computes two parts of a step side by side where it can: each has gradients and probabilities of its own.
Gradients come while activations go. Where a step is computed in one part, the larger of both counts; in several parts,
the sum of the earlier ones' gradients waits while the next one's activations grow.

Loading, the first step of the optimizer and saving stay below: weights of float32 are read where they lie in the file,
those of bfloat16 one tensor at a time; the optimizer changes weights in place; files are written from where the numbers
lie. Where the family of a model is not known the count of the most similar one is taken, and the estimate says that it
is rough. ``python -m benchmarks.memory`` holds all this against measured peaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from fintune_gui.project.activations import Learning, is_known, kept_bytes, working_bytes
from fintune_gui.project.document import Task
from fintune_gui.project.model_shape import ModelShape
from fintune_gui.project.settings import ATTENTION, LoraVariant, Method, Optimizer, TrainingSettings

GIGABYTE = 1024**3

_NUMBER_BYTES = 4
_QLORA_BYTES = 0.56
_OPTIMIZER_BYTES = {Optimizer.ADAMW: 8.0, Optimizer.ADAMW_8BIT: 2.0, Optimizer.ADAFACTOR: 0.02}
TOKENS_AT_ONCE_CPU = 1024
"""As many as processors need to be busy: 2048 were no faster and took a third more memory."""
TOKENS_AT_ONCE_GPU = 16384
PARTS_AT_ONCE = 2
"""Parts of a step that a processor computes side by side, of half as many tokens each, see `docs/decisions` 15."""
MOST_FURTHER_GRADIENTS = GIGABYTE
"""Bytes that the gradients of all parts but the first may take; with more, one part follows another."""
_MOST_PLACES_WITH_LOGITS = 512
_LOGITS_AT_ONCE = 1 << 24
"""64 MB: more are no faster, and a large vocabulary would take most of a small model's memory."""
_HOLES = 1.5
"""The C library's allocator asks for aligned blocks a little larger than the hole that one of the same size has left,
so what passes while layers compute leaves holes between what they keep, and they are not filled. How many depends on
what passes: ``benchmarks.memory`` saw a third of what is kept (Qwen3) to nine tenths (a Llama on very long rows), most
about a half. With gradient checkpointing the engine lets the allocator give large blocks back, and there are none."""
PROGRAM_BYTES = 535 * 1024**2
"""Resident size of an engine's process right before the model is read: 484 MB after the imports and the rows, and 50 MB
of work space and threads of the mathematical libraries once they have computed something. On Linux."""
_CARD_BYTES = int(0.7 * GIGABYTE)
"""What a graphics card gives to the driver's context and the libraries' work space."""


@dataclass(frozen=True)
class MemoryPart:
    """One part of an estimate: its name, its size in bytes, and how it comes about in a few words."""

    name: str
    bytes: int
    how: str


_PROGRAM = MemoryPart("Program", PROGRAM_BYTES, "Python, torch and transformers")
_PROGRAM_ON_CARD = MemoryPart("Program", _CARD_BYTES, "the driver’s context, and work space of libraries")


@dataclass(frozen=True)
class MemoryEstimate:
    """What training will need, part by part, in bytes.

    Attributes:
        rough: Whether the model is of a family whose layers were not counted.
    """

    parts: tuple[MemoryPart, ...]
    rough: bool = False

    @property
    def total(self) -> int:
        return sum(part.bytes for part in self.parts)


def estimate_memory(
    shape: ModelShape,
    method: Method,
    training: TrainingSettings,
    *,
    max_length: int,
    task: Task,
    on_gpu: bool,
    one_row: bool = False,
) -> MemoryEstimate:
    """What a run with these settings will need; see the head of this module for the arithmetic.

    Args:
        max_length: Longest example in tokens; with the batch size it bounds the tokens computed at once.
        on_gpu: Whether the memory is a graphics card's.
        one_row: Compute one row at a time, as a run on a graphics card does by itself when memory runs out.
    """
    adapter = method is not Method.FULL
    learning = _learning_weights(shape, training, adapter=adapter)
    weight_bytes: float = _NUMBER_BYTES
    if method is Method.QLORA:
        weight_bytes = _QLORA_BYTES
    elif adapter and on_gpu:
        weight_bytes = _NUMBER_BYTES / 2
    parts_at_once = 1 if on_gpu or one_row else _parts_at_once(shape, method, training, learning)
    most = 1 if one_row else TOKENS_AT_ONCE_GPU if on_gpu else TOKENS_AT_ONCE_CPU // parts_at_once
    in_a_part = _tokens_at_once(training.batch_size, max_length, most)
    if in_a_part > most * PARTS_AT_ONCE:
        parts_at_once = 1  # long rows are computed alone
    parts_at_once = min(parts_at_once, math.ceil(training.batch_size * max_length / in_a_part))
    tokens = min(parts_at_once * in_a_part, training.batch_size * max_length)
    activations = _activations(shape, method, training, tokens, max_length, on_gpu=on_gpu)
    work = _at_work(shape, in_a_part, parts_at_once, adapter=adapter, generates=task.generates)
    gradients, how_gradients = float(learning * _NUMBER_BYTES), _each(learning, _NUMBER_BYTES)
    if parts_at_once > 1:
        gradients, how_gradients = gradients * parts_at_once, f"{how_gradients}, {parts_at_once} times"
    if tokens >= training.batch_size * max_length:
        gradients, how_gradients = max(0.0, gradients - activations), "come while activations go"
    optimizer_bytes = _OPTIMIZER_BYTES[training.optimizer]
    parts = [MemoryPart("Weights", int(shape.parameters * weight_bytes), _each(shape.parameters, weight_bytes))]
    if adapter:
        how = f"rank {training.lora_rank}: {_each(learning, _NUMBER_BYTES)}"
        parts.append(MemoryPart("Adapter", learning * _NUMBER_BYTES, how))
    parts += [
        MemoryPart("Gradients", int(gradients), how_gradients),
        MemoryPart("Optimizer", int(learning * optimizer_bytes), _each(learning, optimizer_bytes)),
        MemoryPart("Activations", int(activations), f"{tokens:,} tokens at once"),
        MemoryPart("At work", int(work.bytes), work.how),
        _PROGRAM_ON_CARD if on_gpu else _PROGRAM,
    ]
    return MemoryEstimate(tuple(parts), rough=not is_known(shape))


def _learning_weights(shape: ModelShape, training: TrainingSettings, *, adapter: bool) -> int:
    """How many weights learn. Layers that the user chose by name count as all: it is the most they can be."""
    layers = shape.layers + shape.decoder_layers
    share = max(0, layers - training.frozen_layers) / layers if layers else 1.0
    if adapter:
        attention = training.lora_targets == ATTENTION and shape.attention_width
        return int(share * training.lora_rank * (shape.attention_width if attention else shape.matrix_width))
    tables = shape.vocabulary * shape.hidden if training.frozen_layers else 0
    return int(share * (shape.parameters - tables))


def _parts_at_once(shape: ModelShape, method: Method, training: TrainingSettings, learning: int) -> int:
    """How many parts of a step are computed side by side; the engine looks at the model itself for the same reasons."""
    draws = shape.dropout or shape.attention_dropout or training.neftune_noise_alpha > 0
    draws = draws or (training.lora_variant is LoraVariant.DORA and training.lora_dropout > 0)
    further = (PARTS_AT_ONCE - 1) * learning * _NUMBER_BYTES
    if draws or method is Method.QLORA or training.gradient_checkpointing or further > MOST_FURTHER_GRADIENTS:
        return 1
    return PARTS_AT_ONCE


def places_with_logits(vocabulary: int) -> int:
    """For how many places logits exist at the same time in a part, with so many entries in the vocabulary."""
    return max(1, min(_MOST_PLACES_WITH_LOGITS, _LOGITS_AT_ONCE // max(vocabulary, 1)))


def _tokens_at_once(batch_size: int, max_length: int, most: int) -> int:
    """Tokens of as many whole rows as are computed at once: at least one, at most a step's."""
    return max_length * max(1, min(batch_size, most // max_length))


def _activations(
    shape: ModelShape, method: Method, training: TrainingSettings, tokens: int, length: int, *, on_gpu: bool
) -> float:
    """Bytes that wait for the backward pass when it begins."""
    learning = Learning(
        adapter=method is not Method.FULL,
        rank=training.lora_rank,
        attention_only=training.lora_targets == ATTENTION,
        dropout=training.lora_dropout > 0,
        plain=method is Method.LORA and training.lora_variant is not LoraVariant.DORA and not on_gpu,
    )
    layers = shape.layers + shape.decoder_layers
    if training.gradient_checkpointing:
        inputs = layers * shape.hidden * _NUMBER_BYTES * tokens
        kept = inputs + kept_bytes(shape, learning, tokens, length, layers=1)
    else:
        kept = kept_bytes(shape, learning, tokens, length, layers=max(0, layers - training.frozen_layers))
    if on_gpu:
        return kept / 2
    return kept if training.gradient_checkpointing else kept * _HOLES


class _Work(NamedTuple):
    bytes: float
    how: str


def _at_work(shape: ModelShape, in_a_part: int, parts: int, *, adapter: bool, generates: bool) -> _Work:
    """What lives for a moment at the turn from forward to backward."""
    inside = _Work(parts * working_bytes(shape, in_a_part), "gradients inside one layer")
    if not generates:
        return inside
    answers = parts * min(in_a_part, places_with_logits(shape.vocabulary))
    head = 0 if adapter else parts * shape.vocabulary * shape.hidden
    logits = (answers * shape.vocabulary + head) * _NUMBER_BYTES
    return max(inside, _Work(logits, f"{answers:,} tokens × {shape.vocabulary:,} words"))


def _each(count: int, size: float) -> str:
    return f"{short_count(count)} × {size:g} bytes"


def short_count(count: int) -> str:
    """A large number in words: "960", "1.3 million", "135 million", "7.6 billion"."""
    for size, word in ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand")):
        if count >= 0.9995 * size:  # 999,900,000 are a billion and not "1000 million"
            value = count / size
            return f"{value:.1f} {word}" if value < 10 else f"{value:.0f} {word}"
    return str(count)


def gigabytes(size: float) -> str:
    """A size in bytes as people compare memory: "1.4 GB", "23 GB", "12 MB"."""
    if size < 0.0995 * GIGABYTE:
        return f"{max(1, round(size / 1024**2)) if size else 0} MB"
    value = size / GIGABYTE
    return f"{value:.1f} GB" if value < 9.95 else f"{value:,.0f} GB"
