"""Still charts: they draw what they were given, and say it in words."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QTest

from fintune_gui.ui.theme import theme, tokens
from fintune_gui.ui.widgets.charts import Histogram, IntervalPlot, IntervalRow, Sparkline, nice_ticks


@pytest.fixture(autouse=True)
def _light(qapp: object) -> None:
    theme().apply("light")


def columns_of(image: QImage, colour: str) -> list[int]:
    """x of every pixel column that holds the colour."""
    wanted = QColor(colour)
    return [x for x in range(image.width()) if any(image.pixelColor(x, y) == wanted for y in range(image.height()))]


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0.25, 1.05, 8, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (0, 600, 4, [0, 200, 400, 600]),
        (-3, 3, 3, [-2, 0, 2]),
        (5, 5, 4, [5]),
    ],
)
def test_that_axes_have_round_values(low: float, high: float, most: int, ticks: list[float]) -> None:
    assert nice_ticks(low, high, most) == pytest.approx(ticks)


def test_that_values_stand_from_left_to_right_by_size(qtbot) -> None:
    plot = IntervalPlot("Baselines")
    qtbot.addWidget(plot)
    plot.resize(500, 200)
    plot.show_rows([IntervalRow("untuned", 0.6, 0.59, 0.61), IntervalRow("run 4", 0.9, 0.89, 0.91, "info")], 0.85)
    image = plot.grab().toImage()
    baseline, tuned = columns_of(image, tokens().muted), columns_of(image, tokens().accent)
    assert max(tuned) > max(x for x in baseline if x > 100)
    assert plot.accessibleDescription().splitlines()[0].startswith("name value low high; untuned 0.6 0.59 0.61")


def test_that_a_value_without_an_interval_is_drawn_alone(qtbot) -> None:
    plot = IntervalPlot("Baselines")
    qtbot.addWidget(plot)
    plot.resize(400, 120)
    plot.show_rows([IntervalRow("majority", 0.3)])
    assert "majority\t0.3\t\t" in plot.data_text()
    assert not plot.grab().isNull()


def test_that_a_histogram_shows_its_bins_and_limit(qtbot) -> None:
    histogram = Histogram("Length in tokens")
    qtbot.addWidget(histogram)
    histogram.resize(420, 160)
    histogram.show_counts([1, 5, 9, 2, 0], 0, 500, 512)
    image = histogram.grab().toImage()
    assert columns_of(image, tokens().accent)
    (limit, *_) = columns_of(image, tokens().ink("bad"))
    assert limit > max(columns_of(image, tokens().accent))
    assert "limit\t512" in histogram.data_text()


def test_that_the_data_of_a_chart_can_be_copied(qtbot) -> None:
    histogram = Histogram("Lengths")
    qtbot.addWidget(histogram)
    histogram.show_counts([3, 4], 0, 10)
    histogram.show()
    histogram.activateWindow()
    assert QTest.qWaitForWindowActive(histogram)
    histogram.setFocus()
    QTest.keyClick(histogram, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "from\tto\tcount\n0\t5\t3\n5\t10\t4"


@pytest.mark.parametrize("values", [(), (1.0,), (float("nan"), 1.0), (2.0, 2.0, 2.0), tuple(range(100))])
def test_that_a_sparkline_draws_any_curve(qtbot, values: tuple[float, ...]) -> None:
    line = Sparkline(values)
    qtbot.addWidget(line)
    line.resize(120, 60)
    assert not line.grab().isNull()
    assert line.accessibleName()


@pytest.mark.parametrize("counts", [[], [0, 0, 0], [7]])
def test_that_empty_charts_are_drawn_without_complaint(qtbot, counts: list[int]) -> None:
    histogram, plot = Histogram("Lengths"), IntervalPlot("Baselines")
    for chart in (histogram, plot):
        qtbot.addWidget(chart)
        chart.resize(200, 100)
    histogram.show_counts(counts, 0, 0)
    plot.show_rows([])
    assert not histogram.grab().isNull()
    assert not plot.grab().isNull()
