"""Settings that need less memory than a project's, for a dry run to try and for the user to take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from fintune_gui.project.combinations import Abilities, find_layers, qlora_problem
from fintune_gui.project.document import FormatSettings, ModelChoice, Project
from fintune_gui.project.settings import ALL_LINEAR, ATTENTION, Frozen, LoraVariant, Method, TrainingSettings

_SHORTEST_ROWS = 64
_SMALL_RANK = 8


class CheaperWay(Frozen):
    """One change of a project's settings that saves memory.

    Attributes:
        name: What it is called on the command line.
        title: In a few words.
        sentence: What it does, and what it costs.
        method, max_length: The new ones; None where they stay.
        training: Settings with new values, by name.
    """

    name: str
    title: str
    sentence: str
    method: Method | None = None
    max_length: int | None = None
    training: dict[str, Any] = Field(default_factory=dict)

    def applied_to(self, project: Project) -> Project:
        """The project with this change."""
        changes: dict[str, Any] = {}
        if self.method is not None and project.model is not None:
            changes["model"] = project.model.model_copy(update={"method": self.method})
        if self.max_length is not None:
            changes["format"] = FormatSettings.model_validate({**dict(project.format), "max_length": self.max_length})
        if self.training:
            changes["training"] = TrainingSettings.model_validate({**dict(project.training), **self.training})
        return project.with_(**changes)


def cheaper_ways(project: Project, abilities: Abilities) -> list[CheaperWay]:
    """The changes that make sense for a project's model and method on a computer with `abilities`; the best first.

    The best are those that change least of what is learned for what they save.
    """
    model, training = project.model, project.training
    if model is None:
        return []
    adapter = model.method is not Method.FULL
    ways = []
    if not adapter:
        sentence = (
            "Trains a small adapter beside the model: no optimizer for each of its weights. Learns a little less."
        )
        ways.append(CheaperWay(name="lora", title="LoRA instead of full", sentence=sentence, method=Method.LORA))
    if not training.gradient_checkpointing:
        ways.append(
            CheaperWay(
                name="checkpointing",
                title="Gradient checkpointing",
                sentence="Computes what the layers gave again instead of keeping it. The same result, slower.",
                training={"gradient_checkpointing": True},
            )
        )
    if model.method is not Method.QLORA and not model.seq2seq and qlora_problem(abilities) is None:
        sentence = "Holds the model’s own weights in 4 bits beside the adapter. A little less exact, and slower."
        ways.append(CheaperWay(name="qlora", title="QLoRA", sentence=sentence, method=Method.QLORA))
    ways += _shorter_rows(model, project.format)
    if adapter:
        ways += _smaller_adapter(training)
    return ways + _frozen_layers(model, training)


def _shorter_rows(model: ModelChoice, format_: FormatSettings) -> list[CheaperWay]:
    shorter = min(format_.max_length, model.context_length) // 2
    if shorter < _SHORTEST_ROWS:
        return []
    sentence = "Cuts longer rows at their end: what stands there is not learned."
    title = f"Rows of at most {shorter:,} tokens"
    return [CheaperWay(name="shorter-rows", title=title, sentence=sentence, max_length=shorter)]


def _smaller_adapter(training: TrainingSettings) -> list[CheaperWay]:
    if training.lora_targets == ALL_LINEAR:
        sentence = "Puts adapters only beside the attention’s layers. Learns a little less, and is faster."
        changes: dict[str, Any] = {"lora_targets": ATTENTION}
        return [CheaperWay(name="attention", title="Adapters on attention only", sentence=sentence, training=changes)]
    if training.lora_rank > _SMALL_RANK and training.lora_variant is LoraVariant.LORA:
        sentence = "A narrower adapter: it learns less. Saves most on disk."
        # the same strength: alpha is divided by the rank
        changes = {
            "lora_rank": _SMALL_RANK,
            "lora_alpha": max(1, training.lora_alpha * _SMALL_RANK // training.lora_rank),
        }
        return [CheaperWay(name="rank", title=f"LoRA rank {_SMALL_RANK}", sentence=sentence, training=changes)]
    return []


def _frozen_layers(model: ModelChoice, training: TrainingSettings) -> list[CheaperWay]:
    """Half of the layers at rest. A model of two halves has no one list of layers to count from."""
    layers = None if model.seq2seq else find_layers(Path(model.folder))
    if not layers or layers < 2 or training.frozen_layers:
        return []
    half = layers // 2
    title = f"The first {half} layers rest" if half > 1 else "The first layer rests"
    sentence = "The layers near the input stay as they are, and keep nothing for learning. Faster; less is learned."
    return [CheaperWay(name="frozen", title=title, sentence=sentence, training={"frozen_layers": half})]
