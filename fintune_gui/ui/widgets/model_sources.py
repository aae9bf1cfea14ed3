"""Where a base model can come from: one card for each place, and the models of other projects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import Button, Label, LineEdit, set_property

TINY_BASE = "sample:tiny-base"
SMOLLM2 = "sample:smollm2"
FOLDER = "folder"
HUB = "hub"


@dataclass(frozen=True)
class Source:
    """One place: its key (the name of a sample model, or `FOLDER` or `HUB`), a title and sentences about it."""

    key: str
    title: str
    text: str


SOURCES = (
    Source(
        TINY_BASE,
        "Tiny base",
        "Comes with Fintune and works offline. It learns in a minute and shows how everything works; a toy.",
    ),
    Source(
        SMOLLM2,
        "SmolLM2-135M-Instruct",
        "Fetched when you ask for it, about 270 MB, and then kept. Runs on any computer; fluent and often wrong.",
    ),
    Source(
        FOLDER,
        "A model on this computer",
        "A folder with config.json, tokenizer.json and safetensors weights, or one GGUF file.",
    ),
    Source(
        HUB,
        "A model from the hub",
        "Any model with safetensors weights. Program code that comes with a model is never run.",
    ),
)


class SourceCard(Card):
    """One place with its buttons; framed and marked while the project's model comes from it."""

    def __init__(self, source: Source, parent: QWidget | None = None) -> None:
        super().__init__(source.title, parent=parent)
        self.source = source
        self._badge = Badge("in use", "info")
        policy = self._badge.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # titles of neighbours stay on one line
        self._badge.setSizePolicy(policy)
        self._badge.hide()
        self.add_action(self._badge)
        self.add(Label(source.text, "muted", wrap=True))
        self.body.addStretch(1)
        self.controls = QHBoxLayout()
        self.controls.setSpacing(metrics.SMALL_GAP)
        self.add(self.controls)

    def mark(self, *, in_use: bool) -> None:
        """Say whether the project's model comes from here."""
        self._badge.setVisible(in_use)
        set_property(self, "highlighted", "true" if in_use else "")
        self.setAccessibleDescription("in use" if in_use else "")


class ModelSources(QWidget):
    """All places, two in a line, and below them the models that other projects use.

    Signals:
        wanted: The name of the model that the user wants: a sample's, a hub name, or a folder of another project.
        folder_wanted: The user wants to choose a folder.
        file_wanted: The user wants to choose a GGUF file.
    """

    wanted = Signal(str)
    folder_wanted = Signal()
    file_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = {source.key: SourceCard(source) for source in SOURCES}
        self.hub_name = LineEdit("Name of a model on the hub", placeholder="owner/model")
        self.hub_name.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hub_name.textChanged.connect(self._on_hub_name)
        self.hub_name.returnPressed.connect(self._want_hub_name)
        self.buttons = {
            TINY_BASE: Button("Use it", lambda: self.wanted.emit(TINY_BASE)),
            SMOLLM2: Button("Fetch and use", lambda: self.wanted.emit(SMOLLM2)),
            FOLDER: Button("Choose folder …", self.folder_wanted.emit),
            HUB: Button("Fetch and use", self._want_hub_name),
        }
        for key, button in self.buttons.items():
            button.setAccessibleName(f"{button.text()}: {self.cards[key].source.title}")
            if key == HUB:
                self.cards[key].controls.addWidget(self.hub_name)
            self.cards[key].controls.addWidget(button)
        self.file_button = Button("Choose GGUF file …", self.file_wanted.emit)
        self.cards[FOLDER].controls.addWidget(self.file_button)
        for key in (TINY_BASE, SMOLLM2, FOLDER):
            self.cards[key].controls.addStretch(1)
        grid = QGridLayout()
        grid.setSpacing(metrics.GAP)
        for number, card in enumerate(self.cards.values()):
            grid.addWidget(card, number // 2, number % 2)
            grid.setColumnStretch(number % 2, 1)
        self._recent = QHBoxLayout()
        self._recent.setSpacing(metrics.TINY_GAP)
        self._recent_shown: tuple[tuple[str, str], ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addLayout(grid)
        layout.addLayout(self._recent)
        self._on_hub_name("")

    def mark(self, key: str | None) -> None:
        """Mark the place that the project's model comes from."""
        for name, card in self.cards.items():
            card.mark(in_use=name == key)

    def set_recent(self, models: Sequence[tuple[str, str]]) -> None:
        """Offer these models: (words, name)."""
        if tuple(models) == self._recent_shown:
            return
        self._recent_shown = tuple(models)
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if not models:
            return
        self._recent.addWidget(Label("Used in your other projects:", "small"))
        for words, name in models:
            self._recent.addWidget(Button(words, partial(self.wanted.emit, name), kind="link", tool_tip=name))
        self._recent.addStretch(1)

    def recent_buttons(self) -> list[Button]:
        """The buttons of the models of other projects."""
        items = [self._recent.itemAt(place) for place in range(self._recent.count())]
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, Button)]

    @Slot(str)
    def _on_hub_name(self, text: str) -> None:
        self.buttons[HUB].setEnabled(bool(text.strip()))

    @Slot()
    def _want_hub_name(self) -> None:
        if name := self.hub_name.text().strip():
            self.wanted.emit(name)
