"""The header of a table: names, sort keys with their rank, filter marks, a tiny chart of each column, and its menu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QToolTip

from fintune_gui.ui.theme import font
from fintune_gui.ui.widgets.table_header_paint import CHEVRON, HeaderLook, paint_drop_place, paint_section
from fintune_gui.ui.widgets.table_paint import cell_colours

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.table_columns import TableColumns
    from fintune_gui.ui.widgets.table_view import TableView

_HEIGHT = 34
_STATISTICS_HEIGHT = 22
_GRIP = 4
"""Pixels on both sides of a line between columns where it can be dragged."""
_DRAG_BEGINS = 8


@dataclass(frozen=True)
class HeaderStatistics:
    """What the header tells about a column.

    Attributes:
        missing: Share of rows without a value, 0 to 1.
        distinct_text: How many different values, for example "812 values".
        counts: Rows by length of the text, short ones first; drawn as a tiny chart.
        text: All of it in a sentence, for the tool tip and screen readers.
    """

    missing: float
    distinct_text: str
    counts: Sequence[int]
    text: str


class TableHeader(QHeaderView):
    """Draws its sections and handles the mouse itself, because frozen columns are unknown to Qt's header.

    Signals:
        sort_wished: (section, whether to add a key to those that are there).
        everything_wished: The corner above the row numbers was clicked.
        menu_wished: (section, global place) for the menu of a column.
    """

    sort_wished = Signal(int, bool)
    everything_wished = Signal()
    menu_wished = Signal(int, QPoint)

    def __init__(self, columns: TableColumns, table: TableView) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._columns = columns
        self._table = table
        self._sorts: dict[str, tuple[int, bool]] = {}
        self._filtered: frozenset[str] = frozenset()
        self._statistics: dict[str, HeaderStatistics] = {}
        self.statistics_shown = True
        self._hovered = -1
        self._pressed = -1
        self._pressed_at = QPoint()
        self._resized = -1
        self._width_before = 0
        self._moving = False
        self._drop_place = -1
        self.setFont(font("strong"))
        self.setHighlightSections(False)  # else Qt asks for every row whether it is selected
        self.setSectionsClickable(True)
        self.setMinimumSectionSize(24)
        self.viewport().setMouseTracking(True)
        self.setMouseTracking(True)

    # What the table says

    def setStretchLastSection(self, stretch: bool) -> None:
        self._columns.fills = stretch  # Qt would make the last column as narrow as it can when there is no room
        super().setStretchLastSection(False)

    def show_sorts(self, sorts: Sequence[tuple[str, bool]]) -> None:
        """Mark the sort keys, (column, descending), the first one first."""
        self._sorts = {name: (rank, descending) for rank, (name, descending) in enumerate(sorts, 1)}
        self.viewport().update()

    def set_filtered(self, names: set[str]) -> None:
        """Mark the columns with a filter."""
        self._filtered = frozenset(names)
        self.viewport().update()

    def set_statistics(self, statistics: Mapping[str, HeaderStatistics]) -> None:
        """Show a second line below the names; {} takes it away."""
        self._statistics = dict(statistics)
        self._table.lay_out_again()

    def show_statistics(self, *, shown: bool) -> None:
        """Switch the second line on or off."""
        self.statistics_shown = shown
        self._table.lay_out_again()

    @property
    def has_statistics(self) -> bool:
        """Whether there is anything for the second line."""
        return bool(self._statistics)

    @property
    def _two_lines(self) -> bool:
        return self.statistics_shown and bool(self._statistics)

    def least_width(self, section: int) -> int:
        """Pixels for the name and the marks beside it."""
        return self.fontMetrics().horizontalAdvance(self._columns.name(section)[:60]) + 16 + CHEVRON + 14

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), _HEIGHT + _STATISTICS_HEIGHT * self._two_lines)

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setFont(self.font())
        still, moving = self._columns.spans()
        edge = self._columns.frozen_width()
        painter.fillRect(event.rect(), self.palette().base())
        painter.setClipRect(QRect(edge, 0, self.viewport().width() - edge, self.height()))
        self._paint_sections(painter, moving, edge)
        painter.setClipping(False)
        self._paint_sections(painter, still, 0)
        if still and (self._columns.frozen or self._table.horizontalScrollBar().value()):
            painter.fillRect(QRect(edge - 1, 0, 1, self.height()), cell_colours().edge)
        if self._moving and self._drop_place >= 0:
            paint_drop_place(painter, self._drop_x(), self.height())
        painter.end()

    def _paint_sections(self, painter: QPainter, spans: list[tuple[int, int, int]], from_x: int) -> None:
        for section, left, width in spans:
            seen = max(left, from_x)  # the name stays in sight while its column scrolls below the frozen ones
            paint_section(painter, QRect(seen, 0, left + width - seen, self.height()), self._look(section))

    def _look(self, section: int) -> HeaderLook:
        name = self._columns.name(section)
        rank, descending = self._sorts.get(self._table.sort_key(section), (0, False))
        by_length = False
        if not rank:
            rank, descending = self._sorts.get(f"length:{name}", (0, False))
            by_length = bool(rank)
        return HeaderLook(
            name=name,
            rank=rank if len(self._sorts) > 1 else -rank,
            descending=descending,
            by_length=by_length,
            filtered=name in self._filtered,
            hovered=section == self._hovered and self.sectionsClickable(),
            moved=self._moving and section == self._pressed,
            statistics=self._statistics.get(name) if self._two_lines else None,
            name_height=_HEIGHT,
        )

    # Mouse

    def _section_edge(self, at: QPoint) -> int:
        """The section whose right edge can be dragged here; -1 if there is none."""
        still, moving = self._columns.spans()
        edge = self._columns.frozen_width()
        for section, left, width in (*still, *moving):
            right = left + width
            if abs(at.x() - right) <= _GRIP and ((section, left, width) in still or right > edge):
                return section
        return -1

    def _chevron_hit(self, section: int, at: QPoint) -> bool:
        left, width = self._columns.left(section), self.sectionSize(section)
        return left + width - CHEVRON - 4 <= at.x() < left + width and at.y() < _HEIGHT

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        at = event.position().toPoint()
        self._resized = self._section_edge(at)
        self._pressed = self._columns.at(at.x()) if self._resized < 0 else -1
        self._pressed_at = at
        if self._resized >= 0:
            self._width_before = self.sectionSize(self._resized)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if self._resized >= 0:
            self._columns.resize(self._resized, self._width_before + at.x() - self._pressed_at.x())
            return
        if self._pressed >= 0 and event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(at)
            return
        on_edge = self._section_edge(at) >= 0
        self.viewport().setCursor(Qt.CursorShape.SplitHCursor if on_edge else Qt.CursorShape.ArrowCursor)
        self._hover(self._columns.at(at.x()))

    def _drag(self, at: QPoint) -> None:
        numbers = self._columns.numbered and self._pressed == 0
        if not self.sectionsClickable() or numbers:
            return
        if not self._moving and abs(at.x() - self._pressed_at.x()) < _DRAG_BEGINS:
            return
        self._moving = True
        shown = self._columns.shown()
        under = self._columns.nearest(at.x())
        right_half = at.x() > self._columns.left(under) + self.sectionSize(under) // 2
        self._drop_place = max(shown.index(under) + right_half, int(self._columns.numbered))
        self.viewport().update()

    def _drop_x(self) -> int:
        shown = self._columns.shown()
        if self._drop_place < len(shown):
            return self._columns.left(shown[self._drop_place])
        return self._columns.left(shown[-1]) + self.sectionSize(shown[-1]) - 1

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        pressed, moving, resized = self._pressed, self._moving, self._resized
        drop = self._drop_place
        self._pressed = self._resized = self._drop_place = -1
        self._moving = False
        self.viewport().update()
        if resized >= 0:
            if self.sectionSize(resized) != self._width_before:
                self._columns.tell()
        elif moving:
            place = self._columns.shown().index(pressed)
            self._columns.move(pressed, drop - (drop > place))
        elif pressed >= 0 and self._columns.at(at.x()) == pressed and self.sectionsClickable():
            self._click(pressed, at, add=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def _click(self, section: int, at: QPoint, *, add: bool) -> None:
        if self._chevron_hit(section, at):
            self.menu_wished.emit(section, self._below(section))
        elif self._columns.numbered and section == 0:
            self.everything_wished.emit()
        elif add:
            self.sort_wished.emit(section, True)
        else:
            self.sectionClicked.emit(section)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        section = self._section_edge(event.position().toPoint())
        if section >= 0:
            self._columns.fit(section)
        else:
            self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        section = self._columns.at(event.pos().x())
        if section >= 0:
            self.menu_wished.emit(section, event.globalPos())

    def open_menu(self, section: int) -> None:
        """The menu of a column, from the keyboard."""
        self.menu_wished.emit(section, self._below(section))

    def _below(self, section: int) -> QPoint:
        return self.viewport().mapToGlobal(QPoint(max(0, self._columns.left(section)), self.height()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, section: int) -> None:
        if section != self._hovered:
            self._hovered = section
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.described(self._columns.at(event.pos().x())), self)
            return True
        return super().viewportEvent(event)

    def described(self, section: int) -> str:
        """The column in words: its name, how it is sorted, whether it is filtered, its statistics."""
        if section < 0:
            return ""
        look = self._look(section)
        words = [look.name]
        if look.rank:
            key = f", key {look.rank}" if look.rank > 0 else ""
            by = "by length, " if look.by_length else ""
            words.append(f"sorted {by}{'descending' if look.descending else 'ascending'}{key}")
        if look.filtered:
            words.append("filtered")
        known = self._statistics.get(look.name)
        return ". ".join([", ".join(words), *([known.text] if known is not None else [])])
