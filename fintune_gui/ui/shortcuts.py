"""All keys of the program in one table: the window takes its own from here, and F1 shows every one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QVBoxLayout, QWidget

from fintune_gui.project.flow import Step
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, Label


@dataclass(frozen=True)
class Shortcut:
    """A key and what it does. `action` names what the window does; the others belong to tables and fields."""

    keys: str
    words: str
    action: str = ""


EVERYWHERE = (
    Shortcut("Ctrl+Return", "Continue: press the page's main button", "continue"),
    Shortcut("Ctrl+Z", "Take back the last change", "undo"),
    Shortcut("Ctrl+Shift+Z", "Do it again", "redo"),
    Shortcut("Ctrl+N", "New project", "new"),
    Shortcut("Ctrl+O", "Open a project", "open"),
    Shortcut("F1", "Show this list", "keys"),
    Shortcut("Ctrl+Q", "Close the window; a training run saves first", "quit"),
)
IN_TABLES = (
    Shortcut("Ctrl+F", "Search and filter"),
    Shortcut("Ctrl+H", "Find and replace"),
    Shortcut("F2", "Edit the cell"),
    Shortcut("Space", "Flag the chosen rows"),
    Shortcut("Del", "Remove the chosen rows; they can come back"),
    Shortcut("Ctrl+A", "Choose all rows"),
    Shortcut("Ctrl+C", "Copy rows, a plot or a message"),
    Shortcut("Ctrl+V", "Paste rows from a spreadsheet"),
    Shortcut("Esc", "Empty the search field"),
)


def step_shortcuts() -> list[tuple[str, Step]]:
    """Ctrl+1 … Ctrl+9 and Ctrl+0, in the order of the rail."""
    return [(f"Ctrl+{number % 10}", step) for number, step in enumerate(Step, start=1)]


def add_actions(window: QWidget, handlers: Mapping[str, Callable[[], object]], go: Callable[[Step], object]) -> None:
    """Give `window` the keys that work everywhere."""
    for shortcut in EVERYWHERE:
        _add(window, shortcut.keys, shortcut.words, handlers[shortcut.action])
    for keys, step in step_shortcuts():
        _add(window, keys, step.display_name, partial(go, step))


def _add(window: QWidget, keys: str, words: str, act: Callable[[], object]) -> None:
    action = QAction(words, window)
    sequences = [QKeySequence(keys)]
    if keys == "Ctrl+Return":
        sequences.append(QKeySequence("Ctrl+Enter"))
    action.setShortcuts(sequences)
    action.triggered.connect(lambda: act())  # noqa: PLW0108 - drops the bool that `triggered` sends
    window.addAction(action)


class ShortcutList(QDialog):
    """The list under F1. Not modal: it can stay beside the window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        self.setObjectName("page")
        self.setAccessibleName("Keyboard")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(metrics.PAGE_MARGIN, 20, metrics.PAGE_MARGIN, 20)
        layout.setSpacing(metrics.GAP)
        steps = [Shortcut(keys, step.display_name) for keys, step in step_shortcuts()]
        columns = row(spacing=36)
        for title, shortcuts in (("Steps", steps), ("Everywhere", EVERYWHERE), ("Tables", IN_TABLES)):
            columns.addLayout(_column(title, shortcuts))
        layout.addLayout(columns)
        layout.addLayout(row(None, Button("Close", self.hide)))


def _column(title: str, shortcuts: list[Shortcut] | tuple[Shortcut, ...]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.addWidget(Label(title, "card_title"))
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    for line, shortcut in enumerate(shortcuts):
        keys = QKeySequence(shortcut.keys).toString(QKeySequence.SequenceFormat.NativeText)
        grid.addWidget(Label(keys, "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Label(shortcut.words), line, 1)
    column.addLayout(grid)
    column.addStretch(1)
    return column
