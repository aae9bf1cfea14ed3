"""The empty place where files are dropped: an empty state inside a dashed outline."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.theme import colour, metrics, paint_icon, tokens
from fintune_gui.ui.widgets.feedback import Action, EmptyState

_ICON = 40


class DropZone(QWidget):
    """Says what may be dropped. The window takes the files themselves, wherever they are dropped."""

    def __init__(self, title: str, text: str, actions: Sequence[Action], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = EmptyState(title, text, actions)
        self.setAccessibleName(title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.addWidget(self.words)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPen(colour(tokens().control_line), 1.5)
        outline.setDashPattern([5, 4])
        painter.setPen(outline)
        painter.setBrush(colour(tokens().surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), metrics.CARD_RADIUS, metrics.CARD_RADIUS)
        top = self.words.geometry().top() + self.words.height() * 2 / 5 - 90
        paint_icon(painter, "file", QRectF((self.width() - _ICON) / 2, top, _ICON, _ICON), tokens().muted)
