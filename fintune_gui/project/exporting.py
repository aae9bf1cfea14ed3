"""What an export asks for, checked when it is ordered and again when it begins."""

from __future__ import annotations

import os
from pathlib import Path

from fintune_gui.project.document import Task
from fintune_gui.project.errors import ProjectError, TrainingError
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import ExportSpec, TrainSpec


def auto_class(task: Task, *, seq2seq: bool) -> str:
    """The class of `transformers` that loads a model for a task."""
    if not task.generates:
        return "AutoModelForSequenceClassification"
    return "AutoModelForSeq2SeqLM" if seq2seq else "AutoModelForCausalLM"


def check_export(wanted: ExportSpec, trained: TrainSpec) -> None:
    """Refuse what cannot be exported, before anything is written.

    Raises:
        TrainingError: if the run has no adapter.
        ProjectError: if the target holds something already.
    """
    if wanted.what == "adapter" and trained.model.method is Method.FULL:
        raise TrainingError(
            "training.no_adapter",
            f"Run {trained.run} has no adapter.",
            "It changed all weights of the model, so the whole model is its result.",
            "Export the merged model instead.",
        )
    target = Path(wanted.target)
    if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
        raise ProjectError(
            "project.folder_in_use",
            f"{target} already holds other files.",
            "An export needs an empty folder of its own, so that nothing is mixed or overwritten.",
            "Choose another folder.",
        )
