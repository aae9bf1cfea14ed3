"""Paints the cells of a table: text of up to four lines that ends in an ellipsis, marks, the cursor and the choice."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QPainter,
    QPen,
    QPixmap,
    QPolygon,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)

from fintune_gui.ui.itemmodels.cell_look import SHOWN_CHARACTERS, CellLook
from fintune_gui.ui.theme import tokens
from fintune_gui.ui.theme.icons import paint_icon
from fintune_gui.ui.theme.tokens import Tokens, mix, readable

PADDING = 6
_ICON = 12
_CHARACTER_WIDTHS = (5, 2)
"""Pixels; text beyond what would fit at the first width is cut off before it is laid out, unless it is narrower."""
_MOST_LAYOUTS = 2000
_ELLIPSIS = "…"
_SIGNS = "↵⇥"
_SHOWN_AS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(32)},
    0x7F: 0x2421,
    0x0A: " ↵ ",
    0x09: " ⇥ ",
    0x2028: " ↵ ",
}
"""Control characters as pictures; line breaks and tabs as signs between spaces, where a line may be broken."""

Format = QTextLayout.FormatRange


class CellColours:
    """The colours of one theme, worked out once."""

    def __init__(self, scheme: Tokens) -> None:
        self.scheme = scheme
        self.text = QColor(scheme.text)
        self.muted = QColor(scheme.muted_on_soft)
        self.surface = QColor(scheme.surface)
        self.line = QColor(scheme.line)
        self.edge = QColor(scheme.muted)
        self.accent = QColor(scheme.accent)
        self.cursor_row = QColor(mix(scheme.surface, scheme.accent_soft, 0.6))
        self.chosen = QColor(mix(scheme.accent_soft, scheme.accent, 0.14))

    def bar(self, back: QColor) -> QColor:
        """A stronger shade of a soft colour, for a mark at the side of a chosen cell."""
        return back.lighter(250) if self.scheme.name == "dark" else back.darker(130)

    @lru_cache(maxsize=256)  # noqa: B019  one object for each theme, and there are two
    def ink_on(self, ink: str, back: str) -> QColor:
        """`ink`, moved towards the text's colour until it can be read on `back`."""
        return QColor(readable(ink, self.scheme.text, (back,)))


@lru_cache(maxsize=2)
def _colours(scheme: Tokens) -> CellColours:
    return CellColours(scheme)


def cell_colours() -> CellColours:
    """The colours in force."""
    return _colours(tokens())


@lru_cache(maxsize=128)
def icon_picture(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    """An icon as pixels, which is drawn many times faster than as a drawing."""
    picture = QPixmap(QSize(size, size) * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_icon(painter, name, QRectF(0, 0, size, size), colour)
    painter.end()
    return picture


def visible(text: str) -> str:
    """Text with its control characters as signs."""
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_SHOWN_AS)


class CellPainter:
    """Draws the cells of one table. Laid-out texts are kept, so that a hover or a longer choice costs little."""

    def __init__(self, font: QFont) -> None:
        self._font = font
        self._metrics = QFontMetrics(font)
        self._ellipsis = self._metrics.horizontalAdvance(_ELLIPSIS)
        self._layouts: dict[tuple[str, int, int], QTextLayout] = {}
        self.lines = 2

    def forget(self) -> None:
        """The colours or the font are other ones."""
        self._layouts.clear()

    @property
    def row_height(self) -> int:
        """Height of every row in pixels."""
        return max(26, self.lines * self._metrics.lineSpacing() + 2)

    def cell(self, painter: QPainter, box: QRect, look: CellLook, *, chosen: bool, cursor_row: bool) -> None:
        """Draw a cell without its grid."""
        colours = cell_colours()
        back = colours.chosen if chosen else look.back or (colours.cursor_row if cursor_row else colours.surface)
        if back is not colours.surface:  # which is there already
            painter.fillRect(box, back)
        if look.back is not None and (chosen or cursor_row):
            painter.fillRect(QRect(box.left(), box.top(), 3, box.height()), colours.bar(look.back))
        if look.edited:
            _corner(painter, box, colours.accent)
        room = box.adjusted(PADDING, 0, -PADDING, 0)
        if look.icons:
            spare = room.width() - self._metrics.horizontalAdvance(look.text)
            self._icons(painter, room, look.icons, max(1, spare // (_ICON + 1)))
        if look.missing:
            self.text(painter, room, "∅ missing", colours.ink_on(colours.scheme.muted, back.name()))
        elif look.text:
            ink = (look.ink or colours.text).name()
            self.text(painter, room, look.text, colours.ink_on(ink, back.name()), struck=look.struck)

    def _icons(self, painter: QPainter, room: QRect, icons: tuple[tuple[str, str], ...], piles: int) -> None:
        """Draw icons at the right end, one above the other where rows are high enough, and take their room away.

        Those that do not fit into `piles` beside the text are left to the tool tip: a number cut off is another one.
        """
        values, ratio = cell_colours().scheme.values(), painter.device().devicePixelRatio()
        tall = max(1, min(len(icons), room.height() // (_ICON + 2)))
        for start in range(0, min(len(icons), piles * tall), tall):
            pile = icons[start : start + tall]
            top = room.center().y() - len(pile) * (_ICON + 2) // 2 + 1
            for place, (name, role) in enumerate(pile):
                picture = icon_picture(name, values[role], _ICON, ratio)
                painter.drawPixmap(room.right() - _ICON + 3, top + place * (_ICON + 2), picture)
            room.setRight(room.right() - _ICON - 1)

    def text(self, painter: QPainter, room: QRect, text: str, ink: QColor, *, struck: bool = False) -> None:
        """Draw text in the lines that a row has, centred in its height."""
        if room.width() <= self._ellipsis:
            return
        layout = self._laid_out(text, room.width())
        height = layout.lineCount() * self._metrics.lineSpacing()
        top = room.top() + max(0, (room.height() - height) // 2)
        painter.setPen(ink)
        layout.draw(painter, QPointF(room.left(), top))
        last = layout.lineAt(layout.lineCount() - 1)
        if last.textStart() + last.textLength() < len(layout.text()) or len(text) > SHOWN_CHARACTERS:
            self._draw_ellipsis(painter, layout, QPointF(room.left(), top))
        if struck:
            for number in range(layout.lineCount()):
                shape = layout.lineAt(number).naturalTextRect().translated(room.left(), top)
                painter.drawLine(QPointF(shape.left(), shape.center().y()), QPointF(shape.right(), shape.center().y()))

    def _draw_ellipsis(self, painter: QPainter, layout: QTextLayout, at: QPointF) -> None:
        last = layout.lineAt(layout.lineCount() - 1)
        shape = last.naturalTextRect()
        backwards = layout.textOption().textDirection() is Qt.LayoutDirection.RightToLeft
        left = shape.left() - self._ellipsis if backwards else shape.right()
        painter.drawText(QPointF(at.x() + left, at.y() + last.y() + last.ascent()), _ELLIPSIS)

    def _laid_out(self, text: str, width: int) -> QTextLayout:
        key = (text, width, self.lines)
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = self._lay_out(text, width)
        return layout

    def _lay_out(self, text: str, width: int) -> QTextLayout:
        """Shape as little of the text as fills the lines: shaping is what painting a table costs."""
        for pixels in _CHARACTER_WIDTHS:
            part = text[: self.lines * (width // pixels + 4)]
            layout = self._laid_out_part(part, width)
            last = layout.lineAt(layout.lineCount() - 1)
            if len(part) == len(text) or last.textStart() + last.textLength() < len(layout.text()):
                break
        return layout

    def _laid_out_part(self, text: str, width: int) -> QTextLayout:
        shown = visible(text)
        layout = QTextLayout(shown, self._font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        if not shown.isascii() and _reads_backwards(shown):
            option.setTextDirection(Qt.LayoutDirection.RightToLeft)
            option.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.setTextOption(option)
        if shown is not text:
            layout.setFormats(_muted_signs(shown))
        layout.setCacheEnabled(True)
        layout.beginLayout()
        self._break_lines(layout, width)
        layout.endLayout()
        return layout

    def _break_lines(self, layout: QTextLayout, width: int) -> None:
        """As many lines as a row has; the last one leaves room for an ellipsis when the text goes on."""
        spacing, length = self._metrics.lineSpacing(), len(layout.text())
        for number in range(self.lines):
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(width)
            left = 0
            if number + 1 == self.lines and line.textStart() + line.textLength() < length:
                line.setLineWidth(width - self._ellipsis)
                backwards = layout.textOption().textDirection() is Qt.LayoutDirection.RightToLeft
                left = self._ellipsis if backwards else 0
            line.setPosition(QPointF(left, number * spacing))


def _reads_backwards(text: str) -> bool:
    """Whether the first letter belongs to a script that is written from right to left."""
    import unicodedata

    for character in text[:100]:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def _muted_signs(text: str) -> list[Format]:
    """The signs that stand for control characters, in the colour of secondary text."""
    quiet = QTextCharFormat()
    quiet.setForeground(cell_colours().muted)
    formats = []
    for place, character in enumerate(text):
        if character in _SIGNS or "\u2400" <= character <= "\u2421":
            part = Format()
            part.start, part.length, part.format = place, 1, quiet
            formats.append(part)
    return formats


def _corner(painter: QPainter, box: QRect, ink: QColor) -> None:
    """A small triangle at the upper left: this cell was edited."""
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    corner = box.topLeft()
    painter.drawPolygon(QPolygon([corner, corner + QPoint(7, 0), corner + QPoint(0, 7)]))
    painter.restore()


def paint_grid(painter: QPainter, boxes: list[QRect], bottoms: list[int], left: int, right: int) -> None:
    """The lines between columns, which end at the right of each box, and those below the rows."""
    painter.setPen(QPen(cell_colours().line, 1))
    for box in boxes:
        painter.drawLine(box.right(), box.top(), box.right(), box.bottom())
    for bottom in bottoms:
        painter.drawLine(left, bottom, right, bottom)


def paint_cursor(painter: QPainter, box: QRect, *, focused: bool) -> None:
    """The outline of the current cell, strong while the keyboard is here."""
    colours = cell_colours()
    pen = QPen(colours.accent if focused else colours.muted, 2 if focused else 1)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(1, 1, -2, -2))


LookOf = Callable[[int, int], CellLook]
