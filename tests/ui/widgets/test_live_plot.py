"""Live plots: one item per curve for life, drawn only when seen and changed, one at a time."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import pairwise

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.live_plot import LivePlot
from fintune_gui.ui.widgets.plot_marks import grouped


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
    before = [id(item) for pair in plot.surface.items.values() for item in pair]
    feed(plot, 5000)
    plot.redraw()
    assert [id(item) for pair in plot.surface.items.values() for item in pair] == before


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


# Looking closer


@pytest.fixture
def filled(plot: LivePlot, qtbot) -> LivePlot:
    feed(plot, 1000)
    plot.show()
    qtbot.waitUntil(lambda: not plot.dirty)
    return plot


def surface(plot: LivePlot) -> QWidget:
    return plot.surface.viewport


def point_at(plot: LivePlot, x_share: float, y_share: float) -> QPoint:
    box = plot.surface.box.sceneBoundingRect()
    at = QPointF(box.left() + box.width() * x_share, box.bottom() - box.height() * y_share)
    return plot.surface._view.mapFromScene(at)


def in_sight(plot: LivePlot) -> tuple[float, float]:
    plot.redraw()
    (left, right), _ = plot.surface.box.viewRange()
    return left, right


def wheel(plot: LivePlot, up: bool, modifiers: Qt.KeyboardModifier) -> QWheelEvent:
    at = QPointF(point_at(plot, 0.25, 0.5))
    angle = QPoint(0, 120 if up else -120)
    event = QWheelEvent(
        at, at, QPoint(), angle, Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(surface(plot), event)
    return event


def test_that_the_wheel_zooms_around_the_mouse_with_ctrl_and_else_scrolls_the_page(filled: LivePlot) -> None:
    left, right = in_sight(filled)
    assert not wheel(filled, True, Qt.KeyboardModifier.NoModifier).isAccepted()
    assert in_sight(filled) == (left, right)

    quarter = left + 0.25 * (right - left)
    for _ in range(3):
        assert wheel(filled, True, Qt.KeyboardModifier.ControlModifier).isAccepted()
    near_left, near_right = in_sight(filled)
    assert near_right - near_left == pytest.approx(0.8**3 * (right - left))
    assert near_left + 0.25 * (near_right - near_left) == pytest.approx(quarter, rel=0.02)
    for _ in range(3):
        wheel(filled, False, Qt.KeyboardModifier.ControlModifier)
    assert not filled.is_zoomed


def drag(plot: LivePlot, start: QPoint, end: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    QTest.mousePress(surface(plot), Qt.MouseButton.LeftButton, modifiers, start)
    move = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(end), QPointF(end), Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton, modifiers
    )
    QApplication.sendEvent(surface(plot), move)
    QTest.mouseRelease(surface(plot), Qt.MouseButton.LeftButton, modifiers, end)


def test_that_a_dragged_box_is_shown_alone_and_a_double_click_shows_everything(filled: LivePlot) -> None:
    whole = in_sight(filled)
    width = whole[1] - whole[0]
    drag(filled, point_at(filled, 0.5, 0.9), point_at(filled, 0.75, 0.1), Qt.KeyboardModifier.NoModifier)
    left, right = in_sight(filled)
    assert left == pytest.approx(whole[0] + 0.5 * width, rel=0.02)
    assert right == pytest.approx(whole[0] + 0.75 * width, rel=0.02)

    drag(filled, point_at(filled, 0.5, 0.5), point_at(filled, 0.9, 0.5), Qt.KeyboardModifier.ShiftModifier)
    assert in_sight(filled)[0] == pytest.approx(left - 0.4 * (right - left), rel=0.02)

    QTest.mouseDClick(surface(filled), Qt.MouseButton.LeftButton, pos=point_at(filled, 0.5, 0.5))
    assert in_sight(filled) == whole


def test_that_a_click_is_no_zoom(filled: LivePlot) -> None:
    QTest.mouseClick(surface(filled), Qt.MouseButton.LeftButton, pos=point_at(filled, 0.5, 0.5))
    assert not filled.is_zoomed


def test_that_everything_can_be_done_by_the_keyboard(filled: LivePlot) -> None:
    filled.activateWindow()
    QTest.qWaitForWindowActive(filled)
    filled.setFocus()
    whole = in_sight(filled)
    QTest.keyClick(filled, Qt.Key.Key_Plus)
    left, right = in_sight(filled)
    assert right - left == pytest.approx(0.8 * (whole[1] - whole[0]))
    QTest.keyClick(filled, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert in_sight(filled)[0] == pytest.approx(left + 0.1 * (right - left))
    QTest.keyClick(filled, Qt.Key.Key_0)
    assert in_sight(filled) == whole

    QTest.keyClick(filled, Qt.Key.Key_Right)
    first = filled.readout
    assert first.startswith("step 51")
    assert "training" in first
    QTest.keyClick(filled, Qt.Key.Key_Right)
    assert filled.readout.startswith("step 52")

    QTest.keyClick(filled, Qt.Key.Key_L)
    assert filled.logarithmic


def test_that_a_logarithmic_scale_spreads_small_values_and_survives_a_zero(filled: LivePlot) -> None:
    filled.add_curve("validation", "validation").sync([1, 500], [0.0, 0.5])
    filled.set_target(0.1)
    filled.toggle_logarithmic()
    filled.redraw()
    faint, _bold = filled.surface.items["training"]
    assert max(faint.getData()[1]) == pytest.approx(0.0)  # log10 of 1
    assert filled._ranges().low > -6
    assert filled.surface.target.line.value() == pytest.approx(-1.0)
    filled.toggle_logarithmic()
    filled.redraw()
    assert filled.surface.target.line.value() == pytest.approx(0.1)


def test_that_smoothing_can_be_changed_at_any_time_and_goes_on(plot: LivePlot) -> None:
    curve = plot.add_curve("training", "training")
    xs, ys = list(range(200)), [float(n % 2) for n in range(200)]
    curve.sync(xs[:100], ys[:100])
    plot.set_smoothing(1)
    assert curve.smooth.y.tolist() == ys[:100]
    plot.set_smoothing(40)
    curve.sync(xs, ys)
    assert curve.smooth.size == 200
    assert curve.last == pytest.approx(0.5, abs=0.05)


def test_that_a_zoomed_curve_is_drawn_with_its_own_points_and_live_points_do_not_move_it(filled: LivePlot) -> None:
    feed(filled, 50_000)
    drag(filled, point_at(filled, 0.5, 0.9), point_at(filled, 0.502, 0.1), Qt.KeyboardModifier.NoModifier)
    for _ in range(20):
        filled.zoom_in()
    before = in_sight(filled)
    faint, _bold = filled.surface.items["training"]
    x, _y = faint.getData()
    assert all(b - a == 1 for a, b in pairwise(x))  # every step, not two of many
    feed(filled, 60_000)
    assert in_sight(filled) == before


def test_that_a_lone_value_of_a_metric_can_be_seen_and_a_line_has_no_marks(plot: LivePlot) -> None:
    curve = plot.add_curve("F1", "metric")
    _faint, bold = plot.surface.items["F1"]
    curve.sync([20], [0.5])
    plot.redraw()
    assert bold.opts["symbol"] == "o"
    curve.sync([20, 40], [0.5, 0.6])
    plot.redraw()
    assert bold.opts["symbol"] is None


def test_that_the_words_of_a_high_target_have_their_room_in_a_low_plot(plot: LivePlot, qtbot) -> None:
    plot.resize(400, 120)
    plot.add_curve("F1", "metric").sync([20, 40], [0.5, 0.6])
    plot.set_target(0.8)
    plot.show()
    qtbot.waitUntil(lambda: not plot.dirty)
    plot.redraw()
    box = plot.surface.box
    assert (plot._ranges().high - 0.8) / plot._ranges().height * box.height() >= 16


def test_that_axes_have_numbers_only_where_there_is_something_to_read(plot: LivePlot) -> None:
    plot.set_target(0.8)
    plot.redraw()
    axis = plot.surface._plot.getAxis("bottom")
    assert not axis.style["showValues"]
    plot.add_curve("loss", "training").sync([1.0, 2.0], [3.0, 2.0])
    plot.redraw()
    assert axis.style["showValues"]


def test_that_numbers_on_the_axes_are_grouped() -> None:
    assert grouped(["0", "20000", "-1500", "0.5", "5e-05", "10²"]) == ["0", "20,000", "-1,500", "0.5", "5e-05", "10²"]


def test_that_one_can_see_which_plot_the_keys_act_on(filled: LivePlot) -> None:
    filled.activateWindow()
    QTest.qWaitForWindowActive(filled)
    filled.clearFocus()
    without = filled.grab().toImage()
    filled.setFocus()
    assert filled.grab().toImage() != without
    filled.clearFocus()
    assert filled.grab().toImage() == without
