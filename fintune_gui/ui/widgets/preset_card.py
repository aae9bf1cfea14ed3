"""Proposals for the settings of a run: what each would change, and why."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QWidget

from fintune_gui.project.document import Project
from fintune_gui.project.presets import Change, Preset, offered_presets, preset_changes, suggested_preset
from fintune_gui.project.settings import TrainingSettings, field_help
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, ComboBox, Label
from fintune_gui.ui.widgets.feedback import escape
from fintune_gui.ui.widgets.run_words import scientific

_OWN = object()


class PresetCard(Card):
    """A choice among presets, the changes of the chosen one with their reasons, and a button that makes them.

    Signals:
        wanted: A dict with the changed settings, by name.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Presets", parent=parent)
        self._project: Project | None = None
        self._rows = 0
        self._changes: list[Change] = []
        self.choice = ComboBox("Preset")
        self.choice.chosen.connect(self._show_changes)
        self.button = Button("Use these settings", self._use)
        self._said = Label("", "body", wrap=True, selectable=True)
        self._said.setTextFormat(Qt.TextFormat.RichText)
        self.add_action(self.choice)
        self.add(self._said)
        self.add(self.button)

    def show_project(self, project: Project, rows: int | None) -> None:
        """Offer what suits the project; nothing before there is a model and a split."""
        other = self._project is None or self._project.id != project.id
        self._project, self._rows = project, rows or 0
        task = project.objective.task
        self.setVisible(bool(project.model and rows))
        self.choice.set_choices([(preset.display_name, preset) for preset in offered_presets(task)])
        if other and (suggested := suggested_preset(task, self._rows)):
            self.choice.set_value(suggested)
        self._show_changes()

    @property
    def sentences(self) -> str:
        """What the chosen preset changes and why, as shown."""
        shown = QTextDocument()
        shown.setHtml(self._said.text())
        return shown.toPlainText()

    @Slot()
    def _show_changes(self) -> None:
        project, preset = self._project, self.choice.value()
        if project is None or project.model is None or not isinstance(preset, Preset):
            return
        self._changes = preset_changes(
            preset, project.training, project.model.method, self._rows, project.objective.task
        )
        now = dict(project.training)
        lines = [
            f"<b>{_label(change)}: {_value(change)}</b> in place of {_value(change, now[change.name])}. "
            f"{escape(change.why)}"
            for change in self._changes
        ]
        said = "".join(f'<p style="margin: 0 0 {metrics.SMALL_GAP}px 0">{line}</p>' for line in lines)
        self._said.setText(said or "The settings are as this preset proposes.")
        self.button.setVisible(bool(lines))

    def _use(self) -> None:
        self.wanted.emit({change.name: change.value for change in self._changes})


def _label(change: Change) -> str:
    return field_help(TrainingSettings, change.name).label


def _value(change: Change, value: object = _OWN) -> str:
    """The value of a change, or another one of the same setting, as the form writes it."""
    told = change.value if value is _OWN else value
    if told is None:
        return "the usual value"
    if isinstance(told, Enum):
        return str(getattr(told, "display_name", told.value)).replace("_", " ")
    if field_help(TrainingSettings, change.name).scientific:
        return scientific(float(str(told)))
    return f"{told:g}" if isinstance(told, float) else str(told)
