"""Editing a cell in place: a line for short texts, a larger editor for long ones."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from fintune_gui.ui.widgets.cell_editor import LONG_CHARACTERS, CellEditor

Index = QModelIndex | QPersistentModelIndex


class CellDelegate(QStyledItemDelegate):
    """Makes the editors of a table; the cells are painted elsewhere.

    Attributes:
        first_text: What the next editor begins with instead of the cell's text: the character that was typed.
        entered: Enter ended the last edit.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.first_text: str | None = None
        self.entered = False

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, index: Index) -> QWidget:
        text = str(index.data(Qt.ItemDataRole.EditRole) or "")
        editor: QLineEdit | CellEditor
        if self.first_text is None and (len(text) > LONG_CHARACTERS or "\n" in text):
            editor = CellEditor(parent)
            editor.done.connect(self._commit)
        else:
            editor = QLineEdit(parent)
        editor.setAccessibleName(str(index.model().headerData(index.column(), Qt.Orientation.Horizontal)))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """The model may tell of changes while the user types; what is typed stays."""
        if isinstance(editor, QLineEdit):
            if self.first_text is not None:
                editor.setText(self.first_text)
                editor.setModified(True)
                self.first_text = None
            elif not editor.isModified():
                editor.setText(str(index.data(Qt.ItemDataRole.EditRole) or ""))
                editor.selectAll()
        elif isinstance(editor, CellEditor) and not editor.document().isModified():
            editor.setPlainText(str(index.data(Qt.ItemDataRole.EditRole) or ""))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Only what was really typed: a missing value stays missing when it is looked at."""
        if isinstance(editor, CellEditor):
            if editor.document().isModified():
                model.setData(index, editor.toPlainText(), Qt.ItemDataRole.EditRole)
        elif isinstance(editor, QLineEdit) and editor.isModified():
            model.setData(index, editor.text(), Qt.ItemDataRole.EditRole)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: Index) -> None:
        opt: Any = option
        if isinstance(editor, CellEditor):
            room = editor.parentWidget()
            editor.place(opt.rect, room.rect() if room is not None else opt.rect)
        else:
            editor.setGeometry(opt.rect)

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        """Enter commits and goes down, as in a spreadsheet. Tab and Esc are Qt's, and do what is expected."""
        enter = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.type() is QEvent.Type.ShortcutOverride:
            event.accept()  # Ctrl+Enter ends the edit here, and does not press the button of the page
            return True
        if enter and isinstance(editor, QLineEdit) and event.type() is QEvent.Type.KeyPress:
            self._end(editor)
            return True
        return super().eventFilter(editor, event)

    @Slot()
    def _commit(self) -> None:
        editor = self.sender()
        if isinstance(editor, CellEditor):
            self._end(editor)

    def _end(self, editor: QWidget) -> None:
        self.entered = True
        self.commitData.emit(editor)
        self.closeEditor.emit(editor, QStyledItemDelegate.EndEditHint.NoHint)
        self.entered = False
