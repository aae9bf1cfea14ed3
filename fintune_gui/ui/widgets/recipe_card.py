"""The history: every change in its order, a way back to each of them, and a menu of further steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QResizeEvent
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
from fintune_gui.ui.theme import colour, font, paint_icon, tokens
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import MenuButton
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Operation

_LINE_HEIGHT = 24
_NUMBER_WIDTH = 22


class RecipeCard(Card):
    """Shows the history; a click or Enter on a line goes to the state right after it.

    Args:
        adds_steps: Whether further steps can be added here.

    Signals:
        go_to_requested: The `seq` of an operation, or 0 for the import.
    """

    go_to_requested = Signal(int)

    def __init__(self, *, adds_steps: bool = True, parent: QWidget | None = None) -> None:
        super().__init__("History", parent=parent)
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
        self.add_step.setVisible(adds_steps)

    def show_operations(self, operations: Sequence[Operation], head: int, tip: int) -> None:
        """Show the history: what is in force, below what can be redone, and other branches where they begin."""
        self.model.show_operations(operations, head, tip)
        present = self.model.index(self.model.present)
        if not self.list.hasFocus():
            self.list.setCurrentIndex(present)
        QTimer.singleShot(0, self, self._bring_into_view)  # once the list has its size
        self.setAccessibleDescription(f"{counted(self.model.lines[self.model.present].number, 'change')} in force")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self.list.hasFocus():
            QTimer.singleShot(0, self, self._bring_into_view)

    @Slot()
    def _bring_into_view(self) -> None:
        self.list.scrollTo(self.model.index(self.model.present), QAbstractItemView.ScrollHint.EnsureVisible)

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
        if line.kind == "earlier":
            self.model.show_earlier()
        elif line.kind != "time" and index.row() != self.model.present:
            self.go_to_requested.emit(line.last)


class _LineDelegate(QStyledItemDelegate):
    """Number, sentence, count. Undone lines are grey and struck through; the present one has a mark and is bold."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, _LINE_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        line: HistoryLine = index.data(LINE_ROLE)
        opt: Any = option
        box = QRect(opt.rect)
        state = opt.state
        painter.save()
        if line.kind != "time" and state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(tokens().soft("neutral")))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(QRectF(box), 5, 5)
        if line.kind == "time":
            _draw(painter, box.adjusted(4, 0, -4, 0), line.text, font("small"), tokens().muted)
        elif line.kind in ("branch", "earlier"):
            paint_icon(painter, "forward" if line.kind == "branch" else "back", _mark_box(box), tokens().muted)
            _draw(painter, box.adjusted(_NUMBER_WIDTH + 6, 0, -4, 0), line.text, font("small"), tokens().ink("info"))
        else:
            self._paint_change(painter, box, line, here=_is_present(index))
        painter.restore()

    def _paint_change(self, painter: QPainter, box: QRect, line: HistoryLine, *, here: bool) -> None:
        small, words = font("small"), font("strong" if here else "body")
        words.setStrikeOut(not line.in_force)
        number = str(line.number) if line.number else "•"
        if here:
            paint_icon(painter, "forward", _mark_box(box), tokens().accent)
        else:
            _draw(painter, box.adjusted(4, 0, 0, 0), number, small, tokens().muted)
        taken = QFontMetrics(small).horizontalAdvance(line.count) + (12 if line.count else 4)
        counts = box.adjusted(box.width() - taken, 0, -4, 0)
        painter.setFont(small)
        painter.setPen(colour(tokens().muted))
        painter.drawText(counts, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), line.count)
        left = max(_NUMBER_WIDTH, QFontMetrics(small).horizontalAdvance(number) + 10)
        ink = tokens().text if line.in_force else tokens().muted
        _draw(painter, box.adjusted(left, 0, -taken - 4, 0), line.text, words, ink)


def _is_present(index: QModelIndex | QPersistentModelIndex) -> bool:
    model = index.model()
    return isinstance(model, HistoryModel) and index.row() == model.present


def _mark_box(box: QRect) -> QRectF:
    return QRectF(box.left() + 2, box.center().y() - 6, 13, 13)


def _draw(painter: QPainter, box: QRect, text: str, kind: QFont, ink: str) -> None:
    painter.setFont(kind)
    painter.setPen(colour(ink))
    shown = QFontMetrics(kind).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
