"""Texts that the model shall read as one piece, and which ones would be worth it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout

from fintune_gui.project.added_tokens import Use, token_words, tokens_in
from fintune_gui.project.errors import DataError
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.notes import NotesField

_HEIGHT = 62
_TOLD = 4
_WIDEST_OFFER = 18
"""Characters of a suggestion that are shown."""


class Uses(Protocol):
    """What tokens do for some rows: `fintune_gui.dataset.token_use.TokenUses`."""

    @property
    def rows(self) -> int: ...
    @property
    def added(self) -> Sequence[Use]: ...
    @property
    def suggested(self) -> Sequence[Use]: ...


class TokensCard(Card):
    """A list of one token a line, what each does for the rows, and suggestions to press.

    Signals:
        chosen: A dict with the changed field of `FormatSettings`.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Added tokens")
        self.add_note("Tags, names or role marks that the model shall read and write as one piece, one a line.")
        self.field = NotesField("Added tokens", "None. For example: <ticket>")
        self.field.setFixedHeight(_HEIGHT)
        self.field.committed.connect(self._choose)
        self.add(self.field)
        self._wrong = Label("", "small", tone="warn", wrap=True)
        self._use = Label("", "small", wrap=True)
        self._heading = Label("Worth a token", "small")
        for label in (self._wrong, self._use, self._heading):
            self.add(label)
            label.hide()
        self._offers = QVBoxLayout()
        self._offers.setSpacing(0)
        self.add(self._offers)
        self.suggestions: list[Button] = []
        self._tokens: tuple[str, ...] = ()

    def show_tokens(self, tokens: tuple[str, ...], *, editable: bool) -> None:
        """Show the tokens of the format."""
        self._tokens = tokens
        self.field.set_text("\n".join(tokens))
        self.field.setReadOnly(not editable)
        if not tokens:
            self._use.hide()

    def show_uses(self, uses: Uses | None, *, editable: bool) -> None:
        """Show what the tokens do in the rows that were read, and the suggestions; None while nobody knows."""
        told = list(uses.added) if uses else []
        lines = [token_words(use) for use in told[:_TOLD]]
        if len(told) > _TOLD:
            lines.append(f"And {len(told) - _TOLD} more.")
        self._use.setText("\n".join([f"In {uses.rows:,} rows:", *lines] if uses and lines else []))
        self._use.setVisible(bool(lines))
        for button in self.suggestions:
            self._offers.removeWidget(button)
            button.hide()
            button.deleteLater()
        offered = [use for use in uses.suggested if use.text not in self._tokens] if uses and editable else []
        self.suggestions = [self._offer(use) for use in offered]
        self._heading.setVisible(bool(offered))

    def _offer(self, use: Use) -> Button:
        name = use.text if len(use.text) <= _WIDEST_OFFER else f"{use.text[: _WIDEST_OFFER - 1]}…"
        button = Button(f"{name} · saves {use.saved:,} tokens", lambda: self._add(use.text), kind="link")
        button.setToolTip(f"Add it. {token_words(use)}")
        self._offers.addWidget(button)
        return button

    def _add(self, text: str) -> None:
        self.chosen.emit({"added_tokens": (*self._tokens, text)})

    @Slot(str)
    def _choose(self, lines: str) -> None:
        try:
            tokens = tokens_in(lines)
        except DataError as error:
            self._wrong.setText(str(error.problem))
            self._wrong.show()
            return
        self._wrong.hide()
        self.chosen.emit({"added_tokens": tokens})
