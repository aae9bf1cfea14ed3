"""The legend of a plot: a mark that looks like its line, and its name."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from fintune_gui.ui.theme import font, tokens

Mark = Literal["training", "validation", "other"]
"""As in `live_plot`: solid, dotted with markers, dashed."""

_MARK_WIDTH = 20


class LegendEntry(QWidget):
    """One line of a plot by its mark and its name."""

    def __init__(self, name: str, mark: Mark, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark: Mark = mark
        self.setFont(font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_name(name)

    def set_name(self, name: str) -> None:
        self._name = name
        self.setAccessibleName(name)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(
            _MARK_WIDTH + 6 + self.fontMetrics().horizontalAdvance(self._name), self.fontMetrics().height() + 4
        )

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = tokens()
        y = self.height() / 2
        colour = QColor({"training": t.accent, "validation": t.series_2, "other": t.muted}[self._mark])
        style = Qt.PenStyle.DashLine if self._mark == "other" else Qt.PenStyle.SolidLine
        painter.setPen(QPen(colour, 1.2 if self._mark == "other" else 2, style))
        painter.drawLine(QPointF(0, y), QPointF(_MARK_WIDTH, y))
        if self._mark == "validation":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(_MARK_WIDTH / 2, y), 3.5, 3.5)
        painter.setPen(QColor(t.muted))
        box = QRectF(_MARK_WIDTH + 6, 0, self.width() - _MARK_WIDTH - 6, self.height())
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), self._name)
