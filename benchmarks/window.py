"""The program's own window for measurements: opened offscreen on a project, its event loop run, its lateness taken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import Measurement

TIMER_MS = 5


@contextmanager
def open_window(folder: Path) -> Iterator[tuple[Any, Any]]:
    """The application and its window with the project in `folder` open and its facts gathered.

    The caller sets `FINTUNE_HOME` to a folder that may be filled.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from fintune_gui.ui.app import make_application
    from fintune_gui.ui.services.background import wait_for_background
    from fintune_gui.ui.theme import theme
    from fintune_gui.ui.window import MainWindow

    app = make_application()
    theme().apply("light")
    window = MainWindow()
    window.show()
    window.open_project(folder)
    wait(app, lambda: window.session.facts.gathered, 60)
    try:
        yield app, window
    finally:
        window.session.jobs.kill_all()
        wait(app, lambda: not window.session.jobs.running, 30)
        window.close()
        wait_for_background(5000)


def lateness(app: Any, seconds: float, done: Callable[[], bool] = lambda: False) -> Measurement:
    """How late a timer fires in the window's thread, over `seconds` or until `done`."""
    import numpy as np
    from PySide6.QtCore import Qt, QTimer

    gaps: list[float] = []
    began = last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(TIMER_MS)
    timer.timeout.connect(tick)
    timer.start()
    wait(app, done, seconds)
    timer.stop()
    late = np.maximum(0.0, np.array(gaps[1:]) * 1000 - TIMER_MS)
    return {
        "ticks/s": len(gaps) / (time.perf_counter() - began),
        "p50 ms": round(float(np.percentile(late, 50)), 2),
        "p99 µs": round(float(np.percentile(late, 99)) * 1000),
        "max ms": round(float(late.max()), 1),
        "over 50 ms": round(float((late > 50).mean()), 4),
    }


@contextmanager
def bare_timer() -> Iterator[dict[str, float]]:
    """How late a timer is in a process that does nothing else, during a block: what the machine's other work costs."""
    found: dict[str, float] = {}
    with subprocess.Popen(
        [sys.executable, "-c", _BARE_TIMER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield found
        finally:
            found["max ms"] = float(process.communicate()[0])


_BARE_TIMER = f"""
import select, sys, time
worst, last = 0.0, time.perf_counter()
while not select.select([sys.stdin], [], [], {TIMER_MS / 1000})[0]:
    now = time.perf_counter()
    worst, last = max(worst, now - last), now
print(max(0.0, worst * 1000 - {TIMER_MS}))
"""


def wait(_app: Any, done: Callable[[], bool], seconds: float) -> None:
    """Run the event loop as `exec` does, until `done` or for so long."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    end = QTimer()
    end.setSingleShot(True)
    end.timeout.connect(loop.quit)
    end.start(round(seconds * 1000))
    look = QTimer()
    look.setInterval(50)
    look.timeout.connect(lambda: done() and loop.quit())
    look.start()
    loop.exec()
