"""Rows that could not be read: a list, and the text of one of them to be mended in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QTextCursor, QTextFormat
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPlainTextEdit,
    QSplitter,
    QTableView,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from fintune_gui.ui.itemmodels.rejects_model import RejectsModel
from fintune_gui.ui.theme import Tone, font, metrics, tokens
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.file_table import LineDelegate
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import Rejected

_ROW_HEIGHT = 30
_WAIT_MS = 150
"""After so long without a key the text is tried."""
_WIDTHS = (140, 60, 76, 300)


class RejectsView(QWidget):
    """Shows `Rejected` rows. What the user makes of their texts is kept until it is brought in.

    Signals:
        try_wanted: (place, text): can this be read?
        bring_in: The places whose rows shall be brought in.
    """

    try_wanted = Signal(int, str)
    bring_in = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rejects: Sequence[Rejected] = ()
        self.texts: dict[int, str] = {}
        """Place -> the text that the user has made of it."""
        self.place = -1
        self._enabled = True
        self._readable = False
        self.model = RejectsModel(self)
        self.table = QTableView()
        self.editor = _MendEditor("Text of the row")
        self._title = Label("", "card_title")
        self._verdict = Label("", "body", wrap=True, selectable=True)
        self._values = Label("", "small", wrap=True, selectable=True)
        self.bring_one = Button("Bring the row in", self._bring_one, tool_tip="Ctrl+Enter")
        self.bring_all = Button("Bring in all mended rows", self._bring_all)
        self.take_back = Button("As it was", self._take_back, kind="link")
        self.previous = Button("Previous", lambda: self._step(-1), kind="link", tool_tip="Alt+Up")
        self.next = Button("Next", lambda: self._step(1), kind="link", tool_tip="Alt+Down")
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(_WAIT_MS)
        self._waiting.timeout.connect(self._try)
        self._build()

    def _build(self) -> None:
        table = self.table
        table.setAccessibleName("Rejected rows")
        table.setFont(font())
        table.setItemDelegate(LineDelegate(table))
        table.setModel(self.model)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setSectionsClickable(False)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for section, width in enumerate(_WIDTHS):
            table.setColumnWidth(section, width)
        table.selectionModel().currentRowChanged.connect(self._on_row)
        table.doubleClicked.connect(lambda _index: self.editor.setFocus())
        self._list = Card("Rejected")
        self._list.add_action(self.bring_all)
        self._list.add_note("Kept as they stand in the file, not among your rows. Mend the text below and bring it in.")
        self._list.add(table, 1)
        mend = Card()
        mend.header.insertWidget(0, self._title)
        mend.add_action(self.previous, self.next, self.take_back, self.bring_one)
        mend.body.setContentsMargins(0, metrics.SMALL_GAP, 0, 0)
        mend.add(self.editor, 1)
        mend.add(self._verdict)
        mend.add(self._values)
        self.editor.textChanged.connect(self._on_text)
        self.editor.commit.connect(self._bring_one)
        self.editor.step.connect(self._step)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setHandleWidth(metrics.GAP)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self._list)
        splitter.addWidget(mend)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([360, 260])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    # What the page says

    def show_rejects(self, rejects: Sequence[Rejected], texts: Mapping[int, str]) -> None:
        """Show these; `texts` are what the user has made of some of them, by place."""
        self._rejects, self.texts = rejects, dict(texts)
        self.model.show_rejects(rejects, self.texts)
        self._list.set_title(f"{counted(len(rejects), 'row')} rejected")
        place = min(max(self.place, 0), len(rejects) - 1)
        self.place = -1
        if rejects:
            self.table.setCurrentIndex(self.model.index(place, 0))
        self._show_buttons()

    def set_enabled(self, *, enabled: bool) -> None:
        """Nothing can be mended while other work is done, or in a read-only project."""
        self._enabled = enabled
        self.editor.setReadOnly(not enabled)
        self._show_buttons()

    def show_verdict(self, place: int, verdict: str, tone: Tone, values: str, at: int | None) -> None:
        """Say whether the text of the row at `place` can be read: what is wrong and where, or what it becomes."""
        if place != self.place:
            return
        self._readable = tone == "good"
        self._verdict.setText(verdict)
        self._verdict.set_tone(tone)
        self._values.setText(values)
        self._values.setVisible(bool(values))
        self.editor.mark(at)
        self._show_buttons()

    # Inside

    def _show_buttons(self) -> None:
        self.bring_one.setEnabled(self._enabled and self._readable)
        self.bring_all.setEnabled(self._enabled and bool(self.texts))
        self.bring_all.setText(
            f"Bring in {counted(len(self.texts), 'mended row')}" if self.texts else "Bring in mended rows"
        )
        self.bring_all.setToolTip("" if self.texts else "Mend a row first.")
        self.take_back.setEnabled(self._enabled and self.place in self.texts)
        self.previous.setEnabled(self.place > 0)
        self.next.setEnabled(0 <= self.place < len(self._rejects) - 1)

    @Slot(QModelIndex, QModelIndex)
    def _on_row(self, current: QModelIndex, _before: QModelIndex) -> None:
        place = current.row()
        if not 0 <= place < len(self._rejects) or place == self.place:
            return
        self.place, self._readable = place, False
        reject = self._rejects[place]
        self._title.setText(f"{reject.file}, line {reject.line:,}")
        self._set_text(self.texts.get(place, reject.text))
        column = f", column {reject.column:,}" if reject.column is not None else ""
        self.show_verdict(place, f"Line {reject.line:,}{column}: {reject.reason}.", "bad", "", None)
        self._try()

    def _set_text(self, text: str) -> None:
        self.editor.blockSignals(True)
        self.editor.setPlainText(text)
        self.editor.blockSignals(False)

    @Slot()
    def _on_text(self) -> None:
        text = self.editor.toPlainText()
        if self.place < 0:
            return
        if text == self._rejects[self.place].text:
            self.texts.pop(self.place, None)
        else:
            self.texts[self.place] = text
        self._readable = False
        self.model.text_changed(self.place)
        self._show_buttons()
        self._waiting.start()

    @Slot()
    def _try(self) -> None:
        if 0 <= self.place < len(self._rejects):
            self.try_wanted.emit(self.place, self.editor.toPlainText())

    @Slot()
    def _bring_one(self) -> None:
        if self.bring_one.isEnabled():
            self.bring_in.emit([self.place])

    @Slot()
    def _bring_all(self) -> None:
        self.bring_in.emit(sorted(self.texts))

    @Slot()
    def _take_back(self) -> None:
        self.texts.pop(self.place, None)
        self._set_text(self._rejects[self.place].text)
        self.model.text_changed(self.place)
        self._show_buttons()
        self._try()

    def _step(self, by: int) -> None:
        place = self.place + by
        if 0 <= place < len(self._rejects):
            self.table.setCurrentIndex(self.model.index(place, 0))


class _MendEditor(QPlainTextEdit):
    """Ctrl+Enter commits; Alt+Up and Alt+Down go to the neighbours; the place of a problem is marked.

    Signals:
        commit: The text is finished.
        step: Go on by so many rows.
    """

    commit = Signal()
    step = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFont(font("code"))
        self.setTabChangesFocus(True)
        self.setMinimumHeight(72)
        self._keys: dict[tuple[Qt.Key, Qt.KeyboardModifier], Callable[[], None]] = {
            (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier): self.commit.emit,
            (Qt.Key.Key_Enter, Qt.KeyboardModifier.ControlModifier): self.commit.emit,
            (Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier): lambda: self.step.emit(-1),
            (Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier): lambda: self.step.emit(1),
        }

    def mark(self, at: int | None) -> None:
        """Mark the character at `at` (from 0), or the end of the text if it lies behind; None: nothing."""
        marks = []
        if at is not None:
            length = len(self.toPlainText())
            cursor = QTextCursor(self.document())
            cursor.setPosition(max(0, min(at, length - 1)))
            cursor.movePosition(QTextCursor.MoveOperation.NextCharacter, QTextCursor.MoveMode.KeepAnchor)
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor
            mark.format.setBackground(QColor(tokens().soft("bad")))
            mark.format.setForeground(QColor(tokens().ink("bad")))
            mark.format.setProperty(QTextFormat.Property.FontWeight, 700)
            marks.append(mark)
        self.setExtraSelections(marks)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._act_of(event):
            event.accept()  # else the window takes Ctrl+Enter
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if act := self._act_of(event):
            act()
        else:
            super().keyPressEvent(event)

    def _act_of(self, event: QKeyEvent) -> Callable[[], None] | None:
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return next((act for (key, held), act in self._keys.items() if event.key() == key and modifiers == held), None)
