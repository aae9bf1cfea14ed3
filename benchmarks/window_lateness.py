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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Contestant, Measurement, compare, table
from benchmarks.window import lateness, open_window, wait

IDLE = "idle window"
_EPOCHS = 200
"""More than any measurement waits for."""
_START_S = 120


def measure_rest(seconds: float) -> Measurement:
    """The window with a project open and nothing to do."""
    with _window() as (app, _):
        return lateness(app, seconds)


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
        return lateness(app, seconds)


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
        wait(app, lambda: len(steps) > 5 or not window.session.jobs.running, _START_S)
        if len(steps) <= 5:
            raise RuntimeError(f"the run did not start: {run}/log.txt")
        before = len(steps)
        measurement = lateness(app, seconds)
        measurement["steps"] = len(steps) - before
        if not window.session.jobs.running:
            raise RuntimeError("the run was over before the measurement")
        return measurement


@contextmanager
def _window() -> Iterator[tuple[Any, Any]]:
    """The program's window on a tickets project that is ready to train."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["FINTUNE_HOME"] = home
        with open_window(_ready_project(Path(home) / "tickets")) as opened:
            yield opened


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
