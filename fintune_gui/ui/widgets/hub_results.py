"""Looking further than the catalogue: a link that searches the hub, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import Button, ElidedLabel, HorizontalLine, Label


class HubResults(QWidget):
    """The link is there while there are words; what was found goes when the words change.

    Signals:
        search_wanted: The words to search for.
        wanted: The hub name of the model that the user wants.
    """

    search_wanted = Signal(str)
    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = ""
        self.search = Button("", self._search, kind="link")
        self.message = Label("", "muted", wrap=True)
        self.buttons: list[Button] = []
        self._found = QWidget()
        self._lines = QVBoxLayout(self._found)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(metrics.TINY_GAP)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.TINY_GAP)
        for widget in (self.search, self.message, self._found):
            layout.addWidget(widget)
        self.message.hide()
        self.hide()

    def offer(self, words: str) -> None:
        """Offer to search for `words`; nothing for ""."""
        if words == self.words:
            return
        self.words = words
        self.search.setText(f"Search the hub for “{words}”")
        self.search.setEnabled(True)
        self._show([], "")
        self.setVisible(bool(words))

    def show_found(self, words: str, models: Sequence[tuple[str, str]]) -> None:
        """Show what was found for `words`: (hub name, what is known of it); nothing if the words changed meanwhile."""
        if words == self.words:
            self._show(models, "" if models else "The hub has no such model with safetensors weights.")
            self.search.setEnabled(True)

    def show_failure(self, words: str, sentence: str) -> None:
        """Say why there is no answer."""
        if words == self.words:
            self._show([], sentence)
            self.search.setEnabled(True)

    def _search(self) -> None:
        self.search.setEnabled(False)
        self._show([], "Asking the hub …")
        self.search_wanted.emit(self.words)

    def _show(self, models: Sequence[tuple[str, str]], sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))
        self.buttons = []
        while (item := self._lines.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for name, known in models:
            self._lines.addWidget(HorizontalLine())
            self._lines.addWidget(self._line(name, known))
        self._found.setVisible(bool(models))

    def _line(self, name: str, known: str) -> QWidget:
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(metrics.SMALL_GAP, metrics.TINY_GAP, metrics.SMALL_GAP, metrics.TINY_GAP)
        layout.setSpacing(metrics.GAP)
        title = ElidedLabel(name, "strong")
        title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        button = Button("Use", partial(self.wanted.emit, name), tool_tip="Fetch it and use it")
        button.setAccessibleName(f"Use: {name}, {known}")
        self.buttons.append(button)
        layout.addWidget(title, 1)
        layout.addWidget(Label(known, "small"))
        layout.addWidget(button)
        return line
