"""The Evaluate page, on reports from disk and with a child process that speaks the engine's protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from fintune_gui.jobs.process import JobProcess
from fintune_gui.project.flow import Step
from fintune_gui.ui.itemmodels.results_model import ResultsModel
from fintune_gui.ui.pages.evaluate import EvaluatePage
from fintune_gui.ui.services.notifications import Notification
from fintune_gui.ui.services.session import ProjectSession
from tests.helpers.pages import open_session, shown_page
from tests.helpers.runs import RESULTS, finished_run, new_project, write_report, write_rows

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def session(qapp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectSession]:
    program = [sys.executable, "-m", "tests.helpers.scripted_job"]
    monkeypatch.setattr(JobProcess, "start", partial(JobProcess.start, program=program))
    folder = new_project(tmp_path / "project")
    finished_run(folder, 1, best_loss=0.6)
    finished_run(folder, 2)
    with open_session(folder) as session:
        yield session


def evaluate_page(qtbot, session: ProjectSession) -> EvaluatePage:
    page = shown_page(qtbot, session, EvaluatePage)
    session.refresh_facts()  # the test may have written after the project was opened
    qtbot.waitUntil(lambda: not session._gathering, timeout=20_000)
    return page


def measured(qtbot, session: ProjectSession, *numbers: int) -> EvaluatePage:
    """The page with reports of these runs, the last one's rows read."""
    for number in numbers:
        write_report(session.folder.run_folder(number), f1=0.8 + number / 20)
        write_rows(session.folder.run_folder(number))
    page = evaluate_page(qtbot, session)
    if numbers[-1] == 2:
        qtbot.waitUntil(lambda: page.results.model.count("all") == len(RESULTS), timeout=20_000)
    return page


def words(page: EvaluatePage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def column(model: ResultsModel, section: int) -> list[str]:
    return [model.index(row, section).data() for row in range(model.rowCount())]


def test_that_a_run_is_measured_at_a_press_and_its_verdict_appears(qtbot, session) -> None:
    page = evaluate_page(qtbot, session)
    assert page.header.status.text() == "Run 2 is not measured yet"
    assert "which the run has never seen" in words(page)

    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(lambda: "Asking the tuned model" in page.job.progress.accessibleName(), timeout=30_000)
    assert not page.header.primary.isVisible()

    qtbot.waitUntil(page.verdict.isVisible, timeout=30_000)
    assert page.verdict.accessibleName().startswith("Better, and the target is met. F1 is 0.913")
    assert page.verdict.property("tone") == "good"
    assert not page.job.progress.isVisible()
    assert page.header.primary.text() == "Continue to Export"


def test_that_a_measurement_can_be_cancelled_and_nothing_is_said_to_be_wrong(qtbot, session) -> None:
    page = evaluate_page(qtbot, session)
    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(lambda: page.job.feed.history.progress is not None, timeout=30_000)

    qtbot.mouseClick(page.job.progress._cancel, LEFT)

    qtbot.waitUntil(lambda: page.header.primary.text() == "Measure on the test rows", timeout=30_000)
    qtbot.waitUntil(page.header.primary.isVisible)
    assert not page.job.failure.isVisible()
    assert not page.job.progress.isVisible()


def test_that_a_cancel_is_heard_even_before_the_work_has_begun(qtbot, session) -> None:
    page = evaluate_page(qtbot, session)
    qtbot.mouseClick(page.header.primary, LEFT)
    assert page.job.feed.thread_at_work is None
    qtbot.mouseClick(page.job.progress._cancel, LEFT)

    qtbot.waitUntil(lambda: not page.job.busy, timeout=20_000)
    assert not session.jobs.running
    assert page.header.primary.isVisible()


def test_that_a_run_that_is_gone_is_told_as_a_problem_with_a_way_on(qtbot, session) -> None:
    page = evaluate_page(qtbot, session)
    (session.folder.run_folder(2) / "spec.json").unlink()

    qtbot.mouseClick(page.header.primary, LEFT)

    qtbot.waitUntil(page.job.failure.isVisible, timeout=20_000)
    assert "There is no run 2." in words(page)
    assert page.header.primary.isEnabled()


def test_that_the_figures_stand_beside_the_baselines_and_earlier_runs(qtbot, session) -> None:
    page = measured(qtbot, session, 1, 2)

    lines = page.baselines.data_text().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == ["most frequent", "untuned", "run 1", "run 2", "target"]
    assert page.figures.labels.item(0, 0).text() == "sales"  # the weakest first
    assert page.figures.labels.rowCount() == 6
    assert "McNemar's exact test, p < 0.001" in words(page)

    qtbot.mouseClick(page.figures.choice._group.button(1), LEFT)
    assert page.figures.confusion.isVisible()
    model = page.figures.confusion.model()
    assert model.index(0, 0).data() == "sales"
    assert model.index(0, 1).data() == "70"
    qtbot.mouseClick(page.figures.choice._group.button(2), LEFT)
    assert page.figures.metrics.text().splitlines()[1] == "F1\t0.310\t0.641\t0.900"


def test_that_rows_are_filtered_by_how_they_changed(qtbot, session) -> None:
    page = measured(qtbot, session, 2)
    table = page.results
    assert column(table.model, 0) == ["Please send the signed DPA to our counsel"]
    assert table.filter.currentText() == "Got worse (1)"

    for text, expected in (("Wrong (2)", 2), ("Got better (3)", 3), ("All rows (6)", 6)):
        table.filter.setFocus()
        qtbot.keyClick(table.filter, Qt.Key.Key_Down)
        table.filter.activated.emit(table.filter.currentIndex())
        assert table.filter.currentText() == text
        assert table.model.rowCount() == expected


def test_that_the_row_at_the_cursor_is_shown_in_full_and_rows_can_be_sorted_and_copied(
    qtbot, session, said: list[Notification]
) -> None:
    page = measured(qtbot, session, 2)
    page.results._filter("all")
    table = page.results.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert page.results.detail.isVisible()
    assert "The export to CSV stops at 10,000 rows\nand says nothing" in words(page)

    table.horizontalHeader().sectionClicked.emit(0)
    assert column(page.results.model, 0)[0] == "Invoice for the licence agreement annex"
    qtbot.mouseClick(page.results.copy_button, LEFT)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert copied[0] == "text\texpected\tuntuned\trun 2\tchange"
    assert copied[1] == "Invoice for the licence agreement annex\tlegal\tbilling\tbilling\tsame"
    assert said[-1].title == "6 rows copied."


def test_that_a_filter_without_rows_says_so(qtbot, session) -> None:
    write_report(session.folder.run_folder(2))
    write_rows(session.folder.run_folder(2), RESULTS[2:3])
    page = evaluate_page(qtbot, session)
    qtbot.waitUntil(lambda: page.results.model.count("all") == 1, timeout=20_000)

    page.results._filter("worse")
    assert "No row got worse." in words(page)
    assert not page.results.copy_button.isEnabled()


@pytest.mark.parametrize(("outcome", "met", "tone"), [("better", False, "warn"), ("worse", False, "bad")])
def test_that_the_verdict_is_only_good_when_all_that_was_asked_for_is_met(
    qtbot, session, outcome: str, met: bool, tone: str
) -> None:
    write_report(session.folder.run_folder(2), outcome=outcome, met=met)
    page = evaluate_page(qtbot, session)
    qtbot.waitUntil(page.verdict.isVisible, timeout=20_000)
    assert page.verdict.property("tone") == tone


def test_that_damaged_rows_are_told_and_the_verdict_stays(qtbot, session, said: list[Notification]) -> None:
    write_report(session.folder.run_folder(2))
    (session.folder.run_folder(2) / "samples.parquet").write_bytes(b"not parquet")
    page = evaluate_page(qtbot, session)

    qtbot.waitUntil(lambda: any("cannot be read" in note.title for note in said), timeout=20_000)
    assert page.verdict.isVisible()
    assert "The rows cannot be shown." in words(page)


def test_that_another_run_can_be_picked_and_training_is_one_press_away(qtbot, session) -> None:
    page = measured(qtbot, session, 1)
    assert page.header.status.text() == "Run 2 is not measured yet"
    page.picker.setFocus()
    qtbot.keyClick(page.picker, Qt.Key.Key_Down)
    page.picker.activated.emit(page.picker.currentIndex())

    assert page.header.status.text() == "Run 1 on the locked test split · 510 rows"
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.train_button, LEFT)
    assert went.args == [Step.TRAIN]
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, LEFT)
    assert went.args == [Step.EXPORT]


def test_that_the_report_can_be_copied_whole(qtbot, session) -> None:
    page = measured(qtbot, session, 2)
    page.more_button._menu.actions()[0].trigger()

    text = QGuiApplication.clipboard().text()
    assert text.startswith("Better, and the target is met.\nF1 is 0.900")
    assert "F1\t0.310 (0.305–0.315)\t0.641 (0.631–0.651)\t0.900 (0.893–0.907)" in text
    assert "sales\t75\t0.82\t0.76\t0.79" in text
