"""How long the texts of a column are, with a range that can be dragged open over it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from fintune_gui.ui.theme import colour, font, tokens

_HEIGHT = 78
_BARS = 52
_MARGIN = 14


class LengthRange(QWidget):
    """A histogram; dragging over it chooses a range of lengths, a click on it or Esc takes the range away.

    Keys: the arrows move the lower end, with Shift the upper one.

    Signals:
        chosen: (shortest, longest) in characters, both included; (0, 0) for any length.
    """

    chosen = Signal(int, int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.edges: tuple[float, ...] = ()
        self.counts: tuple[int, ...] = ()
        self._range: tuple[int, int] | None = None
        self._dragged: tuple[int, int] | None = None
        self.setFont(font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._say()

    def sizeHint(self) -> QSize:
        return QSize(160, _HEIGHT)

    def show_counts(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        """`counts[n]` rows are at least `edges[n]` and less than `edges[n + 1]` characters long."""
        self.edges, self.counts = tuple(edges), tuple(counts)
        self._say()

    def show_range(self, chosen: tuple[int, int] | None) -> None:
        """Mark the lengths that the filter lets in; None for all."""
        self._range = chosen
        self._say()

    def words(self) -> str:
        """What is chosen, in words."""
        bins = self._dragged
        shown = self._lengths(*bins) if bins is not None else self._range
        if shown is None:
            return f"any length up to {math.ceil(self.edges[-1]) - 1:,}" if self.counts else "no text in these rows"
        return f"{shown[0]:,} to {shown[1]:,} characters"

    def _say(self) -> None:
        self.setAccessibleName(f"{self._name}: {self.words()}")
        self.setAccessibleDescription("Arrow keys move the lower end of the range, with Shift the upper end.")
        self.update()

    # Between places, bins and lengths

    def _plot(self) -> QRectF:
        return QRectF(_MARGIN, 4, self.width() - 2 * _MARGIN, _BARS - 4)

    def _bin_at(self, x: float) -> int:
        share = (x - self._plot().left()) / max(1.0, self._plot().width())
        return min(len(self.counts) - 1, max(0, int(share * len(self.counts))))

    def _lengths(self, first: int, last: int) -> tuple[int, int]:
        low = math.ceil(self.edges[first])
        return low, max(low, math.ceil(self.edges[last + 1]) - 1)

    def _bins(self) -> tuple[int, int] | None:
        """The bins that the chosen range touches."""
        if self._dragged is not None:
            return self._dragged
        if self._range is None or not self.counts:
            return None
        low, high = self._range
        inside = [n for n in range(len(self.counts)) if self.edges[n + 1] > low and self.edges[n] <= high]
        return (inside[0], inside[-1]) if inside else None

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.counts and event.button() is Qt.MouseButton.LeftButton:
            self._start = event.position().x()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.counts or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        first, last = sorted((self._bin_at(self._start), self._bin_at(event.position().x())))
        self._dragged = (first, last)
        self._say()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged, self._dragged = self._dragged, None
        if dragged is not None:
            self._choose(*dragged)
        elif self._range is not None:
            self.chosen.emit(0, 0)

    def _choose(self, first: int, last: int) -> None:
        if (first, last) == (0, len(self.counts) - 1):
            self.chosen.emit(0, 0)
        else:
            self.chosen.emit(*self._lengths(first, last))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if event.key() == Qt.Key.Key_Escape and self._range is not None:
            self.chosen.emit(0, 0)
        elif step and self.counts:
            first, last = self._bins() or (0, len(self.counts) - 1)
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                last = min(len(self.counts) - 1, max(first, last + step))
            else:
                first = max(0, min(last, first + step))
            self._choose(first, last)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot, bins = self._plot(), self._bins()
        if self.counts:
            width, most = plot.width() / len(self.counts), max(self.counts) or 1
            for number, count in enumerate(self.counts):
                height = max(1.5 if count else 0.0, count / most * plot.height())
                inside = bins is None or bins[0] <= number <= bins[1]
                bar = QRectF(plot.left() + number * width, plot.bottom() - height, max(1.0, width - 1), height)
                painter.fillRect(bar, colour(t.accent if inside and bins else t.muted if inside else t.control_line))
        painter.setPen(QPen(colour(t.line)))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.setPen(colour(t.ink("info") if bins else t.muted))
        below = QRectF(plot.left(), _BARS + 3, plot.width(), 18)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft), self.words())
        if self.hasFocus():
            painter.setPen(QPen(colour(t.accent)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(6.5, 0.5, -6.5, -0.5), 5, 5)
