"""The values of the label column, how often each occurs, and which are too rare to be learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from fintune_gui.project.document import LabelSeparator
from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import ComboBox, Label
from fintune_gui.ui.widgets.small_table import SmallTable
from fintune_gui.ui.widgets.words import counted, shown_label

if TYPE_CHECKING:
    from fintune_gui.dataset.label_sets import FoundSeparator

FEW_ROWS = 10
"""A label with fewer rows is hardly learned, and its test rows say nothing."""
_MOST_LINES = 7


class LabelsCard(Card):
    """A table of labels and counts with a warning where one is needed, and how cells with several labels are parted.

    Signals:
        chosen: What shall change in the format, a dict.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Labels")
        self.badge = Badge()
        self.add_action(self.badge)
        self._parted = QWidget()
        self.separator = ComboBox("What parts the labels of a cell")
        self.separator.setFixedWidth(metrics.FIELD_WIDTH)
        self.separator.chosen.connect(self._choose)
        line = QHBoxLayout(self._parted)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(metrics.GAP)
        line.addWidget(Label("Parted by"), 1)
        line.addWidget(self.separator)
        self._found = Label("", "small", wrap=True)
        self.add(self._parted)
        self.add(self._found)
        for widget in (self._parted, self._found):
            widget.hide()
        self.table = SmallTable("Labels", ["Label", "Rows"], most_lines=_MOST_LINES)
        self.add(self.table)
        self._warning = Label("", "small", tone="warn", wrap=True)
        self.add(self._warning)

    def show_labels(self, labels: Mapping[str, int]) -> None:
        """Show these labels with their counts, the most frequent first."""
        rare = [label for label, count in labels.items() if count < FEW_ROWS]
        lines = [[shown_label(label), f"{count:,}"] for label, count in labels.items()]
        tones: list[Tone | None] = ["warn" if count < FEW_ROWS else None for count in labels.values()]
        self.table.show_lines(lines, tones)
        self.badge.set(counted(len(labels), "label"), "neutral" if len(labels) > 1 else "bad")
        text = label_warning(labels, rare)
        self._warning.setText(text)
        self._warning.setVisible(bool(text))

    def show_separator(
        self, found: FoundSeparator | None, chosen: LabelSeparator | None, without: int, *, editable: bool
    ) -> None:
        """Show how cells seem to part their labels and what was chosen, where they may hold several.

        Args:
            found: None hides it all.
            without: Rows that have no label.
        """
        for widget in (self._parted, self._found):
            widget.setVisible(found is not None)
        if found is None:
            return
        choices: list[tuple[str, object]] = [("recognised", None)]
        choices += [(separator.display_name, separator) for separator in LabelSeparator]
        self.separator.set_choices(choices)
        self.separator.set_value(chosen)
        self.separator.setEnabled(editable)
        words = found.sentence if chosen in (None, found.separator) else f"As you said. {found.sentence}"
        if without:
            words += f" {counted(without, 'row')} {'has' if without == 1 else 'have'} no label, which is fine."
        self._found.setText(words)

    @Slot(object)
    def _choose(self, separator: object) -> None:
        self.chosen.emit({"label_separator": separator})

    def warning(self) -> str:
        """The warning shown, or ""."""
        return self._warning.text()


def label_warning(labels: Mapping[str, int], rare: list[str]) -> str:
    """What is wrong with the labels, in a sentence."""
    if not labels:
        return "The column has no label at all."
    if len(labels) == 1:
        return "There is only one label. Telling labels apart needs at least two."
    if not rare:
        return ""
    named = ", ".join(shown_label(label) for label in rare[:3]) + (" …" if len(rare) > 3 else "")
    have = "label has" if len(rare) == 1 else "labels have"
    return (
        f"{len(rare)} {have} fewer than {FEW_ROWS} rows: {named}. Too few to learn or to judge; if they are other "
        "spellings, the page Clean makes them one."
    )
