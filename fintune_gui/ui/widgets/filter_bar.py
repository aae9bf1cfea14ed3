"""What limits the rows of a table, in one text: a field to type it, a chip for each condition, and kept or removed."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.chips import Chips
from fintune_gui.ui.widgets.conditions import (
    Subject,
    conditions,
    joined,
    quoted,
    subject,
    without_brackets,
    without_not,
)
from fintune_gui.ui.widgets.controls import Button, ComboBox, Label
from fintune_gui.ui.widgets.feedback import Banner
from fintune_gui.ui.widgets.search_field import SearchField
from fintune_gui.ui.widgets.words import counted

_PAUSE_MS = 300
SHOWN: tuple[tuple[str, object], ...] = (
    ("Kept", "kept"),
    ("Removed", "removed"),
    ("Edited", "edited"),
    ("All rows", "all"),
)
_CHOICE_WIDTH = 104


class FilterBar(QWidget):
    """Emits `changed` after a pause in typing, at Enter, and at every choice.

    Attributes:
        facets: A button that stays pressed while the facets are open.
        views: A button for the saved views.

    Signals:
        changed: Ask `query_text` and `show_what`.
        all_requested: The user wants all rows again, not those of a finding.
        left: The user has done with the field and wants to go on in the table.
    """

    changed = Signal()
    all_requested = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label_column = ""
        self.search = SearchField("Search or filter", "Search, or filter: length > 400")
        self.shown = ComboBox("Rows to show", SHOWN)
        self.shown.setFixedWidth(_CHOICE_WIDTH)
        self.facets = Button("Facets", kind="icon", icon_name="facets", tool_tip="Values and counts beside the table")
        self.facets.setCheckable(True)
        self.views = Button("Saved views", kind="icon", icon_name="bookmark")
        self.chips = Chips("Conditions")
        self.error = Label("", "small", tone="bad", wrap=True)
        self.error.hide()
        self.only = Banner()
        self.only.hide()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._commit)
        self.search.textEdited.connect(self._pause.start)
        self.search.textChanged.connect(self._show_chips)
        self.search.committed.connect(self._commit)
        self.search.left.connect(self.left)
        self.shown.chosen.connect(self._commit)
        self.chips.removed.connect(self._remove)
        line = row(self.search, self.shown, self.facets, self.views)
        line.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 8)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addLayout(line)
        layout.addWidget(self.chips)
        layout.addWidget(self.error)
        layout.addWidget(self.only)

    def focus(self) -> None:
        """The cursor into the field, with its text chosen."""
        self.search.setFocus()
        self.search.selectAll()

    # The text

    def set_text(self, text: str) -> None:
        """Put a filter into the field and say so."""
        self.search.setText(text)
        self.search.setCursorPosition(0)
        self._commit()

    def query_text(self) -> str:
        """The filter in the filter language."""
        return self.search.text().strip()

    @property
    def is_filtered(self) -> bool:
        return bool(self.query_text())

    def conditions(self) -> list[str]:
        """The conditions that all have to hold."""
        return conditions(self.query_text())

    def add(self, condition: str) -> None:
        """One more condition, unless it is there already."""
        parts = self.conditions()
        if condition not in parts:
            self.set_text(joined([*parts, condition]))

    def put(self, old: str, new: str) -> None:
        """Put a condition in the place of another one; "" takes it away, and without an old one it comes last."""
        parts = self.conditions()
        if old in parts:
            parts[parts.index(old)] = new
        else:
            parts.append(new)
        self.set_text(joined([part for part in parts if part]))

    def put_about(self, about: Subject, new: list[str]) -> None:
        """Put conditions in the place of all those about the same subject."""
        parts = self.conditions()
        old = [place for place, part in enumerate(parts) if subject(part) == about]
        first = old[0] if old else len(parts)
        kept = [part for place, part in enumerate(parts) if place not in old]
        kept[first:first] = new
        self.set_text(joined(kept))

    def without(self, about: Subject) -> str:
        """The filter without the conditions about a subject."""
        return joined([part for part in self.conditions() if subject(part) != about])

    @Slot(int)
    def _remove(self, number: int) -> None:
        parts = self.conditions()
        self.set_text(joined(parts[:number] + parts[number + 1 :]))

    @Slot()
    def _show_chips(self) -> None:
        parts = self.conditions()
        plain = len(parts) == 1 and subject(parts[0]) is None and without_not(parts[0]) == parts[0]
        self.chips.show_words([] if plain else [without_brackets(part) for part in parts])

    # The rest

    def clear(self) -> None:
        """No filter, and the kept rows; says nothing."""
        self._pause.stop()
        self.search.clear()
        self.shown.set_value("kept")

    def set_labels(self, column: str, counts: dict[str, int]) -> None:
        """Say which column holds the labels, with their counts: its facet is the first one."""
        self.label_column = column if counts else ""

    def set_example(self, column: str) -> None:
        """Name a real column in the field's tool tip."""
        name = quoted(column)
        self.search.setToolTip(f"Words, or a filter such as\n{name} contains refund and length({name}) > 400")

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

    def show_count(self, shown: int, total: int, chosen: int) -> None:
        """Say how many of all rows are shown, or how many of those are chosen if it is more than one."""
        if chosen > 1:
            words = f"{chosen:,} of {shown:,} chosen"
        else:
            words = f"{shown:,} of {total:,} rows" if shown != total else counted(total, "row")
        self.search.show_result(words)

    def show_only(self, title: str) -> None:
        """Say that only the rows of a finding are shown; "" when it is not so."""
        self.only.setVisible(bool(title))
        if title:
            self.only.set(title, "", "info", [("Show all rows", self.all_requested.emit)])

    @Slot()
    def _commit(self, _value: object = None) -> None:
        self._pause.stop()
        self.changed.emit()
