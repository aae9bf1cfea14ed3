"""What a run has to tell besides its main curves, behind buttons: more curves, decisions, answers, and the log."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from fintune_gui.project.events import Decided
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.answers_over_time import AnswersOverTime
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.run_log import RunLog

_MOST_CHARACTERS = 400


class RunNotes(QWidget):
    """Parts that open below their buttons, one at a time; closed at first, so that the main curves have the room.

    Args:
        curves: The widget with more curves.
    """

    def __init__(self, curves: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.decisions = TextGrid("What the run decided by itself", ("what", "chosen", "why"), stretch=2)
        self.answers = AnswersOverTime()
        self.log = RunLog()
        self.curves_button = Button("", kind="link")
        self.decisions_button = Button("", kind="link")
        self.answers_button = Button("", kind="link")
        self.log_button = Button("", kind="link")
        self._parts = (
            (self.curves_button, curves, "More curves"),
            (self.decisions_button, self.decisions, "What the run decided by itself"),
            (self.answers_button, self.answers, "Answers on the way"),
            (self.log_button, self.log, "Log"),
        )
        self._counts = [0, 0, 0, 0]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addLayout(row(*(button for button, _, _ in self._parts), None, spacing=metrics.GAP))
        for button, part, _title in self._parts:
            part.hide()
            layout.addWidget(part)
            button.clicked.connect(self._toggle)
        self._name_buttons()

    def clear(self) -> None:
        """Forget the run."""
        self.log.show_logs([])
        self.decisions.show_lines([])
        self.answers.show_samples([])

    def show_history(self, history: RunHistory) -> None:
        """Take in what is new."""
        self.decisions.show_lines([(d.what, d.value, d.reason) for d in _last_of_each(history.decisions)])
        self.answers.show_samples(history.samples)
        self.log.show_logs(history.logs)
        evaluations = len(self.answers.evaluations)
        self._counts = [len(history.steps), self.decisions.line_count, evaluations, len(history.logs)]
        self._name_buttons()

    def _name_buttons(self) -> None:
        for (button, part, title), amount in zip(self._parts, self._counts, strict=True):
            button.setVisible(amount > 0)
            if not amount:
                part.hide()
            number = "" if button is self.curves_button else f" ({amount:,})"
            text = f"{title}{number} {'›' if part.isHidden() else '⌄'}"
            if button.text() != text:
                button.setText(text)

    @Slot()
    def _toggle(self) -> None:
        """One part is open at a time."""
        pressed = self.sender()
        for button, part, _title in self._parts:
            part.setVisible(button is pressed and part.isHidden())
            if not part.isHidden():
                QTimer.singleShot(0, part, lambda part=part: _scroll_to(part))  # when it has its place
        self._name_buttons()


def _scroll_to(widget: QWidget) -> None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QScrollArea):
        parent = parent.parentWidget()
    if parent is not None:
        parent.ensureWidgetVisible(widget)


def _last_of_each(decisions: Sequence[Decided]) -> list[Decided]:
    """The newest decision about each thing, in the order in which the things came up."""
    return list({decision.what: decision for decision in decisions}.values())


class TextGrid(Card):
    """A few lines of wrapping text in columns under small headings; each cell can be selected and copied."""

    def __init__(
        self, title: str, headings: Sequence[str], *, stretch: int | None, parent: QWidget | None = None
    ) -> None:
        """`stretch` is the column that takes the room; None shares it equally."""
        super().__init__(title, parent=parent)
        self._lines: list[tuple[str, ...]] = []
        self._cells: list[list[Label]] = []
        self._headings = headings
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(metrics.CARD_PADDING)
        self._grid.setVerticalSpacing(metrics.SMALL_GAP)
        for column, heading in enumerate(headings):
            self._grid.addWidget(Label(heading, "small"), 0, column)
            self._grid.setColumnStretch(column, 1 if stretch is None else 4 if column == stretch else 1)
        self.add(self._grid)

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def show_lines(self, lines: Sequence[tuple[str, ...]]) -> None:
        """Show these lines; labels are made once and reused."""
        if list(lines) == self._lines:
            return
        self._lines = list(lines)
        while len(self._cells) < len(lines):
            self._cells.append(self._new_line())
        for place, cells in enumerate(self._cells):
            line = lines[place] if place < len(lines) else ("",) * len(cells)
            for cell, text, heading in zip(cells, line, self._headings, strict=True):
                short = text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
                cell.setText(short)
                cell.setAccessibleName(f"{heading}: {short}")
                cell.setVisible(place < len(lines))

    def _new_line(self) -> list[Label]:
        cells = [Label("", wrap=True, selectable=True) for _ in self._headings]
        for column, cell in enumerate(cells):
            cell.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(cell, 1 + len(self._cells), column)
        return cells
