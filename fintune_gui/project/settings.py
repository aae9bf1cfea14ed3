"""Settings as data: type, default, range, unit and one sentence of help in one place.

The window generates its forms from these models, the command line its ``--set`` and its help, the engine reads them as
they are. `FieldHelp` carries what pydantic has no word for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Frozen(BaseModel):
    """Base of everything that is stored: immutable, and strict about unknown keys."""

    # JSON has no infinity: as texts such figures come back as they were, while pydantic's null could not be read again
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Decision(Frozen):
    """Base of what the user decides: every number is finite."""

    model_config = ConfigDict(allow_inf_nan=False)


@dataclass(frozen=True)
class FieldHelp:
    """What a form needs to know about a setting beyond its type and range."""

    label: str
    unit: str = ""
    simple: bool = False
    """Shown without opening "More"."""
    decimals: int = 3
    """Digits after the point for plain numbers; rates are shown in scientific notation."""
    scientific: bool = False


def field_help(model: type[BaseModel], name: str) -> FieldHelp:
    """The `FieldHelp` attached to a field of a settings model."""
    for item in model.model_fields[name].metadata:
        if isinstance(item, FieldHelp):
            return item
    raise LookupError(f"{model.__name__}.{name} has no FieldHelp")


class Method(StrEnum):
    """How the model's weights are changed."""

    LORA = "lora"
    QLORA = "qlora"
    FULL = "full"

    @property
    def display_name(self) -> str:
        """The name as people write it."""
        return {"lora": "LoRA", "qlora": "QLoRA"}.get(self.value, self.value)


class Scheduler(StrEnum):
    """How the learning rate moves over a run; the names are those of ``transformers``."""

    LINEAR = "linear"
    COSINE = "cosine"
    COSINE_WITH_RESTARTS = "cosine_with_restarts"
    POLYNOMIAL = "polynomial"
    CONSTANT = "constant"
    CONSTANT_WITH_WARMUP = "constant_with_warmup"
    INVERSE_SQRT = "inverse_sqrt"
    REDUCE_LR_ON_PLATEAU = "reduce_lr_on_plateau"


class Optimizer(StrEnum):
    """What turns gradients into changes of weights."""

    ADAMW = "adamw"
    ADAFACTOR = "adafactor"
    ADAMW_8BIT = "adamw_8bit"

    @property
    def display_name(self) -> str:
        """The name as people write it."""
        return {"adamw": "AdamW", "adafactor": "Adafactor", "adamw_8bit": "8-bit AdamW"}[self.value]


class LoraVariant(StrEnum):
    """Kinds of adapters."""

    LORA = "lora"
    RSLORA = "rslora"
    DORA = "dora"

    @property
    def display_name(self) -> str:
        """The name as people write it."""
        return {"lora": "LoRA", "rslora": "rsLoRA", "dora": "DoRA"}[self.value]


ALL_LINEAR = "all-linear"
ATTENTION = "attention"


class TrainingSettings(Decision):
    """Hyperparameters of one run, with the field's standard names."""

    learning_rate: Annotated[float | None, FieldHelp("Learning rate", simple=True, scientific=True)] = Field(
        default=None,
        gt=0,
        le=1,
        description="How far each step moves the weights. Empty means a good value for the method: "
        "2e-4 for LoRA, 5e-5 for full fine-tuning.",
    )
    epochs: Annotated[float, FieldHelp("Epochs", "passes", simple=True, decimals=1)] = Field(
        default=3.0, gt=0, le=1000, description="How often the model sees every training row."
    )
    batch_size: Annotated[int, FieldHelp("Batch size", "rows", simple=True)] = Field(
        default=16, ge=1, le=4096, description="Rows that decide together about one step."
    )
    lora_rank: Annotated[int, FieldHelp("LoRA rank", simple=True)] = Field(
        default=16, ge=1, le=512, description="Size of the adapter: more can learn more, and needs more memory."
    )
    early_stopping_patience: Annotated[int, FieldHelp("Patience", "evaluations", simple=True)] = Field(
        default=3,
        ge=0,
        le=100,
        description="Stop after so many evaluations without improvement; 0 never stops early. The best is kept anyway.",
    )
    max_steps: Annotated[int | None, FieldHelp("Steps", "at most")] = Field(
        default=None, ge=1, le=10_000_000, description="Length of the run in steps, in place of the epochs."
    )
    lora_alpha: Annotated[int, FieldHelp("LoRA alpha")] = Field(
        default=32, ge=1, le=2048, description="Strength of the adapter; twice the rank is usual."
    )
    lora_dropout: Annotated[float, FieldHelp("LoRA dropout", decimals=2)] = Field(
        default=0.05, ge=0, lt=1, description="Share of the adapter's inputs that are dropped at random while training."
    )
    lora_variant: Annotated[LoraVariant, FieldHelp("LoRA variant")] = Field(
        default=LoraVariant.LORA,
        description="rsLoRA keeps large ranks effective; DoRA learns direction and size apart: often a little better, "
        "always slower.",
    )
    lora_targets: Annotated[str, FieldHelp("LoRA targets")] = Field(
        default=ALL_LINEAR,
        max_length=1000,
        description='Layers that get an adapter: "all-linear", "attention", or names such as "q_proj, v_proj".',
    )
    frozen_layers: Annotated[int, FieldHelp("Frozen layers", "first")] = Field(
        default=0,
        ge=0,
        le=1000,
        description="So many layers, counted from the input, stay as they are: faster, and less is forgotten.",
    )
    optimizer: Annotated[Optimizer, FieldHelp("Optimizer")] = Field(
        default=Optimizer.ADAMW,
        description="Adafactor and 8-bit AdamW need less memory; 8-bit AdamW only works on NVIDIA graphics cards.",
    )
    weight_decay: Annotated[float, FieldHelp("Weight decay", decimals=3)] = Field(
        default=0.01, ge=0, le=1, description="Pulls weights towards zero; a little helps against memorising."
    )
    warmup_ratio: Annotated[float, FieldHelp("Warm-up", "of the run", decimals=2)] = Field(
        default=0.05, ge=0, le=0.5, description="Share of the run over which the learning rate rises from zero."
    )
    scheduler: Annotated[Scheduler, FieldHelp("Scheduler")] = Field(
        default=Scheduler.COSINE,
        description="How the learning rate moves after the warm-up. Constant has no warm-up; on a plateau, the rate is "
        "halved after each evaluation without improvement.",
    )
    num_cycles: Annotated[int, FieldHelp("Cosine cycles")] = Field(
        default=2, ge=1, le=100, description="How often a cosine with restarts begins again from the full rate."
    )
    max_grad_norm: Annotated[float, FieldHelp("Gradient clipping", decimals=1)] = Field(
        default=1.0, gt=0, le=1000, description="Longest step that one batch may ask for."
    )
    label_smoothing: Annotated[float, FieldHelp("Label smoothing", decimals=2)] = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of certainty that is not asked for: 0.1 helps where answers are noisy.",
    )
    neftune_noise_alpha: Annotated[float, FieldHelp("NEFTune noise", decimals=1)] = Field(
        default=0.0,
        ge=0,
        le=100,
        description="Noise on the words' vectors while training: 5 can make answers richer if rows are few; 0 is off.",
    )
    evaluations_per_epoch: Annotated[int, FieldHelp("Evaluations", "per epoch")] = Field(
        default=2, ge=1, le=100, description="How often the validation rows are measured, and the best is looked for."
    )
    eval_steps: Annotated[int | None, FieldHelp("Evaluate every", "steps")] = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Evaluate after so many steps each, in place of so often per epoch.",
    )
    eval_minutes: Annotated[float | None, FieldHelp("Evaluate every", "minutes", decimals=1)] = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Evaluate after so many minutes of work each, in place of so often per epoch.",
    )
    load_best: Annotated[bool, FieldHelp("Load best at end")] = Field(
        default=True,
        description="The result is the best state that was measured; otherwise that after the last step.",
    )
    checkpoint_minutes: Annotated[float, FieldHelp("Checkpoint every", "minutes", decimals=1)] = Field(
        default=5.0, ge=0.0, le=240, description="The most work that a power cut can cost."
    )
    checkpoint_steps: Annotated[int | None, FieldHelp("Checkpoint every", "steps")] = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Save after so many steps as well. Every evaluation saves too.",
    )
    gradient_checkpointing: Annotated[bool, FieldHelp("Gradient checkpointing")] = Field(
        default=False, description="Needs much less memory and about a third more time."
    )
    gpus: Annotated[int, FieldHelp("Graphics cards", "at once")] = Field(
        default=1,
        ge=1,
        le=64,
        description="Graphics cards of this computer that compute together: the same losses sooner.",
    )
    seed: Annotated[int, FieldHelp("Seed")] = Field(
        default=42, ge=0, le=2**31 - 1, description="The same seed on the same computer gives the same run."
    )

    @field_validator("lora_targets")
    @classmethod
    def _names_in_order(cls, value: str) -> str:
        """One spelling for the same choice: "q_proj, v_proj"; nothing written means all."""
        names = dict.fromkeys(name for name in value.replace(",", " ").split())
        return ", ".join(names) or ALL_LINEAR

    @property
    def chosen_targets(self) -> tuple[str, ...]:
        """The names of layers that the user chose; empty for "all-linear" and "attention"."""
        if self.lora_targets in (ALL_LINEAR, ATTENTION):
            return ()
        return tuple(self.lora_targets.split(", "))

    def steps_per_epoch(self, rows: int) -> int:
        """Steps in which every one of `rows` training rows is seen once."""
        return max(1, math.ceil(rows / self.batch_size))

    def total_steps(self, rows: int) -> int:
        """Steps of a whole run over `rows` training rows."""
        return self.max_steps or max(1, math.ceil(self.epochs * self.steps_per_epoch(rows) - 1e-9))

    def evaluates_after(self, step: int, rows: int) -> bool:
        """Whether the validation rows are measured after so many steps; after the last one they always are."""
        if step == self.total_steps(rows):
            return True
        if self.eval_steps:
            return step % self.eval_steps == 0
        if self.eval_minutes:
            return False  # the clock decides
        share = self.evaluations_per_epoch / self.steps_per_epoch(rows)
        return math.floor(step * share + 1e-9) > math.floor((step - 1) * share + 1e-9)

    def evaluations(self, rows: int) -> int:
        """How often the validation rows are measured in a whole run, as far as steps decide it."""
        before_last = self.total_steps(rows) - 1
        if self.eval_minutes:
            return 1
        if self.eval_steps:
            return before_last // self.eval_steps + 1
        share = min(1.0, self.evaluations_per_epoch / self.steps_per_epoch(rows))
        return math.floor(before_last * share + 1e-9) + 1

    def effective_learning_rate(self, method: Method) -> float:
        """The rate that a run uses: the user's, or the default of the method."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 5e-5 if method is Method.FULL else 2e-4


def parse_assignments(settings: TrainingSettings, assignments: list[str]) -> TrainingSettings:
    """Apply ``name=value`` texts, as in ``--set learning_rate=2e-4``.

    Raises:
        TrainingError: for an unknown name (with the nearest known one) or a value out of range; all problems at once.
    """
    from difflib import get_close_matches

    from pydantic import ValidationError

    from fintune_gui.project.errors import TrainingError

    changes: dict[str, Any] = {}
    complaints: list[str] = []
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        name = name.strip()
        if not separator or name not in TrainingSettings.model_fields:
            near = get_close_matches(name, TrainingSettings.model_fields, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            complaints.append(f'"{assignment}" is not NAME=VALUE with a known name.{hint}')
            continue
        changes[name] = None if value.strip().lower() in ("", "none", "default") else value.strip()
    if not complaints:
        try:
            return TrainingSettings.model_validate({**settings.model_dump(), **changes})
        except ValidationError as error:
            complaints = [f"{e['loc'][0]} = {e['input']}: {e['msg']}." for e in error.errors()]
    raise TrainingError(
        "training.bad_setting",
        "A training setting cannot be used.",
        " ".join(complaints),
        "Known settings: " + ", ".join(TrainingSettings.model_fields) + ".",
    )
