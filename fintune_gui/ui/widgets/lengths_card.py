"""How long the rows are in tokens, and where they are cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot

from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.charts import Histogram
from fintune_gui.ui.widgets.controls import Button, Label, SpinBox
from fintune_gui.ui.widgets.progress_strip import ProgressStrip
from fintune_gui.ui.widgets.words import counted

_SHORTEST, _LONGEST = 8, 131072
_BINS = 40
_STEP = 64
_CHART_HEIGHT = 112
_FAR = 3.0
"""A limit so many times beyond the longest row is not drawn: the rows would be squeezed to the left."""


class LengthsCard(Card):
    """A histogram with the longest example as a line, and the field that moves it.

    Signals:
        chosen: The new longest example in tokens.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__("Length in tokens")
        self.field = SpinBox("Longest example, tokens")
        self.field.setRange(_SHORTEST, _LONGEST)
        self.field.setSingleStep(_STEP)
        self.field.setFixedWidth(84)
        self.field.setToolTip("Longest example in tokens; what is beyond it is cut off.")
        self.field.valueChanged.connect(self.chosen)
        self.add_action(Label("cut at", "small"), self.field)
        self.histogram = Histogram("Length of the rows in tokens")
        self.histogram.setFixedHeight(_CHART_HEIGHT)
        self.add(self.histogram)
        self.progress = ProgressStrip(can_cancel=False)
        self.add(self.progress)
        self._sentence = Label("", "small", wrap=True)
        self.add(self._sentence)
        self._too_long = Label("", "small", tone="warn", wrap=True)
        self.add(self._too_long)
        self._context = 0
        self.use_context = Button("", self._use_context, kind="link")
        self.add(self.use_context)
        self._too_long.hide()
        self.use_context.hide()
        self.histogram.hide()

    def show_limit(self, max_length: int, context_length: int | None, *, editable: bool) -> None:
        """Show the longest example; longer than what the model can read it is no use."""
        if not (self.field.hasFocus() and self.field.value() == max_length):
            self.field.blockSignals(True)
            self.field.setValue(max_length)
            self.field.blockSignals(False)
        self.field.setEnabled(editable)
        self._context = context_length or 0
        too_long = context_length is not None and max_length > context_length
        self._too_long.setVisible(too_long)
        self.use_context.setVisible(too_long and editable)
        if too_long:
            self._too_long.setText(f"This model reads at most {context_length:,} tokens; rows are cut there.")
            self.use_context.setText(f"Cut at {context_length:,}")

    def show_lengths(self, lengths: Sequence[int], max_length: int, usable: int) -> None:
        """Show the lengths of a sample of the `usable` rows."""
        self.histogram.setVisible(bool(lengths))
        if not lengths:
            self._sentence.setText("There is no row to measure.")
            return
        self.histogram.show_counts(*bins(lengths, max_length))
        self._sentence.setText(length_sentence(lengths, max_length, usable))

    def show_note(self, text: str) -> None:
        """Say why there is no histogram."""
        self.histogram.hide()
        self._sentence.setText(text)

    def sentence(self) -> str:
        """The sentence below the histogram."""
        return self._sentence.text()

    @Slot()
    def _use_context(self) -> None:
        self.chosen.emit(self._context)


def bins(lengths: Sequence[int], max_length: int) -> tuple[list[int], float, float, float | None]:
    """Counts of equally wide bins, their range from 0, and the limit to draw or None if it is far away.

    A few very long rows do not squeeze the others: what is beyond the range is counted in the last bin.
    """
    values = np.asarray(lengths)
    longest = int(values.max())
    high = float(max(np.percentile(values, 99) * 1.1, 1))
    limit = float(max_length) if max_length <= _FAR * longest else None
    if limit is not None:
        high = max(high, min(limit * 1.25, float(longest)))
    high = min(max(high, 1.0), float(max(longest, 1)))
    counts = np.histogram(np.minimum(values, high), bins=min(_BINS, max(1, int(high))), range=(0, high))[0]
    return counts.tolist(), 0.0, high, limit


def length_sentence(lengths: Sequence[int], max_length: int, usable: int) -> str:
    """What the histogram means, and how many rows it stands for."""
    longer = sum(1 for length in lengths if length > max_length)
    if not longer:
        text = f"Every row fits; the longest has {counted(max(lengths), 'token')}."
    else:
        share = 100 * longer / len(lengths)
        many = f"{share:.1f} % of the rows are" if longer > 1 else "One row is"
        text = f"{many} longer than {max_length:,} and lose{'s' if longer == 1 else ''} the end."
    if len(lengths) < usable:
        text += f" Measured on {len(lengths):,} of {usable:,} rows."
    return text
