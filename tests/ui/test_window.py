"""The main window: steps, keys, drops, notices, and a quit that loses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest

from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.flow import Step
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.window import MainWindow
from tests.helpers.children import start_child
from tests.helpers.windows import main_window, sample_folder, settled

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot) -> Iterator[MainWindow]:
    with main_window(qtbot) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    objective = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
    ProjectFolder.create(tmp_path / "routing", Project(name="Support routing", objective=objective)).close()
    return tmp_path / "routing"


def titles(window: MainWindow) -> list[str]:
    return [toast.accessibleName() for toast in window.toasts.toasts()]


def test_that_any_step_can_be_shown_at_any_time_by_mouse_and_keys(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    settled(qtbot, window)
    for number, step in enumerate(Step, start=1):
        QTest.keyClick(window, Qt.Key(Qt.Key.Key_0.value + number), CTRL)
        assert window.pages.step is step
        assert window.pages.page is not None
        assert "shown now" in window.rail.items[step].accessibleName()
    QTest.mouseClick(window.rail.items[Step.DATA], Qt.MouseButton.LeftButton)
    assert window.pages.step is Step.DATA
    assert titles(window) == []


def test_that_a_step_that_lacks_something_says_what_and_leads_there(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    settled(qtbot, window)
    window.show_step(Step.CLEAN)
    page = window.pages.page
    assert page is not None
    assert page.waiting
    assert "Clean comes after Data" in page._missing.accessibleName()
    button = next(b for b in page._missing.findChildren(type(page.header.primary)) if b.text() == "Go to Data")
    button.click()
    assert window.pages.step is Step.DATA


def test_that_the_arrow_keys_walk_through_the_rail(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    settled(qtbot, window)
    window.rail.items[Step.OBJECTIVE].setFocus()
    QTest.keyClick(window.rail.items[Step.OBJECTIVE], Qt.Key.Key_Down)
    assert window.rail.items[Step.DATA].hasFocus()
    QTest.keyClick(window.rail.items[Step.DATA], Qt.Key.Key_Return)
    assert window.pages.step is Step.DATA


def test_that_ctrl_enter_presses_the_main_button(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    settled(qtbot, window)
    QTest.keyClick(window, Qt.Key.Key_Return, CTRL)
    assert window.pages.step is Step.DATA


def test_that_a_changed_project_shows_in_the_rail_and_can_be_taken_back(
    window: MainWindow, project: Path, qtbot
) -> None:
    window.open_project(project)
    settled(qtbot, window)
    window.rail.name.edit()
    QTest.keyClicks(window.rail.name._field, "Mail routing")
    QTest.keyClick(window.rail.name._field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "Mail routing" in window.windowTitle())
    assert window.session.project.name == "Mail routing"
    QTest.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert window.session.project.name == "Support routing"
    QTest.keyClick(window, Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert window.session.project.name == "Mail routing"


def test_that_the_window_comes_back_as_it_was_left(qtbot, project: Path) -> None:
    with main_window(qtbot, (1111, 777)) as first:
        first.open_project(project)
        first.show_step(Step.MODEL)
        first.set_appearance("dark")
    with main_window(qtbot) as second:
        assert second.settings.appearance == "dark"
        assert second.settings.geometry
        second.open_project(project)
        assert second.pages.step is Step.MODEL
        second.set_appearance("light")


def test_that_a_second_window_says_that_it_is_read_only(qtbot, project: Path) -> None:
    with main_window(qtbot) as first, main_window(qtbot) as second:
        first.open_project(project)
        second.open_project(project)
        settled(qtbot, second)
        assert first.rail._saved.text() == "All changes saved"
        assert second.rail._saved.text().startswith("Read-only: Another window")


def test_that_a_run_is_not_resumed_in_a_project_that_is_open_elsewhere(window: MainWindow, project: Path) -> None:
    with ProjectFolder.open(project):
        window.home.resume_requested.emit(project, 1)
        assert any(title.startswith("The run cannot be resumed here. Another window") for title in titles(window))
        assert window.session.jobs.running == []


def test_that_a_folder_without_a_project_is_told_and_home_stays(window: MainWindow, tmp_path: Path) -> None:
    assert not window.open_project(tmp_path)
    assert "There is no project in" in titles(window)[0]
    assert window.home.isVisible()


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), actions, data, buttons, keys)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(50, 50), actions, data, buttons, keys))


def test_that_a_dropped_project_is_opened(window: MainWindow, project: Path) -> None:
    drop(window, project)
    assert window.session.project.name == "Support routing"


def test_that_a_file_dropped_on_home_begins_a_project_with_its_name(window: MainWindow, tmp_path: Path, qtbot) -> None:
    rows = tmp_path / "support_mail.csv"
    rows.write_text("text,label\nhello,a\nbye,b\n", encoding="utf-8")
    drop(window, rows)
    assert window.home._new.isVisible()
    assert window.home._new.name.text() == "Support mail"
    window.home._new.make.click()
    assert window.session.project.name == "Support mail"
    assert window.pages.step is Step.DATA
    qtbot.waitUntil(lambda: not window.session.jobs.running, timeout=60_000)


def test_that_a_file_dropped_on_a_project_goes_to_the_data_page(
    window: MainWindow, project: Path, tmp_path: Path, qtbot
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nhello,a\nbye,b\n", encoding="utf-8")
    window.open_project(project)
    window.show_step(Step.EXPORT)
    drop(window, rows)
    assert window.pages.step is Step.DATA


def test_that_the_sample_is_one_press_away(window: MainWindow, qtbot) -> None:
    window.home.open_sample("tickets")
    qtbot.waitUntil(lambda: window.session.is_open, timeout=60_000)
    settled(qtbot, window)
    assert window.session.facts.rows
    assert "rows" in window.rail.items[Step.DATA].accessibleName()
    qtbot.waitUntil(lambda: window.session.project.model is not None, timeout=60_000)
    assert window.session.project.model.name == "sample:tiny-base"
    folder = window.session.folder.folder
    window.close_project()
    window.home.open_sample("tickets")  # a second time the same project is opened again
    assert window.session.folder.folder == folder


def test_that_a_page_that_cannot_be_built_does_not_take_the_window_along(
    window: MainWindow, project: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    from fintune_gui.ui.pages.registry import PAGES

    monkeypatch.setitem(PAGES, Step.EXPORT, "nowhere:Page")
    window.open_project(project)
    settled(qtbot, window)
    window.show_step(Step.EXPORT)
    assert window.pages.step is Step.OBJECTIVE
    assert "Something in the program failed" in titles(window)[0]


def test_that_a_damaged_dataset_is_said_and_the_other_steps_go_on(window: MainWindow, tmp_path: Path, qtbot) -> None:
    folder = sample_folder(tmp_path)
    for file in (folder / "dataset").rglob("*.arrow"):
        file.write_bytes(b"not arrow")
    window.open_project(folder)
    settled(qtbot, window)
    for step in Step:
        window.show_step(step)
        assert window.pages.step is step


def test_that_notifications_are_shown_replaced_and_withdrawn(window: MainWindow) -> None:
    notifications().say("Saved", "Everything", key="state")
    notifications().say("Saved again", key="state")
    assert [name.strip() for name in titles(window)] == ["Saved again"]
    notifications().withdraw("state")
    assert titles(window) == []


def test_that_f1_lists_every_key(window: MainWindow) -> None:
    QTest.keyClick(window, Qt.Key.Key_F1)
    assert window._keys is not None
    assert window._keys.isVisible()
    window._keys.close()


def test_that_memory_of_the_computer_is_shown(window: MainWindow) -> None:
    assert " GB" in window.rail._memory_text.text()
    assert 0 < window.rail._memory.value() <= 1000


SAVES_WHEN_LEFT = """
checkpoint()
while commands.wait() != HANGUP:
    pass
time.sleep(0.5)
writer(Ended(outcome="interrupted"))
"""


def start_job(window: MainWindow, folder: Path, body: str, qtbot) -> None:
    folder.mkdir(parents=True)
    thread = window.session.jobs.start(folder, start=lambda path: start_child(path, body))
    heard: list[object] = []
    thread.events.connect(heard.extend)
    qtbot.waitUntil(lambda: len(heard) >= 2, timeout=20_000)


def test_that_a_run_that_begins_by_itself_is_seen_on_every_page(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    settled(qtbot, window)
    gathered: list[object] = []
    window.session.facts_changed.connect(gathered.append)
    start_job(window, project / "runs" / "0001", SAVES_WHEN_LEFT, qtbot)
    qtbot.waitUntil(lambda: len(gathered) >= 2, timeout=20_000)  # when it is started, and when it has said so


def test_that_closing_waits_until_a_running_job_has_saved(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    start_job(window, project / "runs" / "0001", SAVES_WHEN_LEFT, qtbot)
    window.close()
    assert window.isVisible()
    assert window._leaving_screen.isVisible()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    text = (project / "runs" / "0001" / "events.jsonl").read_text()
    assert '"outcome":"interrupted"' in text


def test_that_who_does_not_want_to_wait_need_not(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    start_job(window, project / "runs" / "0001", "checkpoint(); time.sleep(600)", qtbot)
    window.close()
    assert window.isVisible()
    began = time.monotonic()
    window._leaving_screen._give_up()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    assert time.monotonic() - began < 10


def test_that_a_project_with_a_running_job_is_not_left(window: MainWindow, project: Path, qtbot) -> None:
    window.open_project(project)
    start_job(window, project / "runs" / "0001", SAVES_WHEN_LEFT, qtbot)
    assert not window.close_project()
    assert window.session.is_open
    assert "Work is still going on" in titles(window)[0]


def test_that_an_interrupted_run_is_offered_on_home(qtbot, project: Path) -> None:
    with main_window(qtbot) as first:
        first.open_project(project)
        start_job(first, project / "runs" / "0001", "checkpoint(); os.kill(os.getpid(), 9)", qtbot)
        qtbot.waitUntil(lambda: not first.session.jobs.running, timeout=20_000)
    with main_window(qtbot) as second:
        qtbot.waitUntil(lambda: second.home._banners.count() == 1, timeout=20_000)
        banner = second.home._banners.itemAt(0).widget()
        assert banner is not None
        assert "Run 1 of Support routing stopped" in banner.accessibleName()
