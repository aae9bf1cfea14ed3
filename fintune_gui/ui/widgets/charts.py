"""Small still charts, painted directly: intervals against baselines, a histogram, a curve for a card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeySequence, QPainter, QPaintEvent, QPen, QPolygonF, QShortcut
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from fintune_gui.ui.theme import Tone, font, tokens

_AXIS_HEIGHT = 22


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round values between `low` and `high`."""
    span = high - low
    if span <= 0 or most < 1:
        return [low]
    rough = span / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * m for m in (1, 2, 2.5, 5, 10) if magnitude * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


class Chart(QWidget):
    """Base of the painted charts: a horizontal axis, and a text of the data for screen readers and the clipboard."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setAccessibleName(name)
        self.setFont(font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self, self._copy, Qt.ShortcutContext.WidgetShortcut)

    def data_text(self) -> str:
        """The data as tab-separated lines."""
        return ""

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.data_text())

    def _say(self) -> None:
        self.setAccessibleDescription(self.data_text().replace("\t", " ").replace("\n", "; "))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(280, 180)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, 90)

    def _paint_focus(self, painter: QPainter) -> None:
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens().accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_axis(self, painter: QPainter, plot: QRectF, low: float, high: float) -> None:
        """The line below `plot` with round values; a faint grid above it."""
        painter.setPen(QPen(QColor(tokens().line), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        ticks = nice_ticks(low, high, max(2, int(plot.width() / 64)))
        decimals = max((_decimals(tick) for tick in ticks), default=0)
        for tick in ticks:
            x = plot.left() + (tick - low) / (high - low) * plot.width()
            painter.setPen(QPen(QColor(tokens().line), 1))
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 4))
            painter.setPen(QColor(tokens().muted))
            text = f"{tick:,.{decimals}f}"
            width = self.fontMetrics().horizontalAdvance(text) + 2
            left = min(x - width / 2, self.width() - width)
            box = QRectF(left, plot.bottom() + 5, width, _AXIS_HEIGHT - 5)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter), text)


def _decimals(value: float) -> int:
    return next((n for n in range(7) if abs(value - round(value, n)) < 1e-9), 6)


@dataclass(frozen=True)
class IntervalRow:
    """One line of an `IntervalPlot`: a value with its 95 % interval (None where none can be given)."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: Tone = "neutral"
    """"info" for what is measured now; the baselines stay "neutral"."""


class IntervalPlot(Chart):
    """Values with their intervals below one another, and the target as a dashed line."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._rows: tuple[IntervalRow, ...] = ()
        self._target: float | None = None

    def show_rows(self, rows: Sequence[IntervalRow], target: float | None = None) -> None:
        """Show these lines, top to bottom."""
        self._rows, self._target = tuple(rows), target
        self._say()

    def data_text(self) -> str:
        lines = ["name\tvalue\tlow\thigh"]
        lines += [f"{r.name}\t{r.value:g}\t{_or_blank(r.low)}\t{_or_blank(r.high)}" for r in self._rows]
        if self._target is not None:
            lines.append(f"target\t{self._target:g}\t\t")
        return "\n".join(lines)

    def _bounds(self) -> tuple[float, float]:
        values = [v for r in self._rows for v in (r.value, r.low, r.high) if v is not None]
        values += [] if self._target is None else [self._target]
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        return low - room, high + room

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = tokens()
        names = max(self.fontMetrics().horizontalAdvance(r.name) for r in self._rows) + 12
        left = float(min(names, self.width() // 2))
        plot = QRectF(left, 4, self.width() - left - 14, self.height() - _AXIS_HEIGHT - 4)
        low, high = self._bounds()
        self._paint_axis(painter, plot, low, high)
        painter.setPen(QPen(QColor(t.line), 1))
        painter.drawLine(plot.topLeft(), plot.bottomLeft())

        def x_of(value: float) -> float:
            return plot.left() + (value - low) / (high - low) * plot.width()

        if self._target is not None:
            self._paint_target(painter, plot, x_of(self._target))
        for number, line in enumerate(self._rows):
            y = plot.top() + (number + 0.5) * plot.height() / len(self._rows)
            painter.setPen(QColor(t.text if line.tone != "neutral" else t.muted))
            box = QRectF(0, y - 10, left - 8, 20)
            text = self.fontMetrics().elidedText(line.name, Qt.TextElideMode.ElideRight, int(box.width()))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
            colour = QColor(t.fill(line.tone))
            painter.setPen(QPen(colour, 2))
            if line.low is not None and line.high is not None:
                painter.drawLine(QPointF(x_of(line.low), y), QPointF(x_of(line.high), y))
                for end in (line.low, line.high):
                    painter.drawLine(QPointF(x_of(end), y - 6), QPointF(x_of(end), y + 6))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(x_of(line.value), y), 4.5, 4.5)
        self._paint_focus(painter)

    def _paint_target(self, painter: QPainter, plot: QRectF, x: float) -> None:
        ink = QColor(tokens().ink("good"))
        painter.setPen(QPen(ink, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        width = self.fontMetrics().horizontalAdvance("target") + 6
        at_left = x - width > plot.left()
        box = QRectF(x - width if at_left else x + 6, plot.bottom() - 20, width, 18)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), "target")


class Histogram(Chart):
    """How often values occur, with an optional limit as an upright line."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._counts: tuple[int, ...] = ()
        self._low, self._high = 0.0, 1.0
        self._limit: float | None = None

    def show_counts(self, counts: Sequence[int], low: float, high: float, limit: float | None = None) -> None:
        """Show `counts` of equally wide bins from `low` to `high`."""
        self._counts, self._low, self._high, self._limit = tuple(counts), low, max(high, low + 1e-9), limit
        self._say()

    def data_text(self) -> str:
        width = (self._high - self._low) / max(1, len(self._counts))
        lines = ["from\tto\tcount"]
        lines += [
            f"{self._low + n * width:g}\t{self._low + (n + 1) * width:g}\t{count}"
            for n, count in enumerate(self._counts)
        ]
        if self._limit is not None:
            lines.append(f"limit\t{self._limit:g}\t")
        return "\n".join(lines)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._counts:
            return
        painter = QPainter(self)
        t = tokens()
        plot = QRectF(10, 6, self.width() - 20, self.height() - _AXIS_HEIGHT - 6)
        high = max(self._high, self._limit * 1.1) if self._limit is not None else self._high
        self._paint_axis(painter, plot, self._low, high)
        unit = plot.width() / (high - self._low)
        bin_width = (self._high - self._low) / len(self._counts) * unit
        most = max(self._counts) or 1
        for number, count in enumerate(self._counts):
            height = count / most * (plot.height() - 4)
            if count:
                height = max(height, 1.0)
            box = QRectF(plot.left() + number * bin_width, plot.bottom() - height, max(1.0, bin_width - 1), height)
            painter.fillRect(box, QColor(t.accent))
        if self._limit is not None:
            x = plot.left() + (self._limit - self._low) * unit
            painter.setPen(QPen(QColor(t.ink("bad")), 1))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            text = f"{self._limit:,g}"
            width = self.fontMetrics().horizontalAdvance(text) + 6
            left = x - width if x - width > plot.left() else x + 5
            painter.drawText(QRectF(left, plot.top(), width, 18), int(Qt.AlignmentFlag.AlignLeft), text)
        self._paint_focus(painter)


class Sparkline(QWidget):
    """A bare curve that says "it went down" at a glance; a flat line where nothing has happened yet."""

    def __init__(self, values: Sequence[float] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = [value for value in values if math.isfinite(value)]
        self.setAccessibleName("Training curve" if self._values else "No training curve yet")
        self.setMinimumHeight(60)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2, 4, -2, -4)
        values = self._values
        if len(values) < 2:
            painter.setPen(QPen(QColor(tokens().line), 2, c=Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(box.left(), box.center().y()), QPointF(box.right(), box.center().y()))
            return
        low, high = min(values), max(values)
        span = (high - low) or 1.0
        points = QPolygonF(
            [
                QPointF(
                    box.left() + number / (len(values) - 1) * box.width(),
                    box.bottom() - (value - low) / span * box.height(),
                )
                for number, value in enumerate(values)
            ]
        )
        painter.setPen(QPen(QColor(tokens().accent), 2, j=Qt.PenJoinStyle.RoundJoin))
        painter.drawPolyline(points)


def _or_blank(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
