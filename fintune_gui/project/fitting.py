"""Whether a model can be trained on this computer, judged from the estimate of its memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fintune_gui.project.computer import Computer
from fintune_gui.project.document import Task
from fintune_gui.project.memory import MemoryEstimate, estimate_memory, gigabytes
from fintune_gui.project.model_shape import ModelShape
from fintune_gui.project.settings import Method, TrainingSettings

TIGHT = 0.7
"""Share of the memory above which it may fail: estimates were up to 13 % off on processors and were not measured on
cards, and the system and its programs need room as well."""


class Fit(StrEnum):
    """How a need compares with the memory, in the words that are shown."""

    FITS = "fits"
    TIGHT = "tight"
    QLORA = "fits with QLoRA"
    TOO_LARGE = "too large"


def judge(needed: float, memory_bytes: int, free_bytes: int | None = None) -> Fit:
    """Whether `needed` bytes fit. More than is free just now is tight: other programs can be closed."""
    if needed > memory_bytes:
        return Fit.TOO_LARGE
    short = free_bytes is not None and needed > free_bytes
    return Fit.TIGHT if short or needed > TIGHT * memory_bytes else Fit.FITS


@dataclass(frozen=True)
class Outlook:
    """What training a model would be like on a computer.

    Attributes:
        fit: The judgement.
        method: The method that it speaks of: the wanted one, or QLoRA where only that fits.
        estimate: What that method needs.
        advice: What it takes, in a sentence; "" if nothing.
        sentences: The judgement with its reasons, one a line, for a tool tip and a screen reader.
    """

    fit: Fit
    method: Method
    estimate: MemoryEstimate
    advice: str
    sentences: str


def look_ahead(
    shape: ModelShape,
    method: Method,
    training: TrainingSettings,
    computer: Computer,
    free_bytes: int,
    *,
    max_length: int,
    task: Task,
) -> Outlook:
    """Judge one model with one method; see `estimate_memory` for the arguments."""

    checkpointed = training.model_copy(update={"gradient_checkpointing": True})

    def needs(way: _Way) -> MemoryEstimate:
        return estimate_memory(
            shape,
            way.method,
            checkpointed if way.checkpointing else training,
            max_length=max_length,
            task=task,
            on_gpu=computer.has_cuda,
            one_row=way.one_row,
        )

    def judged(way: _Way) -> Fit:
        fit = judge(needs(way).total, computer.memory_bytes, free_bytes)
        if fit is Fit.TOO_LARGE or way.method is method:
            return Fit.TIGHT if fit is Fit.FITS and way.checkpointing else fit
        return Fit.QLORA

    way = _Way(method)
    if computer.has_cuda and judged(way) is not Fit.FITS and judged(_Way(method, one_row=True)) is Fit.FITS:
        way = _Way(method, one_row=True)  # it does so by itself
    if judged(way) is Fit.TOO_LARGE:
        cheaper = _cheaper_ways(method, on_card=computer.has_cuda)
        way = next((other for other in cheaper if judged(other) is not Fit.TOO_LARGE), way)
    fit, estimate = judged(way), needs(way)
    advice = way.advice
    if fit is Fit.TIGHT and estimate.total > free_bytes:
        advice = f"{advice} Close other programs before training.".strip()
    return Outlook(fit, way.method, estimate, advice, _sentences(way.method, estimate, computer, free_bytes, advice))


@dataclass(frozen=True)
class _Way:
    """One way to train: a method, and what saves memory at the cost of time."""

    method: Method
    one_row: bool = False
    checkpointing: bool = False

    @property
    def advice(self) -> str:
        means = ["one row at a time"] * self.one_row + ["gradient checkpointing"] * self.checkpointing
        return f"Only with {' and '.join(means)}: slower, with the same result." if means else ""


def _cheaper_ways(method: Method, *, on_card: bool) -> list[_Way]:
    """What is left to try, the quickest first. A card computes less at once by itself, and can hold 4-bit weights."""
    if not on_card:
        return [_Way(method, checkpointing=True)]
    ways = [_Way(method, one_row=True), _Way(method, one_row=True, checkpointing=True)]
    if method is not Method.QLORA:
        ways.append(_Way(Method.QLORA, one_row=True))
        ways.append(_Way(Method.QLORA, one_row=True, checkpointing=True))
    return ways


def _sentences(method: Method, estimate: MemoryEstimate, computer: Computer, free_bytes: int, advice: str) -> str:
    names = {Method.LORA: "LoRA", Method.QLORA: "QLoRA", Method.FULL: "Full tuning"}
    have = f"{computer.name} has {gigabytes(computer.memory_bytes)}, {gigabytes(free_bytes)} of them free now"
    lines = [f"{names[method]} needs about {gigabytes(estimate.total)}; {have}."]
    if advice:
        lines.append(advice)
    lines += [f"{part.name}: {gigabytes(part.bytes)} ({part.how})" for part in estimate.parts]
    return "\n".join(lines)
