"""How to get access to a model whose owners want their terms agreed to."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, Label, LineEdit


class ModelAccess(Card):
    """Three steps, the last of which takes a token. What is typed is never shown, and gone when it was taken.

    Signals:
        page_wanted: The address of a page that the user wants to see.
        token_given: The token.
        forget_wanted: The kept token shall be forgotten.
    """

    page_wanted = Signal(str)
    token_given = Signal(str)
    forget_wanted = Signal()

    def __init__(self, hub_address: str) -> None:
        super().__init__("How to get access")
        self._hub, self._name = hub_address, ""
        self.add_action(Button("Forget the kept token", self.forget_wanted.emit, kind="link"))
        self.open_model = Button("Open the model’s page", self._want_model_page)
        self.open_tokens = Button("Open the page of tokens", self._want_tokens_page)
        self.token = LineEdit("Access token", placeholder="hf_ …")
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.token.returnPressed.connect(self._give)
        self.token.textChanged.connect(self._on_text)
        self.keep = Button("Keep it and try again", self._give)
        self.keep.setEnabled(False)
        self._step("1.  Sign in on the model’s page, or make an account, and agree to the terms.", self.open_model)
        self._step("2.  Make a token of the kind “Read”, and copy it.", self.open_tokens)
        self._step("3.  Paste it here.", self.token, self.keep)
        self.note = self.add_note("")
        self.show_note("The token goes into this computer’s keyring; never into a project or a log.")
        self.hide()

    def show_model(self, name: str) -> None:
        """Show the steps for the model `name`; "" hides them."""
        self._name = name
        self.setVisible(bool(name))

    def show_note(self, text: str) -> None:
        """Say where the token is, or what was wrong with it."""
        self.note.setText(text)

    def _step(self, text: str, *controls: Button | LineEdit) -> None:
        line = QHBoxLayout()
        line.setSpacing(metrics.SMALL_GAP)
        line.addWidget(Label(text, wrap=True), 1)
        for control in controls:
            line.addWidget(control, 1 if isinstance(control, LineEdit) else 0)
        self.add(line)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.keep.setEnabled(bool(text.strip()))

    @Slot()
    def _give(self) -> None:
        if token := self.token.text().strip():
            self.token.clear()
            self.token_given.emit(token)

    def _want_model_page(self) -> None:
        self.page_wanted.emit(f"{self._hub}/{self._name}")

    def _want_tokens_page(self) -> None:
        self.page_wanted.emit(f"{self._hub}/settings/tokens")
