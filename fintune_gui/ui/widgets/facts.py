"""Pairs of a name and what is true of it, one a line."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import ElidedLabel, Label


class FactGrid(QWidget):
    """Names on the left, values on the right of them; a value that is too long ends in "…" and a tool tip."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._labels: list[tuple[Label, ElidedLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(metrics.GAP)
        self._grid.setVerticalSpacing(metrics.TINY_GAP + 2)
        self._grid.setColumnStretch(1, 1)
        self.setAccessibleName(name)

    def show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show these pairs and no others."""
        while len(self._labels) < len(facts):
            name, value = Label("", "muted"), ElidedLabel("")
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            number = len(self._labels)
            self._grid.addWidget(name, number, 0)
            self._grid.addWidget(value, number, 1)
            self._labels.append((name, value))
        for number, (name, value) in enumerate(self._labels):
            shown = number < len(facts)
            name.setText(facts[number][0] if shown else "")
            value.setText(facts[number][1] if shown else "")
            name.setVisible(shown)
            value.setVisible(shown)
        self.setAccessibleName(self._name + ": " + ", ".join(f"{name} {value}" for name, value in facts))

    def value(self, name: str) -> str:
        """The value shown for `name`."""
        return next(value.text() for label, value in self._labels if label.text() == name)
