"""How much memory training will need: an estimate by plain arithmetic, and what a measured dry run found.

The estimate is read from the headers of the model's weights alone. With P parameters, A parameters that learn, W the
sum of (rows + columns) over all weight matrices but those of the vocabulary, T tokens computed at once and V entries
in the vocabulary:

    weights      P × 4 bytes; × 2 for LoRA on a graphics card; × 0.56 for QLoRA (4 bits and their scales)
    adapter      A × 4 bytes, A = rank × W                       (LoRA and QLoRA; for full, A = P and nothing is added)
    gradients    A × 4 bytes
    optimizer    A × 8 bytes: AdamW remembers two numbers for each weight that learns
    activations  T × W × 2 × 4 bytes for full, × 2.5 × 4 for an adapter; half of it in bfloat16 on a graphics card;
                 × 0.15 with gradient checkpointing;
                 plus 3 × L × V × 4 bytes for the answers' probabilities, which exist for L tokens at a time,
                 L = min(512, 2²⁴ / V)
    program      0.7 GB for Python, torch and transformers; on a graphics card for its context

The factors 2 and 2.5 lie in the middle of what was measured (1.1 for Llama, 1.7 for BERT, 2.8 for GPT-2; with an
adapter 1.7, 2.2 and 3.2): the whole is good to about a third, which is what a dry run is for.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from fintune_gui.project.document import ModelChoice, Task
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.events import Ended, read_events
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.spec import EVENTS_FILE, FitSpec, TrainSpec, read_spec

GIGABYTE = 1024**3

_NUMBER_BYTES = 4
_QLORA_BYTES = 0.56
_OPTIMIZER_BYTES = 8
_KEPT_FULL = 2.0
_KEPT_ADAPTER = 2.5
_KEPT_CHECKPOINTED = 0.15
"""Share of the activations that gradient checkpointing keeps: each layer's input, and all of one layer at a time."""
TOKENS_AT_ONCE_CPU = 1024
"""As many as processors need to be busy: 2048 were no faster and took a third more memory."""
TOKENS_AT_ONCE_GPU = 16384
_MOST_PLACES_WITH_LOGITS = 512
_LOGITS_AT_ONCE = 1 << 24
"""64 MB: more are no faster, and a large vocabulary would take most of a small model's memory."""
_COPIES_OF_PROBABILITIES = 3
_PROGRAM_BYTES = int(0.7 * GIGABYTE)
_VOCABULARY_NAMES = re.compile(r"(^|\.)shared\.weight$|embed|wte|wpe|lm_head|position", re.IGNORECASE)
_LARGEST_HEADER_BYTES = 100_000_000


@dataclass(frozen=True)
class ModelShape:
    """What the estimate needs to know of a model.

    Attributes:
        parameters: All weights.
        matrix_width: Sum of (rows + columns) over the weight matrices that an adapter is put beside.
        vocabulary: Entries of the vocabulary.
    """

    parameters: int
    matrix_width: int
    vocabulary: int


@dataclass(frozen=True)
class MemoryPart:
    """One part of an estimate: its name, its size in bytes, and how it comes about in a few words."""

    name: str
    bytes: int
    how: str


@dataclass(frozen=True)
class MemoryEstimate:
    """What training will need, part by part, in bytes."""

    parts: tuple[MemoryPart, ...]

    @property
    def total(self) -> int:
        return sum(part.bytes for part in self.parts)


def places_with_logits(vocabulary: int) -> int:
    """For how many places logits exist at the same time, with so many entries in the vocabulary."""
    return max(1, min(_MOST_PLACES_WITH_LOGITS, _LOGITS_AT_ONCE // max(vocabulary, 1)))


def read_shape(folder: Path) -> ModelShape | None:
    """The shape of the model in a plain folder, from the headers of its safetensors files; None if there are none."""
    parameters = width = vocabulary = 0
    for path in sorted(folder.glob("*.safetensors")):
        for name, shape in _tensors(path):
            parameters += math.prod(shape)
            if len(shape) != 2:
                continue
            if _VOCABULARY_NAMES.search(name):
                vocabulary = max(vocabulary, shape[0])
            else:
                width += sum(shape)
    return ModelShape(parameters, width, vocabulary) if parameters else None


def _tensors(path: Path) -> list[tuple[str, list[int]]]:
    """Names and shapes of the tensors in a safetensors file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > _LARGEST_HEADER_BYTES:
                return []
            header = json.loads(file.read(length))
        return [(name, tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return []


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
    learning = training.lora_rank * shape.matrix_width if adapter else shape.parameters
    weight_bytes: float = _NUMBER_BYTES
    if method is Method.QLORA:
        weight_bytes = _QLORA_BYTES
    elif adapter and on_gpu:
        weight_bytes = _NUMBER_BYTES / 2
    at_once = max(max_length, TOKENS_AT_ONCE_GPU if on_gpu else TOKENS_AT_ONCE_CPU)
    if one_row:
        at_once = max_length
    tokens = min(training.batch_size * max_length, at_once)
    kept = (_KEPT_ADAPTER if adapter else _KEPT_FULL) * shape.matrix_width * (_NUMBER_BYTES / (2 if on_gpu else 1))
    if training.gradient_checkpointing:
        kept *= _KEPT_CHECKPOINTED
    answers = min(tokens, places_with_logits(shape.vocabulary)) if task.generates else 0
    probabilities = _COPIES_OF_PROBABILITIES * answers * shape.vocabulary * _NUMBER_BYTES
    parts = [MemoryPart("Weights", int(shape.parameters * weight_bytes), _each(shape.parameters, weight_bytes))]
    if adapter:
        how = f"rank {training.lora_rank}: {_each(learning, _NUMBER_BYTES)}"
        parts.append(MemoryPart("Adapter", learning * _NUMBER_BYTES, how))
    parts += [
        MemoryPart("Gradients", learning * _NUMBER_BYTES, _each(learning, _NUMBER_BYTES)),
        MemoryPart("Optimizer", learning * _OPTIMIZER_BYTES, _each(learning, _OPTIMIZER_BYTES)),
        MemoryPart("Activations", int(tokens * kept) + probabilities, f"{tokens:,} tokens at once"),
        MemoryPart("Program", _PROGRAM_BYTES, "Python, torch and transformers"),
    ]
    return MemoryEstimate(tuple(parts))


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


@dataclass(frozen=True)
class Measured:
    """What a dry run found.

    Attributes:
        peak_memory_bytes: The most memory that the job's process held.
        tokens_per_second: Useful tokens.
        hours: How long the whole run would take.
        checkpoint_bytes: Size of one checkpoint on disk.
        steps: Steps that were measured.
    """

    peak_memory_bytes: float
    tokens_per_second: float
    hours: float
    checkpoint_bytes: float
    steps: int


def last_measured(
    jobs: Path, model: ModelChoice, training: TrainingSettings, inputs: dict[str, str]
) -> Measured | None:
    """The newest finished dry run below `jobs` that measured exactly this; None if there is none.

    Args:
        jobs: The project's folder of jobs.
        inputs: Present fingerprints of what a run is made from, see `fintune_gui.project.flow.input_fingerprints`.
    """
    for folder in sorted(jobs.glob("fit-[0-9]*"), reverse=True):
        try:
            spec = read_spec(folder)
        except FintuneError:
            continue
        if isinstance(spec, FitSpec) and _measures(spec.train, model, training, inputs):
            ended = [event for event in read_events(folder / EVENTS_FILE) if isinstance(event, Ended)]
            if ended and ended[-1].outcome == "completed":
                return measured_from(ended[-1])
    return None


def measured_from(ended: Ended) -> Measured:
    """The result of a dry run's end event."""
    return Measured(**{name: ended.result.get(name, 0) for name in Measured.__dataclass_fields__})


def _measures(spec: TrainSpec, model: ModelChoice, training: TrainingSettings, inputs: dict[str, str]) -> bool:
    same_inputs = all(inputs.get(name) == value for name, value in spec.inputs.items())
    return spec.model == model and spec.training == training and same_inputs
