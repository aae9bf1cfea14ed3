"""Three shares that add up to 100 %: fields that move each other, a bar of them, and bars of what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone, colour, font, metrics, tokens
from fintune_gui.ui.widgets.controls import Label, SpinBox

WHOLE = 100
_LEAST = 1


@dataclass(frozen=True)
class Share:
    """One part: its name, a sentence about what it is for, and the tone of its bar."""

    name: str
    text: str
    tone: Tone


def linked_shares(shares: Sequence[int], changed: int, value: int) -> tuple[int, ...]:
    """`shares` in percent with `value` at place `changed`; the others make room so that the sum stays 100.

    The first share is the rest: when another one changes, the first gives or takes as long as it has something to
    give. When the first itself changes, the others divide what is left as they did before.
    """
    value = min(max(value, _LEAST), WHOLE - _LEAST * (len(shares) - 1))
    result = list(shares)
    result[changed] = value
    if changed != 0:
        result[0] = WHOLE - sum(result[1:])
        for place in range(1, len(result)):
            if result[0] < _LEAST and place != changed:
                given = min(_LEAST - result[0], result[place] - _LEAST)
                result[place] -= given
                result[0] += given
        return tuple(result)
    rest, before = WHOLE - value, sum(shares[1:])
    for place in range(1, len(result) - 1):
        room = rest - _LEAST * (len(result) - 1 - place)
        result[place] = min(max(round(rest * shares[place] / before), _LEAST), room)
    result[-1] = WHOLE - sum(result[:-1])
    return tuple(result)


def whole_percent(ratios: Sequence[float]) -> tuple[int, ...]:
    """Ratios as whole percent that add up to 100: what is lost by rounding goes to the first."""
    rounded = [max(_LEAST, round(ratio * WHOLE)) for ratio in ratios[1:]]
    return (WHOLE - sum(rounded), *rounded)


class ShareBar(QWidget):
    """One bar, divided; each part carries its name where there is room."""

    def __init__(self, shares: Sequence[Share], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares = tuple(shares)
        self._percent: tuple[int, ...] = ()
        self.setFont(font("small"))
        self.setFixedHeight(26)

    def show_percent(self, percent: Sequence[int]) -> None:
        """Divide the bar like this."""
        self._percent = tuple(percent)
        words = [f"{share.name} {value} %" for share, value in zip(self._shares, percent, strict=True)]
        self.setAccessibleName(", ".join(words))
        self.setToolTip(" · ".join(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), metrics.CONTROL_RADIUS, metrics.CONTROL_RADIUS)
        painter.setClipPath(outline)
        left = 0.0
        for share, value in zip(self._shares, self._percent, strict=False):
            width = self.width() * value / WHOLE
            box = QRectF(left, 0, width - 2, self.height())
            painter.fillRect(box, colour(tokens().soft(share.tone)))
            painter.setPen(colour(tokens().ink(share.tone)))
            text = f"{share.name} {value} %"
            if self.fontMetrics().horizontalAdvance(text) + 8 > box.width():
                text = f"{value} %"
            if self.fontMetrics().horizontalAdvance(text) + 4 <= box.width():
                painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)
            left += width


class ShareFields(QWidget):
    """A bar, and a field in percent for each share; they always add up to 100.

    Signals:
        chosen: The shares in percent, after the user changed one.
    """

    chosen = Signal(object)

    def __init__(self, shares: Sequence[Share], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._percent: tuple[int, ...] = ()
        self.bar = ShareBar(shares)
        self.fields: list[SpinBox] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addWidget(self.bar)
        for number, share in enumerate(shares):
            field = SpinBox(f"{share.name}, percent of the rows")
            field.setRange(_LEAST, WHOLE - _LEAST * (len(shares) - 1))
            field.setSuffix(" %")
            field.setFixedWidth(76)
            field.valueChanged.connect(lambda value, number=number: self._on_value(number, value))
            field.setToolTip(share.text)
            self.fields.append(field)
            line = QGridLayout()
            line.setHorizontalSpacing(metrics.GAP)
            line.setVerticalSpacing(2)
            line.setColumnStretch(0, 1)
            line.addWidget(Label(share.name, "strong"), 0, 0)
            line.addWidget(Label(share.text, "small", wrap=True), 1, 0)
            line.addWidget(field, 0, 1, 2, 1, Qt.AlignmentFlag.AlignTop)
            layout.addLayout(line)

    def show_percent(self, percent: Sequence[int]) -> None:
        """Show these shares without telling anybody."""
        self._percent = tuple(percent)
        self.bar.show_percent(percent)
        for field, value in zip(self.fields, percent, strict=True):
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)

    def _on_value(self, number: int, value: int) -> None:
        linked = linked_shares(self._percent, number, value)
        self.show_percent(linked)
        self.chosen.emit(linked)


class PartBars(QWidget):
    """What came out: a bar and a count for each part, one below the other."""

    def __init__(self, shares: Sequence[Share], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares = tuple(shares)
        self._counts: tuple[int, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, counts: Sequence[int]) -> None:
        """Show so many rows in each part."""
        self._counts = tuple(counts)
        self.setAccessibleName("; ".join(self.words()))
        self.update()

    def words(self) -> list[str]:
        """Each part in words: "Training: 1,050 rows, 70.0 %"."""
        total = sum(self._counts) or 1
        return [
            f"{share.name}: {count:,} row{'' if count == 1 else 's'}, {100 * count / total:.1f} %"
            for share, count in zip(self._shares, self._counts, strict=False)
        ]

    def sizeHint(self) -> QSize:
        return QSize(320, 34 * len(self._shares))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font())
        t, measure = tokens(), self.fontMetrics()
        names = max(measure.horizontalAdvance(share.name) for share in self._shares) + 16
        words = [text.split(": ", 1)[1].replace(", ", " · ") for text in self.words()]
        figures = max((measure.horizontalAdvance(text) for text in words), default=0) + 16
        height = self.height() / len(self._shares)
        total = sum(self._counts) or 1
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        for number, (share, count, text) in enumerate(zip(self._shares, self._counts, words, strict=False)):
            top = number * height
            painter.setPen(colour(t.text))
            painter.drawText(QRectF(0, top, names, height), middle | int(Qt.AlignmentFlag.AlignLeft), share.name)
            painter.drawText(
                QRectF(self.width() - figures, top, figures, height), middle | int(Qt.AlignmentFlag.AlignRight), text
            )
            track = QRectF(names, top + height / 2 - 5, max(10.0, self.width() - names - figures), 10)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(t.soft("neutral")))
            painter.drawRoundedRect(track, 5, 5)
            if count:
                painter.setBrush(colour(t.fill(share.tone)))
                track.setWidth(max(10.0, track.width() * count / total))
                painter.drawRoundedRect(track, 5, 5)
