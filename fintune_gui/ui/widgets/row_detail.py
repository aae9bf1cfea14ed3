"""The detail pane: one row whole, a section for each column, with its marks and its note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QMenu, QScrollArea, QVBoxLayout, QWidget

from fintune_gui.ui.theme import icon
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.cell_section import CellSection
from fintune_gui.ui.widgets.controls import Button, ElidedLabel, Label, set_shown
from fintune_gui.ui.widgets.growing_text import GrowingText
from fintune_gui.ui.widgets.named_part import NamedPart
from fintune_gui.ui.widgets.pane_search import PaneSearch
from fintune_gui.ui.widgets.row_marks import RowMarksButtons
from fintune_gui.ui.widgets.row_text import CellText, RowText
from fintune_gui.ui.widgets.tab_order import tab_before

_LOWEST_TEXT = 140
_AT_ONCE = 12
_REST_MS = 80
"""Of a row with more columns than this the others follow when the user stays on it for a moment."""
_INDENT = 6
"""As far as a text lies within the frame of its field."""


class RowDetail(Card):
    """Shows a `RowText`. It never writes: what the user wants is told, and shown once it is true.

    Attributes:
        hidden: Columns that the user does not want to see here.

    Signals:
        committed: (row id, column, new text).
        typed: (row id, column, text as it stands, cursor).
        given_up: (row id): what was typed was taken back.
        restore_requested: The row id of a removed row that shall come back.
        original_requested: (row id, column): the imported text shall come back; "" means all columns.
        flag_requested, star_requested: (row id, whether it shall be marked).
        note_committed: (row id, text).
        move_requested: 1 for the next row, -1 for the one before.
        place_requested: The pane shall be beside the table (True) or below it.
        columns_changed: Other columns are hidden: ask `hidden`.
        closed: The pane shall go.
        left: Esc: the focus shall go back to the table.
    """

    committed = Signal(object, str, str)
    typed = Signal(object, str, str, int)
    given_up = Signal(object)
    restore_requested = Signal(object)
    original_requested = Signal(object, str)
    flag_requested = Signal(object, bool)
    star_requested = Signal(object, bool)
    note_committed = Signal(object, str)
    move_requested = Signal(int)
    place_requested = Signal(bool)
    columns_changed = Signal()
    closed = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(padding=1, parent=parent)
        self.setAccessibleName("The whole row")
        self.hidden: frozenset[str] = frozenset()
        self._row: RowText | None = None
        self._editable = False
        self._beside = False
        self._sections: list[CellSection] = []
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._fill_rest)
        self._title = Label("", "strong")
        self._state = ElidedLabel("", "small", tone="info")
        self.original = Button("Bring back the whole original", self._ask_original, kind="link")
        self.restore = Button("Bring this row back", self._ask_restore, kind="link")
        self.marks = RowMarksButtons()
        self.find_button = _tool("Find in this row", "search", self.open_search, "Ctrl+F")
        self.choose = _tool("Choose columns", "columns", self._open_columns)
        self.dock = _tool("Move beside the table", "beside", self._ask_place)
        self.close_button = _tool("Close the whole row", "close", self.closed.emit, "Space in the table")
        self.search = PaneSearch(lambda: self.fields)
        self.note = GrowingText("Note")
        self.note.setPlaceholderText("Write a note about this row")
        self._note_part = NamedPart("note")
        self._nothing = Label("Choose a row to see its whole text.", "muted")
        self._nothing.setIndent(_INDENT)
        self._lay_out()
        self._connect()
        self.set_beside(beside=False)
        self.show_row(None)

    def _lay_out(self) -> None:
        self._note_part.body.addWidget(self.note)
        self._inside = inside = QWidget()
        inside.setObjectName("lines")
        self._list = QVBoxLayout(inside)
        self._list.setContentsMargins(0, 0, 8, 0)
        self._list.setSpacing(2)
        self._list.addWidget(self._nothing)
        self._list.addWidget(self._note_part)
        self._list.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(inside)
        for part in (inside, self._area.viewport()):  # the card's own colour lies behind
            part.setAutoFillBackground(False)
        tools = (self.marks, self.find_button, self.choose, self.dock, self.close_button)
        head = row(self._title, self._state, *tools, spacing=4)
        head.setStretch(1, 1)
        head.setContentsMargins(_INDENT, 0, 0, 0)
        acts = row(self.restore, self.original, None, spacing=4)
        acts.setContentsMargins(2, 0, 0, 0)
        layout = QVBoxLayout()
        layout.setContentsMargins(8, 7, 6, 6)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addLayout(acts)
        layout.addWidget(self.search)
        layout.addWidget(self._area, 1)
        self.add(layout, 1)

    def _connect(self) -> None:
        self.marks.flag_requested.connect(lambda on: self._tell(self.flag_requested, on))
        self.marks.star_requested.connect(lambda on: self._tell(self.star_requested, on))
        self.note.committed.connect(lambda text: self._tell(self.note_committed, text))
        self.note.left.connect(self.left)
        self.search.reached.connect(self._show_match)
        for keys, act in (("Ctrl+F", self.open_search), ("F3", self.search.next), ("Shift+F3", self.search.previous)):
            self._add_key(keys, act)
        self._add_key("Alt+Down", lambda: self.move_requested.emit(1))
        self._add_key("Alt+Up", lambda: self.move_requested.emit(-1))

    def _add_key(self, keys: str, act: Any) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(act)

    # What it shows

    @property
    def row(self) -> RowText | None:
        """The row that is shown."""
        return self._row

    @property
    def sections(self) -> list[CellSection]:
        """The sections that are shown, in order."""
        return [section for section in self._sections if not section.isHidden()]

    @property
    def fields(self) -> list[Any]:
        """Every text field of the columns that are shown."""
        return [field for section in self.sections for field in section.fields]

    def text(self) -> str:
        """What the columns show, without colours."""
        return "\n".join(section.text() for section in self.sections)

    def set_editable(self, *, editable: bool) -> None:
        """Whether anything can be changed now."""
        if editable != self._editable:
            self._editable = editable
            self.show_row(self._row)

    def show_row(self, shown: RowText | None) -> None:
        """Show a row; None when there is none under the cursor. What is typed in the former row is committed first,
        what is typed in this one stays."""
        before = self._row
        again = before is not None and shown is not None and before.row_id == shown.row_id
        if not again:
            self.commit()
        self._row = shown
        self._show_head(shown)
        cells = [cell for cell in shown.cells if cell.column not in self.hidden] if shown else []
        self._rest.stop()
        self._fill(cells if again else cells[:_AT_ONCE], again=again)
        if not again and len(cells) > _AT_ONCE:
            self._rest.start()
        set_shown(self._nothing, shown=shown is None)
        set_shown(self._note_part, shown=shown is not None)
        if shown is not None and not (again and self.note.is_typing):
            self.note.show_text(shown.note)
        self.note.setReadOnly(not self._editable)
        if not again:
            self._area.verticalScrollBar().setValue(0)
            self.search.search()

    def _fill(self, cells: Sequence[CellText], *, again: bool) -> None:
        """Show these cells, and hide the sections that are left over."""
        while len(self._sections) < len(cells):
            self._add_section()
        for section, cell in zip(self._sections, cells, strict=False):
            same = again and section.cell.column == cell.column and not section.isHidden()
            section.show_cell(cell, editable=self._editable, compared=True, again=same)
        for number, section in enumerate(self._sections):
            set_shown(section, shown=number < len(cells))

    @Slot()
    def _fill_rest(self) -> None:
        """Show the columns that were left out while the user was going from row to row."""
        if self._row is not None:
            self._fill([cell for cell in self._row.cells if cell.column not in self.hidden], again=True)
            self.search.search()

    def _show_head(self, shown: RowText | None) -> None:
        edited, removed = shown is not None and shown.edited, shown.removed if shown else ""
        removal = removed if removed.startswith("Removed") else f"removed: {removed}"
        state = removal if removed else "added" if shown and shown.added else ""
        self._title.setText(f"Row {shown.row_id + 1:,}" if shown else "")
        self._state.setText(state)
        several = shown is not None and sum(cell.edited for cell in shown.cells) > 1
        set_shown(self.original, shown=edited and several and self._editable)
        set_shown(self.restore, shown=bool(removed) and self._editable)
        self.marks.show_marks(flag=bool(shown and shown.flag), star=bool(shown and shown.star))
        for tool in (self.marks, self.find_button, self.choose):
            set_shown(tool, shown=shown is not None)
        self.marks.setEnabled(self._editable)

    def _add_section(self) -> None:
        section = CellSection()
        section.set_wide(wide=not self._beside)
        section.committed.connect(lambda column, text: self._tell(self.committed, column, text))
        section.typed.connect(lambda column, text, cursor: self._tell(self.typed, column, text, cursor))
        section.given_up.connect(lambda _column: self._tell(self.given_up))
        section.original_requested.connect(lambda column: self._tell(self.original_requested, column))
        section.left.connect(self.left)
        section.editor.cursorPositionChanged.connect(lambda: self._follow(section.editor))
        self._sections.append(section)
        self._list.insertWidget(self._list.count() - 2, section)
        tab_before(section, self.note)
        section.set_most(self._most_height())

    def _tell(self, signal: Any, *values: object) -> None:
        """Tell something about the row that is shown."""
        if self._row is not None:
            signal.emit(self._row.row_id, *values)

    def commit(self) -> None:
        """Tell everything that is typed, now."""
        for section in self.sections:
            section.commit()
        self.note.commit()

    @property
    def is_typing(self) -> bool:
        """Whether something is typed that is not committed."""
        return self.note.is_typing or any(section.is_typing for section in self.sections)

    def edit(self, column: str = "") -> None:
        """Put the cursor into the text of a column; "" is the first one."""
        section = next((s for s in self.sections if column in ("", s.cell.column)), None)
        if section is not None:
            section.edit()

    def take_up(self, column: str, text: str, cursor: int) -> None:
        """Go on with a text of the shown row that was typed earlier and never committed."""
        if column in self.hidden:
            self.show_column(column, shown=True)
        self._fill_rest()
        section = next((s for s in self.sections if s.cell.column == column), None)
        if section is not None:
            section.take_up(text, cursor)

    # Place and size

    @property
    def beside(self) -> bool:
        return self._beside

    def set_beside(self, *, beside: bool) -> None:
        """Arrange everything for a narrow pane beside the table, or a low one below it."""
        self._beside = beside
        for part in (*self._sections, self._note_part):
            part.set_wide(wide=not beside)
        words = "Move below the table" if beside else "Move beside the table"
        self.dock.setIcon(icon("below" if beside else "beside", "muted"))
        self.dock.setAccessibleName(words)
        self.dock.setToolTip(words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for section in self._sections:
            section.set_most(self._most_height())

    def _most_height(self) -> int:
        """A text is never higher than the pane, so that it never scrolls within what scrolls."""
        return max(_LOWEST_TEXT, self._area.viewport().height() - 34)

    # Finding

    @Slot()
    def open_search(self) -> None:
        """Ctrl+F."""
        self.search.open()

    @Slot(object, object)
    def _show_match(self, field: Any, cursor: Any) -> None:
        if hasattr(field, "centerCursor"):
            field.setTextCursor(cursor)
            field.ensureCursorVisible()
        at = field.cursorRect(cursor).center() if cursor is not None else QPoint()
        where = field.viewport().mapTo(self._inside, at)
        self._area.ensureVisible(where.x(), where.y(), 20, 40)

    def _follow(self, editor: GrowingText) -> None:
        """Keep the line that is being typed in view, once the field has grown."""
        if editor.hasFocus():
            QTimer.singleShot(0, self, lambda: self._bring_into_view(editor))

    def _bring_into_view(self, editor: GrowingText) -> None:
        where = editor.viewport().mapTo(self._inside, editor.cursorRect().center())
        self._area.ensureVisible(where.x(), where.y(), 20, 20)

    # Asking

    @Slot()
    def _open_columns(self) -> None:
        if self._row is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for cell in self._row.cells:
            action = menu.addAction(cell.column)
            action.setCheckable(True)
            action.setChecked(cell.column not in self.hidden)
            action.toggled.connect(lambda shown, column=cell.column: self.show_column(column, shown=shown))
        menu.popup(self.choose.mapToGlobal(QPoint(0, self.choose.height())))

    def show_column(self, column: str, *, shown: bool) -> None:
        """Show a column here, or hide it; the table is not touched."""
        self.commit()
        self.hidden = self.hidden - {column} if shown else self.hidden | {column}
        self.show_row(self._row)
        self.columns_changed.emit()

    def _ask_place(self) -> None:
        self.place_requested.emit(not self._beside)

    def _ask_original(self) -> None:
        self._tell(self.original_requested, "")

    def _ask_restore(self) -> None:
        self._tell(self.restore_requested)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "_sections"):
            for section in self._sections:
                section.restyle()


def _tool(name: str, picture: str, act: Any, key: str = "") -> Button:
    button = Button(name, act, kind="bare_icon", tool_tip=f"{name} ({key})" if key else name)
    button.setIcon(icon(picture, "muted"))
    return button
