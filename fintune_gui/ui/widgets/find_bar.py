"""Find and replace: what to find, how, where, and what the first changes would look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics, tokens
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, CheckBox, ComboBox, HorizontalLine, Label, LineEdit
from fintune_gui.ui.widgets.difference import difference_html
from fintune_gui.ui.widgets.feedback import escape
from fintune_gui.ui.widgets.words import counted

_PAUSE_MS = 300
_EXAMPLES = 3
_BEFORE = 24
_AFTER = 70


@dataclass(frozen=True)
class Wanted:
    """What to find and to put in its place. `column` "" means all columns; `selection`: only the chosen rows."""

    find: str
    replacement: str
    regex: bool
    whole_word: bool
    case_sensitive: bool
    column: str
    selection: bool


class FindBar(QWidget):
    """Two lines of fields and a preview. Esc closes it, Enter in "Find" goes to the next match.

    Signals:
        changed: The `Wanted` is another one: make a new preview.
        find_next: Go to the next row that holds it.
        apply_requested: Replace now.
        closed: The bar was closed.
    """

    changed = Signal()
    find_next = Signal()
    apply_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what = LineEdit("Find", placeholder="Find")
        self.replacement = LineEdit("Replace with", placeholder="Replace with")
        self.column = ComboBox("Columns to search", [("In all columns", "")])
        self.scope = ComboBox("Rows to change", [("in all rows", False)])
        self.regex = CheckBox("Regular expression")
        self.whole_word = CheckBox("Whole word")
        self.case = CheckBox("Match case")
        self.case.setChecked(True)
        self.next = Button("Next", self.find_next.emit, tool_tip="Go to the next row that holds it (Enter)")
        self.next.setAccessibleName("Find next")
        self.apply = Button("Replace", self.apply_requested.emit)
        self.apply.setEnabled(False)
        self.note = Label("", "small", wrap=True)
        self.preview = Label("", "small")
        self.preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.preview.setTextFormat(Qt.TextFormat.RichText)
        self.preview.setAccessibleName("Preview")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self._build()

    def _build(self) -> None:
        for field in (self.what, self.replacement):
            field.textChanged.connect(self._pause.start)
        for box in (self.regex, self.whole_word, self.case):
            box.toggled.connect(self._pause.start)
        for combo in (self.column, self.scope):
            combo.chosen.connect(self._pause.start)
        self.what.returnPressed.connect(self.find_next)
        close = Button("Close find and replace", self.close_bar, kind="icon", icon_name="close")
        fields = row(self.what, self.replacement, close)
        fields.setStretch(0, 1)
        fields.setStretch(1, 1)
        act = row(self.note, self.next, self.apply)
        act.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 2, 12, 10)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addWidget(HorizontalLine())
        layout.addLayout(fields)
        layout.addLayout(row(self.column, self.scope, None))
        layout.addLayout(row(self.case, self.whole_word, self.regex, None, spacing=metrics.SMALL_GAP))
        layout.addLayout(act)
        layout.addWidget(self.preview)
        self.show_preview(0, 0, [])
        self.hide()

    # What the page says

    def open(self, *, replace: bool = False) -> None:
        """Show the bar with the cursor in it."""
        self.show()
        field = self.replacement if replace and self.what.text() else self.what
        field.setFocus()
        field.selectAll()
        self.changed.emit()

    @Slot()
    def close_bar(self) -> None:
        self._pause.stop()
        self.hide()
        self.closed.emit()

    def wanted(self) -> Wanted:
        """What the fields say now."""
        return Wanted(
            self.what.text(),
            self.replacement.text(),
            self.regex.isChecked(),
            self.whole_word.isChecked(),
            self.case.isChecked(),
            str(self.column.currentData() or ""),
            bool(self.scope.currentData()),
        )

    def set_columns(self, columns: Sequence[str]) -> None:
        """Offer the columns of the table."""
        self.column.set_choices([("In all columns", ""), *((f"In “{name}”", name) for name in columns)])

    def set_scope(self, rows: int, selected: int, *, matching: bool) -> None:
        """Say in words which rows would be changed: those of the view, or the chosen ones."""
        chosen = self.scope.currentData()
        choices: list[tuple[str, object]] = [(f"in all {rows:,} {'matching ' if matching else ''}rows", False)]
        if selected > 1:
            choices.append((f"in the {selected:,} chosen rows", True))
        self.scope.set_choices(choices)
        if bool(chosen) and selected <= 1:
            self._pause.start()

    def show_error(self, sentence: str) -> None:
        """Say why the search cannot be done; "" takes it away."""
        self.what.mark_invalid(invalid=bool(sentence))
        self.note.set_tone("bad" if sentence else None)
        if sentence:
            self.note.setText(sentence)
            self.preview.hide()
            self.apply.setEnabled(False)

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
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "_examples"):
            self._fill_preview()  # the colours are other ones

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        else:
            super().keyPressEvent(event)


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
