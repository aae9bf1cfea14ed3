"""What the Export page says, and the code it gives."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fintune_gui.project.document import FormatSettings, Metric, Objective, Task
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.spec import TrainSpec
from fintune_gui.ui.widgets.export_words import (
    choices,
    contents,
    default_folder,
    folder_complaint,
    python_lines,
    verified_sentence,
)
from tests.helpers.runs import LABELS, model_choice


def spec_of(task: Task) -> TrainSpec:
    return TrainSpec(
        run=1,
        project_name="Support routing",
        objective=Objective(task=task, metric=Metric.PERPLEXITY if task.generates else Metric.F1),
        model=model_choice(Path("/models")),
        format=FormatSettings(),
        labels=() if task.generates else LABELS,
        training=TrainingSettings(),
    )


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.INSTRUCTION])
@pytest.mark.parametrize("what", ["adapter", "merged"])
@pytest.mark.parametrize("folder", ["/home/ida/out", 'C:\\Users\\Ida\\"my" model', "/home/ida/Größe 2"])
def test_that_the_code_is_python_and_names_the_folder_whatever_its_name(task, what, folder: str) -> None:
    tree = ast.parse(python_lines(what, folder, spec_of(task)))
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert strings.count(folder) == 2
    assert ("Qwen/Qwen3-0.6B" in strings) == (what == "adapter")


@pytest.mark.slow  # peft and transformers are imported
def test_that_the_classes_in_the_code_exist_where_it_imports_them() -> None:
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    for task in (Task.CLASSIFICATION, Task.CHAT):
        for what in ("adapter", "merged"):
            for node in ast.walk(ast.parse(python_lines(what, "/x", spec_of(task)))):  # type: ignore[arg-type]
                if isinstance(node, ast.ImportFrom):
                    module = {"peft": peft, "transformers": transformers}[node.module or ""]
                    assert all(hasattr(module, alias.name) for alias in node.names)


def test_that_the_proposed_folder_is_new_and_has_a_plain_name(tmp_path: Path) -> None:
    first = default_folder(tmp_path, "Größe & Co: tickets/2026", 3, "adapter")
    assert first == tmp_path / "Größe-Co-tickets-2026-run-3-adapter"
    first.mkdir()
    assert default_folder(tmp_path, "Größe & Co: tickets/2026", 3, "adapter").name.endswith("run-3-adapter-2")


def test_that_every_folder_that_cannot_be_used_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    assert folder_complaint("  ") == "Choose a folder."
    assert "whole path" in folder_complaint("export")
    assert "This is a file." in folder_complaint(str(tmp_path / "file"))
    assert "already holds other files" in folder_complaint(str(tmp_path))
    assert folder_complaint(str(tmp_path / "empty")) == ""
    assert folder_complaint(str(tmp_path / "new" / "deep")) == ""


def test_that_the_check_is_told_as_it_was_done() -> None:
    same = {"verified_rows": 8, "max_difference": 0.0}
    assert verified_sentence("adapter", same, method=Method.LORA) == (
        "Loaded in a fresh process with plain peft: the answers on 8 test rows are the same."
    )
    close = verified_sentence("merged", {"verified_rows": 1, "max_difference": 2e-6}, method=Method.LORA)
    assert (
        "plain transformers: the answers on 1 test row are the same (largest relative difference of a score: 2e-06)"
        in close
    )
    assert "was not checked" in verified_sentence("adapter", {}, method=Method.LORA)


def test_that_what_is_held_follows_from_task_and_kind() -> None:
    assert "Names of the 6 labels" in contents("adapter", spec_of(Task.CLASSIFICATION))
    assert "Chat template" in contents("merged", spec_of(Task.CHAT))
    full = model_choice(Path("/models")).model_copy(update={"method": Method.FULL})
    assert [choice.title for choice in choices(full)] == ["Whole model"]
