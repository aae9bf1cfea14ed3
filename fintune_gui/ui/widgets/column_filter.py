"""A filter for one column as a small form that opens below its header; the condition goes into the filter's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.chips import Chips
from fintune_gui.ui.widgets.controls import Button, ComboBox, Label, LineEdit, set_shown

_WIDTH = 320
_PAUSE_MS = 250
OPERATORS: tuple[tuple[str, object], ...] = (
    ("contains", "contains"),
    ("does not contain", "not_contains"),
    ("= is", "equals"),
    ("≠ is not", "not_equals"),
    ("< is less than", "less"),
    ("> is more than", "greater"),
    ("is between", "between"),
    ("matches the regular expression", "regex"),
    ("is empty", "empty"),
    ("is not empty", "not_empty"),
    ("is longer than", "length_greater"),
    ("is shorter than", "length_less"),
    ("has a length between", "length_between"),
)
_WITHOUT_VALUE = ("empty", "not_empty")
_TWO_VALUES = ("between", "length_between")
_NUMBERS = ("less", "greater", "between", "length_greater", "length_less", "length_between")


@dataclass(frozen=True)
class ColumnCondition:
    """What the form says. `complete` is False while a value is missing, or is no number where one is needed."""

    operator: str
    value: str
    value2: str
    complete: bool


class Popover(QFrame):
    """A small panel over the window that closes at Esc and at a click elsewhere."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAccessibleName(name)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        panel = QFrame()
        panel.setProperty("kind", "popover")
        outer.addWidget(panel)
        self.body = QVBoxLayout(panel)
        self.body.setContentsMargins(14, 12, 14, 14)
        self.body.setSpacing(metrics.SMALL_GAP)

    def open_at(self, at: QPoint) -> None:
        """Show it with its upper left corner there, moved so that it stays on the screen."""
        self.adjustSize()
        screen = QGuiApplication.screenAt(at) or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        x = max(room.left(), min(at.x(), room.right() - self.width()))
        y = max(room.top(), min(at.y(), room.bottom() - self.height()))
        self.move(x, y)
        self.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


class ColumnFilter(Popover):
    """The form. Enter in a field adds the condition.

    Signals:
        changed: Ask `condition`, and answer with `show_count`.
        applied: The condition shall be added.
        removed: The place of a condition in force that shall go.
    """

    changed = Signal()
    applied = Signal()
    removed = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Filter of a column", parent)
        self.setFixedWidth(_WIDTH)
        self.column = ""
        self.title = Label("", "card_title")
        self.in_force = Chips("Conditions in force")
        self.in_force.removed.connect(self.removed)
        self.operator = ComboBox("Condition", OPERATORS)
        self.operator.setMaxVisibleItems(len(OPERATORS))
        self.value = LineEdit("Value", placeholder="Value")
        self.value2 = LineEdit("Upper value", placeholder="and")
        self.count = Label("", "small", wrap=True)
        self.add = Button("Add filter", self._apply, kind="primary")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self.operator.chosen.connect(self._operator_chosen)
        for field in (self.value, self.value2):
            field.textChanged.connect(self._on_change)
            field.returnPressed.connect(self._apply)
        values = row(self.value, self.value2)
        values.setStretch(0, 1)
        values.setStretch(1, 1)
        foot = row(self.count, self.add)
        foot.setStretch(0, 1)
        for widget in (self.title, self.in_force, self.operator):
            self.body.addWidget(widget)
        self.body.addLayout(values)
        self.body.addLayout(foot)

    def open_for(self, column: str, in_force: Sequence[str], at: QPoint) -> None:
        """Show an empty form for a column, with the conditions that the filter already has about it."""
        self.column = column
        self.title.setText(f"Filter “{column}”")
        self.show_in_force(in_force)
        self.value.clear()
        self.value2.clear()
        self._show_fields()
        self.open_at(at)
        self.value.setFocus()
        self._on_change()

    def show_in_force(self, conditions: Sequence[str]) -> None:
        """The conditions that the filter already has about the column."""
        self.in_force.show_words(list(conditions))
        self.adjustSize()

    def condition(self) -> ColumnCondition:
        """What the form says now."""
        operator, value, value2 = str(self.operator.value()), self.value.text(), self.value2.text()
        needed = [] if operator in _WITHOUT_VALUE else [value, value2] if operator in _TWO_VALUES else [value]
        complete = all(needed) and (operator not in _NUMBERS or all(_is_number(text) for text in needed))
        return ColumnCondition(operator, value, value2, complete)

    def show_count(self, rows: int, total: int) -> None:
        """How many of the rows that are shown now would stay."""
        self.count.set_tone(None)
        self.count.setText(f"{rows:,} of {total:,} rows match")

    def show_error(self, sentence: str) -> None:
        """Why the condition cannot be used."""
        self.count.set_tone("bad")
        self.count.setText(sentence)
        self.add.setEnabled(False)
        self.adjustSize()

    @Slot()
    def _on_change(self) -> None:
        said = self.condition()
        self.add.setEnabled(said.complete)
        self.count.set_tone(None)
        wants_number = said.operator in _NUMBERS and bool(said.value) and not said.complete
        self.count.setText("Counting …" if said.complete else "Type a number." if wants_number else "")
        self._pause.start()

    @Slot(object)
    def _operator_chosen(self, _operator: object) -> None:
        self._show_fields()
        self._on_change()
        self.value.setFocus()

    def _show_fields(self) -> None:
        operator = self.operator.value()
        set_shown(self.value, shown=operator not in _WITHOUT_VALUE)
        set_shown(self.value2, shown=operator in _TWO_VALUES)
        self.value.setPlaceholderText("Number" if operator in _NUMBERS else "Value")
        self.adjustSize()

    @Slot()
    def _apply(self) -> None:
        if self.add.isEnabled() and self.condition().complete:
            self._pause.stop()
            self.applied.emit()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
