"""A short list of files as a table: one line each, one of them chosen, with the keyboard too."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from fintune_gui.ui.itemmodels.files_model import FilesModel
from fintune_gui.ui.theme import font

_LINE_HEIGHT = 30
_PADDING = 6


class LineDelegate(QStyledItemDelegate):
    """A line is marked as a whole, and no cell of it gets a frame of its own; texts begin where those of headers do."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, option.palette.highlight())
        option.state &= ~(QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_Selected)
        option.rect.adjust(_PADDING, 0, -_PADDING, 0)
        super().paint(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return super().sizeHint(option, index) + QSize(2 * _PADDING, 0)


class FileTable(QTableView):
    """The section `wide` takes the room that the others leave.

    Signals:
        chosen: The key of the line at the cursor, or "".
        remove_requested: Del was pressed on the line with this key.
        opened: Enter was pressed, or the line was pressed twice; its key.
    """

    chosen = Signal(str)
    remove_requested = Signal(str)
    opened = Signal(str)

    def __init__(
        self, name: str, model: FilesModel, *, wide: int, most_lines: int = 0, parent: QWidget | None = None
    ) -> None:
        """`most_lines`: the table is as high as its lines, up to so many; 0: as high as there is room."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFont(font())
        self._files = model
        self._most_lines = most_lines
        self.setItemDelegate(LineDelegate(self))
        self.setModel(model)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_LINE_HEIGHT)
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setHighlightSections(False)
        for section in range(model.columnCount()):
            mode = QHeaderView.ResizeMode.Stretch if section == wide else QHeaderView.ResizeMode.ResizeToContents
            header.setSectionResizeMode(section, mode)
        header.setMaximumSectionSize(340)
        header.setResizeContentsPrecision(100)
        model.modelReset.connect(self._fit)
        self.selectionModel().currentRowChanged.connect(self._tell)
        self.doubleClicked.connect(lambda _index: self.opened.emit(self.key()))
        self._fit()

    def key(self) -> str:
        """The key of the line at the cursor, or ""."""
        line = self._files.line(self.currentIndex().row())
        return line.key if line else ""

    def set_most_lines(self, lines: int) -> None:
        """Be as high as the lines, up to so many."""
        if lines != self._most_lines:
            self._most_lines = lines
            self._fit()

    def choose(self, key: str) -> None:
        """Put the cursor on the line with `key`, if there is one."""
        place = self._files.place_of(key)
        if place >= 0 and place != self.currentIndex().row():
            self.setCurrentIndex(self._files.index(place, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.key():
            self.remove_requested.emit(self.key())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() and self.key():
            self.opened.emit(self.key())
        else:
            super().keyPressEvent(event)

    @Slot()
    def _fit(self) -> None:
        if self._most_lines:
            lines = max(1, min(self._files.rowCount(), self._most_lines))
            self.setFixedHeight(self.horizontalHeader().sizeHint().height() + _LINE_HEIGHT * lines + 3)

    @Slot(QModelIndex, QModelIndex)
    def _tell(self, current: QModelIndex, _before: QModelIndex) -> None:
        line = self._files.line(current.row())
        self.chosen.emit(line.key if line else "")
