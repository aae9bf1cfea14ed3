"""How a cell looks, told in one answer: a painter that asks role by role would cross from Qt to Python ten times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QColor

SHOWN_CHARACTERS = 600
"""A cell shows four lines at most; laying out a book for them would freeze the table."""

SORT_KEY_ROLE = int(Qt.ItemDataRole.UserRole) + 2
"""Of a header: what a `Sort` calls this column; None if rows cannot be sorted by it."""

ROW_NUMBERS = "#"
"""Header of the first column of a model that numbers its rows; the table never scrolls it away."""


class CellLook(NamedTuple):
    """What to paint.

    Attributes:
        text: At most `SHOWN_CHARACTERS` and one more, which says that the text goes on.
        ink, back: Colours of the text and behind it; None for the table's own.
        missing: There is no value, which is not the same as an empty text.
        edited: It differs from what was imported.
        struck: The row is out.
        icons: Names of icons with the token of their colour, drawn at the right end.
    """

    text: str
    ink: QColor | None = None
    back: QColor | None = None
    missing: bool = False
    edited: bool = False
    struck: bool = False
    icons: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class LooksModel(Protocol):
    """A model that reads its rows in blocks and says how its cells look."""

    def prepare(self, first: int, last: int, sections: Sequence[int]) -> None:
        """Read these sections of the rows `first` to `last`, both included, in one go: they will be painted."""

    def look(self, row: int, section: int) -> CellLook:
        """How one cell looks."""

    def texts(self, rows: Sequence[int], sections: Sequence[int]) -> list[list[str | None]]:
        """The whole texts of these cells, row by row."""


def look_by_roles(model: QAbstractItemModel, row: int, section: int) -> CellLook:
    """The look of a cell of any other model."""
    index = model.index(row, section)
    text: Any = model.data(index, Qt.ItemDataRole.DisplayRole)
    ink: Any = model.data(index, Qt.ItemDataRole.ForegroundRole)
    back: Any = model.data(index, Qt.ItemDataRole.BackgroundRole)
    return CellLook(
        "" if text is None else str(text)[: SHOWN_CHARACTERS + 1],
        QColor(ink) if ink is not None else None,
        QColor(back) if back is not None else None,
    )


def readable(text: str | None) -> str | None:
    """A conversation in one line, "user: Hi · assistant: Hello"; any other text as it is."""
    if text is None or not text.startswith('[{"'):
        return text
    try:
        turns = json.loads(text)
        return " · ".join(f"{turn['role']}: {turn['content'] or '(calls a tool)'}" for turn in turns)
    except (ValueError, KeyError, TypeError):
        return text
