"""What is settled before a run: the settings, and what the run will do with them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from fintune_gui.project.combinations import find_abilities, find_conflicts
from fintune_gui.project.document import Project
from fintune_gui.project.errors import Problem
from fintune_gui.project.flow import Facts
from fintune_gui.project.seq2seq import seq2seq_problems
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Label
from fintune_gui.ui.widgets.feedback import ProblemList
from fintune_gui.ui.widgets.preset_card import PresetCard
from fintune_gui.ui.widgets.run_words import will_happen
from fintune_gui.ui.widgets.searchable_form import SearchableForm

_ADAPTER_FIELDS = ("lora_rank", "lora_alpha", "lora_dropout", "lora_variant", "lora_targets")
_SEARCH_WIDTH = 220
_ONE_CARD = "This computer does not have several graphics cards that can compute together: NVIDIA's, under Linux."


class RunSetup(QWidget):
    """The settings form beside the sentences that say what it comes to.

    Attributes:
        form: The form; its `changed` carries one changed setting, or those of a preset.
        problems: What stands in the way of a run with these settings, as shown.
        conflicts: The same as data.
        presets: The proposals for this data.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = SearchableForm(TrainingSettings)
        self.form.search.setFixedWidth(_SEARCH_WIDTH)
        settings = Card("Settings")
        settings.add_action(self.form.search)
        settings.add(self.form)
        settings.body.addStretch(1)
        self._sentences = Label(wrap=True, selectable=True)
        plan = Card("What will happen")
        plan.add(self._sentences)
        plan.add_note(
            "Training works in a process of its own: the window stays free, and a power cut costs at most "
            "the minutes since the last checkpoint."
        )
        self.problems = ProblemList()
        self.conflicts: list[Problem] = []
        self.presets = PresetCard()
        self.presets.wanted.connect(self.form.changed)
        right = QVBoxLayout()
        right.setSpacing(metrics.GAP)
        right.addWidget(self.problems)
        right.addWidget(plan, 0, Qt.AlignmentFlag.AlignTop)
        right.addWidget(self.presets, 0, Qt.AlignmentFlag.AlignTop)
        right.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addWidget(settings, 3)
        layout.addLayout(right, 2)

    def show_project(self, project: Project, facts: Facts) -> None:
        """Show the project's settings and what they come to."""
        self.form.set_values(project.training)
        full = project.model is not None and project.model.method is Method.FULL
        self.form.set_enabled_fields(_ADAPTER_FIELDS, enabled=not full)
        alone = find_abilities().cards < 2 and project.training.gpus == 1
        self.form.fields["gpus"].rule_out(_ONE_CARD if alone else "")
        self._sentences.setText(will_happen(project, facts))
        rows = facts.split.counts.get("train") if facts.split is not None else None
        self.presets.show_project(project, rows)
        model = project.model
        conflicts = model and find_conflicts(
            project.training,
            model.method,
            model_folder=Path(model.folder),
            rows=rows,
            abilities=find_abilities(),
            added_tokens=bool(project.format.added_tokens),
        )
        self.conflicts = [*(conflicts or []), *seq2seq_problems(project)]
        self.problems.show_problems(self.conflicts)

    @property
    def sentences(self) -> str:
        """What the run will do, as shown."""
        return self._sentences.text()
