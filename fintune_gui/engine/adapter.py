"""Which parts of a model learn: adapters beside its linear layers, or its own weights; the first layers may rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

from fintune_gui.engine.added_tokens import check_rows_learn, trained_rows
from fintune_gui.project.combinations import is_named, unknown_targets
from fintune_gui.project.document import Task
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.settings import ALL_LINEAR, ATTENTION, LoraVariant, TrainingSettings

_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)


def add_adapter(
    model: Any,
    new: set[str],
    training: TrainingSettings,
    task: Task,
    *,
    quantized: bool,
    new_rows: Sequence[int] = (),
) -> Any:
    """The model inside an adapter. `new` modules are untrained: they learn as a whole, and travel with the adapter.

    So do the `new_rows` of the tables of the vocabulary, and no others.

    Raises:
        TrainingError: if the settings name layers that the model does not have.
        ModelError: if an adapter cannot hold the new rows of this model.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if quantized:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        for module in model.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):
                # Measuring would lay the weights out for processors in a way that has no backward pass.
                module.support_avx512bf16_for_cpu = False
    by_rows, whole = trained_rows(model, list(new_rows)) if new_rows else ({}, [])
    left_out = [rf"(.*\.)?{re.escape(name)}" for name in sorted(new)] + _frozen_patterns(model, training.frozen_layers)
    config = LoraConfig(
        task_type=_task_type(model, task),
        r=training.lora_rank,
        lora_alpha=training.lora_alpha,
        lora_dropout=training.lora_dropout,
        use_rslora=training.lora_variant is LoraVariant.RSLORA,
        use_dora=training.lora_variant is LoraVariant.DORA,
        target_modules=_targets(model, training),
        modules_to_save=sorted({*new, *whole}) or None,
        exclude_modules="|".join(left_out) or None,
        trainable_token_indices=by_rows or None,
    )
    adapted = get_peft_model(model, config)
    check_rows_learn(adapted)
    return adapted


def _task_type(model: Any, task: Task) -> str | None:
    """The task in the library's words. For seq2seq it has a class that asks for a method which models lack by now;
    without a task the adapter is the same, and can be loaded.
    """
    if not task.generates:
        return "SEQ_CLS"
    return None if model.config.is_encoder_decoder else "CAUSAL_LM"


def freeze_first_layers(model: Any, frozen: int) -> None:
    """Let the first layers of a whole model rest, and all that comes before them: its embeddings."""
    if not frozen:
        return
    layers, _ = blocks_of(model)
    for name, parameter in model.named_parameters():
        if name.startswith(f"{layers}.{frozen}."):
            return
        parameter.requires_grad_(False)


def blocks_of(model: Any) -> tuple[str, nn.ModuleList]:
    """The model's layers in order, and the name of their list.

    Raises:
        TrainingError: if the model is not made of a list of layers.
    """
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return name, module
    raise TrainingError(
        "training.no_layers",
        "The first layers of this model cannot be told from the others.",
        f"A {type(model).__name__} is not made of one list of layers.",
        "Set the number of frozen layers to 0.",
    )


def _frozen_patterns(model: Any, frozen: int) -> list[str]:
    """Regular expressions for the names of all modules in the first layers."""
    if not frozen:
        return []
    name, _ = blocks_of(model)
    return [rf"{re.escape(name)}\.({'|'.join(map(str, range(frozen)))})\..*"]


def _targets(model: Any, training: TrainingSettings) -> str | list[str]:
    """What gets an adapter, in the words of the library: "all-linear" or names."""
    if training.lora_targets == ALL_LINEAR:
        return ALL_LINEAR
    head = model.get_output_embeddings()
    linear = [
        name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D) and module is not head
    ]
    chosen = training.chosen_targets
    unknown = [target for target in chosen if not any(is_named(name, target) for name in linear)]
    if training.lora_targets == ATTENTION:
        names = [name for name in linear if _ATTENTION.search(name.rpartition(".")[0])]
        unknown = [] if names else [ATTENTION]
    else:
        names = [name for name in linear if any(is_named(name, target) for target in chosen)]
    if unknown:
        problem = unknown_targets(unknown, linear)
        raise TrainingError(problem.code, problem.what, problem.why, problem.todo)
    return names
