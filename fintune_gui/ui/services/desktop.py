"""Telling the desktop that long work has ended, when the window is not in front."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from fintune_gui.project.events import Ended
from fintune_gui.ui.theme.icons import app_icon

_WORDS = {
    "completed": "is done.",
    "stopped": "was stopped; the best is kept.",
    "cancelled": "was cancelled.",
    "failed": "failed.",
    "interrupted": "was interrupted; it can be resumed.",
}


def ended_sentence(folder: Path, ended: Ended) -> str:
    """ "Run 4 is done." """
    name = f"Run {int(folder.name)}" if folder.name.isdigit() else folder.name.split("-")[0].capitalize()
    return f"{name} {_WORDS[ended.outcome]}"


def tell_desktop(window: QWidget, folder: Path, ended: Ended) -> None:
    """Mark the window in the task bar, and show a message of the desktop where there is a tray for it."""
    QApplication.alert(window)
    if not QSystemTrayIcon.isSystemTrayAvailable():
        return
    tray = window.findChild(QSystemTrayIcon)
    if tray is None:
        tray = QSystemTrayIcon(app_icon(), window)
        tray.messageClicked.connect(window.activateWindow)
    tray.show()
    tray.showMessage("Fintune", ended_sentence(folder, ended), app_icon())
