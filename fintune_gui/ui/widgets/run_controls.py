"""The buttons of a run at work. They remember what was asked until the run has done it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from fintune_gui.project.events import Command
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import Button, MenuButton


class RunControls(QWidget):
    """More (save now, folder), Pause or Continue, Stop and keep best.

    Signals:
        asked: A `Command` for the run.
        saved: The step of the checkpoint that was asked for.
        folder_wanted: The user wants to see the run's folder.
    """

    asked = Signal(str)
    saved = Signal(object)
    folder_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wish: Command | None = None
        self._working: bool | None = None
        self._checkpoints = self._saved_before = 0
        self._paused = False
        self.more = MenuButton("More")
        self.pause = Button("Pause", self.pause_or_continue, tool_tip="Ctrl+P")
        self.stop = Button(
            "Stop and keep best", self.ask_to_stop, tool_tip="End after this step; the best checkpoint is the result"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP + 2)
        for button in (self.more, self.pause, self.stop):
            layout.addWidget(button)

    def forget(self) -> None:
        """Another run is shown."""
        self._wish = None

    def show_run(self, history: RunHistory, *, working: bool) -> None:
        """Show what can be asked now; `working`: the run works for this window."""
        self._settle(history, working=working)
        self._paused = history.paused
        if self._working != working:
            self._working = working
            folder = ("Show the run’s folder", self.folder_wanted.emit)
            self.more.set_entries([("Save a checkpoint now", self.save_now), None, folder] if working else [folder])
        self._checkpoints = len(history.checkpoints)
        self.pause.setVisible(working)
        self.stop.setVisible(working)
        usual = "Continue" if history.paused else "Pause"
        self.pause.setText({"pause": "Pausing …", "continue": "Continuing …"}.get(self._wish or "", usual))
        self.pause.setEnabled(self._wish not in ("pause", "continue", "stop"))
        self.stop.setText("Stopping …" if self._wish == "stop" else "Stop and keep best")
        self.stop.setEnabled(self._wish != "stop")

    def _settle(self, history: RunHistory, *, working: bool) -> None:
        """Forget what was asked once it is done."""
        if self._wish == "save" and len(history.checkpoints) > self._saved_before:
            self._wish = None
            self.saved.emit(history.checkpoints[-1].step)
        done = {"pause": history.paused, "continue": not history.paused, "stop": history.ended is not None}
        if not working or (self._wish and done.get(self._wish, False)):
            self._wish = None

    def _ask(self, command: Command) -> None:
        self._wish = command
        self.asked.emit(command)

    @Slot()
    def pause_or_continue(self) -> None:
        """Pause the run at work, or let it go on."""
        if self._working and self.pause.isEnabled():
            self._ask("continue" if self._paused else "pause")

    @Slot()
    def save_now(self) -> None:
        """Save a checkpoint of the run at work."""
        if self._working:
            self._saved_before = self._checkpoints
            self._ask("save")

    @Slot()
    def ask_to_stop(self) -> None:
        """End, and keep the best."""
        self._ask("stop")
