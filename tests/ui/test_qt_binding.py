"""PySide6 6.12.0 drops references to None and True on Python 3.11 and aborts after a few hundred signals or redraws."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import PySide6


def _run(body: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: an abort must fail this test and not end the whole suite."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", textwrap.dedent(body)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)


def test_that_the_broken_release_is_not_installed() -> None:
    assert PySide6.__version__ != "6.12.0"


def test_that_five_thousand_signals_survive() -> None:
    result = _run(
        """
        import sys
        from PySide6.QtCore import QObject, Signal
        class Source(QObject):
            told = Signal(object)
        heard = []
        source = Source()
        source.told.connect(heard.append)
        before = sys.getrefcount(True), sys.getrefcount(None)
        for number in range(5000):
            source.told.emit(number)
        after = sys.getrefcount(True), sys.getrefcount(None)
        assert len(heard) == 5000
        assert all(b - a < 1000 for b, a in zip(before, after)), (before, after)
        print("alive")
        """
    )
    assert result.stdout.strip() == "alive", result.stderr[-2000:]


def test_that_a_thousand_redraws_survive() -> None:
    result = _run(
        """
        from PySide6.QtWidgets import QApplication
        app = QApplication([])
        from fintune_gui.ui.theme import theme
        from fintune_gui.ui.widgets.live_plot import LivePlot
        theme().apply("light")
        plot = LivePlot("Loss")
        curve = plot.add_curve("training", "training")
        plot.resize(300, 150)
        plot.show()
        steps, losses = [], []
        for number in range(1000):
            steps.append(float(number)); losses.append(1 / (1 + number))
            curve.sync(steps, losses)
            plot.redraw()
            plot.grab()
        assert plot.redraws >= 1000
        print("alive")
        """
    )
    assert result.stdout.strip() == "alive", result.stderr[-2000:]
