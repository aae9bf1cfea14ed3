"""Cards, badges and the few layouts that pages are made of."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QSizePolicy, QSpacerItem, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone, colour, font, metrics, tokens
from fintune_gui.ui.widgets.controls import ElidedLabel, Label, set_shown


def row(*items: QWidget | None, spacing: int = metrics.SMALL_GAP) -> QHBoxLayout:
    """Widgets side by side; None is a stretch."""
    layout = QHBoxLayout()
    layout.setSpacing(spacing)
    for item in items:
        if item is None:
            layout.addStretch(1)
        else:
            layout.addWidget(item)
    return layout


class Card(QFrame):
    """A titled panel.

    Attributes:
        body: Where the content goes, below the title.
        header: The row of the title; `add_action` puts controls at its right end.
    """

    def __init__(self, title: str = "", *, padding: int = metrics.CARD_PADDING, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(padding, padding - 4 if title else padding, padding, padding)
        outer.setSpacing(0)
        self.header = QHBoxLayout()
        self.header.setSpacing(metrics.SMALL_GAP)
        self.title = Label(title, "card_title")
        set_shown(self.title, shown=bool(title))
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.header.addWidget(self.title)
        self.header.addStretch(1)
        outer.addLayout(self.header)
        if title:
            outer.addSpacing(metrics.SMALL_GAP)
        self.body = QVBoxLayout()
        self.body.setSpacing(metrics.SMALL_GAP)
        outer.addLayout(self.body, 1)
        outer.addSpacerItem(QSpacerItem(0, 0, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Expanding))

    def set_title(self, title: str) -> None:
        self.title.setText(title)
        set_shown(self.title, shown=bool(title))
        self.setAccessibleName(title)

    def add_action(self, *widgets: QWidget) -> None:
        """Put controls at the right end of the title's row."""
        for widget in widgets:
            self.header.addWidget(widget)

    def add(self, item: QWidget | QLayout, stretch: int = 0) -> None:
        """Append a widget or a layout to the body."""
        if isinstance(item, QWidget):
            self.body.addWidget(item, stretch)
        else:
            self.body.addLayout(item, stretch)

    def add_note(self, text: str) -> Label:
        """Append a small grey sentence."""
        note = Label(text, "small", wrap=True)
        self.body.addWidget(note)
        return note

    def add_row(self, text: str, *widgets: QWidget) -> ElidedLabel:
        """Append a line of text with widgets (badges, links, fields) at its right end."""
        label = ElidedLabel(text)
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout()
        line.setSpacing(metrics.SMALL_GAP)
        line.addWidget(label, 1)
        for widget in widgets:
            line.addWidget(widget)
        self.body.addLayout(line)
        return label


class Badge(QWidget):
    """A short word or number in a pill of its tone."""

    def __init__(self, text: str = "", tone: Tone = "neutral", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(font("small"))
        bold = self.font()
        bold.setWeight(bold.Weight.DemiBold)
        self.setFont(bold)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._text = text
        self._tone: Tone = tone
        self.setAccessibleName(text)

    def text(self) -> str:
        return self._text

    def set(self, text: str, tone: Tone) -> None:
        """Show another text and tone."""
        self._text, self._tone = text, tone
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self._text) + 24, self.fontMetrics().height() + 6)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(tokens().soft(self._tone)))
        painter.drawRoundedRect(QRectF(self.rect()), 9, 9)
        painter.setPen(colour(tokens().ink(self._tone)))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self._text)


class StatCard(Card):
    """One figure: what it is, its value with a unit, and a sentence below. An optional badge says how it moved.

    Attributes:
        needed_width: Pixels that the figure and its badge need to be read whole.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(padding=metrics.CARD_PADDING, parent=parent)
        self.needed_width = 0
        self._name = name
        self.body.setSpacing(3)
        self.body.addWidget(Label(name, "small"))
        self._value = Label("–", "figure")
        self._badge = Badge()
        self._badge.hide()
        figures = row(self._value, self._badge, None)
        self.body.addLayout(figures)
        self._note = ElidedLabel("", "small")
        self.body.addWidget(self._note)
        self.setContentsMargins(0, -6, 0, -6)
        # whatever they say, cards in a row are equally wide
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def show_value(
        self, value: str, note: str = "", *, brief: str = "", badge: str = "", tone: Tone = "neutral"
    ) -> None:
        """Show a figure with its unit ("18,400 tok/s"), the sentence below, and optionally a badge beside.

        Args:
            brief: The sentence in fewer words, for a card that is too narrow.
        """
        self._value.setText(value)
        self._note.set_brief(brief)
        self._note.setText(note)
        self._badge.set(badge, tone)
        self._badge.setVisible(bool(badge))
        width = self._value.sizeHint().width() + (self._badge.sizeHint().width() + metrics.SMALL_GAP if badge else 0)
        self.needed_width = width + 2 * metrics.CARD_PADDING + 2
        self.setAccessibleName(f"{self._name}: {value}. {badge} {note}".strip())
