"""An icon that is only looked at."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from fintune_gui.ui.theme import Tone, metrics, paint_icon, tokens


class IconView(QWidget):
    """An icon that is only looked at. Its meaning stands in words beside it."""

    def __init__(self, name: str, tone: Tone = "neutral", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._tone: Tone = tone
        self.setFixedSize(QSize(metrics.ICON_SIZE + 2, metrics.ICON_SIZE + 2))

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_icon(QPainter(self), self._name, QRectF(self.rect()).adjusted(1, 1, -1, -1), tokens().ink(self._tone))
