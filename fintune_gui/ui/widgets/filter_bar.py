"""One line above a table that says which rows are shown: a search or filter, a label, and kept or removed."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import ComboBox, Label, SearchField
from fintune_gui.ui.widgets.feedback import Banner

_PAUSE_MS = 300
SHOWN: tuple[tuple[str, object], ...] = (
    ("Kept", "kept"),
    ("Removed", "removed"),
    ("Edited", "edited"),
    ("All rows", "all"),
)
_MOST_LABELS = 200
_CHOICE_WIDTH = 120


class FilterBar(QWidget):
    """Emits `changed` after a pause in typing, at Enter, and at every choice.

    Signals:
        changed: Ask `text` and `show`.
        all_requested: The user wants all rows again, not those of a finding.
    """

    changed = Signal()
    all_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label_column = ""
        self.search = SearchField("Search or filter", "Search, or filter: length > 400")
        self.label = ComboBox("Label", [("Label: any", None)])
        self.shown = ComboBox("Rows to show", SHOWN)
        self.error = Label("", "small", tone="bad", wrap=True)
        self.error.hide()
        self.only = Banner()
        self.only.hide()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self.search.textEdited.connect(self._pause.start)
        self.search.committed.connect(self._commit)
        self.label.chosen.connect(self._commit)
        self.shown.chosen.connect(self._commit)
        self.label.hide()
        for combo in (self.label, self.shown):
            combo.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(9)
            combo.setFixedWidth(_CHOICE_WIDTH)
        line = row(self.search, self.label, self.shown)
        line.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 8)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addLayout(line)
        layout.addWidget(self.error)
        layout.addWidget(self.only)

    def set_text(self, text: str) -> None:
        """Put a filter into the field and say so."""
        self.search.setText(text)
        self._commit()

    def clear(self) -> None:
        """No filter and no label, and the kept rows; says nothing."""
        self._pause.stop()
        self.search.clear()
        self.label.set_value(None)
        self.shown.set_value("kept")

    def set_example(self, column: str) -> None:
        """Name a real column in the field's tool tip."""
        name = column if column.isidentifier() else quoted(column)
        self.search.setToolTip(f"Words, or a filter such as\n{name} contains refund and length({name}) > 400")

    def set_labels(self, column: str, counts: dict[str, int]) -> None:
        """Offer the values of the label column, the frequent ones first; none hides the choice."""
        self._label_column = column
        shown = sorted(counts.items(), key=lambda item: -item[1])[:_MOST_LABELS]
        choices = [(f"{value or '(empty)'} · {count:,}", value) for value, count in shown]
        self.label.set_choices([("Label: any", None), *choices])
        self.label.setVisible(bool(counts))

    def query_text(self) -> str:
        """The filter of the field and of the label together, in the filter language."""
        typed = self.search.text().strip()
        value = self.label.currentData() if not self.label.isHidden() else None
        if value is None:
            return typed
        column = quoted(self._label_column)
        by_label = f"{column} = {quoted(str(value))}" if value else f"{column} is empty"
        return f"({typed}) and {by_label}" if typed else by_label

    @property
    def show_what(self) -> str:
        """ "kept", "removed", "edited" or "all"."""
        return str(self.shown.currentData())

    def show_error(self, sentence: str) -> None:
        """Say below the field why the filter cannot be used; "" when it can."""
        self.search.mark_invalid(invalid=bool(sentence))
        self.search.setAccessibleDescription(sentence)
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))

    def show_only(self, title: str) -> None:
        """Say that only the rows of a finding are shown; "" when it is not so."""
        self.only.setVisible(bool(title))
        if title:
            self.only.set(title, "", "info", [("Show all rows", self.all_requested.emit)])

    @property
    def is_filtered(self) -> bool:
        return bool(self.query_text())

    @Slot()
    def _commit(self, _value: object = None) -> None:
        self._pause.stop()
        self.changed.emit()


def quoted(text: str) -> str:
    """A name or value as the filter language wants it when it holds spaces or signs."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
