"""A conversation as people read one: turns with the speaker's name, each of which can be edited where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone
from fintune_gui.ui.widgets.controls import Button, Label, set_property, set_shown
from fintune_gui.ui.widgets.growing_text import GrowingText
from fintune_gui.ui.widgets.words import counted

TURNS_AT_ONCE = 20
_INDENT = 36
_SPEAKERS: dict[str, tuple[str, Tone]] = {
    "system": ("System", "warn"),
    "user": ("User", "neutral"),
    "assistant": ("Assistant", "info"),
    "tool": ("Tool", "good"),
}


class Turn(Protocol):
    """What one speaker says."""

    @property
    def role(self) -> str: ...
    @property
    def content(self) -> str: ...


class _TurnView(QWidget):
    """The speaker's name above a bubble."""

    def __init__(self, number: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.number = number
        self.name = Label("", "small")
        self.name.setIndent(6)
        self.text = GrowingText(f"Turn {number + 1}")
        self.bubble = QFrame()
        self.bubble.setProperty("kind", "bubble")
        inside = QVBoxLayout(self.bubble)
        inside.setContentsMargins(6, 5, 6, 5)
        inside.addWidget(self.text)
        self._layout = QVBoxLayout(self)
        self._layout.setSpacing(2)
        self._layout.addWidget(self.name)
        self._layout.addWidget(self.bubble)

    def show_turn(self, turn: Turn, *, editable: bool) -> None:
        name, tone = _SPEAKERS.get(turn.role, (turn.role, "neutral"))
        self.name.setText(name)
        set_property(self.bubble, "tone", tone)
        answer = turn.role == "assistant"
        self._layout.setContentsMargins(_INDENT if answer else 0, 0, 0 if answer else _INDENT, 0)
        self.text.setAccessibleName(f"Turn {self.number + 1}, {name}")
        self.text.setReadOnly(not editable)
        if not self.text.is_typing:
            self.text.show_text(turn.content)


class ConversationView(QWidget):
    """Shows turns, those of a long conversation bit by bit.

    Signals:
        turn_committed: (number of the turn from 0, its new text).
        typed: (number, text as it stands, cursor): somebody is typing in a turn.
        given_up: What was typed was taken back.
        left: Esc was pressed with nothing to take back.
    """

    turn_committed = Signal(int, str)
    typed = Signal(int, str, int)
    given_up = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Conversation")
        self._turns: Sequence[Turn] = ()
        self._views: list[_TurnView] = []
        self._editable = False
        self._shown = TURNS_AT_ONCE
        self._most = 400
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 2, 0, 2)
        self._layout.setSpacing(8)
        self.more = Button("", self.show_more, kind="link")
        self._layout.addWidget(self.more)

    @property
    def fields(self) -> list[GrowingText]:
        """The texts that are shown, in order."""
        return [view.text for view in self._views if not view.isHidden()]

    def show_turns(self, turns: Sequence[Turn], *, editable: bool, again: bool = False) -> None:
        """Show a conversation; `again`: it is the one that is shown already, after a change."""
        self._turns, self._editable = turns, editable
        self._shown = self._shown if again else TURNS_AT_ONCE
        self._fill()

    def set_most(self, height: int) -> None:
        """The greatest height of one turn in pixels."""
        self._most = height
        for view in self._views:
            view.text.set_most(height)

    def _fill(self) -> None:
        shown = self._turns[: self._shown]
        while len(self._views) < len(shown):
            self._add_view()
        for view in self._views:
            inside = view.number < len(shown)
            set_shown(view, shown=inside)
            if inside:
                view.show_turn(shown[view.number], editable=self._editable)
        rest = len(self._turns) - len(shown)
        self.more.setText(f"Show {min(rest, TURNS_AT_ONCE):,} more of {counted(len(self._turns), 'turn')}")
        set_shown(self.more, shown=rest > 0)

    def _add_view(self) -> None:
        view = _TurnView(len(self._views), self)
        view.text.set_most(self._most)
        view.text.committed.connect(lambda text, number=view.number: self.turn_committed.emit(number, text))
        view.text.typed.connect(lambda view=view: self.typed.emit(view.number, view.text.text(), view.text.at))
        view.text.given_up.connect(self.given_up)
        view.text.left.connect(self.left)
        self._views.append(view)
        self._layout.insertWidget(self._layout.count() - 1, view)

    def show_more(self) -> None:
        """Show the next turns of a long conversation."""
        self._shown += TURNS_AT_ONCE
        self._fill()
