"""The recipe: every change in its order, a way back to each of them, and a menu of further steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from fintune_gui.ui.itemmodels.history_model import LINE_ROLE, HistoryLine, HistoryModel
from fintune_gui.ui.theme import colour, font, tokens
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import MenuButton
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Operation

_LINE_HEIGHT = 24
_NUMBER_WIDTH = 20


class RecipeCard(Card):
    """Shows the history; a click or Enter on a line goes to the state right after it.

    Signals:
        go_to_requested: The `seq` of an operation, or 0 for the import.
    """

    go_to_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Recipe", parent=parent)
        self._note = self.add_note("Click a change to go back to it.")
        self.model = HistoryModel(self)
        self.list = QListView()
        self.list.setAccessibleName("History of changes")
        self.list.setModel(self.model)
        self.list.setItemDelegate(_LineDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMinimumHeight(3 * _LINE_HEIGHT)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.clicked.connect(self._go)
        self.list.activated.connect(self._go)
        self.add(self.list, 1)
        self.add_step = MenuButton("Add a step")
        self.add_step.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.add(self.add_step)

    def show_operations(self, operations: Sequence[Operation]) -> None:
        """Show the history: what is in force, and below what can be redone."""
        self.model.show_operations(operations)
        self.list.scrollTo(self.model.index(self.model.present), QAbstractItemView.ScrollHint.EnsureVisible)
        steps = sum(operation.in_force for operation in operations)
        self.setAccessibleDescription(f"{counted(steps, 'change')} in force")

    def set_steps(self, entries: Sequence[tuple[str, Callable[[], object]] | None]) -> None:
        """What the menu offers."""
        self.add_step.set_entries(entries)

    def set_enabled(self, *, enabled: bool) -> None:
        """Whether anything can be changed now."""
        self.list.setEnabled(enabled)
        self.add_step.setEnabled(enabled)

    @Slot(QModelIndex)
    def _go(self, index: QModelIndex) -> None:
        line: HistoryLine = index.data(LINE_ROLE)
        if index.row() != self.model.present:
            self.go_to_requested.emit(line.last)


class _LineDelegate(QStyledItemDelegate):
    """Number, sentence, count; undone lines are grey and struck through, the present one has a mark."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, _LINE_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        line: HistoryLine = index.data(LINE_ROLE)
        opt = option
        box = QRect(opt.rect)
        state = opt.state
        painter.save()
        if state & QStyle.StateFlag.State_MouseOver or state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(box, colour(tokens().soft("neutral")))
        small, body = font("small"), font()
        body.setStrikeOut(not line.in_force)
        painter.setFont(small)
        painter.setPen(colour(tokens().muted))
        number = "•" if line.number == 0 else str(line.number)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(box.adjusted(2, 0, 0, 0), middle | int(Qt.AlignmentFlag.AlignLeft), number)
        painter.drawText(box.adjusted(0, 0, -4, 0), middle | int(Qt.AlignmentFlag.AlignRight), line.count)
        taken = QFontMetrics(small).horizontalAdvance(line.count) + (16 if line.count else 6)
        left = max(_NUMBER_WIDTH, QFontMetrics(small).horizontalAdvance(number) + 10)
        words = box.adjusted(left, 0, -taken, 0)
        painter.setFont(body)
        painter.setPen(colour(tokens().text if line.in_force else tokens().muted))
        text = QFontMetrics(body).elidedText(line.text, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, middle, text)
        painter.restore()
