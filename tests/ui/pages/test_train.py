"""The Train page, with runs from disk and with a child process that speaks the engine's protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from fintune_gui.jobs.process import JobProcess
from fintune_gui.project.document import Task
from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Paused
from fintune_gui.project.flow import Step
from fintune_gui.project.history import read_history
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.pages.train import TrainPage
from fintune_gui.ui.services.notifications import Notification
from fintune_gui.ui.services.session import ProjectSession
from tests.helpers.pages import open_session, shown_page
from tests.helpers.runs import (
    EPOCH_START,
    ended,
    finished_run,
    new_project,
    ready_project,
    training_events,
    write_run,
)
from tests.helpers.scripted_job import FAILING_BATCH

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return new_project(tmp_path / "project")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are done by a process that is not the engine."""
    program = [sys.executable, "-m", "tests.helpers.scripted_job"]
    monkeypatch.setattr(JobProcess, "start", partial(JobProcess.start, program=program))


@pytest.fixture
def session(qapp, project: ProjectFolder) -> Iterator[ProjectSession]:
    with open_session(project) as session:
        yield session


@pytest.fixture
def ready(qapp, tmp_path: Path, scripted: None) -> Iterator[ProjectSession]:
    with open_session(ready_project(tmp_path / "ready")) as session:
        yield session


def train_page(qtbot, session: ProjectSession) -> TrainPage:
    page = shown_page(qtbot, session, TrainPage)
    qtbot.waitUntil(lambda: not session._gathering, timeout=20_000)
    qtbot.waitUntil(lambda: page.feed.folder is None or page.feed.ready, timeout=20_000)
    return page


def button(page: TrainPage, text: str) -> QPushButton:
    return next(b for b in page.findChildren(QPushButton) if b.text() == text and b.isVisible())


def press(page: TrainPage, qtbot, text: str) -> None:
    qtbot.waitUntil(
        lambda: any(b.text() == text and b.isVisible() for b in page.findChildren(QPushButton)), timeout=20_000
    )
    qtbot.mouseClick(button(page, text), LEFT)


def words(page: TrainPage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def change_setting(page: TrainPage, qtbot, name: str, value: str) -> None:
    editor = page.setup.form.fields[name].editor
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, value)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def start(page: TrainPage, qtbot) -> None:
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(lambda: len(page.feed.history.steps) > 0, timeout=30_000)


# Before a run


def test_that_a_setting_is_found_by_a_word_of_its_help_and_saved(qtbot, session) -> None:
    page = train_page(qtbot, session)
    page.setup.form.search.setFocus()
    qtbot.keyClicks(page.setup.form.search, "memorising")

    shown = [name for name, field in page.setup.form.fields.items() if field.isVisible()]
    assert shown == ["weight_decay"]
    change_setting(page, qtbot, "weight_decay", "0.1")
    assert session.project.training.weight_decay == 0.1

    page.setup.form.search.setFocus()
    qtbot.keyClick(page.setup.form.search, Qt.Key.Key_Escape)
    assert page.setup.form.fields["epochs"].isVisible()
    assert not page.setup.form.fields["weight_decay"].isVisible()


def test_that_a_value_out_of_range_is_said_at_its_field_and_not_saved(qtbot, session) -> None:
    page = train_page(qtbot, session)
    change_setting(page, qtbot, "batch_size", "0")

    assert session.project.training.batch_size == 16
    assert page.setup.form.fields["batch_size"].error == (
        "Write a whole number from 1 to 4,096, or nothing for the usual value."
    )


def test_that_the_page_says_what_a_run_will_do(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    change_setting(page, qtbot, "epochs", "2")

    assert "tiny-base with LoRA r16 sees 42 training rows 2 times, 16 rows at a time: 6 steps" in page.setup.sentences
    assert "learning rate of 2e-4" in page.setup.sentences


def test_that_everything_in_the_way_is_said_at_once_and_leads_to_its_page(qtbot, ready) -> None:
    dataset = ready.dataset()
    assert dataset is not None
    dataset.edit(3, "text", "changed since the split")
    ready.rows_were_changed()
    page = train_page(qtbot, ready)
    qtbot.waitUntil(lambda: "Split is not up to date." in page.problems.findChildren(QLabel)[0].text(), timeout=20_000)

    assert not page.header.primary.isEnabled()
    assert page.header.primary.toolTip() == "Split is not up to date."
    with qtbot.waitSignal(page.go_to) as went:
        press(page, qtbot, "Go to Split")
    assert went.args == [Step.SPLIT]


def test_that_settings_that_cannot_work_together_cannot_be_started(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    page._change_settings({"eval_steps": 3, "eval_minutes": 2.0, "frozen_layers": 900})
    page.load(ready)
    assert [problem.code for problem in page.setup.conflicts] == ["training.frozen_layers", "training.two_rhythms"]
    assert not page.header.primary.isEnabled()
    assert page.header.primary.toolTip() == "900 frozen layers leave nothing to learn."
    page._change_settings({"eval_steps": None, "frozen_layers": 0})
    page.load(ready)
    assert page.header.primary.isEnabled()


def test_that_a_project_that_is_read_only_here_says_so(qtbot, session) -> None:
    session.folder.read_only = "Another window or command of Fintune has this project open."
    page = train_page(qtbot, session)

    assert [problem.code for problem in page.check()] == ["project.locked"]
    assert not page.header.primary.isEnabled()


# Runs on disk


def test_that_a_finished_run_is_shown_from_its_events(qtbot, session) -> None:
    finished_run(session.folder, 1, total=240)
    session.refresh_facts()
    page = train_page(qtbot, session)

    qtbot.waitUntil(lambda: len(page.run.loss.curves["training"].points.x) == 240)
    assert list(page.run.loss.curves["validation"].points.x) == list(range(20, 241, 20))
    assert (
        page.run.outcome.accessibleName()
        == "Outcome: Completed.  took 4 min, until " + page.run.outcome._note.text()[-5:]
    )
    assert page.header.status.text() == "Run 1 · Qwen3-0.6B · LoRA r16 · 31,205 rows"
    assert page.run.metric_plot.accessibleName() == "F1 on validation"
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, LEFT)
    assert went.args == [Step.EVALUATE]


def test_that_the_run_before_is_drawn_beside_and_can_be_taken_away(qtbot, session) -> None:
    finished_run(session.folder, 1, total=120, best_loss=0.6)
    finished_run(session.folder, 2, total=240)
    session.refresh_facts()
    page = train_page(qtbot, session)

    qtbot.waitUntil(lambda: "run 1" in page.run.loss.curves)
    assert list(page.run.loss.curves["run 1"].points.x) == [20, 40, 60, 80, 100, 120]
    page.run.compare.setFocus()
    qtbot.keyClick(page.run.compare, Qt.Key.Key_Home)
    qtbot.keyClick(page.run.compare, Qt.Key.Key_Return)
    page.run.compare.activated.emit(page.run.compare.currentIndex())
    assert "run 1" not in page.run.loss.curves


def test_that_an_earlier_run_can_be_picked(qtbot, session) -> None:
    finished_run(session.folder, 1, total=120)
    finished_run(session.folder, 2, total=240)
    session.refresh_facts()
    page = train_page(qtbot, session)
    assert [page.picker.itemText(i) for i in range(page.picker.count())] == ["Run 2", "Run 1", "New run"]

    page.picker.setFocus()
    qtbot.keyClick(page.picker, Qt.Key.Key_Down)
    page.picker.activated.emit(page.picker.currentIndex())

    qtbot.waitUntil(lambda: page.header.status.text().startswith("Run 1 ·"))
    qtbot.waitUntil(lambda: len(page.run.loss.curves["training"].points.x) == 120)


def test_that_what_the_run_decided_and_its_log_open_one_at_a_time(qtbot, session) -> None:
    finished_run(session.folder, 1)
    session.refresh_facts()
    page = train_page(qtbot, session)

    qtbot.mouseClick(page.run.notes.decisions_button, LEFT)
    assert "bf16 is slower on this processor." in words(page)
    qtbot.mouseClick(page.run.notes.log_button, LEFT)
    assert "bf16 is slower on this processor." not in words(page)
    page.run.notes.log.view.flush()
    assert "596 million parameters loaded" in page.run.notes.log.view.toPlainText()


def test_that_answers_on_the_way_stand_beside_what_was_expected(qtbot, qapp, tmp_path) -> None:
    folder = new_project(tmp_path / "faq", Task.INSTRUCTION, target=2.0)
    finished_run(folder, 1)
    with open_session(folder) as session:
        page = train_page(qtbot, session)
        qtbot.waitUntil(page.run.notes.answers_button.isVisible, timeout=20_000)
        qtbot.mouseClick(page.run.notes.answers_button, LEFT)

        assert "Open Settings and choose Reset password." in words(page)  # what is expected
        shown = words(page)
        assert shown.index("step 240") < shown.index("step 220") < shown.index("step 20")
        changed = next(label for label in page.findChildren(QLabel) if "underline" in label.text())
        assert "choose" in changed.text()  # came with the evaluation after half of the run


def test_that_an_interrupted_run_offers_to_resume(qtbot, session) -> None:
    write_run(session.folder, 1, training_events(steps=100, total=240))
    session.refresh_facts()
    page = train_page(qtbot, session)

    qtbot.waitUntil(page.top_banner.isVisible)
    assert page.top_banner.accessibleName() == (
        "Run 1 was interrupted. Everything up to step 80 of 240 is saved; the run can go on from there."
    )
    assert button(page, "Resume").isEnabled()
    assert page.run.outcome.accessibleName().startswith("Outcome: Interrupted")


def test_that_a_run_whose_process_crashed_shows_the_last_lines_of_its_log(qtbot, session) -> None:
    why = "A library that it uses crashed (SIGSEGV)."
    problem = Problem(code="job.interrupted", what="The run was interrupted.", why=why, details="last words")
    end = ended("interrupted", time=EPOCH_START + 60, problem=problem)
    write_run(session.folder, 1, [*training_events(steps=100, total=240), end])
    session.refresh_facts()
    page = train_page(qtbot, session)
    qtbot.waitUntil(page.top_banner.isVisible)
    assert why in page.top_banner.accessibleName()
    assert page.top_banner.details == "last words"
    assert button(page, "Resume").isEnabled()


def test_that_a_failed_run_says_what_why_and_what_to_do_with_the_last_lines_of_its_log(qtbot, session) -> None:
    problem = Problem(code="training.bad", what="The memory is full.", why="One row does not fit.", todo="Cut it.")
    end = ended("failed", time=EPOCH_START + 3, problem=problem)
    folder = write_run(session.folder, 1, [*training_events(steps=0, total=10), end])
    (folder / "log.txt").write_text("the last words of a library\n", encoding="utf-8")
    session.refresh_facts()
    page = train_page(qtbot, session)

    qtbot.waitUntil(lambda: "The memory is full." in words(page))
    assert "One row does not fit." in words(page)
    qtbot.waitUntil(lambda: "the last words of a library" in page.failure._details.text())
    assert button(page, "Start again").isEnabled()
    assert not page.run.loss.isVisible()


def test_that_a_run_with_a_damaged_specification_is_said_to_be_unreadable(qtbot, session) -> None:
    folder = finished_run(session.folder, 1)
    session.refresh_facts()
    page = train_page(qtbot, session)
    (folder / "spec.json").write_text("{", encoding="utf-8")
    page.feed.watch(None)
    page.feed.watch(folder)

    qtbot.waitUntil(lambda: page.header.status.text() == "This run cannot be read; the others are not affected.")


# Runs at work


def test_that_a_run_is_started_watched_and_leads_to_evaluate(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    start(page, qtbot)

    assert page.controls.pause.isVisible()
    assert not page.header.primary.isVisible()
    qtbot.waitUntil(lambda: page.header.primary.text() == "Continue to Evaluate", timeout=30_000)
    assert read_history(ready.folder.run_folder(1)).finished
    assert list(page.run.loss.curves["training"].points.x) == list(range(1, 61))
    assert page.run.bar.value() == page.run.bar.maximum()
    qtbot.waitUntil(lambda: ready.facts.last_finished_run is not None, timeout=20_000)


def test_that_the_keyboard_stays_on_the_page_when_the_main_button_goes(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    page.header.primary.setFocus()
    qtbot.keyClick(page.header.primary, Qt.Key.Key_Space)
    qtbot.waitUntil(page.controls.pause.isVisible, timeout=30_000)

    qtbot.waitUntil(page.header.hasFocus)
    qtbot.keyClick(page.header, Qt.Key.Key_Tab)
    qtbot.waitUntil(page.picker.hasFocus)
    qtbot.waitUntil(lambda: page.feed.history.finished, timeout=60_000)


def test_that_the_keyboard_stays_on_the_page_when_the_settings_go(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    page.setup.form.fields["epochs"].editor.setFocus()
    page.header.primary.click()  # as Ctrl+Enter does
    qtbot.waitUntil(page.controls.pause.isVisible, timeout=30_000)
    qtbot.waitUntil(page.header.hasFocus)
    qtbot.waitUntil(lambda: page.feed.history.finished, timeout=60_000)


def test_that_a_run_is_paused_and_saved_by_keys(qtbot, ready, said: list[Notification]) -> None:
    page = train_page(qtbot, ready)
    change_setting(page, qtbot, "epochs", "500")
    start(page, qtbot)
    qtbot.keyClick(page, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.feed.history.paused, timeout=20_000)
    qtbot.keyClick(page, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: any(note.title == "Saved." for note in said), timeout=20_000)
    qtbot.keyClick(page, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not page.feed.history.paused, timeout=20_000)
    assert [line.words for line in page.commands() if line.keys == "Ctrl+S"] == ["Save a checkpoint now"]


def test_that_what_is_copied_from_a_plot_is_said(qtbot, session, said: list[Notification]) -> None:
    finished_run(session.folder, 1)
    session.refresh_facts()
    page = train_page(qtbot, session)
    page.run.loss.copy_data()
    page.run.more.plots["grad_norm"].copy_picture()
    page.run.notes.log.copy()
    assert [note.title for note in said][:2] == [
        "The data of “Loss” were copied.",
        "The plot “Gradient norm” was copied as a picture.",
    ]
    assert said[2].title.endswith("of the log copied.")


def test_that_a_run_can_be_paused_continued_saved_and_stopped(qtbot, ready, said: list[Notification]) -> None:
    page = train_page(qtbot, ready)
    change_setting(page, qtbot, "epochs", "500")
    start(page, qtbot)

    qtbot.mouseClick(page.controls.pause, LEFT)
    qtbot.waitUntil(lambda: page.run.time.accessibleName().startswith("Time left: Paused"), timeout=20_000)
    assert page.controls.pause.text() == "Continue"
    steps = len(page.feed.history.steps)
    qtbot.mouseClick(page.controls.pause, LEFT)
    qtbot.waitUntil(lambda: len(page.feed.history.steps) > steps, timeout=20_000)
    assert page.controls.pause.text() == "Pause"

    page.controls.more._menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: any(note.title == "Saved." for note in said), timeout=20_000)

    qtbot.mouseClick(page.controls.stop, LEFT)
    assert page.controls.stop.text() == "Stopping …"
    qtbot.waitUntil(lambda: page.header.primary.text() == "Continue to Evaluate", timeout=20_000)
    assert page.run.outcome.accessibleName().startswith("Outcome: Stopped")


def test_that_resuming_goes_on_from_the_checkpoint_and_replaces_the_lost_steps(qtbot, ready) -> None:
    write_run(ready.folder, 1, training_events(steps=50, total=60))
    ready.refresh_facts()
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.top_banner.isVisible, timeout=20_000)

    press(page, qtbot, "Resume")

    qtbot.waitUntil(lambda: page.feed.history.finished, timeout=30_000)
    qtbot.waitUntil(lambda: not page.top_banner.isVisible())
    assert list(page.feed.history.steps) == list(range(1, 61))
    assert list(page.run.loss.curves["training"].points.x) == list(range(1, 61))


def test_that_a_run_that_fails_can_be_started_again_with_other_settings(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    change_setting(page, qtbot, "batch_size", str(FAILING_BATCH))
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(lambda: "The numbers are not finite." in words(page), timeout=30_000)

    press(page, qtbot, "Change the settings")
    change_setting(page, qtbot, "batch_size", "8")
    start(page, qtbot)
    assert page.header.status.text().startswith("Run 2 ·")
    qtbot.waitUntil(lambda: page.feed.history.finished, timeout=30_000)


def test_that_a_run_that_cannot_start_says_why_and_leaves_nothing(qtbot, ready) -> None:
    gone = ready.project.model.model_copy(update={"folder": str(ready.folder.folder / "gone")})
    ready.apply(ready.project.with_(model=gone))
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    qtbot.mouseClick(page.header.primary, LEFT)

    qtbot.waitUntil(lambda: "is not there any more." in words(page), timeout=20_000)
    assert ready.folder.run_numbers() == []
    assert page.header.primary.text() == "Start training"


def test_that_a_run_that_paused_by_itself_says_why(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    change_setting(page, qtbot, "epochs", "500")
    start(page, qtbot)
    qtbot.mouseClick(page.controls.pause, LEFT)
    qtbot.waitUntil(lambda: page.feed.history.paused, timeout=20_000)
    assert not page.top_banner.isVisible()
    (thread,) = ready.jobs.running
    thread.events.emit([Paused(step=1, why="There is no room left.")])
    qtbot.waitUntil(page.top_banner.isVisible, timeout=20_000)
    assert "There is no room left." in words(page)
    qtbot.mouseClick(page.controls.pause, LEFT)
    qtbot.waitUntil(lambda: not page.top_banner.isVisible(), timeout=20_000)


def test_that_a_second_run_is_queued_and_begins_by_itself(qtbot, ready) -> None:
    page = train_page(qtbot, ready)
    change_setting(page, qtbot, "epochs", "20")
    start(page, qtbot)
    press(page, qtbot, "New run")
    qtbot.waitUntil(lambda: page.header.status.text().startswith("Run 2 ·"), timeout=20_000)
    change_setting(page, qtbot, "epochs", "1")
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    assert page.header.primary.text() == "Add to the queue"
    qtbot.mouseClick(page.header.primary, LEFT)

    qtbot.waitUntil(page.queue.isVisible, timeout=20_000)
    qtbot.waitUntil(lambda: page.header.status.text().startswith("Run 1 ·"), timeout=20_000)
    assert [folder.name for folder in ready.queue.waiting] == ["0002"]
    page.controls.ask_to_stop()
    qtbot.waitUntil(lambda: not ready.queue.waiting, timeout=30_000)
    qtbot.waitUntil(lambda: not ready.jobs.running, timeout=30_000)
    ready.refresh_facts()  # as the window does
    qtbot.waitUntil(lambda: page.header.status.text().startswith("Run 2 ·"), timeout=30_000)
    qtbot.waitUntil(lambda: page.feed.history.finished, timeout=30_000)
    assert not page.queue.isVisible()
