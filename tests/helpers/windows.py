"""A main window for tests, and what can be asked of all its controls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QScrollBar,
    QTextEdit,
    QWidget,
)

from fintune_gui.dataset.samples import create_sample
from fintune_gui.ui.services.background import wait_for_background
from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.controls import Clickable
from fintune_gui.ui.window import MainWindow

CONTROLS = (
    QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit, QTextEdit, QAbstractItemView, QProgressBar,
    Clickable,
)  # fmt: skip


@contextmanager
def main_window(qtbot: Any, size: tuple[int, int] = (1280, 800)) -> Iterator[MainWindow]:
    """The program's window, shown, and closed afterwards whatever happens."""
    theme().apply("light")
    window = MainWindow()
    window.resize(*size)
    window.show()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    try:
        yield window
    finally:
        window.session.jobs.kill_all()
        qtbot.waitUntil(lambda: not window.session.jobs.running, timeout=30_000)
        window.close()
        wait_for_background(10_000)
        window.deleteLater()


def sample_folder(parent: Path) -> Path:
    """A project of the tickets sample: rows and roles are there, no split, no model."""
    create_sample("tickets", parent / "tickets").close()
    return parent / "tickets"


def settled(qtbot: Any, window: MainWindow) -> None:
    """Wait until the facts of the open project are gathered and shown."""
    qtbot.waitUntil(lambda: not window.session._gathering and not window._refreshing.waiting, timeout=20_000)
    qtbot.wait(20)


def controls(root: QWidget) -> list[QWidget]:
    """Visible things that the user can act on or must hear of; without the inner parts of other controls."""
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and not isinstance(widget, QScrollBar | QHeaderView)
        and widget.isVisibleTo(root)
        and not widget.objectName().startswith("qt_")
        and not isinstance(widget.parent(), QComboBox | QAbstractSpinBox | QLineEdit)
        and not type(widget).__name__.startswith("QTableCorner")
        and not _inside_plot(widget)
    ]


def name_of(widget: QWidget) -> str:
    """What a screen reader says for a control."""
    text = getattr(widget, "text", None)
    return widget.accessibleName() or (str(text()) if callable(text) and isinstance(widget, QAbstractButton) else "")


def described(widget: QWidget) -> str:
    """A control in a failed test's words."""
    return f"{type(widget).__name__} “{name_of(widget)}” in {type(widget.parent()).__name__}"


class Flashes(QObject):
    """Sees every window that is shown besides `window`."""

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = window
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() is QEvent.Type.Show
            and isinstance(watched, QWidget)
            and watched.isWindow()
            and watched is not self._window
        ):
            text = getattr(watched, "text", str)
            self.seen.append(f"{type(watched).__name__} {watched.accessibleName() or text()}")
        return False

    def __enter__(self) -> Self:
        QApplication.instance().installEventFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        QApplication.instance().removeEventFilter(self)


def focusable(root: QWidget) -> list[QWidget]:
    """Enabled controls, all of which the Tab key must be able to reach (the rail's steps share one place)."""
    return [
        widget for widget in controls(root) if widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


def _inside_plot(widget: QWidget) -> bool:
    parent = widget.parent()
    while parent is not None:
        if type(parent).__name__ in ("GraphicsLayoutWidget", "LivePlot") and parent is not widget:
            return True
        parent = parent.parent()
    return False
