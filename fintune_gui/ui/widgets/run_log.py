"""The log of a run: by level, searched, and copied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from fintune_gui.project.events import Log
from fintune_gui.ui.theme import Tone
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, Label, set_shown
from fintune_gui.ui.widgets.log_view import LogView
from fintune_gui.ui.widgets.search_field import SearchField
from fintune_gui.ui.widgets.segmented import Segmented
from fintune_gui.ui.widgets.words import counted

_HEIGHT = 220
_SEARCH_WIDTH = 180
_LEVELS: tuple[tuple[str, object], ...] = (("All", "info"), ("Warnings", "warning"), ("Errors", "error"))
_TONES: dict[str, Tone] = {"info": "neutral", "warning": "warn", "error": "bad"}
_RANK = {"info": 0, "warning": 1, "error": 2}


class RunLog(Card):
    """Shows the lines of at least the chosen level that hold the words searched for.

    Signals:
        copied: What was put on the clipboard, in words.
    """

    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Log", parent=parent)
        self._logs: list[Log] = []
        self.levels = Segmented("Level", _LEVELS)
        self.search = SearchField("Search in the log", "Search")
        self.search.setFixedWidth(_SEARCH_WIDTH)
        self.copy_button = Button("Copy", self.copy, kind="link", tool_tip="Copy the lines that are shown")
        self.add_action(self.search, self.levels, self.copy_button)
        self.view = LogView("Log of the run")
        self.view.setFixedHeight(_HEIGHT)
        self.add(self.view)
        self._none = Label("", "small")
        self.add(self._none)
        self._level: Literal["info", "warning", "error"] = "info"
        self.levels.chosen.connect(self._choose)
        self.search.textChanged.connect(self._show_all)
        self._show_all()

    def show_logs(self, logs: Sequence[Log]) -> None:
        """Take in what is new; fewer than before is another log."""
        known = len(self._logs)
        if len(logs) < known or (known and logs[known - 1] != self._logs[-1]):
            self._logs = list(logs)
            self._show_all()
            return
        new = list(logs[known:])
        self._logs += new
        for entry in filter(self._matches, new):
            self._add(entry)
        if new:
            self._say_none()

    def shown(self) -> list[str]:
        """The lines that match."""
        return [_line(entry) for entry in self._logs if self._matches(entry)]

    def _matches(self, entry: Log) -> bool:
        return _RANK[entry.level] >= _RANK[self._level] and self.search.text().casefold() in entry.message.casefold()

    def _add(self, entry: Log) -> None:
        self.view.add(_line(entry), _TONES[entry.level])

    @Slot(object)
    def _choose(self, level: Literal["info", "warning", "error"]) -> None:
        self._level = level
        self._show_all()

    @Slot()
    def _show_all(self) -> None:
        self.view.set_lines([])
        for entry in filter(self._matches, self._logs):
            self._add(entry)
        self.view.flush()
        self._say_none()

    def _say_none(self) -> None:
        found = any(map(self._matches, self._logs))
        self._none.setText("No line matches." if self._logs else "Nothing was logged.")
        set_shown(self._none, shown=not found)

    @Slot()
    def copy(self) -> None:
        """Put the shown lines on the clipboard."""
        lines = self.shown()
        QGuiApplication.clipboard().setText("\n".join(lines))
        self.copied.emit(f"{counted(len(lines), 'line')} of the log copied.")


def _line(entry: Log) -> str:
    return f"{datetime.fromtimestamp(entry.time):%H:%M:%S}  {entry.message}"  # noqa: DTZ006 - the clock on the wall
