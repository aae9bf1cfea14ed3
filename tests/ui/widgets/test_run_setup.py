"""What is settled before a run: conflicts are shown at once, and presets say what they change."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.flow import Facts, SplitFacts
from fintune_gui.project.presets import Preset
from fintune_gui.project.settings import Optimizer, TrainingSettings
from fintune_gui.ui.widgets.run_setup import RunSetup
from tests.helpers.runs import model_choice

FACTS = Facts(split=SplitFacts("s", {"train": 100, "validation": 20, "test": 20}, {}))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    objective = Objective(task=Task.INSTRUCTION, metric=Metric.PERPLEXITY)
    model = model_choice(tmp_path)
    return Project(name="Tiny", objective=objective, model=model)


@pytest.fixture
def setup(qtbot) -> RunSetup:
    made = RunSetup()
    qtbot.addWidget(made)
    return made


def test_that_what_cannot_work_is_shown_until_it_is_changed(
    setup: RunSetup, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fintune_gui.project.combinations import Abilities

    monkeypatch.setattr("fintune_gui.ui.widgets.run_setup.find_abilities", lambda: Abilities(False, False))
    setup.show_project(project.with_(training=TrainingSettings(optimizer=Optimizer.ADAMW_8BIT)), FACTS)
    assert not setup.problems.isHidden()
    assert any("8-bit optimizer" in label.text() for label in setup.problems.findChildren(QLabel))
    setup.show_project(project, FACTS)
    assert setup.problems.isHidden()


def test_that_a_preset_says_its_changes_and_makes_them(setup: RunSetup, project: Project) -> None:
    setup.show_project(project, FACTS)
    assert setup.presets.choice.value() is Preset.FEW_ROWS  # so few rows ask for it
    assert "Batch size: 8 in place of 16. Small batches give more steps" in setup.presets.sentences
    told: list[dict[str, object]] = []
    setup.form.changed.connect(told.append)
    setup.presets.button.click()
    assert told[0]["batch_size"] == 8
    changed = project.with_(training={**dict(project.training), **told[0]})
    setup.show_project(changed, FACTS)
    assert setup.presets.button.isHidden()


def test_that_a_length_in_steps_is_told(setup: RunSetup, project: Project) -> None:
    setup.show_project(project.with_(training=TrainingSettings(max_steps=14, eval_steps=5)), FACTS)
    assert "about 2 times" in setup.sentences
    assert "14 steps" in setup.sentences
    assert "every 5 steps" in setup.sentences


def test_that_several_cards_are_offered_only_where_they_are(
    setup: RunSetup, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fintune_gui.project.combinations import Abilities

    field = setup.form.fields["gpus"]
    for cards, offered in ((1, False), (2, True)):
        able = Abilities(cuda=True, bitsandbytes=False, cards=cards)
        monkeypatch.setattr("fintune_gui.ui.widgets.run_setup.find_abilities", lambda able=able: able)
        setup.show_project(project, FACTS)
        assert field.isEnabled() is offered
        assert any("does not have several" in label.text() for label in field.findChildren(QLabel)) is not offered
