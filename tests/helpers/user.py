"""Somebody at the window: sees names and words, uses mouse and keys, and waits. Knows no page from inside."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QLineEdit, QWidget

from tests.helpers.windows import controls, name_of

LEFT = Qt.MouseButton.LeftButton
PATIENCE_MS = 90_000
"""A process that imports torch beside other tests takes its time."""
_LOOK_EVERY_S = 0.1
"""Looking through the whole window again and again takes the processor from the training that is waited for."""

W = TypeVar("W", bound=QWidget)


class User:
    """Uses `window` through real events. A name that ends in "…" stands for all that begin like it."""

    def __init__(self, qtbot: Any, window: QWidget) -> None:
        self._qtbot = qtbot
        self._window = window

    # Seeing

    def sees(self, name: str) -> bool:
        """Whether there is a control of this name that can be used now."""
        return self._find(name) is not None

    def read(self) -> str:
        """All words on screen."""
        labels = [label.text() for label in self._window.findChildren(QLabel) if label.isVisible()]
        return "\n".join(text for text in labels if text)

    def named(self, kind: type[W], name: str) -> W:
        """The widget of a kind on screen with this name."""
        found = [w for w in self._window.findChildren(kind) if w.isVisible() and _is_called(name, w.accessibleName())]
        assert len(found) == 1, f"{len(found)} of {kind.__name__} “{name}”"
        return found[0]

    def _find(self, name: str) -> QWidget | None:
        fitting = [c for c in controls(self._window) if c.isEnabled() and _is_called(name, name_of(c))]
        assert len(fitting) <= 1, [name_of(control) for control in fitting]
        return fitting[0] if fitting else None

    # Waiting

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for `condition`. If it does not come, `what` was waited for and what is on screen are told."""
        next_look = 0.0

        def look() -> bool:
            nonlocal next_look
            if time.monotonic() < next_look:
                return False
            met = bool(condition())
            next_look = time.monotonic() + _LOOK_EVERY_S
            return met

        try:
            self._qtbot.waitUntil(look, timeout=PATIENCE_MS)
        except self._qtbot.TimeoutError:
            raise AssertionError(f"waited in vain for {what}; on screen:\n{self.read()}") from None

    def wait_for(self, name: str) -> QWidget:
        """Wait until a control of this name can be used."""
        self.wait(lambda: self.sees(name), f"“{name}”")
        control = self._find(name)
        assert control is not None
        return control

    def wait_to_read(self, words: str) -> None:
        """Wait until `words` are on screen."""
        self.wait(lambda: words in self.read(), f"the words “{words}”")

    # Doing

    def press(self, name: str) -> None:
        """Click on a control as soon as it can be used."""
        self._qtbot.mouseClick(self.wait_for(name), LEFT)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key wherever the focus is."""
        self._qtbot.keyClick(QApplication.focusWidget() or self._window, key, modifier)

    def write(self, name: str, text: str) -> None:
        """Replace the text of a field, and press Enter."""
        field = self.wait_for(name)
        assert isinstance(field, QLineEdit)
        self._qtbot.mouseClick(field, LEFT)
        self._type_over(text)

    def edit_cell(self, table: QAbstractItemView, row: int, section: int, text: str) -> None:
        """Double-click on a cell of a table, and type over it."""
        at = table.visualRect(table.model().index(row, section)).center()
        viewport = table.viewport()
        self._qtbot.mouseClick(viewport, LEFT, pos=at)
        self._qtbot.mouseDClick(viewport, LEFT, pos=at)
        self.wait(lambda: viewport.isAncestorOf(QApplication.focusWidget() or table), "an editor in the cell")
        self._type_over(text)

    def _type_over(self, text: str) -> None:
        self.key(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self._qtbot.keyClicks(QApplication.focusWidget(), text)
        self.key(Qt.Key.Key_Return)


def _is_called(wanted: str, name: str) -> bool:
    return name.startswith(wanted[:-1]) if wanted.endswith("…") else name == wanted
