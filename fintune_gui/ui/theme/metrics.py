"""Sizes and type, in device-independent pixels; Qt scales them with the screen."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from PySide6.QtGui import QFont, QFontDatabase

RAIL_WIDTH = 248
PAGE_MARGIN = 28
GAP = 12
SMALL_GAP = 8
TINY_GAP = 4
CARD_RADIUS = 10
CARD_PADDING = 16
CONTROL_RADIUS = 7
CONTROL_HEIGHT = 32
ROW_HEIGHT = 34
"""Height of every table row: two lines of body text."""
ICON_SIZE = 16
FIELD_WIDTH = 140
"""Width of a short field in a form."""

TextKind = Literal["body", "strong", "small", "card_title", "page_title", "figure", "code"]

_SIZES: dict[TextKind, int] = {
    "body": 13,
    "strong": 13,
    "small": 12,
    "card_title": 14,
    "page_title": 22,
    "figure": 24,
    "code": 12,
}
_SEMIBOLD: frozenset[TextKind] = frozenset({"strong", "card_title", "page_title", "figure"})


@lru_cache(maxsize=1)
def family() -> str:
    """Inter where it is installed, else the system's own font."""
    families = set(QFontDatabase.families())
    return next(
        (name for name in ("Inter", "Inter Variable") if name in families),
        QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family(),
    )


def font(kind: TextKind = "body") -> QFont:
    """The font for a kind of text; figures have digits of equal width, so that they do not dance."""
    fixed = QFontDatabase.SystemFont.FixedFont
    result = QFontDatabase.systemFont(fixed) if kind == "code" else QFont(family())
    result.setPixelSize(_SIZES[kind])
    if kind in _SEMIBOLD:
        result.setWeight(QFont.Weight.DemiBold)
    if kind == "figure":
        result.setFeature(QFont.Tag("tnum"), 1)
    return result
