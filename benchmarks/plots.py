"""How long a plot of six curves with a million points each takes to redraw: ours, and pyqtgraph's auto-downsampling.

    python -m benchmarks.plots [--points 1000000] [--redraws 30]

Both draw the same picture into a widget of the same size: each curve faint as it is, and bold as smoothed. A redraw is
taking in one new batch of points for every curve, updating the picture, and painting it. What pyqtgraph draws bold is
smoothed before the clock starts. Each contestant runs in a process of its own, in turn with the other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from functools import partial
from typing import Any

from benchmarks.harness import Contestant, Line, Measurement, compare, median_ratio, print_table

CURVES = 6
SIZE = (900, 500)
BATCH = 10
OURS, THEIRS = "our plot", "pyqtgraph, auto-downsampling"


def curves(points: int) -> tuple[Any, list[Any]]:
    """x (points,), and noisy falling y of the same length for each curve."""
    import numpy as np

    x = np.arange(1, points + 1, dtype=np.float64)
    luck = np.random.default_rng(1)
    fall = np.exp(-4 * x / points)
    return x, [0.4 + 0.1 * n + 1.6 * fall + luck.normal(0, 0.06, points) for n in range(CURVES)]


def _application() -> Any:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from fintune_gui.ui.app import make_application

    return make_application()


def ours(points: int, redraws: int) -> Measurement:
    """`LivePlot`: six training curves, each raw and smoothed."""
    app = _application()
    from fintune_gui.ui.widgets.live_plot import LivePlot

    plot = LivePlot("Loss")
    plot.resize(*SIZE)
    plot.show()
    x, ys = curves(points)
    made = [plot.add_curve(f"curve {n}", "training") for n in range(CURVES)]

    def redraw(count: int) -> None:
        for curve, y in zip(made, ys, strict=True):
            curve.sync(x[:count], y[:count])
        plot.redraw()
        plot.grab()

    return _timed(app, redraw, points, redraws)


def theirs(points: int, redraws: int) -> Measurement:
    """`pyqtgraph.PlotWidget` with its automatic downsampling, peaks kept, and clipping to the view."""
    app = _application()
    import pyqtgraph as pg

    from fintune_gui.ui.widgets.plot_curve import SMOOTHED_OVER
    from fintune_gui.ui.widgets.pyramid import Smoother

    widget = pg.PlotWidget()
    widget.resize(*SIZE)
    widget.setDownsampling(auto=True, mode="peak")
    widget.setClipToView(True)
    widget.show()
    x, ys = curves(points)
    smooth = [Smoother(SMOOTHED_OVER)(y) for y in ys]
    faint = [widget.plot(pen=pg.mkPen("#A0B0E0", width=1), skipFiniteCheck=True) for _ in range(CURVES)]
    bold = [widget.plot(pen=pg.mkPen("#2F5DD0", width=2), skipFiniteCheck=True, antialias=True) for _ in range(CURVES)]
    widget.setRange(xRange=(0, points), yRange=(0, 3))

    def redraw(count: int) -> None:
        for item, y in zip(faint + bold, ys + smooth, strict=True):
            item.setData(x[:count], y[:count])
        widget.grab()

    return _timed(app, redraw, points, redraws)


def _timed(app: Any, redraw: Any, points: int, redraws: int) -> Measurement:
    redraw(points - BATCH * redraws)  # the first one takes in everything, and makes fonts and caches
    app.processEvents()
    walls, cpus = [], []
    for number in range(1, redraws + 1):
        wall, cpu = time.perf_counter(), time.thread_time()
        redraw(points - BATCH * (redraws - number))
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.thread_time() - cpu))
    return {
        "redraws/s": 1000 / statistics.median(cpus),
        "ms": statistics.median(cpus),
        "wall ms": statistics.median(walls),
        "slowest ms": max(cpus),
    }


def lines(rounds: int, points: int = 1_000_000, redraws: int = 30) -> list[Line | str]:
    """The promises about redrawing, each with its target."""
    contestants = [
        Contestant(OURS, partial(ours, points, redraws)),
        Contestant(THEIRS, partial(theirs, points, redraws)),
    ]
    results = compare(contestants, rounds)
    mine, other = ([measurement["ms"] for measurement in results[name]] for name in (OURS, THEIRS))
    ratio, spread = median_ratio(other, mine)
    what = f"redraw of six curves with {points:,} points each"
    here, there = statistics.median(mine), statistics.median(other)
    return [
        Line(f"{what}, ms", f"processor time; slowest round {max(mine):.1f}", here, 16, at_most=True),
        Line(f"{what}, against {THEIRS}", f"{here:.1f} against {there:.1f} ms ({spread})", ratio, 4),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--redraws", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print_table(lambda: lines(asked.rounds, asked.points, asked.redraws))


if __name__ == "__main__":
    main()
