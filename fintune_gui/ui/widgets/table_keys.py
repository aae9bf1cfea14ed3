"""What the keys do in a table, while no cell is being edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, SignalInstance
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView

from fintune_gui.ui.widgets.table_selection import Cell

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.data_table import DataTable

Action = QAbstractItemView.CursorAction
Key = Qt.Key

_FAR = 1 << 40
_STEPS = {
    Key.Key_Up: (-1, 0),
    Key.Key_Down: (1, 0),
    Key.Key_Left: (0, -1),
    Key.Key_Right: (0, 1),
}


class TableKeys:
    """Carries keys out on a table."""

    def __init__(self, table: DataTable) -> None:
        self._table = table
        plain: dict[Qt.Key, Callable[[], object]] = {
            Key.Key_F2: table.edit_with,
            Key.Key_Return: table.edit_with,
            Key.Key_Enter: table.edit_with,
            Key.Key_Delete: lambda: self._tell(table.remove_requested),
            Key.Key_Escape: self._escape,
            Key.Key_Space: table.detail_requested.emit,
            Key.Key_F: lambda: self._tell(table.flag_requested),
            Key.Key_S: lambda: self._tell(table.star_requested),
            Key.Key_F3: lambda: table.find_next.emit(False),
        }
        with_control: dict[Qt.Key, Callable[[], object]] = {
            Key.Key_A: table.select_everything,
            Key.Key_C: table.copy,
            Key.Key_Insert: table.add_row_requested.emit,
            Key.Key_V: lambda: table.paste_requested.emit(QGuiApplication.clipboard().text()),
            Key.Key_F: table.find_requested.emit,
            Key.Key_H: table.replace_requested.emit,
            Key.Key_G: table.go_to_row_requested.emit,
            Key.Key_J: lambda: table.next_flagged.emit(False),
            Key.Key_D: lambda: self._tell(table.fill_down_requested),
            Key.Key_Space: self._choose_columns,
        }
        control_shift: dict[Qt.Key, Callable[[], object]] = {
            Key.Key_J: lambda: table.next_flagged.emit(True),
        }
        with_shift: dict[Qt.Key, Callable[[], object]] = {
            Key.Key_Space: self._choose_rows,
            Key.Key_F3: lambda: table.find_next.emit(True),
        }
        self._acts = {  # by whether Control and Shift are held
            (False, False): plain,
            (True, False): with_control,
            (False, True): with_shift,
            (True, True): control_shift,
        }

    def press(self, event: QKeyEvent) -> bool:
        """Carry out a key; False if it means nothing here."""
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        if modifiers & Qt.KeyboardModifier.AltModifier:
            return self._alt(key)
        if self._move(key, control=control, shift=shift):
            return True
        acts = self._acts[control, shift]
        if (act := acts.get(key)) is not None:
            return act() is not False
        return not control and self._type(event)

    def _tell(self, signal: SignalInstance) -> bool:
        """Pass a wish on with the chosen cells; nothing happens without any."""
        chosen = self._table.selected()
        if chosen:
            signal.emit(chosen)
        return bool(chosen)

    def _alt(self, key: Qt.Key) -> bool:
        current = self._table.currentIndex()
        if key != Key.Key_Down or not current.isValid():
            return False
        self._table.header.open_menu(current.column())
        return True

    def _escape(self) -> bool:
        """From everything to nothing, from a block to its cell."""
        if self._table.everything:
            self._table.forget_everything()
            return True
        current = self._table.currentIndex()
        chosen = self._table.selected()
        if not current.isValid() or (len(chosen.columns) == 1 and chosen.count(0) == 1):
            return False
        self._table.choice.choose(Cell(current.row(), current.column()))
        return True

    def _type(self, event: QKeyEvent) -> bool:
        """A character that can be seen opens an editor with it in place of the text."""
        text = event.text()
        return bool(text) and text.isprintable() and text != " " and self._table.edit_with(text)

    def _choose_rows(self) -> None:
        """Shift+Space: the rows of the block as a whole."""
        table = self._table
        current = table.currentIndex()
        if current.isValid():
            anchor = table.choice.anchor if table.choice.anchor.row >= 0 else Cell(current.row(), current.column())
            table.choice.choose(anchor, whole_rows=True)
            table.choice.extend(Cell(current.row(), current.column()))

    def _choose_columns(self) -> None:
        if self._table.currentIndex().isValid():
            self._table.choice.choose_columns()

    # Moving

    def _move(self, key: Qt.Key, *, control: bool, shift: bool) -> bool:
        if control and key in (Key.Key_Home, Key.Key_End):
            self._jump(last=key == Key.Key_End, extend=shift)
        elif key in _STEPS:
            down, right = _STEPS[key]
            far = _FAR if control else 1
            self.move(down * far, right * far, extend=shift)
        elif key in (Key.Key_PageUp, Key.Key_PageDown):
            self.move(self._page() * (1 if key == Key.Key_PageDown else -1), 0, extend=shift)
        elif key in (Key.Key_Home, Key.Key_End):
            self.move(0, _FAR if key == Key.Key_End else -_FAR, extend=shift)
        else:
            return False
        return True

    def _page(self) -> int:
        height = self._table.rowHeight(0) if self._table.model().rowCount() else 1
        return max(1, self._table.viewport().height() // max(1, height) - 1)

    def move(self, down: int, right: int, *, extend: bool = False) -> None:
        """Move the cursor by rows and shown columns as far as there are any; `extend` takes the block along."""
        table = self._table
        shown, last = table.columns.shown(), table.model().rowCount() - 1
        current = table.currentIndex()
        if last < 0 or not shown:
            return
        if not current.isValid():
            self._go(Cell(0, shown[min(int(table.columns.numbered), len(shown) - 1)]), extend=False)
            return
        place = shown.index(current.column()) if current.column() in shown else 0
        first = int(table.columns.numbered and len(shown) > 1 and place > 0)
        place = max(first if right < -1 else 0, min(place + right, len(shown) - 1))
        self._go(Cell(max(0, min(current.row() + down, last)), shown[place]), extend=extend)

    def _go(self, cell: Cell, *, extend: bool) -> None:
        if extend:
            self._table.choice.extend(cell)
        else:
            self._table.choice.choose(cell)
        self._table.scrollTo(self._table.model().index(*cell))

    def _jump(self, *, last: bool, extend: bool) -> None:
        """Ctrl+Home and Ctrl+End; with Shift whole rows as one piece, without walking over them."""
        table = self._table
        end = table.model().rowCount() - 1
        row = table.currentIndex().row()
        if end < 0:
            return
        if extend and ((last and row <= 0) or (not last and row == end)):
            table.select_everything()
            return
        if extend:
            table.choice.choose(Cell(row, table.currentIndex().column()), whole_rows=True)
        self._go(Cell(end if last else 0, max(0, table.currentIndex().column())), extend=extend)

    def neighbour(self, action: QAbstractItemView.CursorAction) -> QModelIndex:
        """The cell that Tab and Shift+Tab go to from an editor: the next one that can be edited."""
        table = self._table
        current, model = table.currentIndex(), table.model()
        step = {Action.MoveNext: 1, Action.MovePrevious: -1}.get(action, 0)
        if not step or not current.isValid():
            return current
        shown = table.columns.shown()
        editable = [s for s in shown if model.index(current.row(), s).flags() & Qt.ItemFlag.ItemIsEditable]
        if current.column() not in editable:
            return QModelIndex()
        place = editable.index(current.column()) + step
        row = current.row() + (1 if place >= len(editable) else -1 if place < 0 else 0)
        return model.index(row, editable[place % len(editable)]) if 0 <= row < model.rowCount() else QModelIndex()
