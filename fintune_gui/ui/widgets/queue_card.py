"""The runs that wait for another one to end."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, Label, set_shown


class QueueCard(Card):
    """One line for each waiting run, with a way to remove it; not there while nothing waits.

    Signals:
        start_wanted: The first run shall begin now.
        remove_wanted: The number of a run that shall not wait any longer.
    """

    start_wanted = Signal()
    remove_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Waiting", parent=parent)
        self._shown: tuple[list[int], bool] | None = None
        self._lines = QVBoxLayout()
        self._lines.setSpacing(metrics.TINY_GAP)
        self.body.addLayout(self._lines)
        self.start = Button("Start now", self.start_wanted.emit)
        self.add_action(self.start)
        self.hide()

    def show_runs(self, numbers: list[int], *, busy: bool) -> None:
        """Show the waiting runs, next one first. `busy`: another is at work, after which they begin by themselves."""
        if (numbers, busy) == self._shown:
            return
        self._shown = (list(numbers), busy)
        while (item := self._lines.takeAt(0)) is not None:
            if (line := item.widget()) is not None:
                line.hide()
                line.deleteLater()
        for place, number in enumerate(numbers):
            self._lines.addWidget(self._line(number, _when(place, busy=busy)))
        set_shown(self.start, shown=not busy)
        set_shown(self, shown=bool(numbers))

    def _line(self, number: int, when: str) -> QWidget:
        line = QWidget()
        remove = Button("Remove", partial(self.remove_wanted.emit, number), kind="link")
        remove.setAccessibleName(f"Remove run {number} from the queue")
        line.setLayout(row(Label(f"Run {number} {when}"), None, remove))
        return line


def _when(place: int, *, busy: bool) -> str:
    if place:
        return "comes after it."
    return "starts by itself when the present one ends." if busy else "was waiting when the program was closed."
