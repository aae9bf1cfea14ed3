"""All actions and keys of the program in one table: the window takes its keys from here, the command palette its lines,
and F1 shows every key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Something that can be done: its words, its keys, and the name under which the window or a page does it.

    Without `keys` it is found only in the command palette; without `action` it belongs to whatever has the focus.
    """

    keys: str
    words: str
    action: str = ""


@dataclass(frozen=True)
class Command:
    """One line of the command palette: what it does, and why it cannot be done now ("" if it can)."""

    words: str
    act: Callable[[], object]
    keys: str = ""
    group: str = ""
    reason: str = ""


EVERYWHERE = (
    Shortcut("Ctrl+K", "Find any action by its name", "palette"),
    Shortcut("Ctrl+Return", "Continue: press the page's main button", "continue"),
    Shortcut("Ctrl+Z", "Take back the last change", "undo"),
    Shortcut("Ctrl+Shift+Z", "Do it again", "redo"),
    Shortcut("Ctrl+N", "New project", "new"),
    Shortcut("Ctrl+O", "Open a project", "open"),
    Shortcut("F1", "Show the list of keys", "keys"),
    Shortcut("Ctrl+Q", "Close the window; a training run saves first", "quit"),
    Shortcut("", "Close the project", "close_project"),
    Shortcut("", "Show the project's folder", "folder"),
    Shortcut("", "Rename the project", "rename"),
    Shortcut("", "Light theme", "light"),
    Shortcut("", "Dark theme", "dark"),
    Shortcut("", "Theme of the system", "system"),
)
IN_TABLES = (
    Shortcut("Ctrl+F", "Search and filter", "search"),
    Shortcut("Ctrl+H", "Find and replace", "replace"),
    Shortcut("F3", "Next row that holds what is looked for", "find_next"),
    Shortcut("Shift+F3", "Previous row that holds what is looked for", "find_previous"),
    Shortcut("Ctrl+G", "Go to a row by its number", "go_to_row"),
    Shortcut("Space", "Open or close the whole text of the row", "detail"),
    Shortcut("F2", "Edit the cell; typing replaces it", "edit"),
    Shortcut("Ctrl+D", "Fill down", "fill_down"),
    Shortcut("Ctrl+Ins", "Add a row", "add_row"),
    Shortcut("F", "Flag the chosen rows", "flag"),
    Shortcut("S", "Star the chosen rows", "star"),
    Shortcut("Ctrl+J", "Next flagged row; with Shift the one before", "next_flagged"),
    Shortcut("Del", "Remove the chosen rows; they can come back", "remove"),
    Shortcut("Ctrl+A", "Choose all rows", "select_all"),
    Shortcut("Ctrl+C", "Copy cells, a plot or a message", "copy"),
    Shortcut("Ctrl+V", "Paste rows from a spreadsheet", "paste"),
    Shortcut("Alt+Down", "Menu of the column: order, filter, facet, hide", "column_menu"),
    Shortcut("Esc", "Empty the search field"),
    Shortcut("", "Show or hide the facets", "facets"),
    Shortcut("", "Save this view, or show a saved one", "views"),
    Shortcut("", "Show all rows: no filter", "show_all"),
    Shortcut("", "Order the rows as they were imported", "unsort"),
)

IN_TRAINING = (
    Shortcut("Ctrl+P", "Pause the run, or let it go on", "pause"),
    Shortcut("Ctrl+S", "Save a checkpoint now", "save"),
)
IN_PLOTS = (
    Shortcut("+", "Closer; \u2212 further away, 0 everything"),
    Shortcut("Left", "Read the values; with Shift: pan"),
    Shortcut("L", "Logarithmic scale"),
    Shortcut("Ctrl+Shift+C", "Copy the picture; Ctrl+C the data"),
)


def step_shortcuts() -> list[tuple[str, Step]]:
    """Ctrl+1 … Ctrl+9 and Ctrl+0, in the order of the rail."""
    return [(f"Ctrl+{number % 10}", step) for number, step in enumerate(Step, start=1)]


def commands_of(
    shortcuts: Sequence[Shortcut],
    handlers: Mapping[str, Callable[[], object]],
    *,
    group: str = "",
    reasons: Mapping[str, str] | None = None,
) -> list[Command]:
    """The lines of the palette for those of `shortcuts` that `handlers` can do.

    Args:
        reasons: Why an action cannot be done now, by its name.
    """
    return [
        Command(
            shortcut.words, handlers[shortcut.action], shortcut.keys, group, (reasons or {}).get(shortcut.action, "")
        )
        for shortcut in shortcuts
        if shortcut.action in handlers
    ]


def step_commands(go: Callable[[Step], object], reason: str = "") -> list[Command]:
    """One line for each page."""
    return [
        Command(f"Go to {step.display_name}", partial(go, step), keys, "Pages", reason)
        for keys, step in step_shortcuts()
    ]


def add_actions(window: QWidget, handlers: Mapping[str, Callable[[], object]], go: Callable[[Step], object]) -> None:
    """Give `window` the keys that work everywhere."""
    for command in (*commands_of(EVERYWHERE, handlers), *step_commands(go)):
        if command.keys:
            _add(window, command)


def _add(window: QWidget, command: Command) -> None:
    action = QAction(command.words, window)
    sequences = [QKeySequence(command.keys)]
    if command.keys == "Ctrl+Return":
        sequences.append(QKeySequence("Ctrl+Enter"))
    action.setShortcuts(sequences)
    action.triggered.connect(lambda: command.act())  # noqa: PLW0108 - drops the bool that `triggered` sends
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
        for parts in (
            (("Steps", steps),),
            (("Everywhere", EVERYWHERE), ("Training", IN_TRAINING), ("Plots", IN_PLOTS)),
            (("Tables", IN_TABLES),),
        ):
            column = QVBoxLayout()
            column.setSpacing(6)
            for title, shortcuts in parts:
                _add_part(column, title, [shortcut for shortcut in shortcuts if shortcut.keys])
            column.addStretch(1)
            columns.addLayout(column)
        layout.addLayout(columns)
        layout.addLayout(row(None, Button("Close", self.hide)))


_KEYS_WIDTH = 84
"""Keys of all parts of a column end at the same place."""


def _add_part(column: QVBoxLayout, title: str, shortcuts: Sequence[Shortcut]) -> None:
    if column.count():
        column.addSpacing(metrics.GAP)
    column.addWidget(Label(title, "card_title"))
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnMinimumWidth(0, _KEYS_WIDTH)
    grid.setColumnStretch(1, 1)
    for line, shortcut in enumerate(shortcuts):
        keys = QKeySequence(shortcut.keys).toString(QKeySequence.SequenceFormat.NativeText)
        grid.addWidget(Label(keys, "muted"), line, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Label(shortcut.words), line, 1)
    column.addLayout(grid)
