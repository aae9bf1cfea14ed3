"""A card that asks for a data set on the hub: its name, and how much of it is wanted."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSizePolicy

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, Label, LineEdit, SpinBox
from fintune_gui.ui.widgets.labelled import labelled

_WORDS = (
    "Its first rows are fetched to be shown here; the rest comes when you import it. "
    "Program code that comes with a data set is never run."
)
_MOST_ROWS = 100_000_000


class HubField(Card):
    """A name, a subset where there are several, and a limit.

    Signals:
        wanted: (name, the other options by name) of a data set.
        closed: The user does not want one.
    """

    wanted = Signal(str, object)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__("A data set from the Hugging Face hub")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.name = LineEdit("Name of a data set on the hub", placeholder="owner/name")
        self.subset = LineEdit("Subset of the data set", placeholder="the usual one")
        self.most_rows = SpinBox("Rows at most")
        self.most_rows.setRange(0, _MOST_ROWS)
        self.most_rows.setSpecialValueText("all")
        self.most_rows.setFixedWidth(metrics.FIELD_WIDTH)
        self.subset.setFixedWidth(metrics.FIELD_WIDTH)
        for field in (self.name, self.subset):
            field.returnPressed.connect(self._want)
        self.name.textChanged.connect(self._on_text)
        self.look = Button("Look at it", self._want)
        fields = row(spacing=metrics.GAP)
        fields.addWidget(labelled("Name", self.name), 1)
        fields.addWidget(labelled("Subset", self.subset))
        fields.addWidget(labelled("Rows at most", self.most_rows))
        fields.addWidget(self.look, 0, Qt.AlignmentFlag.AlignBottom)
        self.add_action(Button("Close", self.closed.emit, kind="link", tool_tip="Esc"))
        self.add(fields)
        self.add(Label(_WORDS, "small", wrap=True))
        close = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        close.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        close.activated.connect(self.closed)
        self._on_text("")

    def ask(self) -> None:
        """Show the empty fields."""
        self.name.clear()
        self.subset.clear()
        self.most_rows.setValue(0)
        self.show()
        self.name.setFocus()

    @Slot(str)
    def _on_text(self, text: str) -> None:
        self.look.setEnabled(bool(text.strip()))

    @Slot()
    def _want(self) -> None:
        name, subset, most = self.name.text().strip(), self.subset.text().strip(), self.most_rows.value()
        if name:
            asked = {"subset": subset or None, "most_rows": most or None}
            self.wanted.emit(name, {option: value for option, value in asked.items() if value is not None})
