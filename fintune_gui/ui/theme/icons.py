"""Icons drawn by us: strokes on a 16 × 16 grid, tinted when painted, so that they are sharp and follow the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from fintune_gui.ui.theme.theme import tokens

_SHAPES = {
    "add": '<path d="M8 3v10M3 8h10"/>',
    "back": '<path d="M10 3.5 5.5 8l4.5 4.5"/>',
    "bookmark": '<path d="M4.500 2.800h7v10.400L8 10.300l-3.500 2.900z"/>',
    "check": '<path d="m3.5 8.4 3 3 6-6.8"/>',
    "chevron_down": '<path d="m4.5 6.5 3.5 3.5 3.5-3.5"/>',
    "close": '<path d="m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6"/>',
    "copy": '<rect x="5.5" y="5.5" width="7.5" height="8" rx="1.5"/><path d="M10.5 5.5V3.8c0-.7-.6-1.3-1.3-1.3H4.3'
    'C3.6 2.5 3 3.1 3 3.8v5.4c0 .7.6 1.3 1.3 1.3h1.2"/>',
    "edit": '<path d="M3 13l.7-3 6.900-6.900 2.300 2.300-6.900 6.900z"/><path d="m9 4.700 2.300 2.300"/>',
    "facets": '<path d="M2.8 4h10.4M4.8 8h6.4M6.8 12h2.4"/>',
    "filter": '<path d="M2.5 3.5h11L9.4 8.6v4.4l-2.8-1.6V8.6z"/>',
    "flag": '<path d="M4 14V2.8h8.5L10.2 6l2.3 3.2H4"/>',
    "file": '<path d="M4 2.5h5l3 3v8H4z"/><path d="M9 2.5v3h3"/>',
    "folder": '<path d="M2.5 4.2c0-.4.3-.7.7-.7h3l1.5 1.7h5.1c.4 0 .7.3.7.7v6.2c0 .4-.3.7-.7.7H3.2'
    'c-.4 0-.7-.3-.7-.7z"/>',
    "forward": '<path d="M6 3.5 10.5 8 6 12.5"/>',
    "info": '<circle cx="8" cy="8" r="5.7"/><path d="M8 7.4v3.5M8 5.1v.2"/>',
    "more": '<path d="M3.6 8h.1M8 8h.1M12.4 8h.1" stroke-width="2"/>',
    "note": '<path d="M3 3h10v7.5L10.5 13H3z"/><path d="M5.5 6.5h5M5.5 9h3"/>',
    "search": '<circle cx="7" cy="7" r="4.2"/><path d="m10.2 10.2 3.3 3.3"/>',
    "stale": '<path d="M12.6 6.2A5 5 0 1 0 13 8.8"/><path d="M13.2 3v3.4H9.8"/>',
    "star": '<path d="m8 2.3 1.7 3.6 3.9.5-2.9 2.7.7 3.9L8 11.1 4.6 13l.7-3.9-2.9-2.7 3.9-.5z"/>',
    "below": '<rect x="2.5" y="3" width="11" height="10" rx="1.5"/><path d="M2.5 9h11"/>',
    "beside": '<rect x="2.5" y="3" width="11" height="10" rx="1.5"/><path d="M9 3v10"/>',
    "columns": '<path d="M3 3.500h10M3 8h10M3 12.500h6"/>',
    "warning": '<path d="M8 2.8 14 13H2z"/><path d="M8 6.6v3M8 11.3v.1"/>',
}
ICON_NAMES = tuple(_SHAPES)


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" '
        f'stroke="{colour}" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">{_SHAPES[name]}</svg>'
    )
    return QSvgRenderer(QByteArray(svg.encode()))


def paint_icon(painter: QPainter, name: str, box: QRectF, colour: str) -> None:
    """Draw an icon into `box`."""
    _renderer(name, colour).render(painter, box)


class _Engine(QIconEngine):
    """Paints with the colours of the moment, so that a switch of theme needs no new icons."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        role = "disabled_text" if mode is QIcon.Mode.Disabled else self._role
        paint_icon(painter, self._name, QRectF(rect), tokens().values()[role])

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPointF(0, 0).toPoint(), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._role)


@lru_cache(maxsize=128)
def icon(name: str, role: str = "text") -> QIcon:
    """The icon `name` in the colour of a token (see `Tokens.values`)."""
    return QIcon(_Engine(name, role))


def app_icon() -> QIcon:
    """The program's own icon: a falling curve on the accent colour."""
    result = QIcon()
    for size in (16, 32, 48, 64, 128, 256):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#2F5DD0"))
        painter.drawRoundedRect(QRectF(0, 0, size, size), size * 0.22, size * 0.22)
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#FFFFFF" '
            'stroke-width="3.2" stroke-linecap="round"><path d="M7 8c1.5 10 6 14.500 18 15.500"/></svg>'
        )
        QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size, size))
        painter.end()
        result.addPixmap(pixmap)
    return result
