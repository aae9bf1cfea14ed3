"""A question above a table: what shall be done, in words, with the one field that it needs. It blocks nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, ComboBox, Label, LineEdit, set_property, set_shown


@dataclass(frozen=True)
class Answer:
    """What the user said: the text of the field ("" without one), and the chosen value (None without choices)."""

    text: str
    choice: object


@dataclass(frozen=True)
class Question:
    """Something to ask before it is done.

    Attributes:
        words: What will be done: "Set “label” to".
        act: The word on the button.
        then: Does it.
        text: What stands in the field at first; None for a question without a field.
        choices: (words, value) after the field: "in all 322,014 matching rows".
        note: A sentence below.
        check: Why it cannot be done with this answer, or "".
    """

    words: str
    act: str
    then: Callable[[Answer], object]
    text: str | None = None
    placeholder: str = ""
    choices: Sequence[tuple[str, object]] = ()
    note: str = ""
    check: Callable[[Answer], str] = field(default=lambda _answer: "")


class AskBar(QFrame):
    """Shows one `Question`. Enter does it, Esc lets it be.

    Signals:
        closed: The question is answered, or was let be.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "banner")
        set_property(self, "tone", "info")
        self.question: Question | None = None
        self.words = Label("", "strong")
        self.field = LineEdit("Answer")
        self.field.textChanged.connect(self._check)
        self.choice = ComboBox("Where")
        self.choice.chosen.connect(self._check)
        self.act = Button("", self.do)
        self.cancel = Button("Cancel", self.close_bar, kind="link")
        self.note = Label("", "small", wrap=True)
        self.words.setWordWrap(True)
        self.words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        line = row(self.words, self.field, self.choice, self.act, self.cancel)
        line.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 10, 8)
        layout.setSpacing(metrics.TINY_GAP)
        layout.addLayout(line)
        layout.addWidget(self.note)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def ask(self, question: Question) -> None:
        """Show a question with the focus on what must be answered; an earlier one is let be."""
        self.question = question
        self.words.setText(question.words)
        self.words.setSizePolicy(
            QSizePolicy.Policy.Expanding if question.text is None else QSizePolicy.Policy.Maximum,
            QSizePolicy.Policy.Preferred,
        )
        self.words.setWordWrap(question.text is None)
        self.setAccessibleName(question.words)
        set_shown(self.field, shown=question.text is not None)
        self.field.setAccessibleName(question.words)
        self.field.setPlaceholderText(question.placeholder)
        self.field.setText(question.text or "")
        self.choice.set_choices(question.choices)
        set_shown(self.choice, shown=len(question.choices) > 1)
        if question.choices:
            self.choice.set_value(question.choices[0][1])
        self.act.setText(question.act)
        self._check()
        self.show()
        first: QWidget = self.act if question.text is None else self.field
        first.setFocus()
        self.field.selectAll()

    def answer(self) -> Answer:
        """What is said now."""
        return Answer(self.field.text() if not self.field.isHidden() else "", self.choice.value())

    @Slot()
    def do(self) -> None:
        """Do it, unless the answer will not do."""
        question = self.question
        if question is None or question.check(self.answer()):
            return
        answer = self.answer()
        self.close_bar()
        question.then(answer)

    @Slot()
    def close_bar(self) -> None:
        """Let the question be."""
        if self.question is not None:
            self.question = None
            self.hide()
            self.closed.emit()

    @Slot()
    def _check(self, _value: object = None) -> None:
        question = self.question
        if question is None:
            return
        wrong = question.check(self.answer())
        self.act.setEnabled(not wrong)
        self.note.set_tone("bad" if wrong else None)
        self.note.setText(wrong or question.note)
        set_shown(self.note, shown=bool(self.note.text()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.do()
        else:
            super().keyPressEvent(event)
