"""The parts of a run's view: what curves are drawn over, the bar under the plot, answers over time, and the log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from fintune_gui.project.document import Metric, Objective, Task
from fintune_gui.project.events import Ended, Log, SampleAnswer
from fintune_gui.project.history import RunHistory
from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.answers_over_time import MOST_EVALUATIONS, AnswersOverTime
from fintune_gui.ui.widgets.run_axis import XAxis
from fintune_gui.ui.widgets.run_log import RunLog
from fintune_gui.ui.widgets.run_view import RunView
from tests.helpers.runs import training_events

LEFT = Qt.MouseButton.LeftButton
F1 = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def told(steps: int, **wanted) -> RunHistory:
    history = RunHistory()
    history.extend(training_events(steps=steps, total=240, **wanted))
    return history


@pytest.fixture
def view(qtbot) -> RunView:
    made = RunView()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    return made


# What curves are drawn over


def test_that_a_step_is_found_on_every_axis() -> None:
    history = told(120)  # 80 steps an epoch, 900 tokens and half a second each
    assert XAxis.STEP.of_step(history, 40) == 40
    assert XAxis.EPOCH.of_step(history, 40) == 0.5
    assert XAxis.TOKENS.of_step(history, 40) == 36_000
    assert XAxis.TIME.of_step(history, 121) == pytest.approx(119 * 0.5 / 60)  # not told yet: the nearest
    assert [axis.end(history) for axis in XAxis] == [240, 3.0, None, None]
    assert XAxis.TIME.of_step(RunHistory(), 3) == 3


def test_that_all_curves_follow_the_chosen_axis_also_those_of_another_run(qtbot, view: RunView) -> None:
    history = told(120)
    view.show_history(history, F1, NOW, working=True)
    view.show_other(told(100), "run 1")
    view.bar_of_loss.axis.setFocus()
    for _ in range(3):
        qtbot.keyClick(view.bar_of_loss.axis, Qt.Key.Key_Down)
    view.bar_of_loss.axis.activated.emit(view.bar_of_loss.axis.currentIndex())

    assert view.axis is XAxis.TIME
    assert view.loss.curves["training"].points.x[-1] == pytest.approx(119 * 0.5 / 60)
    assert view.loss.curves["validation"].points.x[-1] == pytest.approx(119 * 0.5 / 60)
    assert view.loss.curves["run 1"].points.x[-1] == pytest.approx(99 * 0.5 / 60)
    assert view.metric_plot.curves["metric"].points.size == 6
    history.extend(training_events(steps=130, total=240, first_step=121)[5:])
    view.show_history(history, F1, NOW, working=True)
    assert view.loss.curves["training"].points.size == 130
    assert view.loss.data_text().startswith("minutes\ttraining\tvalidation\trun 1")


@pytest.mark.parametrize(("done", "end"), [(1, 3.75), (10, 30), (61, 240), (100, 240)])
def test_that_a_beginning_is_drawn_large_and_an_end_on_its_plan(done: int, end: float) -> None:
    history = RunHistory()
    history.extend(training_events(steps=done, total=240))
    assert XAxis.STEP.end(history) == end
    history.add(Ended(outcome="stopped"))
    assert XAxis.STEP.end(history) is None  # there is nothing to wait for


# The bar under the plot


def test_that_the_slider_smooths_the_curve_and_its_figure(qtbot, view: RunView) -> None:
    history = told(120)
    view.show_history(history, F1, NOW, working=True)
    view.bar_of_loss.slider.setFocus()
    qtbot.keyClick(view.bar_of_loss.slider, Qt.Key.Key_Home)

    assert view.loss.curves["training"].smooth.y.tolist() == list(history.curves["loss"])
    assert view.training.accessibleName().startswith(f"Training loss: {history.curves['loss'][-1]:.3f}")
    assert view.bar_of_loss.slider.accessibleDescription() == "off"
    qtbot.keyClick(view.bar_of_loss.slider, Qt.Key.Key_End)
    assert view.bar_of_loss.slider.accessibleDescription() == "1,000 steps"


def test_that_the_bar_shows_what_the_plot_was_told_by_keys(qtbot, view: RunView) -> None:
    view.show_history(told(120), F1, NOW, working=True)
    assert not view.bar_of_loss.everything.isVisible()
    view.loss.zoom_in()
    qtbot.mouseClick(view.bar_of_loss.everything, LEFT)
    assert not view.loss.is_zoomed
    view.loss.toggle_logarithmic()
    assert view.bar_of_loss.logarithmic.isChecked()
    qtbot.mouseClick(view.bar_of_loss.logarithmic, LEFT, pos=view.bar_of_loss.logarithmic.rect().center() * 0.3)
    assert not view.loss.logarithmic


def test_that_more_curves_open_with_a_click_and_are_live(qtbot, view: RunView) -> None:
    history = told(60)
    view.show_history(history, F1, NOW, working=True)
    assert not view.more.isVisible()
    qtbot.mouseClick(view.notes.curves_button, LEFT)
    assert view.more.isVisible()
    memory = view.more.plots["memory_bytes"]
    assert memory.curves["memory, gb"].last == pytest.approx(2.0)
    history.extend(training_events(steps=80, total=240, first_step=61)[5:])
    view.show_history(history, F1, NOW, working=True)
    assert view.more.plots["tokens_per_second"].curves["tokens per second"].points.size == 80


# Answers over time


def answer(step: int, text: str, row_id: int = 7) -> SampleAnswer:
    return SampleAnswer(step=step, row_id=row_id, prompt=f"Question {row_id} <b>", expected="Yes & no", answer=text)


def test_that_answers_stand_newest_first_with_what_changed_marked(qtbot) -> None:
    theme().apply("light")
    card = AnswersOverTime()
    qtbot.addWidget(card)
    card.show()
    card.show_samples(
        [answer(10, "Open it"), answer(10, "A", 8), answer(20, "Open it now"), answer(20, "A", 8), answer(5, "A", 8)]
    )

    assert card.evaluations == [20, 10, 5]
    cells = {place: label.text() for place, label in card._cells.items() if label.isVisible()}
    assert cells[0, 1] == "Question 7 &lt;b&gt;"
    assert cells[1, 1] == "Yes &amp; no"
    assert [cells[2, 0], cells[3, 0]] == ["step 20", "step 10"]
    assert cells[2, 1].startswith("Open it<span")
    assert "now" in cells[2, 1]
    assert [cells[2, 2], cells[3, 1]] == ["A", "Open it"]
    assert "as before" in cells[3, 2]
    assert [cells[4, 1], cells[4, 2]] == ["–", "A"]


def test_that_many_evaluations_stay_a_small_table_and_another_run_replaces_it(qtbot) -> None:
    card = AnswersOverTime()
    qtbot.addWidget(card)
    card.show()
    card.show_samples([answer(step, "") for step in range(1, 200)])
    assert sum(label.isVisible() for (_, column), label in card._cells.items() if not column) == MOST_EVALUATIONS + 2
    assert card._cells[2, 1].text() == "(nothing)"
    assert "as before" in card._cells[3, 1].text()
    card.show_samples([answer(5, "one")])
    assert [label.text() for (_, column), label in sorted(card._cells.items()) if column and label.isVisible()] == [
        "Question 7 &lt;b&gt;",
        "Yes &amp; no",
        "one",
    ]


# The log


@pytest.fixture
def log(qtbot) -> RunLog:
    made = RunLog()
    qtbot.addWidget(made)
    made.resize(700, 320)
    made.show()
    levels = ("info", "warning", "error", "info")
    made.show_logs([Log(level=level, message=f"line {n} of Memory", time=0) for n, level in enumerate(levels)])  # type: ignore[arg-type]
    made.view.flush()
    return made


def lines(log: RunLog) -> list[str]:
    log.view.flush()
    return log.view.toPlainText().splitlines()


def test_that_the_log_is_narrowed_by_level_and_words(qtbot, log: RunLog) -> None:
    assert len(lines(log)) == 4
    press = {button.text(): button for button in log.levels.findChildren(QPushButton)}
    qtbot.mouseClick(press["Warnings"], LEFT)
    warning, error = lines(log)
    assert warning.startswith("Warning: ")
    assert error.startswith("Error: ")
    log.search.setFocus()
    QTest.keyClicks(log.search, "2 OF memory")
    assert len(lines(log)) == 1
    log.show_logs(
        [*log._logs, Log(level="error", message="not this", time=1), Log(level="error", message="12 of memory")]
    )
    assert len(lines(log)) == 2
    QTest.keyClicks(log.search, "xyz")
    assert lines(log) == []
    assert any(label.text() == "No line matches." and label.isVisible() for label in [log._none])


def test_that_the_shown_lines_are_copied(qtbot, log: RunLog) -> None:
    log.search.setText("line 3")
    with qtbot.waitSignal(log.copied) as said:
        qtbot.mouseClick(log.copy_button, LEFT)
    assert QGuiApplication.clipboard().text().endswith("line 3 of Memory")
    assert said.args == ["1 line of the log copied."]


def test_that_the_log_of_another_run_takes_the_place_of_this(log: RunLog) -> None:
    log.show_logs([Log(level="info", message="another", time=3)])
    assert len(lines(log)) == 1
    assert lines(log)[0].endswith("another")
