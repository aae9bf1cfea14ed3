"""Finds what a test left behind. Qt is only touched for tests that use it."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Set as AbstractSet
from typing import Any

PATIENCE_S = 2.0
"""How long something may take to end after the test: closing is asynchronous."""

_HARMLESS_WIDGETS = {
    "QTipLabel",  # a tooltip: Qt keeps the one it showed last and hides it by a timer of its own
}
_HARMLESS_THREADS = {
    "TMonitor",  # tqdm starts one watcher for the whole process with its first progress bar
    "_DummyThread",  # how Python sees a thread of Qt's pool that once ran Python code; it cannot end
}


def running_threads() -> set[threading.Thread]:
    """The Python threads of this process."""
    return set(threading.enumerate())


def left_threads(before: AbstractSet[threading.Thread]) -> list[str]:
    """Names of threads that are not in `before` and do not end within `PATIENCE_S`."""
    deadline = time.monotonic() + PATIENCE_S
    new = [thread for thread in running_threads() - before if type(thread).__name__ not in _HARMLESS_THREADS]
    for thread in new:
        thread.join(max(0.0, deadline - time.monotonic()))
    return sorted(thread.name for thread in new if thread.is_alive())


class QtLeaks:
    """Made before a test and asked after it.

    Everything that exists when it is made is frozen out of the garbage collector's sight, so that `find` looks only at
    the objects of this test, which is quick however much is loaded.
    """

    def __init__(self) -> None:
        self._widgets = {_address(widget) for widget in _top_level_widgets()}
        gc.freeze()

    def find(self) -> list[str]:
        """Descriptions of running threads, active timers and top-level widgets that the test made and left.

        They are also stopped and deleted, so that the tests after it are judged by themselves.
        """
        deadline = time.monotonic() + PATIENCE_S
        while (left := self._look()) and time.monotonic() < deadline:
            time.sleep(0.01)
        descriptions = [_describe(thing) for thing in left]
        for thing in left:
            _end(thing)
        left.clear()
        _let_qt_finish()
        gc.unfreeze()
        return descriptions

    def _look(self) -> list[Any]:
        from PySide6.QtCore import QThread, QTimer
        from shiboken6 import isValid

        _let_qt_finish()
        gc.collect()
        found: list[Any] = []
        # the type is asked, not the object: isinstance() would ask proxies of other libraries for their __class__
        for thing in gc.get_objects():
            kind = type(thing)
            if (issubclass(kind, QTimer) and isValid(thing) and thing.isActive()) or (
                issubclass(kind, QThread) and isValid(thing) and thing.isRunning() and not thing.isCurrentThread()
            ):
                found.append(thing)
        found += [
            widget
            for widget in _top_level_widgets()
            if _address(widget) not in self._widgets and widget.metaObject().className() not in _HARMLESS_WIDGETS
        ]
        return found


def _top_level_widgets() -> list[Any]:
    from PySide6.QtWidgets import QApplication

    return [widget for widget in QApplication.topLevelWidgets() if widget.parent() is None]


def _address(widget: Any) -> int:
    """The C++ object behind a wrapper; wrappers come and go."""
    from shiboken6 import getCppPointer

    return int(getCppPointer(widget)[0])


def _let_qt_finish() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _describe(thing: Any) -> str:
    name = thing.objectName()
    owner = type(thing.parent()).__name__ if thing.parent() is not None else ""
    return type(thing).__name__ + (f" “{name}”" if name else "") + (f" of {owner}" if owner else "")


def _end(thing: Any) -> None:
    from PySide6.QtCore import QThread, QTimer

    if isinstance(thing, QTimer):
        thing.stop()
    elif isinstance(thing, QThread):
        thing.requestInterruption()
        thing.quit()
        thing.wait(2000)
    else:
        thing.close()
        thing.deleteLater()
