"""The window while a model trains: what it costs the training, and how late a 5 ms timer in its thread fires.

    python -m benchmarks.window_lateness [--rounds 5] [--steps 100]

All train the same steps of the tickets sample. One without a window, as the command line does; the others watch it on
the open Train page of the program's own window, with as many processor cores for the child as their name says. The
baseline of the lateness is the same window without a run, which draws ten synthetic points a second in four plots.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Contestant, Line, Measurement, compare, median_ratio, print_table
from benchmarks.window import bare_timer, lateness, open_window, wait

REST, IDLE, HEADLESS, WATCHED = "window at rest", "idle window", "training, no window", "training, window open"
RATE = "useful tokens/s"
_FIRST_STEPS = 6
"""They are slower, and not measured."""
_EPOCHS = 200
"""More than any measurement waits for."""
_AT_MOST_S = 600
_REST_S = 8.0


def measure_rest(project: Path) -> Measurement:
    """The window with a project open and nothing to do."""
    with _window(project) as (app, _):
        return lateness(app, _REST_S)


def measure_idle(project: Path) -> Measurement:
    """The window with four plots that get ten points a second."""
    with _window(project) as (app, window):
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
        return lateness(app, _REST_S)


def measure_headless(project: Path, steps: int) -> Measurement:
    """Training without a window, watched by nobody but a loop that reads its events."""
    with _copy(project) as folder:
        from fintune_gui.dataset.runs import create_run
        from fintune_gui.dataset.store import Dataset
        from fintune_gui.jobs.process import JobProcess
        from fintune_gui.project.events import TrainStep
        from fintune_gui.project.store import ProjectFolder

        with ProjectFolder.open(folder) as opened, Dataset.open(opened.dataset) as dataset:
            process = JobProcess.start(create_run(opened, dataset))
        told: list[TrainStep] = []
        try:
            for event in process.events():
                if isinstance(event, TrainStep):
                    told.append(event)
                if len(told) >= _FIRST_STEPS + steps:
                    break
        finally:
            process.kill()
            process.close()
        return _rate(told, steps)


def measure_training(project: Path, steps: int, threads: int | None) -> Measurement:
    """The window on the Train page of a run that is being trained with `threads` cores (None: all)."""
    with _window(project) as (app, window):
        from fintune_gui.dataset.runs import create_run
        from fintune_gui.jobs.process import JobProcess
        from fintune_gui.project.events import TrainStep
        from fintune_gui.project.flow import Step

        run = create_run(window.session.folder, window.session.dataset())
        told: list[TrainStep] = []
        thread = window.session.jobs.start(run, start=partial(JobProcess.start, threads=threads))
        thread.events.connect(lambda events: told.extend(e for e in events if isinstance(e, TrainStep)))
        window.session.refresh_facts()
        window.show_step(Step.TRAIN)
        wait(app, lambda: len(told) >= _FIRST_STEPS or not window.session.jobs.running, _AT_MOST_S)
        with bare_timer() as bare:
            measurement = lateness(app, _AT_MOST_S, lambda: len(told) >= _FIRST_STEPS + steps)
        return measurement | _rate(told, steps) | {"bare timer max ms": bare["max ms"]}


def _rate(told: list[Any], steps: int) -> Measurement:
    """Useful tokens a second from the end of the first steps to that of the last, by the child's own clock."""
    if len(told) < _FIRST_STEPS + steps:
        raise RuntimeError(f"the run ended after {len(told)} steps")
    first, last = told[_FIRST_STEPS - 1], told[_FIRST_STEPS + steps - 1]
    return {RATE: (last.tokens - first.tokens) / (last.time - first.time)}


@contextmanager
def _copy(project: Path) -> Iterator[Path]:
    """A copy of the project, and a home of its own for the program."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["FINTUNE_HOME"] = home
        yield Path(shutil.copytree(project, Path(home) / "tickets"))


@contextmanager
def _window(project: Path) -> Iterator[tuple[Any, Any]]:
    with _copy(project) as folder, open_window(folder) as opened:
        yield opened


def _ready_project(folder: Path) -> Path:
    """The tickets sample with a split and a model, ready for a long run with one evaluation in each epoch."""
    from fintune_gui.dataset.runs import create_prepare, record_prepared
    from fintune_gui.dataset.samples import create_sample
    from fintune_gui.dataset.splitting import make_split
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.jobs.process import raise_if_failed, run_to_end
    from fintune_gui.project.settings import Method

    with create_sample("tickets", folder) as opened:
        ended = run_to_end(create_prepare(opened, "sample:tiny-base"))
        raise_if_failed(ended)
        record_prepared(opened, ended.result, Method.LORA)
        wanted = {"epochs": _EPOCHS, "early_stopping_patience": 0, "evaluations_per_epoch": 1}
        opened.save(opened.project.with_(training=opened.project.training.model_copy(update=wanted)))
        with Dataset.open(opened.dataset) as dataset:
            make_split(opened, dataset)
    return folder


def lines(rounds: int, steps: int = 100) -> list[Line | str]:
    """The promises about the window while it trains, each with its target."""
    cores = os.cpu_count() or 1
    fewer = f"training, window open, {cores - 1} of {cores} cores"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["FINTUNE_HOME"] = home
        project = _ready_project(Path(home) / "tickets")
        contestants = [
            Contestant(REST, partial(measure_rest, project)),
            Contestant(IDLE, partial(measure_idle, project)),
            Contestant(HEADLESS, partial(measure_headless, project, steps)),
            Contestant(WATCHED, partial(measure_training, project, steps, None)),
        ]
        if cores > 1:
            contestants.append(Contestant(fewer, partial(measure_training, project, steps, cores - 1)))
        results = compare(contestants, rounds)

    def told(name: str, measure: str) -> list[float]:
        return [float(measurement[measure]) for measurement in results[name]]

    speed, spread = median_ratio(told(WATCHED, RATE), told(HEADLESS, RATE))
    late, idle = ([value / 1000 for value in told(name, "p99 µs")] for name in (WATCHED, IDLE))
    against_idle, idle_spread = median_ratio(late, idle)
    rates = " against ".join(f"{statistics.median(told(name, RATE)):,.0f}" for name in (WATCHED, HEADLESS))
    latest, bare = told(WATCHED, "max ms"), max(told(WATCHED, "bare timer max ms"))
    own = max(told(WATCHED, "own work max ms"))
    loop = "window's event loop while training"
    rest = f"its own work at most {own:.0f}, a bare timer beside it {bare:.0f}"
    found: list[Line | str] = [
        Line(f"training, window open, against headless, {cores} cores", f"{rates} {RATE} ({spread})", speed, 0.95),
        Line(f"{loop}, p99 ms", f"rounds {min(late):.1f}–{max(late):.1f}", statistics.median(late), 12, at_most=True),
        Line(
            f"{loop}, latest ms", f"median round {statistics.median(latest):.0f}; {rest}", max(latest), 50, at_most=True
        ),
        Line(
            f"{loop}, p99 against an idle window that draws every point",
            f"{statistics.median(late):.1f} against {statistics.median(idle):.1f} ms ({idle_spread})",
            against_idle,
            1,
            at_most=True,
        ),
    ]
    if cores > 1:
        slower, _ = median_ratio(told(fewer, RATE), told(HEADLESS, RATE))
        quick = statistics.median(told(fewer, "p99 µs")) / 1000
        found.append(f"With {cores - 1} of {cores} cores for the child: {slower:.2f} of headless, p99 {quick:.1f} ms.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    asked = parser.parse_args()
    print_table(lambda: lines(asked.rounds, asked.steps))


if __name__ == "__main__":
    main()
