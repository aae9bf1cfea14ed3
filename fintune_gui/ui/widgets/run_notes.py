"""What a run has to tell besides its curves, behind three buttons: decisions, answers on the way, and the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from fintune_gui.project.events import Decided, SampleAnswer
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.log_view import LogView

_MOST_ANSWERS = 8
_MOST_CHARACTERS = 400
_LOG_HEIGHT = 220


class RunNotes(QWidget):
    """Three parts that open below their buttons; closed at first, so that the curves have the room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.decisions = TextGrid("What the run decided by itself", ("what", "chosen", "why"), stretch=2)
        self.answers = TextGrid(
            "Answers on the way", ("asked", "expected", "first answer", "newest answer"), stretch=None
        )
        self.log = LogView("Log of the run")
        self.log.setFixedHeight(_LOG_HEIGHT)
        log_card = Card("Log")
        log_card.add(self.log)
        self.decisions_button = Button("", kind="link")
        self.answers_button = Button("", kind="link")
        self.log_button = Button("", kind="link")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addLayout(row(self.decisions_button, self.answers_button, self.log_button, None, spacing=metrics.GAP))
        self._parts = (
            (self.decisions_button, self.decisions, "What the run decided by itself"),
            (self.answers_button, self.answers, "Answers on the way"),
            (self.log_button, log_card, "Log"),
        )
        self._counts = [0, 0, 0]
        self._logged = 0
        for button, part, _title in self._parts:
            part.hide()
            layout.addWidget(part)
            button.clicked.connect(self._toggle)
        self._name_buttons()

    def clear(self) -> None:
        """Forget the run."""
        self._logged = 0
        self.log.set_lines([])
        self.decisions.show_lines([])
        self.answers.show_lines([])

    def show_history(self, history: RunHistory) -> None:
        """Take in what is new."""
        self.decisions.show_lines([(d.what, d.value, d.reason) for d in _last_of_each(history.decisions)])
        self.answers.show_lines(_answer_lines(history.samples))
        if len(history.logs) < self._logged:
            self._logged = 0
            self.log.set_lines([])
        for entry in history.logs[self._logged :]:
            tone: Tone = "bad" if entry.level == "error" else "warn" if entry.level == "warning" else "neutral"
            self.log.add(f"{datetime.fromtimestamp(entry.time):%H:%M:%S}  {entry.message}", tone)  # noqa: DTZ006
        self._logged = len(history.logs)
        self._counts = [self.decisions.line_count, self.answers.line_count, len(history.logs)]
        self._name_buttons()

    def _name_buttons(self) -> None:
        for (button, part, title), amount in zip(self._parts, self._counts, strict=True):
            button.setVisible(amount > 0)
            if not amount:
                part.hide()
            text = f"{title} ({amount:,}) {'›' if part.isHidden() else '⌄'}"
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


def _answer_lines(samples: Sequence[SampleAnswer]) -> list[tuple[str, ...]]:
    first: dict[int, SampleAnswer] = {}
    newest: dict[int, SampleAnswer] = {}
    for sample in samples:
        first.setdefault(sample.row_id, sample)
        newest[sample.row_id] = sample
    return [
        (
            one.prompt,
            one.expected,
            f"{one.answer or '(nothing)'}\n(step {one.step:,})",
            f"{newest[row_id].answer or '(nothing)'}\n(step {newest[row_id].step:,})",
        )
        for row_id, one in list(first.items())[:_MOST_ANSWERS]
    ]


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
