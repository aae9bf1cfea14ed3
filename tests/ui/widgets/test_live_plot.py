"""Live plots: one item per curve for life, drawn only when seen and changed, one at a time."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.live_plot import LivePlot


@pytest.fixture
def plot(qtbot) -> LivePlot:
    made = LivePlot("Loss")
    qtbot.addWidget(made)
    made.resize(400, 250)
    return made


def feed(plot: LivePlot, count: int) -> None:
    curve = plot.curves.get("training") or plot.add_curve("training", "training")
    steps = array("q", range(1, count + 1))
    losses = array("d", (1 / step for step in steps))
    curve.sync(steps, losses)


def test_that_nothing_is_drawn_while_the_plot_is_hidden(plot: LivePlot, qtbot) -> None:
    feed(plot, 100)
    QTest.qWait(200)
    assert plot.redraws == 0
    plot.show()
    qtbot.waitUntil(lambda: plot.redraws == 1)


def test_that_a_plot_that_does_not_change_is_not_drawn_again(plot: LivePlot, qtbot) -> None:
    plot.show()
    feed(plot, 10)
    qtbot.waitUntil(lambda: not plot.dirty)
    drawn = plot.redraws
    feed(plot, 10)  # the same points again
    QTest.qWait(300)
    assert plot.redraws == drawn


def test_that_many_batches_cost_few_redraws(plot: LivePlot, qtbot) -> None:
    plot.show()
    for count in range(1, 500):
        feed(plot, count)
    qtbot.waitUntil(lambda: not plot.dirty)
    assert plot.redraws < 20
    assert plot.curves["training"].points.size == 499


def test_that_several_plots_are_drawn_one_at_a_tick(qtbot) -> None:
    order: list[LivePlot] = []
    plots = [LivePlot(f"Plot {number}") for number in range(3)]
    for made in plots:
        qtbot.addWidget(made)
        qtbot.waitUntil(_shown(made))
        _record(made, order)
    for made in plots:
        feed(made, 5)
    QTest.qWait(1)
    assert len(order) <= 1
    qtbot.waitUntil(lambda: len(order) == 3)
    assert order == plots


def _shown(plot: LivePlot) -> Callable[[], bool]:
    plot.show()
    return lambda: not plot.dirty


def _record(plot: LivePlot, order: list[LivePlot]) -> None:
    draw = plot.redraw

    def redraw() -> None:
        order.append(plot)
        draw()

    plot.redraw = redraw  # type: ignore[method-assign]


def test_that_curves_keep_their_items_for_life(plot: LivePlot) -> None:
    feed(plot, 10)
    plot.redraw()
    before = [id(item) for pair in plot._items.values() for item in pair]
    feed(plot, 5000)
    plot.redraw()
    assert [id(item) for pair in plot._items.values() for item in pair] == before


def test_that_a_resumed_run_replaces_the_steps_it_repeats(plot: LivePlot) -> None:
    curve = plot.add_curve("training", "training")
    curve.sync([1, 2, 3, 4, 5], [5.0, 4.0, 3.0, 2.0, 1.0])
    curve.sync([1, 2, 3], [5.0, 4.0, 3.0])
    assert curve.points.x.tolist() == [1, 2, 3]
    curve.sync([1, 2, 3, 4], [5.0, 4.0, 3.0, 9.0])
    assert curve.points.y.tolist() == [5, 4, 3, 9]
    curve.sync([1, 2, 6, 7], [5.0, 4.0, 0.5, 0.4])  # as long as before, but another history
    assert curve.points.x.tolist() == [1, 2, 6, 7]


def test_that_only_new_points_are_read(plot: LivePlot) -> None:
    class Counting(list[float]):
        read = 0

        def __getitem__(self, key):
            if isinstance(key, slice):
                self.read += len(range(*key.indices(len(self))))
            return super().__getitem__(key)

    curve = plot.add_curve("training", "training")
    xs, ys = Counting(range(10_000)), Counting([1.0] * 10_000)
    curve.sync(xs, ys)
    ys.read = 0
    xs.append(10_000)
    ys.append(0.5)
    curve.sync(xs, ys)
    assert ys.read == 1


def test_that_the_state_is_told_in_words(plot: LivePlot) -> None:
    assert plot.summary() == "Loss: no data yet"
    feed(plot, 1)
    plot.add_curve("validation", "validation").sync([1], [0.25])
    plot.redraw()
    assert plot.accessibleDescription() == "Loss: training 1, validation 0.25"


def test_that_data_are_copied_as_columns(plot: LivePlot) -> None:
    plot.add_curve("training", "training").sync([1, 2], [3.0, 2.0])
    plot.add_curve("validation", "validation").sync([2], [2.5])
    plot.show()
    plot.activateWindow()
    QTest.qWaitForWindowActive(plot)
    plot.setFocus()
    QTest.keyClick(plot, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "step\ttraining\tvalidation\n1\t3\t\n2\t2\t2.5"
    plot.copy_picture()
    assert not QGuiApplication.clipboard().pixmap().isNull()


def test_that_target_and_best_are_inside_the_picture(plot: LivePlot) -> None:
    plot.add_curve("F1", "metric").sync([1, 2, 3], [0.2, 0.3, 0.4])
    plot.set_target(0.9, "target 0.90")
    plot.set_best(3)
    plot.set_x_end(100)
    left, right, low, high = plot._ranges()
    assert left == 0
    assert 100 < right < 105
    assert low < 0.2
    assert high > 0.9


def test_that_clear_takes_the_points_and_keeps_the_curves(plot: LivePlot) -> None:
    feed(plot, 10)
    plot.clear()
    plot.redraw()
    assert plot.curves["training"].last is None
    feed(plot, 3)
    assert plot.curves["training"].points.size == 3


def test_that_the_background_follows_the_theme(plot: LivePlot) -> None:
    plot.show()
    theme().apply("light")
    assert plot.grab().toImage().pixelColor(395, 5).name().upper() == "#FFFFFF"
    theme().apply("dark")
    assert plot.grab().toImage().pixelColor(395, 5).name().upper() == "#1E1E21"
    theme().apply("light")


def test_that_a_deleted_plot_is_not_drawn(qtbot) -> None:
    doomed = LivePlot("Doomed")
    doomed.show()
    feed(doomed, 5)
    doomed.deleteLater()
    QTest.qWait(300)  # a redraw of what is gone would raise in the clock
