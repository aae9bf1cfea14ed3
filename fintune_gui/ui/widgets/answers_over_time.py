"""Answers to the same validation rows at each evaluation: one line an evaluation, the newest first, changes marked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from fintune_gui.project.events import SampleAnswer
from fintune_gui.ui.theme import metrics, tokens
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Label
from fintune_gui.ui.widgets.difference import difference_html
from fintune_gui.ui.widgets.feedback import escape

MOST_ROWS = 3
MOST_EVALUATIONS = 12
_MOST_CHARACTERS = 400
_NOTHING = "(nothing)"


class AnswersOverTime(Card):
    """A small table: a column for each validation row, a line for each evaluation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Answers on the way", parent=parent)
        self._samples: list[SampleAnswer] = []
        self._cells: dict[tuple[int, int], Label] = {}
        self.add_note("The same validation rows at each evaluation. What changed since the one before is marked.")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(metrics.CARD_PADDING)
        self._grid.setVerticalSpacing(metrics.GAP)
        self.add(self._grid)

    @property
    def evaluations(self) -> list[int]:
        """The steps at which there are answers, newest first."""
        return sorted({sample.step for sample in self._samples}, reverse=True)

    def show_samples(self, samples: Sequence[SampleAnswer]) -> None:
        """Show these answers; in any order, as the run told them."""
        if len(samples) != len(self._samples) or list(samples[-1:]) != self._samples[-1:]:
            self._samples = list(samples)
            self._show()

    def _show(self) -> None:
        rows = list(dict.fromkeys(sample.row_id for sample in self._samples))[:MOST_ROWS]
        newest = {sample.row_id: sample for sample in self._samples}
        answers = {(sample.step, sample.row_id): sample.answer for sample in self._samples}
        lines: list[list[str]] = [["", *(escape(_short(newest[row].prompt)) for row in rows)]]
        lines.append(["expected", *(escape(_short(newest[row].expected)) for row in rows)])
        steps = self.evaluations
        for place, step in enumerate(steps[:MOST_EVALUATIONS]):
            before = steps[place + 1] if place + 1 < len(steps) else None
            cells = [
                _marked(answers.get((step, row)), answers.get((before, row)) if before else None, newest=not place)
                for row in rows
            ]
            lines.append([f"step {step:,}", *cells])
        for column in range(1, len(rows) + 1):
            self._grid.setColumnStretch(column, 1)
        self._fill(lines)

    def _fill(self, lines: list[list[str]]) -> None:
        wanted = {(y, x): text for y, line in enumerate(lines) for x, text in enumerate(line)}
        for place in sorted(wanted.keys() - self._cells.keys()):
            label = Label("", "small" if not place[0] or not place[1] else "body", wrap=bool(place[1]), selectable=True)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            self._cells[place] = label
            self._grid.addWidget(label, *place)
        for place, label in self._cells.items():
            label.setVisible(place in wanted)
            label.setText(wanted.get(place, ""))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and getattr(self, "_samples", None):
            self._show()  # the marks have the colours of the theme


def _marked(answer: str | None, before: str | None, *, newest: bool) -> str:
    if answer is None:
        return "–"
    if answer == before and not newest:
        return f'<span style="color:{tokens().muted}">as before</span>'
    after = _short(answer) or _NOTHING
    return escape(after) if before is None else difference_html(_short(before) or _NOTHING, after)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
