"""The table as it is drawn: rows of one height, columns that stay while the others scroll, a header with statistics."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
    Slot,
)
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from fintune_gui.ui.itemmodels.cell_look import SORT_KEY_ROLE, LooksModel, look_by_roles
from fintune_gui.ui.theme import font
from fintune_gui.ui.widgets.table_columns import TableColumns
from fintune_gui.ui.widgets.table_header import TableHeader
from fintune_gui.ui.widgets.table_paint import CellPainter, LookOf, cell_colours, paint_cursor, paint_grid
from fintune_gui.ui.widgets.table_selection import TableSelection

Index = QModelIndex | QPersistentModelIndex
Hint = QAbstractItemView.ScrollHint

_MOST_LINES = 4


class TableView(QTableView):
    """Draws everything itself: one call into the model for each visible block of rows, and none from Qt for each cell.

    Attributes:
        columns: Order, widths, hidden and frozen columns.
        choice: The chosen cells.
        header: The horizontal header.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(font())
        self._painter = CellPainter(font())
        self._names: tuple[str, ...] = ()
        self._reads_blocks = False
        self.columns = TableColumns(self)
        self.choice = TableSelection(self)
        self.header = TableHeader(self.columns, self)
        self.setHorizontalHeader(self.header)
        self.header.sectionResized.connect(self.columns.on_resized)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setMinimumSectionSize(16)
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(self._painter.row_height)

    @property
    def has_sort_keys(self) -> bool:
        """Whether the model says what a `Sort` calls its columns; then rows can be sorted by length, too."""
        return self._reads_blocks

    def sort_key(self, section: int) -> str:
        """What a `Sort` calls a column; "" if rows cannot be sorted by it."""
        if not self._reads_blocks:
            return self.columns.name(section)
        return str(self.model().headerData(section, Qt.Orientation.Horizontal, SORT_KEY_ROLE) or "")

    # Rows

    @property
    def row_lines(self) -> int:
        """Lines of text that each row has room for."""
        return self._painter.lines

    def set_row_lines(self, lines: int) -> None:
        """Give all rows room for 1 to 4 lines of text; the row at the top stays there."""
        lines = max(1, min(lines, _MOST_LINES))
        if lines == self._painter.lines:
            return
        top = self.rowAt(0)
        self._painter.lines = lines
        self.verticalHeader().setDefaultSectionSize(self._painter.row_height)
        self.updateGeometries()
        if top > 0:
            self.verticalScrollBar().setValue(top)
            self.verticalHeader().setOffsetToSectionPosition(self.verticalScrollBar().value())
        self.viewport().update()
        self.columns.changed.emit()

    def visible_rows(self) -> tuple[int, int]:
        """The first and last row on the screen; (0, -1) for none."""
        model = self.model()
        first = self.rowAt(0)
        if model is None or first < 0:
            return 0, -1
        height = self._painter.row_height
        return first, min(model.rowCount() - 1, first + self.viewport().height() // height + 1)

    # Geometry: Qt asks these for editors, scrolling, the mouse and screen readers

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        self._reads_blocks = isinstance(model, LooksModel)
        if model is not None:
            model.modelReset.connect(self._on_columns)
            model.headerDataChanged.connect(self._on_columns)
        self._on_columns()

    @Slot()
    def _on_columns(self) -> None:
        """Other columns may have come: those that are known stand where they stood."""
        model = self.model()
        count = model.columnCount() if model is not None else 0
        names = tuple(self.columns.name(section) for section in range(count))
        if names != self._names:
            self._names = names
            self.columns.on_other_columns()
        self.columns.widen_numbers()
        self.header.viewport().update()
        self.viewport().update()

    def lay_out_again(self) -> None:
        """Columns were moved, hidden or frozen."""
        self.updateGeometries()
        self.header.viewport().update()
        self.viewport().update()

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid() or self.header.isSectionHidden(index.column()):
            return QRect()
        height = self._painter.row_height
        box = self.columns.rect(index.column(), self.rowViewportPosition(index.row()), height)
        return box.adjusted(0, 0, -1, -1)

    def indexAt(self, at: QPoint) -> QModelIndex:
        row, section = self.rowAt(at.y()), self.columns.at(at.x())
        return self.model().index(row, section) if row >= 0 and section >= 0 else QModelIndex()

    def scrollTo(self, index: Index, hint: Hint = Hint.EnsureVisible) -> None:
        """Bring a cell into view, beside the frozen columns and not below them."""
        if not index.isValid():
            return
        bar, edge = self.horizontalScrollBar(), self.columns.frozen_width()
        before = bar.value()
        super().scrollTo(index, hint)
        bar.setValue(before)
        if index.column() in self.columns.frozen_sections():
            return
        left, width = self.columns.left(index.column()), self.columnWidth(index.column())
        right = self.viewport().width()
        if left < edge or width > right - edge:
            if left < edge or left > right - 40:
                bar.setValue(before + left - edge)
        elif left + width > right:
            bar.setValue(before + left + width - right)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        if dx:  # Qt moves the pixels, those of the frozen columns too
            self.viewport().update()
            self.header.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.columns.fill()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Shift turns the wheel sideways, as in browsers and spreadsheets."""
        if event.modifiers() == Qt.KeyboardModifier.ShiftModifier and event.angleDelta().y():
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() - event.angleDelta().y())
            event.accept()
        else:
            super().wheelEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange) and hasattr(self, "_painter"):
            self._painter.forget()

    def visualRegionForSelection(self, _selection: object) -> QRegion:
        return QRegion(self.viewport().rect())  # painting all is quicker than finding out what

    # Drawing

    def _look_of(self, sections: list[int]) -> LookOf:
        """Who tells how a cell looks, after the visible block was read at once."""
        model = self.model()
        if self._reads_blocks:
            looks = cast("LooksModel", model)
            looks.prepare(*self.visible_rows(), sections)
            return looks.look
        return lambda row, section: look_by_roles(model, row, section)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), cell_colours().surface)
        first, last = self.visible_rows()
        still, moving = self.columns.spans()
        if first <= last and (still or moving):
            look_of = self._look_of([section for section, _, _ in (*still, *moving)])
            top, bottom = self.rowAt(event.rect().top()), self.rowAt(event.rect().bottom())
            first, last = max(first, top), last if bottom < 0 else min(last, bottom)
            edge = self.columns.frozen_width()
            painter.setClipRect(QRect(edge, 0, self.viewport().width() - edge, self.viewport().height()))
            self._paint_columns(painter, look_of, first, last, moving)
            painter.setClipping(False)
            self._paint_columns(painter, look_of, first, last, still)
            if still:
                self._paint_edge(painter, edge, last)
        painter.end()

    def _paint_columns(
        self, painter: QPainter, look_of: LookOf, first: int, last: int, spans: list[tuple[int, int, int]]
    ) -> None:
        if not spans:
            return
        current = self.currentIndex()
        at_row = current.row() if current.isValid() else -1
        height, origin = self._painter.row_height, self.rowViewportPosition(first)
        contains, cell = self.choice.contains, self._painter.cell
        everything, chosen_blocks = self.choice.everything, bool(self.choice.blocks())
        for row in range(first, last + 1):
            top = origin + (row - first) * height
            for section, left, width in spans:
                chosen = everything or (chosen_blocks and contains(row, section))
                box = QRect(left, top, width, height)
                cell(painter, box, look_of(row, section), chosen=chosen, cursor_row=row == at_row)
        bottoms = [origin + (row - first + 1) * height - 1 for row in range(first, last + 1)]
        boxes = [QRect(left, origin, width, (last - first + 1) * height) for _section, left, width in spans]
        paint_grid(painter, boxes, bottoms, spans[0][1], spans[-1][1] + spans[-1][2] - 1)
        if first <= at_row <= last and current.column() in {section for section, _, _ in spans}:
            box = self.columns.rect(current.column(), origin + (at_row - first) * height, height)
            paint_cursor(painter, box, focused=self.hasFocus())

    def _paint_edge(self, painter: QPainter, edge: int, last: int) -> None:
        """A stronger line where frozen columns end, while something is scrolled away below them."""
        if self.columns.frozen or self.horizontalScrollBar().value():
            bottom = self.rowViewportPosition(last) + self._painter.row_height
            painter.fillRect(QRect(edge - 1, 0, 1, bottom), cell_colours().edge)
