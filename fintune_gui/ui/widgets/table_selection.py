"""What is chosen in a table: blocks of cells as rectangles, never cell by cell, and everything as a flag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QItemSelection, QItemSelectionModel

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.table_view import TableView

Flag = QItemSelectionModel.SelectionFlag


@dataclass(frozen=True)
class Selected:
    """What is chosen. `everything` means all rows of the view, however many; then `ranges` is empty.

    Attributes:
        ranges: (first, last) places in the view, both included, rising, not overlapping.
        columns: Sections of the chosen cells, rising; empty for whole rows.
    """

    everything: bool = False
    ranges: tuple[tuple[int, int], ...] = ()
    columns: tuple[int, ...] = ()

    @property
    def rows(self) -> list[int]:
        """The chosen places one by one; not for `everything`."""
        return [row for first, last in self.ranges for row in range(first, last + 1)]

    def count(self, total: int) -> int:
        """How many rows are chosen of `total`."""
        return total if self.everything else sum(last - first + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return self.everything or bool(self.ranges)


class Cell(NamedTuple):
    """A place in the view and a section of the model."""

    row: int
    section: int


class Block(NamedTuple):
    """A rectangle of rows and sections, all included."""

    top: int
    bottom: int
    left: int
    right: int


class TableSelection:
    """Chooses cells of a table. Qt's selection model holds the outcome, as a few ranges at most.

    Attributes:
        everything: All rows are chosen, without any range.
        anchor: Where the present block began.
        whole_rows: The present block is made of whole rows.
    """

    def __init__(self, table: TableView) -> None:
        self._table = table
        self._blocks: list[Block] | None = None
        self._moving = False
        self.everything = False
        self.anchor = Cell(-1, -1)
        self.whole_rows = False

    # Asking

    def blocks(self) -> list[Block]:
        """The chosen rectangles."""
        if self._blocks is None:
            model = self._table.selectionModel()
            chosen = model.selection() if model is not None else QItemSelection()
            parts = [chosen.at(number) for number in range(chosen.size())]
            self._blocks = [Block(p.top(), p.bottom(), p.left(), p.right()) for p in parts if p.isValid()]
        return self._blocks

    def forget_blocks(self) -> None:
        """The selection model says something else now."""
        self._blocks = None

    def contains(self, row: int, section: int) -> bool:
        """Whether a cell is chosen."""
        return self.everything or any(b.top <= row <= b.bottom and b.left <= section <= b.right for b in self.blocks())

    def selected(self) -> Selected:
        """What is chosen, by rows and columns."""
        if self.everything:
            return Selected(everything=True)
        blocks = sorted(self.blocks())
        merged: list[tuple[int, int]] = []
        for block in blocks:
            if merged and block.top <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], block.bottom))
            else:
                merged.append((block.top, block.bottom))
        sections = sorted({section for block in blocks for section in range(block.left, block.right + 1)})
        whole = len(sections) == self._table.model().columnCount() if self._table.model() is not None else True
        return Selected(ranges=tuple(merged), columns=() if whole else tuple(sections))

    # Choosing

    def choose(self, cell: Cell, *, whole_rows: bool = False, add: bool = False) -> None:
        """Begin a block at a cell, beside those that are there with `add`."""
        self.anchor, self.whole_rows = cell, whole_rows
        self._set(cell, cell, add=add)

    def extend(self, cell: Cell, *, add: bool = False) -> None:
        """Let the present block reach from its anchor to a cell."""
        if self.anchor.row < 0:
            current = self._table.currentIndex()
            self.anchor = Cell(current.row(), current.column()) if current.isValid() else cell
        self._set(self.anchor, cell, add=add)

    def toggle(self, cell: Cell, *, whole_rows: bool) -> None:
        """Ctrl+click: take a cell or row in, or out if it is in."""
        if self.everything or not self.contains(*cell):
            self.choose(cell, whole_rows=whole_rows, add=True)
            return
        self.anchor, self.whole_rows = cell, whole_rows
        self._move_cursor(cell)
        self._table.selectionModel().select(self._ranges(cell, cell), Flag.Deselect)

    def choose_columns(self) -> None:
        """Stretch the present blocks over all rows: whole columns."""
        last = self._table.model().rowCount() - 1
        sections = self.selected().columns or (self._table.currentIndex().column(),)
        chosen = QItemSelection()
        for section in sections:
            chosen.select(self._table.model().index(0, section), self._table.model().index(last, section))
        self._table.selectionModel().select(chosen, Flag.ClearAndSelect)

    def choose_everything(self) -> None:
        """All rows, at once whatever their number."""
        self._table.selectionModel().clearSelection()
        self.everything = True

    def _set(self, first: Cell, last: Cell, *, add: bool) -> None:
        self.everything = False
        how = Flag.Select if add else Flag.ClearAndSelect
        self._move_cursor(last)
        self._table.selectionModel().select(self._ranges(first, last), how)

    def _move_cursor(self, cell: Cell) -> None:
        self._moving = True
        self._table.selectionModel().setCurrentIndex(self._table.model().index(*cell), Flag.NoUpdate)
        self._moving = False

    def on_current(self, row: int, section: int) -> None:
        """The cursor is elsewhere; where someone else put it, the next block begins there."""
        if not self._moving:
            self.anchor, self.whole_rows = Cell(row, section), False

    def _ranges(self, first: Cell, last: Cell) -> QItemSelection:
        """The rectangle between two cells as it is seen: columns may stand in another order than in the model."""
        model = self._table.model()
        top, bottom = sorted((first.row, last.row))
        if self.whole_rows:
            sections = list(range(model.columnCount()))
        else:
            shown = self._table.columns.shown()
            left, right = sorted(shown.index(c.section) if c.section in shown else 0 for c in (first, last))
            sections = sorted(shown[left : right + 1])
        chosen = QItemSelection()
        start = 0
        for place, section in enumerate(sections):
            if place + 1 == len(sections) or sections[place + 1] != section + 1:
                chosen.select(model.index(top, sections[start]), model.index(bottom, section))
                start = place + 1
        return chosen
