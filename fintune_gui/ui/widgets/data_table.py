"""A table for any number of rows: fixed height, no proxy model, and "everything" as a flag instead of a selection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from fintune_gui.ui.theme import colour, font, metrics, tokens
from fintune_gui.ui.widgets.cell_editor import LONG_CHARACTERS, CellEditor

Index = QModelIndex | QPersistentModelIndex

MOST_COPIED_ROWS = 100_000
_LONGEST_COLUMN = 420
_WIDTH_FROM_ROWS = 40


@dataclass(frozen=True)
class Selected:
    """What is chosen. `everything` means all rows of the view, however many; then `ranges` is empty.

    Attributes:
        ranges: (first, last) places in the view, both included, rising, not overlapping.
    """

    everything: bool = False
    ranges: tuple[tuple[int, int], ...] = ()

    @property
    def rows(self) -> list[int]:
        """The chosen places one by one; not for `everything`."""
        return [row for first, last in self.ranges for row in range(first, last + 1)]

    def count(self, total: int) -> int:
        """How many rows are chosen of `total`."""
        return total if self.everything else sum(last - first + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return self.everything or bool(self.ranges)


class DataTable(QTableView):
    """Rows of a model that reads lazily. Sorting and filtering are done by whoever owns the model.

    Signals:
        selected_changed: The new `Selected`.
        current_changed: The row at the cursor, or -1.
        remove_requested: Del was pressed; the argument is the `Selected`.
        flag_requested: Space was pressed; the argument is the `Selected`.
        find_requested: Ctrl+F.
        replace_requested: Ctrl+H.
        paste_requested: Ctrl+V outside an editor; the argument is the clipboard's text.
        sort_requested: (section, descending) after a click on a header.
        copied: A sentence about what was copied.
        columns_changed: The user changed a column's width; ask `column_widths`.
    """

    selected_changed = Signal(object)
    current_changed = Signal(int)
    remove_requested = Signal(object)
    flag_requested = Signal(object)
    find_requested = Signal()
    replace_requested = Signal()
    paste_requested = Signal(str)
    sort_requested = Signal(int, bool)
    copied = Signal(str)
    columns_changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.everything = False
        self.setFont(font())
        self.setItemDelegate(CellDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setTabKeyNavigation(False)
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(metrics.ROW_HEIGHT)
        horizontal = self.horizontalHeader()
        horizontal.setHighlightSections(False)  # else Qt asks for every row whether it is selected
        horizontal.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        horizontal.setStretchLastSection(True)
        horizontal.setSectionsClickable(True)
        horizontal.sectionClicked.connect(self._sort)
        horizontal.sectionResized.connect(self._on_resized)
        self._sorted: tuple[int, bool] | None = None
        self._loading_widths = False
        corner = self.findChild(QAbstractButton)
        if corner is not None:
            corner.setAccessibleName("Select all rows")

    # What pages say and ask

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            model.modelReset.connect(self._on_reset)
            self.selectionModel().currentRowChanged.connect(self._on_current)

    def selected(self) -> Selected:
        """What is chosen now."""
        if self.everything:
            return Selected(everything=True)
        model = self.selectionModel()
        if model is None:
            return Selected()
        ranges = sorted((part.top(), part.bottom()) for part in _parts(model.selection()) if part.isValid())
        merged: list[tuple[int, int]] = []
        for first, last in ranges:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return Selected(ranges=tuple(merged))

    def select_everything(self) -> None:
        """Choose all rows of the view, at once whatever their number."""
        if self.model() is None or not self.model().rowCount():
            return
        self.selectionModel().clearSelection()
        self.everything = True
        self.viewport().update()
        self.selected_changed.emit(self.selected())

    def show_sort(self, section: int, *, descending: bool) -> None:
        """Mark the column by which the rows are sorted; -1 for none."""
        self._sorted = None if section < 0 else (section, descending)
        header = self.horizontalHeader()
        header.setSortIndicatorShown(section >= 0)
        if section >= 0:
            order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            header.setSortIndicator(section, order)

    def go_to(self, row: int) -> None:
        """Make a row the current one and bring it into view."""
        model = self.model()
        if model is not None and 0 <= row < model.rowCount():
            self.setCurrentIndex(model.index(row, max(0, self.currentIndex().column())))
            self.scrollTo(model.index(row, 0), QAbstractItemView.ScrollHint.EnsureVisible)

    def column_widths(self) -> dict[str, int]:
        """Widths in pixels by the header's text, to be kept for the next start."""
        model = self.model()
        if model is None:
            return {}
        sections = range(model.columnCount() - 1)  # the last one stretches
        return {str(model.headerData(s, Qt.Orientation.Horizontal)): self.columnWidth(s) for s in sections}

    def set_column_widths(self, widths: dict[str, int]) -> None:
        """Restore widths; columns without one are fitted to the first rows, never to all."""
        model = self.model()
        if model is None:
            return
        self._loading_widths = True
        for section in range(model.columnCount()):
            header = str(model.headerData(section, Qt.Orientation.Horizontal))
            self.setColumnWidth(section, int(widths.get(header, 0)) or self._fitting_width(section))
        self._loading_widths = False

    def _fitting_width(self, section: int) -> int:
        model = self.model()
        rows = range(min(_WIDTH_FROM_ROWS, model.rowCount()))
        texts = [str(model.index(row, section).data() or "") for row in rows]
        texts.append(str(model.headerData(section, Qt.Orientation.Horizontal)) + "   ")
        measure = self.fontMetrics()
        widest = max(measure.horizontalAdvance(text[:200]) for text in texts)
        return min(_LONGEST_COLUMN, widest + 24)

    @Slot()
    def copy(self) -> None:
        """Put the chosen rows (or the current one) on the clipboard as tab-separated text with a head line."""
        model = self.model()
        if model is None:
            return
        chosen = self.selected()
        total = model.rowCount()
        rows: Sequence[int] = range(total) if chosen.everything else chosen.rows
        if not rows and self.currentIndex().isValid():
            rows = [self.currentIndex().row()]
        lines = [[str(model.headerData(s, Qt.Orientation.Horizontal)) for s in range(model.columnCount())]]
        for row in rows[:MOST_COPIED_ROWS]:
            cells = (model.index(row, s).data(Qt.ItemDataRole.EditRole) for s in range(model.columnCount()))
            lines.append(["" if cell is None else str(cell) for cell in cells])
        QGuiApplication.clipboard().setText("\n".join("\t".join(_tsv(cell) for cell in line) for line in lines))
        count = min(len(rows), MOST_COPIED_ROWS)
        rest = f" of {len(rows):,}" if count < len(rows) else ""
        self.copied.emit(f"{count:,}{rest} row{'' if count == 1 else 's'} copied.")

    # Keys and mouse

    def selectAll(self) -> None:
        self.select_everything()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_everything()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.paste_requested.emit(QGuiApplication.clipboard().text())
        elif event.matches(QKeySequence.StandardKey.Find):
            self.find_requested.emit()
        elif control and key == Qt.Key.Key_H:
            self.replace_requested.emit()
        elif key == Qt.Key.Key_Delete and self.selected():
            self.remove_requested.emit(self.selected())
        elif key == Qt.Key.Key_Space and self.selected():
            self.flag_requested.emit(self.selected())
        elif key == Qt.Key.Key_Escape and self.everything:
            self._forget_everything()
        elif control and key in (Qt.Key.Key_Home, Qt.Key.Key_End) and self.model() is not None:
            self._jump(last=key == Qt.Key.Key_End, extend=shift)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def _jump(self, *, last: bool, extend: bool) -> None:
        """Ctrl+Home and Ctrl+End; with Shift the range is chosen as one piece, without walking over its rows."""
        end = self.model().rowCount() - 1
        start = self.currentIndex().row()
        if extend and ((last and start <= 0) or (not last and start == end)):
            self.select_everything()
            return
        target = self.model().index(end if last else 0, max(0, self.currentIndex().column()))
        if not extend:
            self.setCurrentIndex(target)
            return
        first = self.model().index(min(start, target.row()), 0)
        final = self.model().index(max(start, target.row()), self.model().columnCount() - 1)
        flags = self.selectionModel().SelectionFlag
        self.selectionModel().select(QItemSelection(first, final), flags.ClearAndSelect)
        self.scrollTo(target)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        if self.everything and not selected.isEmpty():
            self.everything = False
            self.viewport().update()
        if not self.everything:
            self.selected_changed.emit(self.selected())

    def _forget_everything(self) -> None:
        self.everything = False
        self.viewport().update()
        self.selected_changed.emit(self.selected())

    @Slot()
    def _on_reset(self) -> None:
        if self.everything:
            self._forget_everything()

    @Slot(QModelIndex, QModelIndex)
    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.current_changed.emit(current.row())

    @Slot(int)
    def _sort(self, section: int) -> None:
        descending = self._sorted == (section, False)
        self.sort_requested.emit(section, descending)

    @Slot(int, int, int)
    def _on_resized(self, _section: int, _old: int, _new: int) -> None:
        if not self._loading_widths and self.isVisible():
            self.columns_changed.emit()


class CellDelegate(QStyledItemDelegate):
    """Paints a cell in two lines, with everything chosen where the table says so."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        table = self.parent()
        opt: Any = option
        if isinstance(table, DataTable) and table.everything:
            opt.state |= QStyle.StateFlag.State_Selected
        opt.state &= ~QStyle.StateFlag.State_HasFocus
        own = index.data(Qt.ItemDataRole.ForegroundRole)
        if own is not None:
            opt.palette.setBrush(QPalette.ColorRole.HighlightedText, own)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        table = self.parent()
        if isinstance(table, DataTable) and table.hasFocus() and table.currentIndex() == index:
            painter.save()
            painter.setPen(QPen(colour(tokens().accent), 1))
            opt: Any = option
            painter.drawRect(opt.rect.adjusted(0, 0, -2, -2))
            painter.restore()

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """The model may tell of changes while the user types; what is typed stays."""
        if isinstance(editor, CellEditor):
            if not editor.document().isModified():
                editor.setPlainText(str(index.data(Qt.ItemDataRole.EditRole)))
                editor.selectAll()
        elif not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, CellEditor):
            if editor.document().isModified():
                model.setData(index, editor.toPlainText(), Qt.ItemDataRole.EditRole)
        else:
            super().setModelData(editor, model, index)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        if isinstance(editor, CellEditor):
            opt: Any = option
            room = editor.parentWidget()
            editor.place(opt.rect, room.rect() if room is not None else opt.rect)
        else:
            super().updateEditorGeometry(editor, option, index)

    @Slot()
    def _commit(self) -> None:
        editor = self.sender()
        if isinstance(editor, CellEditor):
            self.commitData.emit(editor)
            self.closeEditor.emit(editor)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        text = str(index.data(Qt.ItemDataRole.EditRole) or "")
        editor: QWidget
        if len(text) > LONG_CHARACTERS or "\n" in text:
            editor = long_editor = CellEditor(parent)
            long_editor.done.connect(self._commit)
        else:
            editor = super().createEditor(parent, option, index)
        editor.setAccessibleName(str(index.model().headerData(index.column(), Qt.Orientation.Horizontal)))
        return editor


def _parts(selection: QItemSelection) -> list[QItemSelectionRange]:
    return [selection.at(number) for number in range(selection.size())]


def _tsv(cell: str) -> str:
    """A cell for a spreadsheet: quoted if it holds tabs, quotes or line breaks."""
    if any(character in cell for character in '\t\n\r"'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
