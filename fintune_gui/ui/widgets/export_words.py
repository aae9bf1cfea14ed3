"""What an export is, holds, and how it is used: in sentences and in code. No widgets here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from fintune_gui.project.document import ModelChoice, Task
from fintune_gui.project.exporting import auto_class
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import TrainSpec
from fintune_gui.ui.widgets.choice import Choice
from fintune_gui.ui.widgets.words import counted, size_in_words

What = Literal["adapter", "merged"]

_MOST_TRIES = 10_000


def choices(model: ModelChoice, base_bytes: int | None = None) -> list[Choice]:
    """What can be exported: an adapter or the merged model; after full fine-tuning only the whole model."""
    size = size_in_words(base_bytes or 4 * model.parameters)
    if model.method is Method.FULL:
        whole = f"All weights were changed, so the result is the whole model, about {size}. It runs with transformers."
        return [Choice("merged", "Whole model", whole)]
    name = model.short_name
    return [
        Choice(
            "adapter",
            "Adapter",
            f"Only what was learned: a small folder that is loaded on top of {name}. It runs with peft.",
        ),
        Choice(
            "merged",
            "Merged model",
            f"{name} and what was learned in one, about {size}. It runs with transformers alone.",
        ),
    ]


def contents(what: What, spec: TrainSpec) -> list[str]:
    """What the folder will hold, one thing a line."""
    weights = "Adapter weights and their configuration" if what == "adapter" else "All weights and the configuration"
    things = [f"{weights}, as safetensors", "Tokenizer"]
    if spec.labels:
        things.append(f"Names of the {counted(len(spec.labels), 'label')}")
    elif spec.model.has_chat_template:
        things.append("Chat template")
    return [*things, "Model card: data, settings, verdict and how to use it"]


def default_folder(documents: Path, project_name: str, run: int, what: What) -> Path:
    """A folder that does not exist yet, named after project and run, among the user's documents."""
    name = re.sub(r"[^\w-]+", "-", project_name).strip("-") or "model"
    stem = f"{name}-run-{run}-{what}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, _MOST_TRIES))
    return next(documents / name for name in names if not (documents / name).exists())


def folder_complaint(folder: str) -> str:
    """Why this folder cannot take an export, or ""."""
    if not folder.strip():
        return "Choose a folder."
    path = Path(folder).expanduser()
    if not path.is_absolute():
        return "Write the whole path of the folder, or choose it."
    try:
        if path.exists() and not path.is_dir():
            return "This is a file. An export needs a folder of its own."
        taken = path.is_dir() and any(path.iterdir())
    except OSError:
        return "This folder cannot be read. Choose another one."
    return "This folder already holds other files. An export needs an empty one, or a new name." if taken else ""


def verified_sentence(what: What, result: dict[str, Any], *, method: Method) -> str:
    """What the check of the exported folder found, from the result of the export's end event."""
    rows = int(result.get("verified_rows") or 0)
    if not rows:
        return "The folder was written; it was not checked, because there were no test rows."
    library = "peft" if what == "adapter" and method is not Method.FULL else "transformers"
    sentence = (
        f"Loaded in a fresh process with plain {library}: the answers on {counted(rows, 'test row')} are the same"
    )
    difference = result.get("max_difference")
    if isinstance(difference, int | float) and difference:
        return f"{sentence} (largest relative difference of a score: {difference:.0e})."
    return f"{sentence}."


def python_lines(what: What, folder: str, spec: TrainSpec) -> str:
    """The three lines that load the export with plain libraries, the same way in which it was checked."""
    kind = auto_class(spec.objective.task, seq2seq=spec.model.seq2seq)
    place = _quoted(folder)
    if what == "merged":
        first = f"from transformers import {kind}, AutoTokenizer"
        model = f"{kind}.from_pretrained({place})"
    else:
        first = f"from peft import PeftModel; from transformers import {kind}, AutoTokenizer"
        options = f", num_labels={len(spec.labels)}" if spec.labels else ""
        if spec.objective.task is Task.MULTI_LABEL:
            options += ', problem_type="multi_label_classification"'
        model = f"PeftModel.from_pretrained({kind}.from_pretrained({_quoted(_base(spec.model))}{options}), {place})"
    return f"{first}\nmodel = {model}\ntokenizer = AutoTokenizer.from_pretrained({place})"


def _base(model: ModelChoice) -> str:
    """The base model's name on the hub, or its folder."""
    return model.name if "/" in model.name and not Path(model.name).exists() else model.folder


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
