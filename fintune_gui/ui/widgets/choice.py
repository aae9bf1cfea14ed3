"""A few choices as cards: a title and a sentence each, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import colour, metrics, tokens
from fintune_gui.ui.widgets.controls import Label

_MARK = 16
_MARGIN_LEFT = 44


@dataclass(frozen=True)
class Choice:
    """One choice: its value, a few words, and a sentence that explains them."""

    value: object
    title: str
    text: str


class ChoiceCard(QPushButton):
    """One choice as a card with a radio mark, a title and a sentence that wraps."""

    def __init__(self, choice: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = choice
        self.setProperty("kind", "choice")
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(choice.title)
        self.setAccessibleDescription(choice.text)
        self._words = layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN_LEFT, 11, 16, 11)
        layout.setSpacing(2)
        for label in (Label(choice.title, "strong"), Label(choice.text, "muted", wrap=True)):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            layout.addWidget(label)
        layout.addStretch(1)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return self._words.totalSizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._words.totalMinimumSize()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._words.totalHeightForWidth(width)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mark = QRectF(16, 13, _MARK, _MARK)
        chosen = self.isChecked()
        painter.setPen(colour(tokens().accent if chosen else tokens().muted))
        painter.setBrush(colour(tokens().accent if chosen else tokens().surface))
        painter.drawEllipse(mark.adjusted(0.5, 0.5, -0.5, -0.5))
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(tokens().on_accent))
            painter.drawEllipse(mark.adjusted(5, 5, -5, -5))


class ChoiceCards(QWidget):
    """Choices in a grid of `columns`. The arrow keys move between them.

    Signals:
        chosen: The value that the user has chosen.
    """

    chosen = Signal(object)

    def __init__(
        self, name: str, choices: Sequence[Choice] = (), *, columns: int = 1, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._columns = columns
        self._cards: list[ChoiceCard] = []
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._tell)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(metrics.SMALL_GAP)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        self.set_choices(choices)

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Replace the choices; nothing happens if they are the same."""
        if [card.choice for card in self._cards] == list(choices):
            return
        for card in self._cards:
            self._group.removeButton(card)
            card.hide()
            card.deleteLater()
        self._cards = [ChoiceCard(choice) for choice in choices]
        for number, card in enumerate(self._cards):
            self._group.addButton(card, number)
            self._grid.addWidget(card, number // self._columns, number % self._columns)

    def card(self, value: object) -> ChoiceCard:
        """The card of a value."""
        return next(card for card in self._cards if card.choice.value == value)

    def value(self) -> object:
        """The chosen value, or None."""
        checked = self._group.checkedId()
        return self._cards[checked].choice.value if checked >= 0 else None

    def set_value(self, value: object) -> None:
        """Mark the card of `value`."""
        self.card(value).setChecked(True)

    @Slot(int)
    def _tell(self, number: int) -> None:
        self.chosen.emit(self._cards[number].choice.value)
