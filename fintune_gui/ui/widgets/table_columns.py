"""The columns of a table as they stand on the screen: order, widths, what is hidden, and what never scrolls away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QRect, Qt, Signal, Slot

from fintune_gui.ui.itemmodels.cell_look import ROW_NUMBERS

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.table_view import TableView

NARROWEST = 36
_WIDEST_FIT = 420
_WIDEST = 4000
_NARROWEST_NUMBERS = 48
_ROOM_FOR_MARKS = 27
_WIDTH_FROM_ROWS = 40
_MOST_FROZEN = 0.7
"""Share of the table's width that frozen columns may take; those beyond it scroll."""


class TableColumns(QObject):
    """Where each column is. Sections are the model's columns, whatever their order on the screen.

    Signals:
        changed: The user changed a width, the order, what is hidden or what is frozen.
    """

    changed = Signal()

    def __init__(self, table: TableView) -> None:
        super().__init__(table)
        self._table = table
        self._frozen = 0
        self._natural: dict[int, int] = {}
        self._known: dict[str, Any] = {}
        self._busy = False
        self.fills = True
        """Whether the last column takes the room that is left."""

    # Asking

    def name(self, section: int) -> str:
        """The header's text."""
        return str(self._table.model().headerData(section, Qt.Orientation.Horizontal) or "")

    def section_of(self, name: str) -> int:
        """The section with that header; -1 if there is none."""
        return next((s for s in range(self._count()) if self.name(s) == name), -1)

    @property
    def numbered(self) -> bool:
        """Whether the first column holds the numbers of the rows."""
        return self._count() > 0 and self.name(0) == ROW_NUMBERS

    def _count(self) -> int:
        model = self._table.model()
        return model.columnCount() if model is not None else 0

    def shown(self) -> list[int]:
        """Sections from left to right, without the hidden ones."""
        header = self._table.horizontalHeader()
        ordered = (header.logicalIndex(place) for place in range(header.count()))
        return [section for section in ordered if not header.isSectionHidden(section)]

    def hidden(self) -> list[str]:
        """Names of the hidden columns, in the model's order."""
        header = self._table.horizontalHeader()
        return [self.name(section) for section in range(header.count()) if header.isSectionHidden(section)]

    @property
    def frozen(self) -> int:
        """How many columns are frozen, the numbers of the rows not counted."""
        return self._frozen

    def frozen_sections(self) -> list[int]:
        """Sections that do not scroll, from left to right."""
        header, shown = self._table.horizontalHeader(), self.shown()
        chosen = shown[: self._frozen + self.numbered]
        room = self._table.viewport().width() * _MOST_FROZEN
        while len(chosen) > 1 and sum(header.sectionSize(section) for section in chosen) > room:
            chosen.pop()
        return chosen

    def frozen_width(self) -> int:
        """Pixels at the left that do not scroll."""
        header = self._table.horizontalHeader()
        return sum(header.sectionSize(section) for section in self.frozen_sections())

    def spans(self) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """(section, left, width) of the frozen columns, and of the others that are within the viewport."""
        header, frozen = self._table.horizontalHeader(), self.frozen_sections()
        still, moving = [], []
        edge = self.frozen_width()
        for section in self.shown():
            width = header.sectionSize(section)
            if section in frozen:
                still.append((section, header.sectionPosition(section), width))
                continue
            left = header.sectionViewportPosition(section)
            if left + width > edge and left < self._table.viewport().width():
                moving.append((section, left, width))
        return still, moving

    def left(self, section: int) -> int:
        """Where a column begins in the viewport; may be outside of it, or below the frozen ones."""
        header = self._table.horizontalHeader()
        frozen = section in self.frozen_sections()
        return header.sectionPosition(section) if frozen else header.sectionViewportPosition(section)

    def at(self, x: int) -> int:
        """The section at a place of the viewport; -1 beside all of them."""
        still, moving = self.spans()
        for section, left, width in (*still, *moving):
            if left <= x < left + width:
                return section
        return -1

    def nearest(self, x: int) -> int:
        """The section at a place of the viewport, or the outermost shown one."""
        still, moving = self.spans()
        every = [*still, *moving]
        if not every:
            return -1
        section = self.at(x)
        return section if section >= 0 else every[0][0] if x < 0 else every[-1][0]

    # Changing

    def resize(self, section: int, width: int) -> None:
        """Give a column a width in pixels."""
        width = max(NARROWEST, min(width, _WIDEST))
        self._natural[section] = width
        self._table.horizontalHeader().resizeSection(section, width)
        self.fill()

    def fit(self, section: int) -> None:
        """Make a column as wide as the header and the rows on the screen need."""
        first = max(0, self._table.rowAt(0))
        self.resize(section, self.fitting_width(section, first))
        self.tell()

    def fitting_width(self, section: int, first: int = 0) -> int:
        """Width for the header and some rows from `first` on; never looks at all rows."""
        model = self._table.model()
        rows = {*range(first, min(first + _WIDTH_FROM_ROWS, model.rowCount())), *range(model.rowCount())[-1:]}
        texts = (str(model.index(row, section).data() or "")[:200] for row in rows)
        measure = self._table.fontMetrics()
        widest = max((measure.horizontalAdvance(text) for text in texts), default=0)
        if self.numbered and section == 0:
            return max(_NARROWEST_NUMBERS, widest + _ROOM_FOR_MARKS)
        return min(_WIDEST_FIT, max(widest + 18, self._table.header.least_width(section)))

    def move(self, section: int, place: int) -> None:
        """Put a column at a place among the shown ones; the numbers of the rows stay first."""
        header, shown = self._table.horizontalHeader(), self.shown()
        place = max(int(self.numbered), min(place, len(shown) - 1))
        if section not in shown or shown[place] == section or (self.numbered and section == 0):
            return
        header.moveSection(header.visualIndex(section), header.visualIndex(shown[place]))
        self._after_change()

    def hide(self, section: int, *, hidden: bool = True) -> None:
        """Hide a column or bring it back. The last one that is shown stays, and so do the numbers."""
        if hidden and (len(self.shown()) <= 1 + self.numbered or (self.numbered and section == 0)):
            return
        header = self._table.horizontalHeader()
        if section < 0 or header.isSectionHidden(section) == hidden:
            return
        place = self.shown().index(section) if hidden else -1
        if hidden and place < self._frozen + self.numbered:
            self._frozen = max(0, self._frozen - 1)
        header.setSectionHidden(section, hidden)
        self._after_change()

    def freeze(self, count: int) -> None:
        """Keep the first `count` columns in place; the numbers of the rows always are."""
        self._frozen = max(0, count)
        self._after_change()

    def _after_change(self) -> None:
        self.fill()
        self._table.lay_out_again()
        self.tell()

    def tell(self) -> None:
        """The user is done with a change."""
        self._known = self.state()
        self.changed.emit()

    def fill(self) -> None:
        """Give the last column the room that is left, and any other one its own width."""
        shown = self.shown()
        if self._busy or not self.fills or not shown:
            return
        header = self._table.horizontalHeader()
        self._busy = True
        for section in shown[:-1]:
            width = self._natural.get(section)
            if width is not None and header.sectionSize(section) != width:
                header.resizeSection(section, width)
        last = shown[-1]
        rest = sum(header.sectionSize(section) for section in shown[:-1])
        own = self._natural.setdefault(last, header.sectionSize(last))
        header.resizeSection(last, max(own, self._table.viewport().width() - rest))
        self._busy = False

    @Slot(int, int, int)
    def on_resized(self, section: int, _old: int, new: int) -> None:
        """Someone else gave a column a width."""
        if not self._busy and new > 0:
            self._natural[section] = new

    # Keeping

    def widths(self) -> dict[str, int]:
        """Own widths in pixels by header."""
        header = self._table.horizontalHeader()
        return {self.name(s): self._natural.get(s, header.sectionSize(s)) for s in range(self._count()) if self.name(s)}

    def set_widths(self, widths: Mapping[str, Any]) -> None:
        """Restore widths; columns without one are fitted to the first rows."""
        for section in range(self._count()):
            width = widths.get(self.name(section))
            given = width if isinstance(width, int) and width > 0 else self.fitting_width(section)
            self._natural[section] = max(NARROWEST, min(given, _WIDEST))
            self._table.horizontalHeader().resizeSection(section, self._natural[section])
        self.widen_numbers()
        self.fill()

    def widen_numbers(self) -> None:
        """Make room for the numbers of the rows that are there now; a number that is cut off would be another one."""
        if self.numbered and not self._busy:
            needed = self.fitting_width(0)
            if self._table.horizontalHeader().sectionSize(0) < needed:
                self.resize(0, needed)

    def state(self) -> dict[str, Any]:
        """Everything that the user can choose, to be kept as JSON."""
        header = self._table.horizontalHeader()
        order = [self.name(header.logicalIndex(place)) for place in range(header.count())]
        return {"widths": self.widths(), "order": order, "hidden": self.hidden(), "frozen": self._frozen}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` gave; what is damaged or of other columns is passed over."""
        self._known = dict(state)
        if not self._count():
            return
        header = self._table.horizontalHeader()
        hidden = _texts(state.get("hidden"))
        for section in range(header.count()):
            header.setSectionHidden(section, self.name(section) in hidden and not (self.numbered and section == 0))
        if not self.shown():
            header.setSectionHidden(0, False)
        self._restore_order(_texts(state.get("order")))
        frozen = state.get("frozen")
        self._frozen = max(0, frozen) if isinstance(frozen, int) else 0
        widths = state.get("widths")
        self.set_widths(widths if isinstance(widths, dict) else {})
        self._table.lay_out_again()

    def on_other_columns(self) -> None:
        """The model has other columns than before: those that are known get their places back."""
        self._natural.clear()
        if self._known and self._count():
            self.set_state(self._known)

    def _restore_order(self, order: list[str]) -> None:
        header = self._table.horizontalHeader()
        sections = list(dict.fromkeys(s for s in (self.section_of(name) for name in order) if s >= 0))
        for section in range(header.count()):
            if section not in sections:  # a new column, or a renamed one: behind the one it follows in the model
                sections.insert(sections.index(section - 1) + 1 if section - 1 in sections else 0, section)
        if self.numbered:
            sections.remove(0)
            sections.insert(0, 0)
        for place, section in enumerate(sections):
            header.moveSection(header.visualIndex(section), place)

    def rect(self, section: int, top: int, height: int) -> QRect:
        """The rectangle of a cell in the viewport."""
        return QRect(self.left(section), top, self._table.horizontalHeader().sectionSize(section), height)


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
