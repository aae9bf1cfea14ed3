"""The coach on the Train page: what it says while a run works, and what its buttons do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QPushButton, QWidget

from fintune_gui.jobs.process import JobProcess
from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Event
from fintune_gui.project.files import write_json
from fintune_gui.project.finding import read_silenced
from fintune_gui.project.spec import BEST_CHECKPOINT, TrainSpec, read_spec
from fintune_gui.ui.pages.train import TrainPage
from fintune_gui.ui.services.session import ProjectSession
from tests.helpers.pages import open_session, shown_page
from tests.helpers.runs import ended, ready_project, training_events, write_run
from tests.helpers.scripted_job import TURNING_BATCH

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def ready(qapp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectSession]:
    program = [sys.executable, "-m", "tests.helpers.scripted_job"]
    monkeypatch.setattr(JobProcess, "start", partial(JobProcess.start, program=program))
    with open_session(ready_project(tmp_path / "ready")) as session:
        yield session


def train_page(qtbot, session: ProjectSession) -> TrainPage:
    page = shown_page(qtbot, session, TrainPage)
    qtbot.waitUntil(lambda: not session._gathering, timeout=20_000)
    qtbot.waitUntil(lambda: page.feed.folder is None or page.feed.ready, timeout=20_000)
    return page


def overfitting_run(qtbot, session: ProjectSession) -> TrainPage:
    """The page with a run at work whose validation loss has turned."""
    training = session.project.training.model_copy(update={"batch_size": TURNING_BATCH, "epochs": 40})
    session.apply(session.project.with_(training=training))
    page = train_page(qtbot, session)
    qtbot.waitUntil(page.header.primary.isEnabled, timeout=20_000)
    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(page.coach_card.isVisible, timeout=60_000)
    return page


def press(page: TrainPage, qtbot, text: str) -> None:
    button = next(b for b in page.coach_card.findChildren(QPushButton) if b.text() == text and b.isVisible())
    qtbot.mouseClick(button, LEFT)


def buttons(page: TrainPage) -> list[str]:
    return [b.text() for b in page.coach_card.findChildren(QPushButton) if b.isVisible()]


def diverging_events() -> list[Event]:
    told = training_events(steps=200, total=600)
    return [e.model_copy(update={"loss": 4.0}) if e.type == "step" and e.step > 150 else e for e in told]


def test_that_overfitting_is_said_and_the_run_stopped_at_its_best(qtbot, ready) -> None:
    page = overfitting_run(qtbot, ready)
    said = page.coach_card.accessibleName()
    assert said.startswith("Validation loss has risen from ")
    assert "will mostly memorise the training rows" in said
    assert buttons(page) == ["Stop at best", "Half the rate from the best", "Keep going"]

    press(page, qtbot, "Stop at best")
    qtbot.waitUntil(lambda: page.feed.history.finished, timeout=30_000)
    qtbot.waitUntil(lambda: not page.coach_card.isVisible())
    assert page.feed.history.ended.outcome == "stopped"


def test_that_the_keyboard_stays_on_the_page_when_the_card_goes(qtbot, ready) -> None:
    page = overfitting_run(qtbot, ready)
    beside = QWidget()
    layout = QHBoxLayout(beside)
    layout.addWidget(QPushButton("the rail"))
    layout.addWidget(page)
    qtbot.addWidget(beside)
    with qtbot.waitActive(beside):
        beside.show()
    stop = next(b for b in page.coach_card.findChildren(QPushButton) if b.text() == "Stop at best")
    stop.setFocus()
    qtbot.keyClick(stop, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: page.condition() == "finished", timeout=20_000)
    qtbot.waitUntil(lambda: not stop.isVisible())
    kept = page.isAncestorOf(QApplication.focusWidget())
    page.setParent(None)  # the session outlives it
    assert kept


def test_that_keep_going_silences_this_for_the_run_and_for_good(qtbot, ready) -> None:
    page = overfitting_run(qtbot, ready)
    press(page, qtbot, "Keep going")

    assert not page.coach_card.isVisible()
    assert read_silenced(ready.folder.run_folder(1)) == {"overfitting"}
    told = len(page.feed.history.validations)
    qtbot.waitUntil(lambda: len(page.feed.history.validations) > told, timeout=20_000)
    assert not page.coach_card.isVisible()


def test_that_half_the_rate_stops_the_run_and_starts_one_from_its_best(qtbot, ready) -> None:
    page = overfitting_run(qtbot, ready)
    press(page, qtbot, "Half the rate from the best")
    assert buttons(page) == []  # it is being done

    qtbot.waitUntil(lambda: page.header.status.text().startswith("Run 2 ·"), timeout=30_000)
    first, second = (read_spec(ready.folder.run_folder(number)) for number in (1, 2))
    assert isinstance(first, TrainSpec)
    assert isinstance(second, TrainSpec)
    assert second.start_from_run == 1
    assert second.training.learning_rate == first.training.effective_learning_rate(first.model.method) / 2
    qtbot.waitUntil(lambda: len(page.feed.history.steps) > 0, timeout=30_000)


def test_that_a_run_that_went_wrong_says_so_afterwards_and_can_be_dismissed(qtbot, ready) -> None:
    write_run(ready.folder, 1, [*diverging_events(), ended("stopped", time=1)])
    ready.refresh_facts()
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.coach_card.isVisible)
    assert page.coach_card.accessibleName().startswith("Training loss has risen from ")
    assert buttons(page) == ["Half the rate from the best", "Dismiss"]
    press(page, qtbot, "Dismiss")
    assert not page.coach_card.isVisible()

    again = train_page(qtbot, ready)
    assert not again.coach_card.isVisible()


def test_that_a_best_that_is_gone_is_said_and_nothing_is_started(qtbot, ready, said) -> None:
    write_run(ready.folder, 1, [*diverging_events(), ended("stopped", time=1)])
    ready.refresh_facts()
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.coach_card.isVisible)
    press(page, qtbot, "Half the rate from the best")
    qtbot.waitUntil(lambda: any("no best checkpoint" in note.title + note.text for note in said), timeout=20_000)
    assert ready.folder.run_numbers() == [1]


def test_that_a_rate_that_is_too_low_leads_to_the_settings_with_a_higher_one(qtbot, ready) -> None:
    told = [
        e.model_copy(update={"loss": 2.3 + 0.01 * (e.step % 3), "learning_rate": 1e-6}) if e.type == "step" else e
        for e in training_events(steps=300, total=600, validate_every=1000)
    ]
    write_run(ready.folder, 1, told)
    ready.refresh_facts()
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.coach_card.isVisible)
    press(page, qtbot, "New run with 3 times the rate")

    assert ready.project.training.learning_rate == pytest.approx(6e-4)
    assert page.setup.isVisible()


def test_that_a_loss_that_is_no_number_offers_half_the_rate(qtbot, ready) -> None:
    problem = Problem(code="training.not_finite", what="The loss of step 90 is not a number.", why="Too far.")
    events = [*training_events(steps=90, total=240), ended("failed", time=1, problem=problem)]
    folder = write_run(ready.folder, 1, events)
    write_json(folder / BEST_CHECKPOINT, {"folder": "step-000080", "step": 80})
    (folder / "data").mkdir()
    ready.refresh_facts()
    page = train_page(qtbot, ready)
    qtbot.waitUntil(page.coach_card.isVisible)
    assert page.coach_card.accessibleName().startswith("The loss of step 90 is not a number.")
    press(page, qtbot, "Half the rate from the best")
    qtbot.waitUntil(lambda: page.header.status.text().startswith("Run 2 ·"), timeout=30_000)
    assert not page.coach_card.isVisible()
