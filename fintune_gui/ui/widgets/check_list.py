"""What was checked, one line each: the sentence, how many rows pass or fail, and the way to the first that fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import Badge
from fintune_gui.ui.widgets.controls import Button, ElidedLabel, Label


@dataclass(frozen=True)
class CheckLine:
    """One check: a sentence, a figure in its tone, and the id of the first row to look at."""

    text: str
    figure: str
    tone: Tone
    row_id: int | None = None


class CheckList(QWidget):
    """A title and its lines.

    Signals:
        row_wanted: The id of a row that the user wants to see.
    """

    row_wanted = Signal(int)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addWidget(Label(title, "card_title"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(metrics.SMALL_GAP)
        self._grid.setVerticalSpacing(metrics.SMALL_GAP)
        self._grid.setColumnStretch(0, 1)
        layout.addLayout(self._grid)
        self._note = Label("", "small", wrap=True)
        layout.addWidget(self._note)
        self._lines: tuple[CheckLine, ...] = ()

    def show_lines(self, lines: Sequence[CheckLine], note: str) -> None:
        """Show these checks, and a small sentence below them."""
        self._note.setText(note)
        self._note.setVisible(bool(note))
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, line in enumerate(self._lines):
            badge = Badge(line.figure, line.tone)
            badge.setAccessibleName(f"{line.text}: {line.figure}")
            self._grid.addWidget(ElidedLabel(line.text), number, 0)
            self._grid.addWidget(badge, number, 2, Qt.AlignmentFlag.AlignRight)
            if line.row_id is not None:
                show = Button("Show", partial(self.row_wanted.emit, line.row_id), kind="link")
                show.setAccessibleName(f"Show the first row: {line.text}")
                self._grid.addWidget(show, number, 1)

    def lines(self) -> tuple[CheckLine, ...]:
        """What is shown."""
        return self._lines
