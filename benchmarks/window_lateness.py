"""The window while a model trains: how late a 5 ms timer in the window's thread fires, against an idle window.

    python -m benchmarks.window_lateness [--rounds 3] [--seconds 8]

All are the program's own window. One at rest draws nothing; the idle one, which is the baseline, draws ten synthetic
points a second in four plots; the others watch a real run of the tickets sample on the Train page, with as many
processor cores for the child as their name says.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Contestant, Measurement, compare, table

TIMER_MS = 5
IDLE = "idle window"
_EPOCHS = 200
"""More than any measurement waits for."""
_START_S = 120


def measure_rest(seconds: float) -> Measurement:
    """The window with a project open and nothing to do."""
    with _window() as (app, _):
        return _lateness(app, seconds)


def measure_idle(seconds: float) -> Measurement:
    """The window with four plots that get ten points a second."""
    with _window() as (app, window):
        from PySide6.QtCore import QTimer

        from fintune_gui.ui.widgets.live_plot import LivePlot

        plots = [LivePlot(f"Plot {number}", parent=window) for number in range(4)]
        curves = [plot.add_curve("training", "training") for plot in plots]
        for number, plot in enumerate(plots):
            plot.setGeometry(280 + 480 * (number % 2), 100 + 300 * (number // 2), 470, 290)
            plot.show()
        steps: list[float] = []

        def feed() -> None:
            steps.append(float(len(steps)))
            for curve in curves:
                curve.sync(steps, [1 / (1 + step) for step in steps])

        feeder = QTimer(window)
        feeder.setInterval(100)
        feeder.timeout.connect(feed)
        feeder.start()
        return _lateness(app, seconds)


def measure_training(threads: int | None, seconds: float) -> Measurement:
    """The window on the Train page of a run that is being trained with `threads` cores (None: all)."""
    with _window() as (app, window):
        from fintune_gui.dataset.runs import create_run
        from fintune_gui.jobs.process import JobProcess
        from fintune_gui.project.events import TrainStep
        from fintune_gui.project.flow import Step

        dataset = window.session.dataset()
        run = create_run(window.session.folder, dataset)
        steps: list[TrainStep] = []
        thread = window.session.jobs.start(run, start=partial(JobProcess.start, threads=threads))
        thread.events.connect(lambda events: steps.extend(e for e in events if isinstance(e, TrainStep)))
        window.session.refresh_facts()
        window.show_step(Step.TRAIN)
        _wait(app, lambda: len(steps) > 5 or not window.session.jobs.running, _START_S)
        if len(steps) <= 5:
            raise RuntimeError(f"the run did not start: {run}/log.txt")
        before = len(steps)
        measurement = _lateness(app, seconds)
        measurement["steps"] = len(steps) - before
        if not window.session.jobs.running:
            raise RuntimeError("the run was over before the measurement")
        return measurement


@contextmanager
def _window() -> Iterator[tuple[Any, Any]]:
    """The program's window on a tickets project that is ready to train."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["FINTUNE_HOME"] = home
        from fintune_gui.ui.app import make_application
        from fintune_gui.ui.services.background import wait_for_background
        from fintune_gui.ui.theme import theme
        from fintune_gui.ui.window import MainWindow

        folder = _ready_project(Path(home) / "tickets")
        app = make_application()
        theme().apply("light")
        window = MainWindow()
        window.show()
        window.open_project(folder)
        _wait(app, lambda: window.session.facts.rows is not None, 30)
        try:
            yield app, window
        finally:
            window.session.jobs.kill_all()
            _wait(app, lambda: not window.session.jobs.running, 30)
            window.close()
            wait_for_background(5000)


def _ready_project(folder: Path) -> Path:
    from fintune_gui.dataset.samples import create_sample
    from fintune_gui.dataset.splitting import make_split
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.jobs.process import raise_if_failed, run_to_end
    from fintune_gui.project.settings import Method

    with create_sample("tickets", folder) as opened:
        from fintune_gui.dataset.runs import create_prepare, record_prepared

        ended = run_to_end(create_prepare(opened, "sample:tiny-base"))
        raise_if_failed(ended)
        record_prepared(opened, ended.result, Method.LORA)
        training = opened.project.training.model_copy(update={"epochs": _EPOCHS, "early_stopping_patience": 0})
        opened.save(opened.project.with_(training=training))
        with Dataset.open(opened.dataset) as dataset:
            make_split(opened, dataset)
    return folder


def _lateness(app: Any, seconds: float) -> Measurement:
    """How late a timer fires in the window's thread, over `seconds`."""
    import numpy as np
    from PySide6.QtCore import Qt, QTimer

    gaps: list[float] = []
    last = time.perf_counter()

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
    _wait(app, lambda: False, seconds)
    timer.stop()
    late = np.maximum(0.0, np.array(gaps[1:]) * 1000 - TIMER_MS)
    return {
        "ticks/s": len(gaps) / seconds,
        "p50 ms": round(float(np.percentile(late, 50)), 2),
        "p99 µs": round(float(np.percentile(late, 99)) * 1000),
        "max ms": round(float(late.max()), 1),
        "over 50 ms": round(float((late > 50).mean()), 4),
    }


def _wait(app: Any, done: Callable[[], bool], seconds: float) -> None:
    """Run the event loop as `exec` does, until `done` or for so long."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    end = QTimer()
    end.setSingleShot(True)
    end.timeout.connect(loop.quit)
    end.start(round(seconds * 1000))
    look = QTimer()
    look.setInterval(200)
    look.timeout.connect(lambda: done() and loop.quit())
    look.start()
    loop.exec()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    contestants = [
        Contestant("window at rest", partial(measure_rest, options.seconds)),
        Contestant(IDLE, partial(measure_idle, options.seconds)),
        Contestant("training, all cores", partial(measure_training, None, options.seconds)),
    ]
    if cores > 1:
        work = partial(measure_training, cores - 1, options.seconds)
        contestants.append(Contestant(f"training, {cores - 1} of {cores} cores", work))
    print(table(compare(contestants, options.rounds), IDLE, higher="ticks/s", lower="p99 µs"))


if __name__ == "__main__":
    main()
