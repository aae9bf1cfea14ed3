"""A small table to read and to copy: a few dozen lines that are there at once. Many rows belong into `DataTable`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QKeySequence, QPainter, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from fintune_gui.ui.theme import Tone, colour, font, tokens

_LINE_HEIGHT = 28


_PADDING = 5
_NARROWEST_TEXT = 110


class _PaddedDelegate(QStyledItemDelegate):
    """Cells begin and end where the texts of their headers do."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        option.rect.adjust(_PADDING, 0, -_PADDING, 0)
        super().paint(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return super().sizeHint(option, index) + QSize(2 * _PADDING, 0)


class SmallTable(QTableWidget):
    """The first column is text and takes the room; the others are figures. As high as its lines, up to
    `most_lines`; then it scrolls. Where the first column would be too narrow, the second one hides. Ctrl+C copies the
    whole table."""

    def __init__(
        self, name: str, headers: Sequence[str], *, most_lines: int = 12, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(headers), parent)
        self._most_lines = most_lines
        self._second_width = 0
        self.setAccessibleName(name)
        self.setFont(font())
        self.setHorizontalHeaderLabels(list(headers))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setItemDelegate(_PaddedDelegate(self))
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_LINE_HEIGHT)
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setHighlightSections(False)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column in range(len(headers)):
            item = self.horizontalHeaderItem(column)
            stretch = column == 0
            header.setSectionResizeMode(
                column, QHeaderView.ResizeMode.Stretch if stretch else QHeaderView.ResizeMode.ResizeToContents
            )
            if item is not None:
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter if stretch else right)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self, self.copy, Qt.ShortcutContext.WidgetShortcut)

    def show_lines(self, lines: Sequence[Sequence[str]], tones: Sequence[Tone | None] = ()) -> None:
        """Show these lines; `tones` colours the last cell of a line, beside the words in it."""
        self.setRowCount(len(lines))
        for row, line in enumerate(lines):
            for column, text in enumerate(line):
                item = QTableWidgetItem(text)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(text if column == 0 else "")
                tone = tones[row] if row < len(tones) else None
                if tone is not None and column == len(line) - 1:
                    item.setForeground(colour(tokens().ink(tone)))
                self.setItem(row, column, item)
        head = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(head + _LINE_HEIGHT * min(len(lines), self._most_lines) + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        header = self.horizontalHeader()
        if not self.isColumnHidden(1):  # a hidden column has no width to ask for
            self._second_width = max(self.sizeHintForColumn(1), header.sectionSizeHint(1))
        others = sum(max(self.sizeHintForColumn(c), header.sectionSizeHint(c)) for c in range(2, self.columnCount()))
        room = self.viewport().width() - others - self._second_width
        self.setColumnHidden(1, self.columnCount() > 2 and room < _NARROWEST_TEXT)
        super().resizeEvent(event)

    def text(self) -> str:
        """The table as tab-separated lines with a head line."""
        heads = [self.horizontalHeaderItem(column) for column in range(self.columnCount())]
        lines = ["\t".join(head.text() if head else "" for head in heads)]
        for row in range(self.rowCount()):
            cells = [self.item(row, column) for column in range(self.columnCount())]
            lines.append("\t".join(cell.text() if cell else "" for cell in cells))
        return "\n".join(lines)

    def copy(self) -> None:
        """Put the whole table on the clipboard."""
        QApplication.clipboard().setText(self.text())
