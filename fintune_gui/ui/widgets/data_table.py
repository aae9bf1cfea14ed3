"""A table for any number of rows: fixed height, no proxy model, and "everything" as a flag instead of a selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    SIGNAL,
    QAbstractItemModel,
    QItemSelection,
    QModelIndex,
    QPoint,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QLineEdit, QWidget

from fintune_gui.ui.widgets.table_copy import TableCopy
from fintune_gui.ui.widgets.table_editing import CellDelegate
from fintune_gui.ui.widgets.table_header import HeaderStatistics
from fintune_gui.ui.widgets.table_keys import TableKeys
from fintune_gui.ui.widgets.table_menu import column_menu
from fintune_gui.ui.widgets.table_mouse import MouseTable
from fintune_gui.ui.widgets.table_selection import Cell, Selected
from fintune_gui.ui.widgets.table_text import parse_block

__all__ = ["DataTable", "HeaderStatistics", "Selected", "parse_block"]

MOST_COPIED_ROWS = 100_000


class DataTable(MouseTable):
    """Rows of a model that reads lazily. Sorting and filtering are done by whoever owns the model.

    Signals:
        selected_changed: The new `Selected`.
        current_changed: The row at the cursor, or -1.
        cell_changed: (row, column name) at the cursor; (-1, "") for none.
        remove_requested, fill_down_requested, flag_requested, star_requested: Del, Ctrl+D, F, S; with the `Selected`.
        edit_refused: F2, Enter or a double click on a cell that cannot be edited in place.
        add_row_requested: Ctrl+Insert.
        detail_requested: Space.
        find_requested, replace_requested, go_to_row_requested: Ctrl+F, Ctrl+H, Ctrl+G.
        find_next: F3; True for Shift+F3, backwards.
        next_flagged: Ctrl+J; True for Ctrl+Shift+J, backwards.
        paste_requested: Ctrl+V outside an editor; the argument is the clipboard's text, see `parse_block`.
        sort_requested: (section, descending) after a click on a header or its menu, when it becomes the only key.
        sorts_requested: All keys that are wanted now, [(name for a `Sort`, descending), …]; [] for none. Comes with
            every `sort_requested` as well: listen to one of the two.
        filter_requested, facet_requested, rename_requested: The section whose menu was used. The menu offers only
            what someone is connected to.
        copied: A sentence about what was copied.
        columns_changed: The user changed columns or the height of rows; ask `column_state`.
    """

    selected_changed = Signal(object)
    current_changed = Signal(int)
    cell_changed = Signal(int, str)
    remove_requested = Signal(object)
    fill_down_requested = Signal(object)
    flag_requested = Signal(object)
    star_requested = Signal(object)
    edit_refused = Signal()
    add_row_requested = Signal()
    detail_requested = Signal()
    find_requested = Signal()
    find_next = Signal(bool)
    replace_requested = Signal()
    go_to_row_requested = Signal()
    next_flagged = Signal(bool)
    paste_requested = Signal(str)
    sort_requested = Signal(int, bool)
    sorts_requested = Signal(object)
    filter_requested = Signal(int)
    facet_requested = Signal(int)
    rename_requested = Signal(int)
    copied = Signal(str)
    columns_changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.sorts: list[tuple[str, bool]] = []
        self._cells = CellDelegate(self)
        self.setItemDelegate(self._cells)
        self._keys = TableKeys(self)
        self._copy = TableCopy(self)
        self._copy.done.connect(self._on_copied)
        self.doubleClicked.connect(self._on_double_click)
        self._sentence = ""
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        trigger = QAbstractItemView.EditTrigger  # any key: for input methods, the rest is done by `TableKeys`
        self.setEditTriggers(trigger.EditKeyPressed | trigger.DoubleClicked | trigger.AnyKeyPressed)
        self.header.sectionClicked.connect(self._on_header_click)
        self.header.sort_wished.connect(self._on_sort_wish)
        self.header.everything_wished.connect(self.select_everything)
        self.header.menu_wished.connect(self.open_column_menu)
        self.columns.changed.connect(self.columns_changed)

    # What pages say and ask

    @property
    def everything(self) -> bool:
        """Whether all rows are chosen."""
        return self.choice.everything

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            model.modelReset.connect(self._on_reset)
            self.selectionModel().currentChanged.connect(self._on_current)

    def selected(self) -> Selected:
        """What is chosen now."""
        return self.choice.selected()

    def current_cell(self) -> tuple[int, str]:
        """The row at the cursor and the name of its column; (-1, "") for none."""
        current = self.currentIndex()
        return (current.row(), self.columns.name(current.column())) if current.isValid() else (-1, "")

    @Slot()
    def select_everything(self) -> None:
        """Choose all rows of the view, at once whatever their number."""
        if self.model() is not None and self.model().rowCount():
            self.choice.choose_everything()
            self._tell_selection()

    def selectAll(self) -> None:
        self.select_everything()

    def selectRow(self, row: int) -> None:
        """Choose one whole row, and put the cursor there."""
        if self.model() is None or not 0 <= row < self.model().rowCount():
            return
        self.choice.choose(Cell(row, self._cursor_section()), whole_rows=True)

    def forget_everything(self) -> None:
        """Choose nothing instead of everything."""
        self.choice.everything = False
        self._tell_selection()

    def go_to(self, row: int, column: str = "") -> None:
        """Make a row the current one, in `column` if it is given, and bring it into view."""
        model = self.model()
        if model is None or not 0 <= row < model.rowCount():
            return
        section = self.columns.section_of(column) if column else -1
        section = section if section >= 0 else self._cursor_section()
        self.choice.choose(Cell(row, section))
        self.scrollTo(model.index(row, section))

    def _cursor_section(self) -> int:
        """Where the cursor goes in a row that is chosen for it: its present column, else the first one with text."""
        section, shown = self.currentIndex().column(), self.columns.shown()
        return section if section in shown else shown[min(len(shown) - 1, int(self.columns.numbered))] if shown else 0

    # Sorting

    def show_sort(self, section: int, *, descending: bool) -> None:
        """Mark the one column by which the rows are sorted; -1 for none."""
        self.show_sorts([(self.sort_key(section), descending)] if section >= 0 else [])

    def show_sorts(self, sorts: Sequence[tuple[str, bool]]) -> None:
        """Mark the sort keys, (what a `Sort` calls the column, descending), the first one first."""
        self.sorts = list(sorts)
        self.header.show_sorts(self.sorts)

    def wish_sorts(self, sorts: Sequence[tuple[str, bool]]) -> None:
        """Ask for these keys."""
        self.sorts_requested.emit(list(sorts))

    def wish_sort(self, section: int, *, descending: bool) -> None:
        """Ask for one column as the only key."""
        if key := self.sort_key(section):
            self.sorts_requested.emit([(key, descending)])
            self.sort_requested.emit(section, descending)

    @Slot(int)
    def _on_header_click(self, section: int) -> None:
        self.wish_sort(section, descending=self.sorts == [(self.sort_key(section), False)])

    @Slot(int, bool)
    def _on_sort_wish(self, section: int, _add: bool) -> None:
        """Shift+click: one more key, or the other direction of one that is there."""
        if key := self.sort_key(section):
            known = dict(self.sorts)
            known[key] = not known[key] if key in known else False
            self.wish_sorts(list(known.items()))

    # Columns

    def show_statistics(self, *, shown: bool) -> None:
        """Switch the second line of the header on or off."""
        self.header.show_statistics(shown=shown)
        self.columns_changed.emit()

    def set_statistics(self, statistics: Mapping[str, HeaderStatistics]) -> None:
        """Show a second line in the header, by column name; {} takes it away."""
        self.header.set_statistics(statistics)
        self._describe_header()

    def set_filtered(self, names: set[str]) -> None:
        """Mark the columns that have a filter."""
        self.header.set_filtered(names)
        self._describe_header()

    def _describe_header(self) -> None:
        """Tell screen readers what the header draws."""
        for section in range(self.model().columnCount() if self.model() is not None else 0):
            words = self.header.described(section)
            self.model().setHeaderData(
                section, Qt.Orientation.Horizontal, words, Qt.ItemDataRole.AccessibleDescriptionRole
            )

    def freeze_columns(self, count: int) -> None:
        """Keep the first `count` columns in place; the numbers of the rows are not counted and always stay."""
        self.columns.freeze(count)

    def hide_column(self, name: str) -> None:
        """Hide a column."""
        self.columns.hide(self.columns.section_of(name))

    def show_column(self, name: str) -> None:
        """Bring a hidden column back."""
        self.columns.hide(self.columns.section_of(name), hidden=False)

    @Slot()
    def show_all_columns(self) -> None:
        """Bring all hidden columns back."""
        for name in self.hidden_columns():
            self.show_column(name)

    def hidden_columns(self) -> list[str]:
        """Names of the hidden columns."""
        return self.columns.hidden()

    def column_widths(self) -> dict[str, int]:
        """Widths in pixels by the header's text."""
        return self.columns.widths()

    def set_column_widths(self, widths: Mapping[str, int]) -> None:
        """Restore widths; columns without one are fitted to the first rows, never to all."""
        self.columns.set_widths(widths)

    def column_state(self) -> dict[str, Any]:
        """Widths, order, hidden and frozen columns, height of rows, statistics on or off: to be kept as JSON."""
        return {**self.columns.state(), "lines": self.row_lines, "statistics": self.header.statistics_shown}

    def set_column_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `column_state` gave; what is damaged, or about other columns, is passed over."""
        lines = state.get("lines")
        if isinstance(lines, int):
            self.set_row_lines(lines)
        self.header.statistics_shown = state.get("statistics") is not False
        self.columns.set_state(state)

    @Slot(int, QPoint)
    def open_column_menu(self, section: int, at: QPoint) -> None:
        """Open the menu of a column at a place of the screen."""
        column_menu(self, section).popup(at)

    def hears(self, signal: str) -> bool:
        """Whether anyone is connected to a signal, for example "filter_requested(int)"."""
        return bool(self.receivers(SIGNAL(signal)))

    # Clipboard

    @Slot()
    def copy(self) -> None:
        """Put the chosen cells (or the current one) on the clipboard; whole rows and columns come with their names."""
        model = self.model()
        if model is None or not model.rowCount():
            return
        chosen = self.selected()
        total = model.rowCount()
        rows: Sequence[int] = range(total) if chosen.everything else chosen.rows
        sections = [s for s in self.columns.shown() if not chosen.columns or s in chosen.columns]
        if not rows:
            if not self.currentIndex().isValid():
                return
            rows, sections = [self.currentIndex().row()], [self.currentIndex().column()]
        named = bool(chosen) and (not chosen.columns or len(rows) == total > 1)
        copied = rows[:MOST_COPIED_ROWS]
        head = [self.columns.name(section) for section in sections] if named else []
        self._sentence = _said(len(copied), len(rows), len(sections), whole_rows=bool(chosen) and not chosen.columns)
        self._copy.start(copied, sections, head)

    @Slot()
    def _on_copied(self) -> None:
        self.copied.emit(self._sentence)

    # Events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        known = self.model() is not None and self._keys.press(event)
        event.setAccepted(known or event.key() in _MOVING)

    def edit_with(self, first: str | None = None) -> bool:
        """Open an editor on the current cell, with `first` in place of its text; False if it cannot be edited."""
        index = self.currentIndex()
        triggers = self.editTriggers() != QAbstractItemView.EditTrigger.NoEditTriggers
        if not index.isValid() or not triggers:
            return False
        if not index.flags() & Qt.ItemFlag.ItemIsEditable:
            if first is None:
                self.edit_refused.emit()
            return False
        self._cells.first_text = first
        self.scrollTo(index)
        self.edit(index)
        self._cells.first_text = None
        editor = self.indexWidget(index)
        if first is not None and isinstance(editor, QLineEdit):
            editor.end(False)  # Qt has chosen all of it, and the next letter would take its place
        return True

    @Slot(QModelIndex)
    def _on_double_click(self, index: QModelIndex) -> None:
        if not index.flags() & Qt.ItemFlag.ItemIsEditable:
            self.edit_refused.emit()

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        """After Enter the cursor goes down, as in a spreadsheet."""
        super().closeEditor(editor, hint)
        if self._cells.entered:
            self._keys.move(1, 0)

    def moveCursor(self, action: QAbstractItemView.CursorAction, _modifiers: Qt.KeyboardModifier) -> QModelIndex:
        return self._keys.neighbour(action)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The Menu key opens the menu of the column where the page has none of its own."""
        current = self.currentIndex()
        if event.reason() is QContextMenuEvent.Reason.Keyboard and current.isValid():
            self.header.open_menu(current.column())

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        self.choice.forget_blocks()
        super().selectionChanged(selected, deselected)
        if self.everything and not selected.isEmpty():
            self.choice.everything = False
        if not self.everything:
            self._tell_selection()

    def _tell_selection(self) -> None:
        self.viewport().update()
        self.selected_changed.emit(self.selected())

    @Slot()
    def _on_reset(self) -> None:
        self._copy.stop()
        self.choice.forget_blocks()
        self.choice.anchor = Cell(-1, -1)
        if self.everything:
            self.forget_everything()

    @Slot(QModelIndex, QModelIndex)
    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        self.choice.on_current(current.row(), current.column())
        self.viewport().update()
        if current.row() != previous.row():
            self.current_changed.emit(current.row())
        self.cell_changed.emit(*self.current_cell())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()


def _said(copied: int, total: int, columns: int, *, whole_rows: bool) -> str:
    """What the user is told about a copy."""
    if not whole_rows and copied == columns == 1:
        return "1 cell copied."
    rest = f" of {total:,}" if copied < total else ""
    rows = f"{copied:,}{rest} row{'' if copied == 1 else 's'}"
    return f"{rows} copied." if whole_rows else f"{rows} × {columns:,} column{'' if columns == 1 else 's'} copied."


_MOVING = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right)
