"""What long work shows: a bar, what is being done, how fast, how long it still takes, and Cancel."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, ElidedLabel, Label, set_property, set_shown

_SCALE = 1000
_RATE_NEEDS_S = 1.0
_MEGABYTE = 1_000_000


def duration(seconds: float) -> str:
    """A time span in words: "40 s", "11 min", "3 h 20 min"."""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


class ProgressStrip(QWidget):
    """A bar with its words. Hidden until `start`, hidden again by `finish`.

    Signals:
        cancelled: The user pressed Cancel; the button then waits until the work has really ended.
    """

    cancelled = Signal()

    def __init__(self, *, can_cancel: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.TINY_GAP)
        self._stage = ElidedLabel("", "body")
        self._figures = Label("", "small")
        self._cancel = Button("Cancel", self._ask_to_cancel, kind="link")
        set_shown(self._cancel, shown=can_cancel)
        words = row(self._stage, self._figures, self._cancel)
        words.setStretch(0, 1)
        layout.addLayout(words)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        layout.addWidget(self.bar)
        self._began = 0.0
        self._began_at = 0.0
        self._current = ""
        self.hide()

    def start(self, stage: str, *, can_cancel: bool | None = None) -> None:
        """Show the strip with a bar that has no end yet; `can_cancel` None leaves that as it is."""
        self._current = ""
        if can_cancel is not None:
            set_shown(self._cancel, shown=can_cancel)
        self._cancel.setEnabled(True)
        self._cancel.setText("Cancel")
        self.set_tone("info")
        self.report(stage, 0.0, None)
        self.show()

    def report(self, stage: str, done: float, total: float | None, unit: str = "") -> None:
        """Show how far the work is; `total` None when nobody knows. Bytes are told as MB."""
        if unit == "bytes":
            done, total, unit = done / _MEGABYTE, total and total / _MEGABYTE, "MB"
        now = time.monotonic()
        if stage != self._current:
            self._current, self._began, self._began_at = stage, now, done
            self._stage.setText(stage)
        if total is None or total <= 0:
            self.bar.setRange(0, 0)
            text = f"{done:,.0f} {unit}".strip() if done else ""
        else:
            self.bar.setRange(0, _SCALE)
            self.bar.setValue(round(_SCALE * min(1.0, max(0.0, done / total))))
            text = f"{done:,.0f} of {total:,.0f} {unit}".strip() if total > 1 else ""
        elapsed, worked = now - self._began, done - self._began_at
        if elapsed > _RATE_NEEDS_S and worked > 0:
            if unit:
                text += f" · {worked / elapsed:,.0f} {unit}/s"
            if total and done < total:
                text += f" · {duration((total - done) * elapsed / worked)} left"
        self._figures.setText(text.removeprefix(" · "))
        self.setAccessibleName(f"{stage} {text}")

    def set_tone(self, tone: Tone) -> None:
        """Colour the bar: "info" while all is well."""
        set_property(self.bar, "tone", tone)

    def finish(self) -> None:
        """Hide the strip."""
        self.hide()

    @Slot()
    def _ask_to_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._cancel.setText("Cancelling …")
        self.cancelled.emit()
