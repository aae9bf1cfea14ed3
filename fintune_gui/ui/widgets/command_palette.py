"""Every action by its name: type a few letters of it, press Enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.theme import colour, font, metrics, tokens
from fintune_gui.ui.widgets.controls import Label
from fintune_gui.ui.widgets.search_field import SearchField

Index = QModelIndex | QPersistentModelIndex

_WIDTH = 560
_LINE_HEIGHT = 34
_MOST_LINES = 10
_TOP = 72
_PADDING = 14
_NOWHERE = QModelIndex()


def score(wanted: str, words: str) -> int | None:
    """How well typed letters fit some words, higher is better; None if they do not occur in this order.

    The start of a word and letters side by side count more, so that "gtr" finds "Go to a row" first.
    """
    wanted, words = wanted.lower().replace(" ", ""), words.lower()
    best: int | None = None
    for start in (place for place, letter in enumerate(words) if wanted[:1] == letter):
        points, place, before = 0, start, start - 1
        for letter in wanted:
            place = words.find(letter, place)
            if place < 0:
                return best
            starts_word = place == 0 or not words[place - 1].isalnum()
            points += 8 * starts_word + 5 * (place == before + 1) - min(4, place - before - 1)
            before, place = place, place + 1
        best = points if best is None else max(best, points)
    return best if wanted else 0


def found(commands: Sequence[Command], wanted: str, recent: Sequence[str]) -> list[Command]:
    """The commands that fit, best first; those used lately come first among equals, and all of them where nothing is
    typed yet. What cannot be done now comes last."""

    def rank(command: Command) -> tuple[bool, int, int] | None:
        points = score(wanted, f"{command.words} {command.group}")
        if points is None:
            return None
        age = recent.index(command.words) if command.words in recent else len(recent)
        return bool(command.reason), -points, age

    ranked = [(place, command) for command in commands if (place := rank(command)) is not None]
    return [command for _, command in sorted(ranked, key=lambda pair: pair[0])]


class _Lines(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.commands: list[Command] = []

    def show_commands(self, commands: list[Command]) -> None:
        self.beginResetModel()
        self.commands = commands
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.commands)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        command = self.commands[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return command.words
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (command.words, _native(command.keys), command.reason) if part)
        return command.reason or None if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        # also what cannot be done is read out, with its reason
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class CommandPalette(QFrame):
    """Lies over the window, below its upper edge. Esc, or the focus going elsewhere, closes it.

    Attributes:
        recent: Words of the actions that ran lately, the last one first.
    """

    ran = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setProperty("kind", "popover")
        self.setAccessibleName("Command palette")
        self.recent: list[str] = []
        self._commands: list[Command] = []
        self._focus_before: QWidget | None = None
        self.field = SearchField("Find an action", "What do you want to do?")
        self.field.textChanged.connect(self._find)
        self.field.installEventFilter(self)
        window.installEventFilter(self)
        self._lines = _Lines(self)
        self.list = QListView()
        self.list.setAccessibleName("Actions")
        self.list.setModel(self._lines)
        self.list.setItemDelegate(_CommandDelegate(self.list))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.list.clicked.connect(self.run_current)
        self.nothing = Label("No action has such a name.", "muted")
        self.nothing.setContentsMargins(_PADDING, 4, 0, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)
        self.hide()

    # What the window says

    def open(self, commands: Sequence[Command]) -> None:
        """Show these actions, with an empty field to search them."""
        self._focus_before = QApplication.focusWidget()
        self._commands = list(commands)
        self.field.clear()
        self._find()
        self.show()
        self.raise_()
        self.field.setFocus()

    @Slot()
    def close_palette(self) -> None:
        """Go away, and give the focus back to where it was."""
        before, self._focus_before = self._focus_before, None
        self.hide()
        if before is not None and before.isVisible():
            before.setFocus()

    @property
    def shown(self) -> list[Command]:
        """The actions that fit what was typed, best first."""
        return self._lines.commands

    # Inside

    @Slot()
    def _find(self) -> None:
        commands = found(self._commands, self.field.text(), self.recent)
        self._lines.show_commands(commands)
        if commands:
            self.list.setCurrentIndex(self._lines.index(0))
        self.list.setVisible(bool(commands))
        self.nothing.setVisible(not commands)
        self.list.setFixedHeight(_LINE_HEIGHT * min(len(commands), _MOST_LINES) + 2)
        self._place()

    def _place(self) -> None:
        room = self.window().rect()
        width = min(_WIDTH, room.width() - 48)
        self.setFixedWidth(width)
        self.adjustSize()
        self.move((room.width() - width) // 2, min(_TOP, max(0, room.height() - self.height())))

    @Slot()
    def run_current(self) -> None:
        """Do what is marked; nothing happens if it cannot be done."""
        index = self.list.currentIndex()
        if not index.isValid():
            return
        command = self._lines.commands[index.row()]
        if command.reason:
            return
        self.recent = [command.words, *(words for words in self.recent if words != command.words)][:50]
        self.close_palette()
        self.ran.emit(command.words)
        command.act()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is not self.field:
            if event.type() is QEvent.Type.Resize and self.isVisible():
                self._place()
            return False
        if event.type() is QEvent.Type.FocusOut and self.isVisible() and QApplication.activePopupWidget() is None:
            self.hide()
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                event.accept()  # else Esc only empties the field, and Ctrl+Enter presses the page's button
                return True
        elif event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._press(event)
        return False

    def _press(self, event: QKeyEvent) -> bool:
        key, row, last = event.key(), self.list.currentIndex().row(), len(self._lines.commands) - 1
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: _MOST_LINES,
            Qt.Key.Key_PageUp: -_MOST_LINES,
        }
        if key == Qt.Key.Key_Escape:
            self.close_palette()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run_current()
        elif key in steps and last >= 0:
            step = steps[Qt.Key(key)]
            wrapped = (row + step) % (last + 1) if abs(step) == 1 else max(0, min(last, row + step))
            self.list.setCurrentIndex(self._lines.index(wrapped))
        else:
            return False
        return True


class _CommandDelegate(QStyledItemDelegate):
    """Words at the left, keys at the right; what cannot be done is grey, with the reason beside it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, _LINE_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        view, opt, t = self.parent(), option, tokens()
        assert isinstance(view, QListView)
        lines = view.model()
        assert isinstance(lines, _Lines)
        command = lines.commands[index.row()]
        box: QRect = opt.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if view.currentIndex() == index:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(t.soft("info")))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), 6, 6)
        room = box.adjusted(_PADDING, 0, -_PADDING, 0)
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        keys = _native(command.keys) or command.group
        painter.setFont(font("small"))
        painter.setPen(colour(t.disabled_text if command.reason else t.muted_on_soft))
        painter.drawText(room, right, keys)
        room.setRight(room.right() - painter.fontMetrics().horizontalAdvance(keys) - 16)
        painter.setFont(font())
        painter.setPen(colour(t.disabled_text if command.reason else t.text))
        words = painter.fontMetrics().elidedText(command.words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, left, words)
        if command.reason:
            room.setLeft(room.left() + painter.fontMetrics().horizontalAdvance(words) + 12)
            painter.setFont(font("small"))
            reason = painter.fontMetrics().elidedText(command.reason, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, left, reason)
        painter.restore()


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
