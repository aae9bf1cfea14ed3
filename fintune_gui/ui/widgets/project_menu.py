"""The menu behind the project's name."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from fintune_gui.ui.theme import Appearance

_APPEARANCES: tuple[tuple[str, Appearance], ...] = (
    ("Follow the system", "system"),
    ("Light", "light"),
    ("Dark", "dark"),
)


class ProjectMenu(QMenu):
    """What can be done with the project as a whole, and with the window.

    Signals:
        rename, show_folder, new, open, close_project, keys: The entry was chosen.
        appearance: The chosen `Appearance`.
    """

    rename = Signal()
    show_folder = Signal()
    new = Signal()
    open = Signal()
    close_project = Signal()
    keys = Signal()
    appearance = Signal(str)

    def __init__(self, parent: QWidget, appearance: Appearance) -> None:
        super().__init__(parent)
        self.addAction("Rename", self.rename.emit)
        self.addAction("Show its folder", self.show_folder.emit)
        self.addSeparator()
        self.addAction("New project", self.new.emit)
        self.addAction("Open another…", self.open.emit)
        self.addAction("All projects", self.close_project.emit)
        self.addSeparator()
        looks = self.addMenu("Appearance")
        group = QActionGroup(self)
        for words, value in _APPEARANCES:
            action = looks.addAction(words)
            action.setCheckable(True)
            action.setChecked(value == appearance)
            action.triggered.connect(lambda _checked=False, value=value: self.appearance.emit(value))
            group.addAction(action)
        self.addAction("Keyboard\tF1", self.keys.emit)
