"""The values of one facet with their counts: a list in which values are let in or kept out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLineEdit,
    QListView,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from fintune_gui.ui.theme import colour, font, paint_icon, tokens
from fintune_gui.ui.widgets.words import counted

Index = QModelIndex | QPersistentModelIndex

_LINE_HEIGHT = 26
_MARK = 14
_LEFT = 10
_RIGHT = 10
_EXCLUDE = 22
_NOWHERE = QModelIndex()


@dataclass(frozen=True)
class FacetLine:
    """One value: its words, how many rows hold it, and the condition that selects them.

    `value` is None where it is no value of a cell, or not all of it, and then it cannot be renamed.
    """

    words: str
    count: int
    condition: str
    value: str | None = None


class FacetModel(QAbstractListModel):
    """The lines, and which of them are let in or kept out.

    Signals:
        rename_requested: (line number, new text).
    """

    rename_requested = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: tuple[FacetLine, ...] = ()
        self.included: frozenset[int] = frozenset()
        self.excluded: frozenset[int] = frozenset()

    def show_lines(self, lines: Sequence[FacetLine]) -> None:
        """Other lines; where only counts differ, the cursor stays."""
        if [line.condition for line in lines] == [line.condition for line in self.lines]:
            self.lines = tuple(lines)
            self._repaint()
            return
        self.beginResetModel()
        self.lines = tuple(lines)
        self.included = self.excluded = frozenset()
        self.endResetModel()

    def show_choice(self, included: frozenset[int], excluded: frozenset[int]) -> None:
        """Mark the lines that the filter lets in and keeps out."""
        self.included, self.excluded = included, excluded
        self._repaint()

    def _repaint(self) -> None:
        if self.lines:
            self.dataChanged.emit(self.index(0), self.index(len(self.lines) - 1))

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line = self.lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return line.words
        if role == Qt.ItemDataRole.EditRole:
            return line.value or ""
        if role == Qt.ItemDataRole.AccessibleTextRole:
            state = (
                ", included" if index.row() in self.included else ", excluded" if index.row() in self.excluded else ""
            )
            return f"{line.words}, {counted(line.count, 'row')}{state}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{line.words}\n{counted(line.count, 'row')}"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.isValid() and self.lines[index.row()].value is not None:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or str(value) == self.lines[index.row()].value:
            return False
        self.rename_requested.emit(index.row(), str(value))
        return True


class FacetList(QListView):
    """As high as its lines. A click lets one value in, Ctrl and Shift several, Alt or the minus keeps one out.

    Keys: Enter lets only this one in, Space this one too, "-" keeps it out, F2 renames it, Ctrl+C copies the list.

    Attributes:
        can_rename: Whether values can be changed now.

    Signals:
        chosen: (numbers let in, numbers kept out), both frozen sets.
        rename_requested: (line number, new text).
        copied: A sentence about what was copied.
    """

    chosen = Signal(object, object)
    rename_requested = Signal(int, str)
    copied = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.facet = FacetModel(self)
        self.facet.rename_requested.connect(self.rename_requested)
        self.facet.modelReset.connect(self.updateGeometry)
        self.setModel(self.facet)
        self.can_rename = False
        self._anchor = 0
        self._most = 1_000
        self.setFont(font())
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(_LineDelegate(self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_most(self, lines: int) -> None:
        """Show at most so many lines; the others wait below."""
        self._most = lines
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(160, _LINE_HEIGHT * min(self._most, len(self.facet.lines)) + 2)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    # Choosing

    def choose(self, number: int) -> None:
        """Let only this value in, or everything again if it was the only one."""
        facet = self.facet
        alone = facet.included == {number}
        self._anchor = number
        self.chosen.emit(frozenset() if alone else frozenset({number}), frozenset())

    def toggle(self, number: int) -> None:
        """Let this value in as well, or not any more."""
        self._anchor = number
        self.chosen.emit(self.facet.included ^ {number}, self.facet.excluded - {number})

    def extend(self, number: int) -> None:
        """Let in everything from the last chosen value to this one."""
        low, high = sorted((self._anchor, number))
        span = frozenset(range(low, high + 1))
        self.chosen.emit(self.facet.included | span, self.facet.excluded - span)

    def exclude(self, number: int) -> None:
        """Keep this value out, or not any more."""
        self.chosen.emit(self.facet.included - {number}, self.facet.excluded ^ {number})

    def rename(self, number: int) -> None:
        """Let the user type another text for a value."""
        if self.can_rename and self.facet.lines[number].value is not None:
            self.setCurrentIndex(self.facet.index(number))
            self.edit(self.facet.index(number))

    @Slot()
    def copy(self) -> None:
        """Values and counts as tab-separated text."""
        lines = [f"{line.words}\t{line.count}" for line in self.facet.lines]
        QGuiApplication.clipboard().setText("\n".join(("value\trows", *lines)))
        self.copied.emit(f"{counted(len(lines), 'value')} copied.")

    # Mouse and keys

    def exclude_box(self, line: QRect) -> QRect:
        """Where the minus of a line is."""
        return QRect(line.right() - _RIGHT - self._count_width() - _EXCLUDE, line.top(), _EXCLUDE, line.height())

    def _count_width(self) -> int:
        most = max((line.count for line in self.facet.lines), default=0)
        return self.fontMetrics().horizontalAdvance(f"{most:,}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if not index.isValid() or event.button() is not Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self.setCurrentIndex(index)
        held = event.modifiers()
        on_minus = self.exclude_box(self.visualRect(index)).contains(event.position().toPoint())
        if held & Qt.KeyboardModifier.AltModifier or on_minus:
            self.exclude(index.row())
        elif held & Qt.KeyboardModifier.ControlModifier:
            self.toggle(index.row())
        elif held & Qt.KeyboardModifier.ShiftModifier:
            self.extend(index.row())
        else:
            self.choose(index.row())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number, key = self.currentIndex().row(), event.key()
        if self.state() is QAbstractItemView.State.EditingState:
            return  # the Enter that ends an edit comes here too
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif number < 0 or key not in _KEYS:
            super().keyPressEvent(event)
            return
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
            (self.exclude if alt else self.choose)(number)
        elif key == Qt.Key.Key_Space:
            self.toggle(number)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Delete):
            self.exclude(number)
        elif key == Qt.Key.Key_F2:
            self.rename(number)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = (
            self.currentIndex() if event.reason() is QContextMenuEvent.Reason.Keyboard else self.indexAt(event.pos())
        )
        if index.isValid():
            self.setCurrentIndex(index)
            at = event.globalPos() if self.rect().contains(event.pos()) else self.mapToGlobal(QPoint(20, 20))
            self.menu(index.row()).popup(at)

    def menu(self, number: int) -> QMenu:
        """What can be done with a value."""
        line = self.facet.lines[number]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Only this", lambda: self.choose(number))
        menu.addAction("Include", lambda: self.toggle(number)).setEnabled(number not in self.facet.included)
        menu.addAction(
            "Exclude" if number not in self.facet.excluded else "No longer exclude", lambda: self.exclude(number)
        )
        menu.addSeparator()
        if line.value is not None:
            rename = menu.addAction(f"Rename value in {counted(line.count, 'row')} …", lambda: self.rename(number))
            rename.setShortcut(QKeySequence("F2"))
            rename.setEnabled(self.can_rename)
        menu.addAction("Copy all values with counts", self.copy)
        return menu

    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.facet.lines:
            self.setCurrentIndex(self.facet.index(0))


_KEYS = frozenset(
    {
        Qt.Key.Key_Return,
        Qt.Key.Key_Enter,
        Qt.Key.Key_Space,
        Qt.Key.Key_Minus,
        Qt.Key.Key_Delete,
        Qt.Key.Key_F2,
    }
)


class _LineDelegate(QStyledItemDelegate):
    """A mark, the value, a minus where the mouse or the cursor is, and the count over a quiet bar."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(80, _LINE_HEIGHT)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName("New value")
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Counts may change while the user types; what is typed stays."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        view = self.parent()
        assert isinstance(view, FacetList)
        opt: Any = option
        facet, number, t = view.facet, index.row(), tokens()
        line, box = facet.lines[number], QRect(opt.rect)
        included, excluded = number in facet.included, number in facet.excluded
        hovered = bool(opt.state & QStyle.StateFlag.State_MouseOver)
        current = view.hasFocus() and view.currentIndex() == index
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inner = QRectF(box).adjusted(4, 1, -4, -1)
        painter.setPen(colour(t.accent) if current else Qt.PenStyle.NoPen)
        painter.setBrush(
            colour(t.soft("info")) if included else colour(t.raised_hover) if hovered else Qt.BrushStyle.NoBrush
        )
        painter.drawRoundedRect(inner.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        if line.count:
            self._paint_bar(
                painter, inner, line.count / max(1, *(other.count for other in facet.lines)), included=included
            )
        if included:
            mark = QRectF(box.left() + _LEFT, box.center().y() - _MARK / 2 + 1, _MARK, _MARK)
            paint_icon(painter, "check", mark, t.ink("info"))
        if excluded or hovered or current:
            minus = view.exclude_box(box)
            painter.setPen(colour(t.ink("bad") if excluded else t.muted))
            painter.drawText(minus, int(Qt.AlignmentFlag.AlignCenter), "−")
        self._paint_words(painter, view, line, box, included=included, excluded=excluded)
        painter.restore()

    def _paint_bar(self, painter: QPainter, inner: QRectF, share: float, *, included: bool) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(tokens().accent if included else tokens().control_line))
        left = inner.left() + _LEFT + _MARK
        width = (inner.right() - 6 - left) * share
        painter.drawRoundedRect(QRectF(left, inner.bottom() - 2, max(2.0, width), 2), 1, 1)

    def _paint_words(
        self, painter: QPainter, view: FacetList, line: FacetLine, box: QRect, *, included: bool, excluded: bool
    ) -> None:
        t, measure = tokens(), view.fontMetrics()
        figure = font("small")
        if excluded:
            struck = font()
            struck.setStrikeOut(True)
            painter.setFont(struck)
        room = QRect(box).adjusted(_LEFT + _MARK + 4, 0, -_RIGHT - view._count_width() - _EXCLUDE, -1)
        quiet = excluded or not line.count
        painter.setPen(colour(t.ink("info") if included else t.muted if quiet else t.text))
        words = measure.elidedText(line.words.replace("\n", " "), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)
        painter.setFont(figure)
        painter.setPen(colour(t.ink("info") if included else t.muted))
        figures = QRect(box).adjusted(0, 0, -_RIGHT, -1)
        painter.drawText(figures, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), f"{line.count:,}")
