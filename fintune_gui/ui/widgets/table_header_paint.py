"""Paints one section of a table's header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF

from fintune_gui.ui.theme import font, tokens
from fintune_gui.ui.theme.tokens import mix
from fintune_gui.ui.widgets.table_paint import PADDING, icon_picture

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.table_header import HeaderStatistics

CHEVRON = 16
_MARK = 12
_CHART_WIDTH = 64
_CHART_HEIGHT = 14
_NARROWEST_CHART = 20
_WIDEST_BAR = 6.0
_ROOM_FOR_CHEVRON = 110


@dataclass(frozen=True)
class HeaderLook:
    """What to paint.

    Attributes:
        rank: Place among the sort keys from 1; negative when it is the only one, 0 for none.
        by_length: Sorted by the length of the text.
        moved: It is being dragged.
        name_height: Pixels of the first line.
    """

    name: str
    rank: int
    descending: bool
    by_length: bool
    filtered: bool
    hovered: bool
    moved: bool
    statistics: HeaderStatistics | None
    name_height: int


def paint_section(painter: QPainter, box: QRect, look: HeaderLook) -> None:
    """Draw a section with its lines at the right and below."""
    scheme = tokens()
    back = mix(scheme.surface, scheme.text, 0.04) if look.hovered or look.moved else scheme.surface
    painter.fillRect(box, QColor(back))
    painter.setPen(QPen(QColor(scheme.line), 1))
    painter.drawLine(box.right(), box.top(), box.right(), box.bottom())
    painter.drawLine(box.left(), box.bottom(), box.right(), box.bottom())
    room = QRect(box.left() + PADDING, box.top(), box.width() - 2 * PADDING, look.name_height)
    if look.hovered and box.width() > 3 * CHEVRON:
        _icon(painter, "chevron_down", room, scheme.muted, CHEVRON - 2)
    elif box.width() > _ROOM_FOR_CHEVRON:
        room.setRight(room.right() - CHEVRON)
    if look.filtered:
        _icon(painter, "filter", room, scheme.accent, _MARK)
    if look.rank:
        _sort_mark(painter, room, look)
    painter.setFont(font("strong"))
    painter.setPen(QColor(scheme.text if look.rank or look.filtered else scheme.muted))
    name = QFontMetrics(painter.font()).elidedText(look.name, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
    if look.statistics is not None:
        below = QRect(box.left() + PADDING, look.name_height - 6, box.width() - 2 * PADDING, 20)
        _paint_statistics(painter, below, look.statistics)


def _small() -> QFont:
    """Said in full, else a painter takes what is not said from the header's own font, which is bold."""
    result = font("small")
    result.setWeight(QFont.Weight.Normal)
    return result


def _icon(painter: QPainter, name: str, room: QRect, colour: str, size: int) -> None:
    """Draw an icon at the right end of `room`, and take its place away."""
    picture = icon_picture(name, colour, size, painter.device().devicePixelRatio())
    painter.drawPixmap(room.right() - size + 1, room.center().y() - size // 2 + 1, picture)
    room.setRight(room.right() - size - 3)


def _sort_mark(painter: QPainter, room: QRect, look: HeaderLook) -> None:
    """An arrow, with the rank when there are several keys, and a bar when the length is meant."""
    scheme = tokens()
    painter.setFont(_small())
    words = ("len " if look.by_length else "") + (str(look.rank) if look.rank > 0 else "")
    width = QFontMetrics(painter.font()).horizontalAdvance(words.strip())
    painter.setPen(QColor(scheme.ink("info")))
    if width:
        place = QRect(room.right() - width + 1, room.top(), width, room.height())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), words.strip())
        room.setRight(room.right() - width - 3)
    middle = QPointF(room.right() - 4, room.center().y() + 0.5)
    tip = 3.0 if look.descending else -3.0
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(scheme.ink("info")))
    corners = [middle + QPointF(0, tip), middle + QPointF(-4, -tip * 0.7), middle + QPointF(4, -tip * 0.7)]
    painter.drawPolygon(QPolygonF(corners))
    painter.restore()
    room.setRight(room.right() - 12)


def _paint_statistics(painter: QPainter, room: QRect, known: HeaderStatistics) -> None:
    scheme = tokens()
    if room.width() < _MARK:
        return
    words = known.distinct_text
    if known.missing:
        words = f"{share_text(known.missing)} missing · {words}"
    painter.setFont(_small())
    left_over = room.width() - QFontMetrics(painter.font()).horizontalAdvance(words) - 8
    if sum(known.counts) and left_over >= _NARROWEST_CHART:
        width = min(_CHART_WIDTH, left_over)
        _chart(painter, QRect(room.left(), room.bottom() - _CHART_HEIGHT, width, _CHART_HEIGHT), known.counts)
        room.setLeft(room.left() + width + 8)
    painter.setPen(QColor(scheme.ink("warn") if known.missing else scheme.muted))
    shown = QFontMetrics(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)


def _chart(painter: QPainter, room: QRect, counts: Sequence[int]) -> None:
    """Bars of the counts; one that is not zero is always seen."""
    scheme = tokens()
    most = max(counts)
    step = min(room.width() / len(counts), _WIDEST_BAR)
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillRect(QRect(room.left(), room.bottom(), room.width(), 1), QColor(scheme.line))
    painter.setBrush(QColor(mix(scheme.muted, scheme.surface, 0.35)))
    for place, count in enumerate(counts):
        if count:
            height = max(1.0, room.height() * count / most)
            left = room.left() + place * step
            painter.drawRect(QRectF(left, room.bottom() + 1 - height, max(1.0, step - 0.5), height))
    painter.restore()


def paint_drop_place(painter: QPainter, x: int, height: int) -> None:
    """Where a dragged column would go."""
    painter.fillRect(QRect(max(0, x - 1), 0, 3, height), QColor(tokens().accent))


def share_text(share: float) -> str:
    """A share as a percentage that never calls something nothing, or a part all."""
    if 0 < share < 0.001:
        return "< 0.1%"
    if 0.999 < share < 1:
        return "> 99.9%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"
