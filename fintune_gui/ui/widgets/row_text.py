"""What the detail pane shows of one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CellText:
    """One cell: what it holds now and what was imported; None is no value at all, which "" is not."""

    column: str
    now: str | None
    original: str | None

    @property
    def edited(self) -> bool:
        return self.now != self.original


@dataclass(frozen=True)
class RowText:
    """A row to show.

    Attributes:
        removed: The reason why it is out, or "".
        added: It came after the import.
    """

    row_id: int
    cells: Sequence[CellText]
    removed: str = ""
    added: bool = False
    flag: bool = False
    star: bool = False
    note: str = ""

    @property
    def edited(self) -> bool:
        return any(cell.edited for cell in self.cells)
