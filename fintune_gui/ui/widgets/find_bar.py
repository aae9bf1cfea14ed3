"""Find and replace: what to find, how, where, and what the first changes would look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics, tokens
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.check_menu import CheckMenu
from fintune_gui.ui.widgets.controls import Button, ComboBox, HorizontalLine, Label, LineEdit
from fintune_gui.ui.widgets.difference import difference_html
from fintune_gui.ui.widgets.feedback import escape
from fintune_gui.ui.widgets.words import counted

_PAUSE_MS = 300
_EXAMPLES = 3
_BEFORE = 24
_AFTER = 70


Scope = Literal["matching", "selected", "all"]


@dataclass(frozen=True)
class Wanted:
    """What to find and to put in its place. No `columns` means all of them; `scope`: in which rows to replace."""

    find: str
    replacement: str
    regex: bool
    whole_word: bool
    case_sensitive: bool
    columns: tuple[str, ...]
    scope: Scope


class FindBar(QWidget):
    """Fields, a position, and a preview. Esc closes it, Enter in "Find" goes to the next match, with Shift back.

    Signals:
        changed: The `Wanted` is another one: make a new preview.
        find_next: Go to the next row that holds it.
        find_previous: Go to the one before.
        flag_requested: Flag every row that holds it.
        apply_requested: Replace now.
        opened, closed: The bar was opened, or closed.
    """

    changed = Signal()
    find_next = Signal()
    find_previous = Signal()
    flag_requested = Signal()
    apply_requested = Signal()
    opened = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what = LineEdit("Find", placeholder="Find")
        self.replacement = LineEdit("Replace with", placeholder="Replace with")
        self.columns = CheckMenu("Columns to search", "columns")
        self.scope = ComboBox("Rows to change", [("in all rows", "matching")])
        self.case = _switch("Aa", "Match case")
        self.case.setChecked(True)
        self.whole_word = _switch("“w”", "Whole word")
        self.regex = _switch(".*", "Regular expression")
        self.position = Label("", "small")
        self.position.setAccessibleName("Matches")
        self.previous = Button("Find previous", self.find_previous.emit, kind="icon", icon_name="back")
        self.previous.setToolTip("The row before that holds it (Shift+F3)")
        self.next = Button("Find next", self.find_next.emit, kind="icon", icon_name="forward")
        self.next.setToolTip("The next row that holds it (F3, Enter)")
        self.flag = Button("Flag all", self.flag_requested.emit, tool_tip="Flag every row that holds it")
        self.apply = Button("Replace", self.apply_requested.emit)
        self.note = Label("", "small", wrap=True)
        self.preview = Label("", "small")
        self.preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.preview.setTextFormat(Qt.TextFormat.RichText)
        self.preview.setAccessibleName("Preview")
        self._examples: list[tuple[int, str, str, str]] = []
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self._build()

    def _build(self) -> None:
        for field in (self.what, self.replacement):
            field.textChanged.connect(self._pause.start)
        for switch in (self.case, self.whole_word, self.regex):
            switch.toggled.connect(self._pause.start)
        self.columns.changed.connect(self._pause.start)
        self.scope.chosen.connect(self._pause.start)
        self.what.returnPressed.connect(self._enter)
        close = Button("Close find and replace", self.close_bar, kind="icon", icon_name="close")
        find = row(self.what, self.case, self.whole_word, self.regex, self.previous, self.next, close, spacing=6)
        replace = row(self.replacement, self.apply, spacing=6)
        where = row(self.columns, self.scope, self.flag, self.position, None, spacing=metrics.TINY_GAP)
        find.setStretch(0, 1)
        replace.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 2, 12, 10)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addWidget(HorizontalLine())
        for line in (find, replace, where):
            layout.addLayout(line)
        layout.addWidget(self.note)
        layout.addWidget(self.preview)
        for before, after in pairwise((self.what, self.replacement, self.case, self.whole_word, self.regex)):
            self.setTabOrder(before, after)  # as in other editors, the replacement is one Tab away
        for before, after in pairwise((self.regex, self.previous, self.next, self.apply, self.columns, self.scope)):
            self.setTabOrder(before, after)
        self.show_preview(0, 0, [])
        self.show_position(None, 0)
        self.hide()

    # What the page says

    def open(self, *, replace: bool = False) -> None:
        """Show the bar with the cursor in it."""
        self.show()
        field = self.replacement if replace and self.what.text() else self.what
        field.setFocus()
        field.selectAll()
        self.opened.emit()
        self.changed.emit()

    @Slot()
    def _enter(self) -> None:
        backwards = QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier
        (self.find_previous if backwards else self.find_next).emit()

    @Slot()
    def close_bar(self) -> None:
        self._pause.stop()
        self.hide()
        self.closed.emit()

    def wanted(self) -> Wanted:
        """What the fields say now."""
        columns = self.columns.ticked()
        return Wanted(
            self.what.text(),
            self.replacement.text(),
            self.regex.isChecked(),
            self.whole_word.isChecked(),
            self.case.isChecked(),
            tuple(columns) if len(columns) < self.columns.list.count() else (),
            cast(Scope, self.scope.value()),
        )

    def set_columns(self, columns: Sequence[str]) -> None:
        """Offer the columns of the table."""
        self.columns.set_names(columns)

    def set_scope(self, rows: int, selected: int, total: int, *, matching: bool) -> None:
        """Say in words which rows would be changed: those of the view, the chosen ones, or all `total`."""
        before = self.scope.value()
        words = "matching " if matching else ""
        choices: list[tuple[str, object]] = [(f"in all {rows:,} {words}rows", "matching")]
        if selected > 1:
            choices.append((f"in {selected:,} selected rows", "selected"))
        if matching:
            choices.append((f"in all {total:,} rows", "all"))
        self.scope.set_choices(choices)
        if self.scope.value() != before:
            self._pause.start()

    def show_position(self, place: int | None, rows: int) -> None:
        """Say at which of the rows that hold it the cursor is; None if it is at none of them."""
        at = f"{place + 1:,} of {rows:,}" if place is not None else counted(rows, "row")
        self.position.setText(at if self.what.text() else "")
        for button in (self.previous, self.next, self.flag):
            button.setEnabled(rows > 0)

    def show_error(self, sentence: str) -> None:
        """Say why the search cannot be done; "" takes it away."""
        self.what.mark_invalid(invalid=bool(sentence))
        self.note.set_tone("bad" if sentence else None)
        if sentence:
            self.note.setText(sentence)
            self.preview.hide()
            self.apply.setEnabled(False)

    def show_looking(self) -> None:
        """A new preview is being made; what the old one said is not true any more."""
        self.show_error("")
        self.apply.setEnabled(False)
        self.apply.setText("Replace")
        self.note.setText("Looking …")

    def show_preview(self, cells: int, rows: int, examples: Sequence[tuple[int, str, str, str]]) -> None:
        """Show what would change: the counts, and the first (row id, column, before, after)."""
        self.show_error("")
        self.apply.setEnabled(cells > 0)
        self.apply.setText(f"Replace in {cells:,} cell{'' if cells == 1 else 's'}" if cells else "Replace")
        if not self.what.text():
            self.note.setText("Type what to find. Nothing changes before you press Replace.")
        elif not cells:
            self.note.setText("Nothing would change in these rows.")
        else:
            self.note.setText(f"Would change {counted(cells, 'cell')} in {counted(rows, 'row')}.")
        self._examples = list(examples[:_EXAMPLES])
        self._fill_preview()

    def _fill_preview(self) -> None:
        self.preview.setText("<br>".join(_example_html(*example) for example in self._examples))
        self.preview.setVisible(bool(self._examples))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and self.isVisible():
            self._fill_preview()  # the colours are other ones

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        else:
            super().keyPressEvent(event)


def _switch(text: str, name: str) -> Button:
    """A small button that stays pressed."""
    button = Button(text, kind="switch", tool_tip=name)
    button.setAccessibleName(name)
    button.setCheckable(True)
    return button


def _example_html(row_id: int, column: str, before: str, after: str) -> str:
    start = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = max(0, start - _BEFORE)
    lead = "… " if start else ""
    old, new = before[start : start + _BEFORE + _AFTER], after[start : start + _BEFORE + _AFTER]
    old, new = old.replace("\n", " "), new.replace("\n", " ")
    place = f'<span style="color:{tokens().muted}">Row {row_id + 1:,}, {escape(column)}:</span> '
    return place + lead + difference_html(old, new)
