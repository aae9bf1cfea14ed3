"""One row after another as the model sees it, with the way to any row."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from fintune_gui.project.errors import Problem
from fintune_gui.ui.widgets.card import Badge, Card, row
from fintune_gui.ui.widgets.controls import Button, Label, SpinBox
from fintune_gui.ui.widgets.feedback import Action, EmptyState, ErrorPanel
from fintune_gui.ui.widgets.token_view import Span, TokenView
from fintune_gui.ui.widgets.words import counted

_FIELD_WIDTH = 92


class TokenBrowser(Card):
    """A row's tokens with previous, next, and a field for the row's number.

    Signals:
        wanted: The place of the row to show, from 0.
    """

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__("What the model sees")
        self._place = 0
        self._total = 0
        self.label = Badge()
        self.header.insertWidget(1, self.label)
        self.label.hide()
        self.previous = Button("Previous row", self._go_back, kind="icon", icon_name="back")
        self.next = Button("Next row", self._go_on, kind="icon", icon_name="forward")
        self.field = SpinBox("Number of the row")
        self.field.setPrefix("Row ")
        self.field.setFixedWidth(_FIELD_WIDTH)
        self.field.valueChanged.connect(self._on_number)
        self._of = Label("", "muted")
        self._navigation = (self.previous, self.field, self._of, self.next)
        self.add_action(self.previous, self.field, self.next)
        self.tokens = TokenView()
        self._empty = EmptyState("")
        self.error = ErrorPanel()
        self._stack = QStackedWidget()
        for widget in (self.tokens, self._empty, self.error):
            self._stack.addWidget(widget)
        self.add(row(self.label, None, self._of))
        self.add(self._stack, 1)
        self._navigate(shown=False)

    def show_row(
        self, place: int, total: int, spans: Sequence[Span], label: str | None, *, several: bool = False
    ) -> None:
        """Show the tokens of the row at `place` of `total`; for classification with its label, or its `several`."""
        self._place, self._total = place, total
        self._navigate(shown=True)
        self.tokens.show_tokens(spans, label_is_learned=label is not None)
        self.label.setVisible(label is not None)
        if label is not None:
            words = f"label{'s' if several else ''}: {label}" if label.strip() else "no label"
            self.label.set(words, "info" if several or label.strip() else "warn")
        self._stack.setCurrentWidget(self.tokens)

    def show_problem(self, problem: Problem, place: int, total: int) -> None:
        """Say why the row at `place` cannot be shown; the way to the others stays open."""
        self._place, self._total = place, total
        self._navigate(shown=total > 0)
        self.label.hide()
        self.error.show_problem(problem)
        self._stack.setCurrentWidget(self.error)

    def show_empty(self, title: str, text: str, actions: Sequence[Action] = ()) -> None:
        """Say why there are no tokens yet, and what to do."""
        self._navigate(shown=False)
        self.label.hide()
        self._empty.set(title, text, actions)
        self._stack.setCurrentWidget(self._empty)

    def _navigate(self, *, shown: bool) -> None:
        for widget in self._navigation:
            widget.setVisible(shown)
        if not shown:
            return
        self.field.blockSignals(True)
        self.field.setRange(1, max(1, self._total))
        self.field.setValue(self._place + 1)
        self.field.blockSignals(False)
        self._of.setText(f"of {counted(self._total, 'row')}")
        self.previous.setEnabled(self._place > 0)
        self.next.setEnabled(self._place + 1 < self._total)

    @Slot()
    def _go_back(self) -> None:
        self.wanted.emit(self._place - 1)

    @Slot()
    def _go_on(self) -> None:
        self.wanted.emit(self._place + 1)

    @Slot(int)
    def _on_number(self, number: int) -> None:
        self.wanted.emit(number - 1)
