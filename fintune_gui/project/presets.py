"""Settings that suit a kind of work: what each preset changes, and why. A preset is a proposal, never a mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fintune_gui.project.document import Task
from fintune_gui.project.settings import (
    ALL_LINEAR,
    ATTENTION,
    LoraVariant,
    Method,
    Scheduler,
    TrainingSettings,
)

FEW_ROWS = 200
"""With less, a model learns rows by heart before it learns what they have in common."""
_FEWEST_STEPS = 30


class Preset(StrEnum):
    """Kinds of work."""

    FEW_ROWS = "few_rows"
    STYLE = "style"
    KNOWLEDGE = "knowledge"
    CLASSIFICATION = "classification"

    @property
    def display_name(self) -> str:
        """The name as people write it."""
        return self.value.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Change:
    """One setting that a preset changes.

    Attributes:
        name: The setting's name in `TrainingSettings`.
        why: One sentence.
    """

    name: str
    value: Any
    why: str


def suggested_preset(task: Task, rows: int) -> Preset | None:
    """The preset that the data ask for by themselves; whether style or knowledge is wanted, only the user knows."""
    if rows < FEW_ROWS:
        return Preset.FEW_ROWS
    return None if task.generates else Preset.CLASSIFICATION


def offered_presets(task: Task) -> list[Preset]:
    """The presets that make sense for a task."""
    if not task.generates:
        return [Preset.FEW_ROWS, Preset.CLASSIFICATION]
    return [Preset.FEW_ROWS, Preset.STYLE, Preset.KNOWLEDGE]


def preset_changes(preset: Preset, training: TrainingSettings, method: Method, rows: int, task: Task) -> list[Change]:
    """What the preset changes in these settings; what is as proposed already is left out.

    Args:
        rows: Number of training rows.
    """
    proposals: dict[Preset, Callable[[], list[Change]]] = {
        Preset.FEW_ROWS: lambda: _few_rows(rows, task),
        Preset.STYLE: _style,
        Preset.KNOWLEDGE: _knowledge,
        Preset.CLASSIFICATION: lambda: _classification(method),
    }
    usable = [c for c in proposals[preset]() if method is not Method.FULL or not c.name.startswith("lora_")]
    return [change for change in usable if getattr(training, change.name) != change.value]


def with_changes(training: TrainingSettings, changes: list[Change]) -> TrainingSettings:
    """The settings after the changes."""
    return TrainingSettings.model_validate({**dict(training), **{change.name: change.value for change in changes}})


def _few_rows(rows: int, task: Task) -> list[Change]:
    batch = 4 if rows < FEW_ROWS // 2 else 8
    epochs = min(10.0, max(3.0, float(-(-_FEWEST_STEPS * batch // max(rows, 1)))))
    changes = [
        Change("batch_size", batch, "Small batches give more steps from the same rows."),
        Change("epochs", epochs, "The rows are seen often enough for some tens of steps; the best state is kept."),
        Change("evaluations_per_epoch", 1, "Few validation rows say little: measuring more often would be noise."),
        Change("early_stopping_patience", 2, "With few rows, learning by heart begins early and only gets worse."),
        Change("lora_rank", 8, "A small adapter has less room to learn rows by heart."),
        Change("lora_alpha", 16, "Twice the rank, as usual."),
        Change("lora_dropout", 0.1, "Dropping inputs at random makes single rows harder to learn by heart."),
        Change("weight_decay", 0.05, "A stronger pull to zero keeps the change to the model small."),
    ]
    if task.generates and task is not Task.TEXT:
        noise = "Noise on the words' vectors stands in for the variety that few rows lack."
        changes.append(Change("neftune_noise_alpha", 5.0, noise))
    return changes


def _style() -> list[Change]:
    return [
        Change("epochs", 2.0, "A tone is learnt quickly; more passes only copy the rows' contents."),
        Change("lora_targets", ATTENTION, "How something is said can be changed in the attention layers alone."),
        Change("lora_rank", 8, "A change of tone is small, and so is the adapter that it needs."),
        Change("lora_alpha", 16, "Twice the rank, as usual."),
        Change("neftune_noise_alpha", 5.0, "Noise on the words' vectors makes answers freer and less of a copy."),
    ]


def _knowledge() -> list[Change]:
    return [
        Change("epochs", 5.0, "Facts have to be seen several times before they are kept."),
        Change("lora_rank", 64, "Facts need room: the adapter is larger, and so is its memory."),
        Change("lora_alpha", 64, "With rsLoRA a strength equal to the rank is enough."),
        Change("lora_variant", LoraVariant.RSLORA, "It keeps large ranks effective."),
        Change("lora_targets", ALL_LINEAR, "Facts are kept in the wide layers too, not in attention alone."),
        Change("neftune_noise_alpha", 0.0, "Facts shall be learnt to the letter, so there is no noise."),
        Change("label_smoothing", 0.0, "Facts shall be learnt with full certainty."),
    ]


def _classification(method: Method) -> list[Change]:
    rate = 3e-5 if method is Method.FULL else 5e-4
    return [
        Change("learning_rate", rate, "The layer that gives the labels is new, and begins from nothing."),
        Change("epochs", 4.0, "Labels are short: a few more passes cost little."),
        Change("scheduler", Scheduler.LINEAR, "A rate that falls evenly is the proven choice for labels."),
        Change("warmup_ratio", 0.1, "A slow start keeps the untrained layer from disturbing the others."),
        Change("label_smoothing", 0.05, "People who label make mistakes: full certainty would learn these too."),
    ]
