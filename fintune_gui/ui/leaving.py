"""What is shown while running jobs save themselves before the window closes. Never longer than a bounded time."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from fintune_gui.ui.services.jobs import QUIT_GRACE_S
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, Label

_LONGEST_MS = round((QUIT_GRACE_S + 10) * 1000)
"""Saving, then terminate, then kill: after this nothing is waited for any more."""


class LeavingScreen(QWidget):
    """Says that work is being saved, and offers not to wait.

    Signals:
        close_now: The user does not want to wait, or the time is up.
    """

    close_now = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.time_is_up = False
        self._title = Label("", "page_title")
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setFixedWidth(360)
        bar.setAccessibleName("Saving")
        text = Label("The run saves a checkpoint and ends. It can be resumed from there at the next start.", "muted")
        layout = QVBoxLayout(self)
        layout.setSpacing(metrics.GAP)
        layout.addStretch(2)
        for line in (row(None, self._title, None), row(None, text, None), row(None, bar, None)):
            layout.addLayout(line)
        layout.addLayout(row(None, Button("Close without saving", self._give_up), None))
        layout.addStretch(3)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LONGEST_MS)
        self._timer.timeout.connect(self._give_up)

    def start(self) -> None:
        """Begin to wait."""
        self._timer.start()

    def stop(self) -> None:
        """Nothing is left to wait for."""
        self._timer.stop()

    def show_running(self, count: int) -> None:
        """Say how much is still at work."""
        self._title.setText("Saving before closing" if count <= 1 else f"Saving {count} jobs before closing")
        self.setAccessibleName(self._title.text())

    @Slot()
    def _give_up(self) -> None:
        self.time_is_up = True
        self.close_now.emit()
