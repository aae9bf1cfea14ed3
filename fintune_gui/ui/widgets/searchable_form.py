"""A settings form with a search field: the settings whose name or help holds the words stay."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.project.settings import Frozen
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import Label
from fintune_gui.ui.widgets.form import Form
from fintune_gui.ui.widgets.search_field import SearchField


class SearchableForm(Form):
    """A `Form`; put its `search` field wherever there is room, or let this widget be its own home."""

    def __init__(self, model: type[Frozen], *, parent: QWidget | None = None) -> None:
        super().__init__(model, parent=parent)
        self.search = SearchField("Search the settings", "Search the settings")
        self.search.textChanged.connect(self._find)
        self._nothing = Label("", "muted", wrap=True)
        self._nothing.hide()
        self._more_was_hidden: bool | None = None
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, self._nothing)
        layout.setSpacing(metrics.GAP)

    @Slot(str)
    def _find(self, text: str) -> None:
        words = text.casefold().split()
        found = 0
        for name, field in self.fields.items():
            description = self._words_of(name)
            fits = all(word in description for word in words)
            field.setVisible(fits)
            found += fits
        if words and self._more_was_hidden is None:
            self._more_was_hidden = self._more.isHidden()
        if words:
            self._more.show()
        elif self._more_was_hidden is not None:
            self._more.setHidden(self._more_was_hidden)
            self._more_was_hidden = None
        self._toggle.setVisible(not words)
        self._nothing.setText(f"No setting is called “{text.strip()}”, or says so in its help.")
        self._nothing.setVisible(bool(words) and not found)

    def _words_of(self, name: str) -> str:
        info = self._model.model_fields[name]
        return f"{self.fields[name].help.label} {name} {info.description or ''}".casefold()
