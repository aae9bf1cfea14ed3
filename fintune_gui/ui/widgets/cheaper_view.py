"""Settings that need less memory, each with what was measured and a button that takes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from fintune_gui.project.measured import Measured, MeasuredWay
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, Label


class CheaperRow(QWidget):
    """One way: what it is, what it does, and what it brought.

    Signals:
        wanted: The user takes it.
    """

    wanted = Signal()

    def __init__(self, cheaper: MeasuredWay, before: Measured, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.effect = Label(cheaper.effect(before), wrap=True)
        self.button = Button("Use", self.wanted.emit, tool_tip="Change the settings so; Ctrl+Z takes it back")
        self.button.setAccessibleName(f"Use: {cheaper.way.title}")
        self.button.setEnabled(cheaper.measured is not None)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Label(cheaper.way.title, "strong", wrap=True))
        words.addWidget(self.effect)
        words.addWidget(Label(cheaper.way.sentence, "small", wrap=True))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(metrics.GAP)
        line.addLayout(words, 1)
        line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setAccessibleName(f"{cheaper.way.title}: {self.effect.text()}")


class CheaperCard(Card):
    """The ways that a dry run tried, one below the other; hidden where there are none.

    Signals:
        wanted: The `CheaperWay` that the user takes.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Cheaper settings, measured", parent=parent)
        self.rows: list[CheaperRow] = []
        self._shown: Measured | None = None
        self._list = QVBoxLayout()
        self._list.setSpacing(metrics.SMALL_GAP)
        self.body.addLayout(self._list)
        self.hide()

    def show_ways(self, found: Measured | None, *, enabled: bool) -> None:
        """Show what was tried beside `found`."""
        if found != self._shown:
            self._shown = found
            self._fill(found.cheaper if found is not None else (), found)
        for row in self.rows:
            row.setEnabled(enabled)
        self.setVisible(bool(self.rows))

    def _fill(self, ways: Sequence[MeasuredWay], before: Measured | None) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = []
        if not ways or before is None:
            return
        for cheaper in ways:
            row = CheaperRow(cheaper, before)
            row.wanted.connect(partial(self.wanted.emit, cheaper.way))
            self._list.addWidget(row)
            self.rows.append(row)
