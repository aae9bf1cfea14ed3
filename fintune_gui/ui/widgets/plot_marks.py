"""What stands in a plot besides its curves: the target, where the best was, and numbers as people write them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from fintune_gui.ui.theme import font, tokens
from fintune_gui.ui.widgets.plot_part import Part


class Mark:
    """A line across a plot with a word at it; hidden until it has a place.

    Attributes:
        value: Where it stands, in the data's unit; None while it is hidden.
    """

    def __init__(self, plot: Any, *, angle: int, style: Qt.PenStyle) -> None:
        import pyqtgraph as pg

        self.value: float | None = None
        self._style = style
        self.line = pg.InfiniteLine(angle=angle, movable=False)
        self.text = pg.TextItem()
        for item in (self.line, self.text):
            item.setVisible(False)
            item.setZValue(10)
            plot.addItem(item, ignoreBounds=True)

    def set(self, value: float | None, words: str) -> None:
        """Stand at `value`, or nowhere."""
        self.value = value
        for item in (self.line, self.text):
            item.setVisible(value is not None)
        self.text.setText(words)

    def place_across(self, part: Part, at: float, *, words_above: bool) -> None:
        """A horizontal mark at y = `at`, with its words at the right end."""
        self.line.setPos(at)
        self.text.setVisible(part.low <= at <= part.high)
        self.text.setAnchor((1, 1) if words_above else (1, 0))
        self.text.setPos(part.right, at)

    def place_upright(self, part: Part, at: float) -> None:
        """An upright mark at x = `at`, with its words at the top."""
        self.line.setPos(at)
        self.text.setVisible(part.left <= at <= part.right)
        self.text.setAnchor((1, 0) if at > (part.left + part.right) / 2 else (0, 0))
        self.text.setPos(at, part.high)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        import pyqtgraph as pg

        good = tokens().ink("good")
        self.line.setPen(pg.mkPen(good, style=self._style))
        self.text.setColor(QColor(good))
        self.text.setFont(font("small"))


def grouped(strings: list[str]) -> list[str]:
    """ "20000" as "20,000"; what is no plain number stays as it is."""
    return [f"{int(text):,}" if text.lstrip("-").isdecimal() else text for text in strings]
