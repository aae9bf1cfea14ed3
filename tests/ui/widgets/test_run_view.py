"""The view of a run: what a resumed, a huge and an empty history look like."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt

from fintune_gui.project.document import Metric, Objective, Task
from fintune_gui.project.events import Paused
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.widgets.run_controls import RunControls
from fintune_gui.ui.widgets.run_view import RunView
from tests.helpers.runs import ended, training_events

F1 = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def view(qtbot) -> RunView:
    view = RunView()
    qtbot.addWidget(view)
    view.resize(900, 600)
    view.show()
    return view


def told(*batches) -> RunHistory:
    history = RunHistory()
    for batch in batches:
        history.extend(batch)
    return history


def test_that_a_view_fed_in_batches_shows_what_one_fed_at_once_shows(qtbot, view: RunView) -> None:
    events = training_events(steps=200, total=240)
    history = RunHistory()
    for place in range(0, len(events), 17):
        history.extend(events[place : place + 17])
        view.show_history(history, F1, NOW, working=True)
    in_batches = view.loss.data_text()
    view.clear()
    view.show_history(told(events), F1, NOW, working=True)

    assert view.loss.data_text() == in_batches
    assert view.bar.value() == 1000 * 200 // 240


def test_that_a_resumed_run_replaces_the_steps_that_were_lost(view: RunView) -> None:
    history = told(training_events(steps=100, total=240))
    view.show_history(history, F1, NOW, working=False)
    history.extend(training_events(steps=120, total=240, first_step=81, resumed_from=80))
    view.show_history(history, F1, NOW, working=True)

    points = view.loss.curves["training"].points
    assert list(points.x) == list(range(1, 121))
    assert list(points.y) == list(history.curves["loss"])


def test_that_a_metric_that_is_not_measured_takes_no_room(view: RunView) -> None:
    accuracy = Objective(task=Task.CLASSIFICATION, metric=Metric.ACCURACY)
    view.show_history(told(training_events(steps=100, total=240)), accuracy, NOW, working=True)
    assert not view.metric_plot.isVisible()
    view.show_history(told(training_events(steps=100, total=240)), F1, NOW, working=True)
    assert view.metric_plot.isVisible()


def test_that_curves_take_no_room_where_a_run_never_made_a_step(view: RunView) -> None:
    view.show_history(told(training_events(steps=0, total=240), [ended("failed", time=1)]), F1, NOW, working=False)
    assert not view.loss.isVisible()
    assert view.notes.decisions_button.isVisible()


def test_that_a_long_run_is_taken_in_quickly_and_drawn_with_few_points(qtbot, view: RunView) -> None:
    history = told(training_events(steps=50_000, total=60_000, validate_every=500, checkpoint_every=5000))
    view.show_history(history, F1, NOW, working=True)
    view.loss.redraw()
    assert len(view.loss.curves["training"].points.x) == 50_000
    faint, _bold = view.loss.surface.items["training"]
    assert len(faint.getData()[0]) < 5000


def test_that_controls_remember_what_was_asked_until_it_is_done(qtbot) -> None:
    controls = RunControls()
    qtbot.addWidget(controls)
    controls.show()
    asked: list[str] = []
    controls.asked.connect(asked.append)
    history = told(training_events(steps=10, total=240))
    controls.show_run(history, working=True)

    qtbot.mouseClick(controls.pause, Qt.MouseButton.LeftButton)
    controls.show_run(history, working=True)
    assert (controls.pause.text(), controls.pause.isEnabled()) == ("Pausing …", False)
    history.add(Paused(step=10))
    controls.show_run(history, working=True)
    assert (controls.pause.text(), controls.pause.isEnabled()) == ("Continue", True)

    qtbot.mouseClick(controls.stop, Qt.MouseButton.LeftButton)
    controls.show_run(history, working=True)
    assert (controls.stop.text(), controls.stop.isEnabled()) == ("Stopping …", False)
    assert asked == ["pause", "stop"]
    controls.show_run(history, working=False)
    assert not controls.stop.isVisible()
