"""A card that asks for the name of a data set on the hub."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, Label, LineEdit

_WORDS = (
    "Its first rows are fetched to be shown here; the rest comes when you import it. "
    "Program code that comes with a data set is never run."
)
_FIELD_WIDTH = 340


class HubField(Card):
    """A name, and what happens with it.

    Signals:
        wanted: The name of a data set, without white space around it.
        closed: The user does not want one.
    """

    wanted = Signal(str)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__("A data set from the Hugging Face hub")
        self.name = LineEdit("Name of a data set on the hub", placeholder="owner/name")
        self.name.setFixedWidth(_FIELD_WIDTH)
        self.name.textChanged.connect(self._on_text)
        self.name.returnPressed.connect(self._want)
        self.look = Button("Look at it", self._want)
        self.add(
            row(
                self.name,
                self.look,
                Button("Close", self.closed.emit, kind="link", tool_tip="Esc"),
                None,
                spacing=metrics.SMALL_GAP,
            )
        )
        self.add(Label(_WORDS, "small", wrap=True))
        close = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        close.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        close.activated.connect(self.closed)
        self._on_text("")

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.look.setEnabled(bool(text.strip()))

    @Slot()
    def _want(self) -> None:
        if name := self.name.text().strip():
            self.wanted.emit(name)
