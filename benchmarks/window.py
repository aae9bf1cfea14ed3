"""The program's own window for measurements: opened offscreen on a project, its event loop run, its lateness taken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

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


class Lateness:
    """A timer in the window's thread during a block.

    Attributes:
        gaps: Seconds between two ticks.
        own_work: Processor seconds of the window's thread in each gap; the rest, others had or nobody.
    """

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.gaps: list[float] = []
        self.own_work: list[float] = []
        self._last = self._last_cpu = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TIMER_MS)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> Self:
        self._last, self._last_cpu = time.perf_counter(), time.thread_time()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self.gaps.append(now - self._last)
        self.own_work.append(cpu - self._last_cpu)
        self._last, self._last_cpu = now, cpu

    def forget(self) -> None:
        """Begin a new stage."""
        self.gaps.clear()
        self.own_work.clear()

    def most_ms(self) -> float:
        """The greatest lateness of this stage."""
        return max(0.0, max(self.gaps, default=0.0) * 1000 - TIMER_MS)

    def most_own_work_ms(self) -> float:
        """The most that the window's thread worked between two ticks of this stage."""
        return max(self.own_work, default=0.0) * 1000


def lateness(app: Any, seconds: float, done: Callable[[], bool] = lambda: False) -> Measurement:
    """How late a timer fires in the window's thread, over `seconds` or until `done`."""
    import numpy as np

    began = time.perf_counter()
    with Lateness() as timer:
        wait(app, done, seconds)
    late = np.maximum(0.0, np.array(timer.gaps[1:]) * 1000 - TIMER_MS)
    own = np.array(timer.own_work[1:]) * 1000
    return {
        "ticks/s": len(timer.gaps) / (time.perf_counter() - began),
        "p50 ms": round(float(np.percentile(late, 50)), 2),
        "p99 µs": round(float(np.percentile(late, 99)) * 1000),
        "max ms": round(float(late.max()), 1),
        "over 50 ms": round(float((late > 50).mean()), 4),
        "own work p99 ms": round(float(np.percentile(own, 99)), 2),
        "own work max ms": round(float(own.max()), 1),
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
