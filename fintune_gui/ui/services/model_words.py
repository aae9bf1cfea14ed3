"""What is said of a base model: its name, where it comes from, its facts, and which ones were used lately."""

from __future__ import annotations

from pathlib import Path

from fintune_gui.project.document import ModelChoice
from fintune_gui.project.errors import ProjectError
from fintune_gui.project.measured import Measured
from fintune_gui.project.memory import gigabytes, short_count
from fintune_gui.project.recent import recent_projects
from fintune_gui.project.seq2seq import HOW_IT_WORKS
from fintune_gui.project.settings import Method
from fintune_gui.project.store import read_project
from fintune_gui.ui.widgets.model_sources import FOLDER, HUB, SMOLLM2, TINY_BASE
from fintune_gui.ui.widgets.progress_strip import duration

_MOST_RECENT = 3
_SAMPLE_NAMES = {TINY_BASE: "Tiny base", SMOLLM2: "SmolLM2-135M-Instruct"}
METHOD_NAMES = {Method.LORA: "LoRA", Method.QLORA: "QLoRA", Method.FULL: "full"}


def display_name(name: str) -> str:
    """A model's name as people say it: without its folder, and samples by their title."""
    return _SAMPLE_NAMES.get(name) or name.replace("\\", "/").rstrip("/").split("/")[-1]


def source_of(model: ModelChoice | None) -> str | None:
    """The place that a chosen model comes from."""
    if model is None or model.name in _SAMPLE_NAMES:
        return model.name if model is not None else None
    return FOLDER if Path(model.name).is_absolute() or Path(model.name).expanduser().exists() else HUB


def model_facts(model: ModelChoice) -> list[tuple[str, str]]:
    """What is known of a chosen model: (name, value)."""
    template = "yes, its own" if model.has_chat_template else "no: rows are written as plain paragraphs"
    return [
        ("Kind", model.architecture),
        ("Parameters", f"{short_count(model.parameters)} ({model.parameters:,})"),
        ("Longest text", f"{model.context_length:,} tokens"),
        ("How it works", HOW_IT_WORKS) if model.seq2seq else ("Chat template", template),
        ("Folder", model.folder),
    ]


def measured_facts(found: Measured) -> list[tuple[str, str]]:
    """What a dry run found: (name, value)."""
    if not found.fits:
        return [("Measured", "does not fit into memory with these settings")]
    return [
        ("Peak memory", f"{gigabytes(found.peak_memory_bytes)}, measured in {found.steps} steps"),
        ("Speed", f"{found.tokens_per_second:,.0f} tokens a second"),
        ("The whole run", f"about {duration(found.hours * 3600)}"),
        ("A checkpoint", gigabytes(found.checkpoint_bytes)),
    ]


def recent_models(own: Path) -> list[tuple[str, str]]:
    """Models of other recent projects: (words, name), without the samples that have cards of their own."""
    names: dict[str, str] = {}
    for folder in recent_projects():
        if folder == own:
            continue
        try:
            model = read_project(folder).model
        except ProjectError:
            continue
        if model is not None and model.name not in _SAMPLE_NAMES:
            names.setdefault(model.name, display_name(model.name))
    return [(words, name) for name, words in names.items()][:_MOST_RECENT]
