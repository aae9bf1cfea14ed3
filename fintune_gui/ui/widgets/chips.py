"""Small pills that can be pressed away, in lines that wrap."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLayout, QLayoutItem, QPushButton, QSizePolicy, QWidget

from fintune_gui.ui.theme import colour, font, metrics, paint_icon, tokens
from fintune_gui.ui.widgets.controls import set_shown

_HEIGHT = 24
_WIDEST = 280
_CROSS = 12
_PADDING = 10


class FlowLayout(QLayout):
    """Widgets one after the other, in as many lines as the width needs."""

    def __init__(self, parent: QWidget | None = None, spacing: int = 6) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        width = max((item.minimumSize().width() for item in self._items), default=0)
        return QSize(width, _HEIGHT if self._items else 0)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def _arrange(self, room: QRect, *, move: bool) -> int:
        x, y, line = room.x(), room.y(), 0
        for item in self._items:
            size = item.sizeHint().boundedTo(QSize(room.width(), 10_000))
            if x > room.x() and x + size.width() > room.right() + 1:
                x, y, line = room.x(), y + line + self.spacing(), 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self.spacing()
            line = max(line, size.height())
        return y + line - room.y()


class Chip(QPushButton):
    """One pill with a cross; a press, Del or Backspace takes it away."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "chip")
        self.words = text
        self.setFont(font("small"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Remove the condition {text}")
        self.setToolTip(f"{text}\nPress to remove this condition")

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.words) + 2 * _PADDING + _CROSS + 4
        return QSize(min(width, _WIDEST), _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, _HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() in keys:
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colour(t.soft("info")))
        painter.setPen(colour(t.accent if self.hasFocus() or self.underMouse() else t.soft("info")))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(colour(t.ink("info")))
        room = self.rect().adjusted(_PADDING, 0, -_PADDING - _CROSS - 2, 0)
        words = self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)
        cross = QRectF(self.width() - _PADDING - _CROSS + 2, (self.height() - _CROSS) / 2, _CROSS, _CROSS)
        paint_icon(painter, "close", cross, t.ink("info"))


class Chips(QWidget):
    """A line, or several, of pills; hidden while there are none.

    Signals:
        removed: The place of the pill that was pressed.
    """

    removed = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.chips: list[Chip] = []
        self._flow = FlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, metrics.TINY_GAP)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def show_words(self, words: Sequence[str]) -> None:
        """Show one pill for each of these; those that stay keep the focus."""
        if [chip.words for chip in self.chips] == list(words):
            return
        had_focus = next((place for place, chip in enumerate(self.chips) if chip.hasFocus()), None)
        for chip in self.chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self.chips = [self._made(number, text) for number, text in enumerate(words)]
        if had_focus is not None and self.chips:
            self.chips[min(had_focus, len(self.chips) - 1)].setFocus()
        set_shown(self, shown=bool(words))
        self.updateGeometry()

    def _made(self, number: int, text: str) -> Chip:
        chip = Chip(text, self)
        chip.clicked.connect(lambda: self.removed.emit(number))
        self._flow.addWidget(chip)
        chip.show()
        return chip

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._flow.heightForWidth(width) + metrics.TINY_GAP
