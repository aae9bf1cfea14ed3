"""One cell in the detail pane: its whole text to read and edit, as a conversation, or compared with the original."""

from __future__ import annotations

import math

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QTextBrowser, QWidget

from fintune_gui.ui.theme import font
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, set_shown
from fintune_gui.ui.widgets.conversation_view import ConversationView
from fintune_gui.ui.widgets.difference import difference_html
from fintune_gui.ui.widgets.growing_text import GrowingText
from fintune_gui.ui.widgets.named_part import NamedPart
from fintune_gui.ui.widgets.row_text import CellText

FIRST_CHARACTERS = 20_000
"""Longer texts are cut until all of it is asked for."""


class _Difference(QTextBrowser):
    """As high as what it shows. A double click or Enter wants to edit.

    Signals:
        edit_requested: The user wants the text itself.
    """

    edit_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "cell")
        self.setFont(font())
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._most = 400
        self.document().documentLayout().documentSizeChanged.connect(self._fit)

    def set_most(self, height: int) -> None:
        self._most = height
        self._fit()

    @Slot()
    def _fit(self) -> None:
        self.setFixedHeight(min(self._most, math.ceil(self.document().size().height()) + 6))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.edit_requested.emit()


class CellSection(NamedPart):
    """Name, state and text of one column.

    Signals:
        committed: (column, new text).
        typed: (column, text as it stands, cursor): somebody is typing.
        given_up: (column): what was typed was taken back.
        original_requested: (column): the text that was imported shall come back.
        left: Esc was pressed with nothing to take back.
    """

    committed = Signal(str, str)
    typed = Signal(str, str, int)
    given_up = Signal(str)
    original_requested = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.cell = CellText("", "", "")
        self._editable = False
        self._compared = True
        self._as_text = False
        self._whole = False
        self._turns: list[object] | None = None
        self._most = 400
        self.switch = Button("", self._switch, kind="link")
        self.original = Button("Bring back the original", self._ask_original, kind="link")
        self.whole = Button("", self._show_whole, kind="link")
        self.editor = GrowingText("")
        self.difference = _Difference()
        self.conversation = ConversationView()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        for widget in (self.editor, self.difference, self.conversation):
            self.body.addWidget(widget)
        self.body.addLayout(row(self.switch, self.original, self.whole, None, spacing=4))

    def _connect(self) -> None:
        self.editor.committed.connect(lambda text: self.committed.emit(self.cell.column, text))
        self.editor.typed.connect(self._on_typed)
        self.editor.given_up.connect(lambda: self.given_up.emit(self.cell.column))
        self.editor.left.connect(self.left)
        self.difference.edit_requested.connect(self.edit)
        self.conversation.turn_committed.connect(self._commit_turn)
        self.conversation.typed.connect(self._on_turn_typed)
        self.conversation.given_up.connect(lambda: self.given_up.emit(self.cell.column))
        self.conversation.left.connect(self.left)

    # What it shows

    def set_most(self, height: int) -> None:
        """The greatest height of a text in pixels."""
        self._most = height
        for part in (self.editor, self.difference, self.conversation):
            part.set_most(height)

    def show_cell(self, cell: CellText, *, editable: bool, compared: bool, again: bool) -> None:
        """Show a cell. `compared`: an edited one as the difference to the original. `again`: it is the cell that is
        shown already, so that what is being typed and how it is shown stay."""
        from fintune_gui.dataset.conversations import conversation_of

        if not again:
            self._as_text, self._whole = False, False
            self._compared = compared
        elif not cell.edited or not self.cell.edited:
            self._compared = compared and not any(field.hasFocus() for field in self.fields)
        self.cell, self._editable = cell, editable
        turns = conversation_of(cell.now)
        self._turns = list(turns) if turns is not None else None
        self.name.setText(cell.column)
        self.setAccessibleName(cell.column)
        self.editor.setAccessibleName(f"Text of “{cell.column}”")
        self.difference.setAccessibleName(f"How “{cell.column}” differs from the original")
        self._fill(again=again)

    def _fill(self, *, again: bool = False) -> None:
        text = self.cell.now or ""
        mode = self._mode()
        for widget, name in ((self.editor, "text"), (self.difference, "difference"), (self.conversation, "turns")):
            set_shown(widget, shown=name == mode)
        cut = mode == "text" and not self._whole and len(text) > FIRST_CHARACTERS
        if mode == "turns":
            self.conversation.show_turns(self._turns or [], editable=self._editable, again=again)  # type: ignore[arg-type]
        elif mode == "difference":
            words = difference_html(_as_read(self.cell.original), _as_read(self.cell.now))
            self.difference.setHtml(f'<div style="white-space:pre-wrap">{words}</div>')
        if mode != "text" or not (again and self.editor.is_typing):
            self.editor.show_text(text[:FIRST_CHARACTERS] if cut else text if mode == "text" else "")
        self.editor.setReadOnly(cut or not self._editable)
        self.editor.setPlaceholderText("no value" if self.cell.now is None else "empty")
        self._show_links(mode, cut=cut)

    def _mode(self) -> str:
        if self.editor.is_typing:
            return "text"
        if self.cell.edited and self._compared:
            return "difference"
        return "turns" if self._turns is not None and not self._as_text else "text"

    def _show_links(self, mode: str, *, cut: bool) -> None:
        self.state.setText("edited" if self.cell.edited else "")
        set_shown(self.state, shown=self.cell.edited)
        words = ""
        if mode == "difference":
            words = "Edit" if self._editable else "Show the text"
        elif self.cell.edited:
            words = "Compare"
        elif self._turns is not None:
            words = "Show as text" if mode == "turns" else "Show as conversation"
        self.switch.setText(words)
        self.switch.setToolTip("Show how it differs from the original" if words == "Compare" else "")
        set_shown(self.switch, shown=bool(words))
        set_shown(self.original, shown=self.cell.edited and self._editable)
        self.whole.setText(f"Show all {len(self.cell.now or ''):,} characters")
        set_shown(self.whole, shown=cut)

    def restyle(self) -> None:
        """Colours have changed."""
        if not self.difference.isHidden():
            self._fill(again=True)

    # What can be asked

    @property
    def fields(self) -> list[QWidget]:
        """Every text field that is shown, in order."""
        if not self.conversation.isHidden():
            return list(self.conversation.fields)
        return [self.editor if not self.editor.isHidden() else self.difference]

    @property
    def is_typing(self) -> bool:
        """Whether something is typed that is not committed."""
        return self.editor.is_typing or any(field.is_typing for field in self.conversation.fields)

    def commit(self) -> None:
        """Tell what is typed, now."""
        for field in (self.editor, *self.conversation.fields):
            field.commit()

    def text(self) -> str:
        """What is shown, without its colours."""
        if not self.conversation.isHidden():
            return "\n".join(field.text() for field in self.conversation.fields)
        return self.editor.text() if not self.editor.isHidden() else self.difference.toPlainText()

    @Slot()
    def edit(self) -> None:
        """Show the text itself with the cursor in it."""
        self._compared = False
        if len(self.cell.now or "") > FIRST_CHARACTERS:
            self._whole = True
        self._fill()
        first = self.fields[0]
        first.setFocus()

    def take_up(self, text: str, cursor: int) -> None:
        """Go on with a text that was typed earlier and never committed."""
        self._compared, self._as_text, self._whole = False, True, True
        self._fill()
        self.editor.take_up(text, cursor)

    # Inside

    def _switch(self) -> None:
        if self.difference.isVisible():
            self.edit()
            return
        if self.cell.edited:
            self.commit()
            self._compared = True
        else:
            self._as_text = not self._as_text
        self._fill()

    def _show_whole(self) -> None:
        self._whole = True
        self._fill()
        self.editor.setFocus()

    def _ask_original(self) -> None:
        self.original_requested.emit(self.cell.column)

    @Slot()
    def _on_typed(self) -> None:
        if self.editor.is_typing:
            self.typed.emit(self.cell.column, self.editor.text(), self.editor.at)

    def _with_turn(self, number: int, content: str) -> str:
        from fintune_gui.dataset.conversations import with_turn

        return with_turn(self.cell.now or "", number, content)

    @Slot(int, str)
    def _commit_turn(self, number: int, content: str) -> None:
        self.committed.emit(self.cell.column, self._with_turn(number, content))

    @Slot(int, str, int)
    def _on_turn_typed(self, number: int, content: str, _cursor: int) -> None:
        self.typed.emit(self.cell.column, self._with_turn(number, content), 0)


def _as_read(text: str | None) -> str:
    """A conversation as its turns, one below the other; any other text as it is."""
    from fintune_gui.dataset.conversations import conversation_of

    turns = conversation_of(text)
    if turns is None:
        return text or ""
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in turns)
