"""Presets are proposals with reasons: they name only what changes, and what they change can be used."""

from __future__ import annotations

import pytest

from fintune_gui.project.document import Task
from fintune_gui.project.presets import Preset, offered_presets, preset_changes, suggested_preset, with_changes
from fintune_gui.project.settings import Method, TrainingSettings


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("rows", [0, 5, 150, 50_000])
def test_that_a_preset_explains_each_change_and_is_done_after_it(task: Task, method: Method, rows: int) -> None:
    for preset in offered_presets(task):
        changes = preset_changes(preset, TrainingSettings(), method, rows, task)
        assert changes
        assert all(change.why.endswith(".") for change in changes)
        changed = with_changes(TrainingSettings(), changes)
        assert preset_changes(preset, changed, method, rows, task) == []
        untouched = set(TrainingSettings.model_fields) - {change.name for change in changes}
        assert all(getattr(changed, name) == getattr(TrainingSettings(), name) for name in untouched)
        assert method is not Method.FULL or not any(change.name.startswith("lora_") for change in changes)


def test_that_the_data_ask_for_a_preset() -> None:
    assert suggested_preset(Task.INSTRUCTION, 30) is Preset.FEW_ROWS
    assert suggested_preset(Task.CLASSIFICATION, 5000) is Preset.CLASSIFICATION
    assert suggested_preset(Task.CHAT, 5000) is None


def test_that_few_rows_still_make_some_tens_of_steps() -> None:
    for rows in (12, 40, 150):
        changes = preset_changes(Preset.FEW_ROWS, TrainingSettings(), Method.LORA, rows, Task.INSTRUCTION)
        assert with_changes(TrainingSettings(), changes).total_steps(rows) >= 30
