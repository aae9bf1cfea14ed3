"""The Objective page, used with mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.splitting import make_split
from fintune_gui.project.document import Metric, Role, Task
from fintune_gui.project.flow import Step
from fintune_gui.project.store import read_project
from fintune_gui.ui.pages.objective import ObjectivePage, parse_target
from tests.helpers.pages import opened_session, shown_page


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        yield session


@pytest.fixture
def page(qtbot, session) -> ObjectivePage:
    return shown_page(qtbot, session, ObjectivePage)


def saved(page: ObjectivePage):
    return read_project(page.session.folder.folder).objective


def words(page: ObjectivePage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_that_a_click_on_a_task_is_on_disk_with_a_metric_that_fits(qtbot, page) -> None:
    qtbot.mouseClick(page.tasks.card(Task.CHAT), Qt.MouseButton.LeftButton)

    assert saved(page).task is Task.CHAT
    assert saved(page).metric is Metric.PERPLEXITY
    assert page.metrics.value() is Metric.PERPLEXITY
    assert "at most" in words(page)


def test_that_the_arrow_keys_choose_a_task(qtbot, page) -> None:
    page.tasks.card(Task.CLASSIFICATION).setFocus()

    qtbot.keyClick(page.tasks.card(Task.CLASSIFICATION), Qt.Key.Key_Right)

    assert saved(page).task is Task.MULTI_LABEL


def test_that_only_metrics_of_the_task_are_offered_each_with_a_sentence(qtbot, page) -> None:
    with pytest.raises(StopIteration):
        page.metrics.card(Metric.PERPLEXITY)
    qtbot.mouseClick(page.metrics.card(Metric.RECALL), Qt.MouseButton.LeftButton)

    assert saved(page).metric is Metric.RECALL
    assert len(page.metrics.card(Metric.RECALL).accessibleDescription()) > 20


def test_that_a_target_in_percent_becomes_the_goal(qtbot, page) -> None:
    page.target.setFocus()
    qtbot.keyClicks(page.target, "90 %")
    qtbot.keyClick(page.target, Qt.Key.Key_Return)

    assert saved(page).target == pytest.approx(0.9)
    assert "F1 of at least 0.9" in words(page)


@pytest.mark.parametrize("typed", ["90", "much", "-1", "nan", "inf"])
def test_that_an_impossible_target_is_refused_in_words_and_the_old_one_stays(qtbot, page, typed: str) -> None:
    page.target.setFocus()
    qtbot.keyClicks(page.target, "0.8\r")
    page.target.selectAll()
    qtbot.keyClicks(page.target, typed)
    qtbot.keyClick(page.target, Qt.Key.Key_Return)

    assert saved(page).target == 0.8
    assert "F1 lies between 0 and 1" in words(page)
    assert page.target.property("invalid") == "true"


def test_that_an_emptied_target_is_no_target(qtbot, page) -> None:
    page.target.setFocus()
    qtbot.keyClicks(page.target, "0.8\r")
    page.target.selectAll()
    qtbot.keyClick(page.target, Qt.Key.Key_Delete)
    qtbot.keyClick(page.target, Qt.Key.Key_Return)

    assert saved(page).target is None


def test_that_the_description_is_stored_when_the_field_is_left(qtbot, page) -> None:
    page.description.setFocus()
    qtbot.keyClicks(page.description, "Route our mail")
    qtbot.keyClick(page.description, Qt.Key.Key_Tab)

    qtbot.waitUntil(lambda: saved(page).description == "Route our mail")


def test_that_changing_the_task_says_what_becomes_stale_and_can_be_taken_back(qtbot, session, page, tmp_path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\n" + "".join(f"words number {n},{'ab'[n % 2]}\n" for n in range(20)))
    record_import(session.folder, import_files([rows], session.folder.dataset))
    make_split(session.folder, session.dataset())
    session.rows_were_changed()
    qtbot.waitUntil(lambda: session.facts.split is not None)

    qtbot.mouseClick(page.tasks.card(Task.TEXT), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: saved(page).task is Task.TEXT)
    assert session.project.format.roles == {Role.TEXT: "text"}  # proposed again for the new task
    assert "The split was made for “Sort texts into topics”" in words(page)
    back = next(b for b in page.findChildren(QPushButton) if b.text() == "Take it back")
    qtbot.waitUntil(back.isVisible)
    qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    assert saved(page).task is Task.CLASSIFICATION
    assert "made for" not in words(page)


def test_that_nothing_can_be_changed_in_a_read_only_project(qtbot, session, page) -> None:
    session.folder.read_only = "Another window has it open."
    page.load(session)

    qtbot.mouseClick(page.tasks.card(Task.CHAT), Qt.MouseButton.LeftButton)

    assert saved(page).task is Task.CLASSIFICATION
    assert page.description.isReadOnly()


def test_that_the_primary_button_leads_to_data(qtbot, page) -> None:
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    assert went.args == [Step.DATA]


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("0,9", Metric.F1, 0.9),
        ("12", Metric.PERPLEXITY, 12),
        ("0.5", Metric.PERPLEXITY, None),
        ("30", Metric.SACREBLEU, 30),
        ("30 %", Metric.SACREBLEU, 30),
    ],
)
def test_that_targets_are_read_as_people_write_them(text: str, metric: Metric, value: float | None) -> None:
    assert parse_target(text, metric) == (None if value is None else pytest.approx(value))
