"""Home: what is there, a new project without a dialog, the samples, interrupted runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.paths import default_projects_folder
from fintune_gui.project.recent import recent_projects, remember_project
from fintune_gui.project.store import PROJECT_FILE, ProjectFolder, read_project
from fintune_gui.ui.pages.home import HomePage, free_folder
from fintune_gui.ui.services.background import inline_background
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.feedback import Banner
from fintune_gui.ui.widgets.project_card import ProjectCard, SampleCard
from tests.helpers.runs import finished_run, new_project, training_events, write_report, write_run


@pytest.fixture
def page(qtbot) -> Iterator[HomePage]:
    with inline_background():
        made = HomePage()
        qtbot.addWidget(made)
        made.resize(1000, 700)
        made.show()
        yield made


def cards(page: HomePage) -> list[ProjectCard]:
    QTest.qWait(1)  # what was added is shown when the event loop comes round
    return [card for card in page.findChildren(ProjectCard) if card.isVisibleTo(page)]


def press(root: QWidget, text: str) -> None:
    next(b for b in root.findChildren(QPushButton) if b.text() == text and b.isVisibleTo(root)).click()


def make(folder: Path, name: str) -> Path:
    objective = Objective(task=Task.CLASSIFICATION, metric=Metric.F1)
    ProjectFolder.create(folder, Project(name=name, objective=objective)).close()
    remember_project(folder)
    return folder


def test_that_without_projects_it_says_what_to_do_first(page: HomePage) -> None:
    page.reload()
    page.reload()
    assert cards(page) == []
    empty = [
        card for card in page.findChildren(Card) if card.title.text() == "Nothing here yet" and not card.isHidden()
    ]
    assert len(empty) == 1
    assert len(page.findChildren(SampleCard)) == 2


def test_that_recent_projects_are_shown_newest_first_and_open(page: HomePage, tmp_path: Path, qtbot) -> None:
    first, second = make(tmp_path / "a", "First"), make(tmp_path / "b", "Second")
    page.reload()
    assert [card.accessibleName().split(".")[0] for card in cards(page)] == ["Open Second", "Open First"]
    with qtbot.waitSignal(page.open_requested) as told:
        QTest.mouseClick(cards(page)[1], Qt.MouseButton.LeftButton)
    assert told.args == [first]
    assert second.exists()


def test_that_a_card_tells_the_last_result(page: HomePage, tmp_path: Path) -> None:
    with new_project(tmp_path / "p") as project:
        write_report(finished_run(project, 1))
        remember_project(project.folder)
    page.reload()
    assert "F1 0.913, target met" in cards(page)[0].accessibleName()


def test_that_a_project_is_taken_off_the_list_and_its_files_stay(page: HomePage, tmp_path: Path) -> None:
    folder = make(tmp_path / "a", "First")
    page.reload()
    cards(page)[0].actions()[0].trigger()
    assert cards(page) == []
    assert recent_projects() == []
    assert (folder / PROJECT_FILE).exists()


def test_that_a_damaged_project_is_shown_and_keeps_nothing_from_working(page: HomePage, tmp_path: Path) -> None:
    make(tmp_path / "good", "Good")
    folder = make(tmp_path / "bad", "Bad")
    (folder / PROJECT_FILE).write_text("{")
    page.reload()
    assert any(card.accessibleName().endswith("damaged") for card in cards(page))
    assert len(cards(page)) == 2


def test_that_an_interrupted_run_can_be_resumed_or_left_for_later(page: HomePage, tmp_path: Path, qtbot) -> None:
    with new_project(tmp_path / "p") as project:
        write_run(project, 3, training_events(steps=60, total=240))
        remember_project(project.folder)
    page.reload()
    (banner,) = page.findChildren(Banner)
    assert banner.accessibleName() == (
        "Run 3 of Support routing stopped at step 60 of 240. Everything up to step 40 is saved."
    )  # fmt: skip
    with qtbot.waitSignal(page.resume_requested) as told:
        press(banner, "Resume")
    assert told.args == [tmp_path / "p", 3]
    press(banner, "Later")
    page.reload()
    assert [b for b in page.findChildren(Banner) if b.isVisibleTo(page)] == []


def test_that_a_new_project_needs_a_name_and_a_goal_that_can_be_read(page: HomePage, qtbot) -> None:
    page.begin_new_project()
    created: list[tuple[Path, list[str]]] = []
    page.created.connect(lambda folder, files: created.append((folder, files)))
    page._new.make.click()
    assert page._new._error.text() == "Give the project a name."
    QTest.keyClicks(page._new.name, "Mail routing")
    QTest.keyClicks(page._new.goal, "beauty >= 1")
    page._new.make.click()
    assert "cannot be read" in page._new._error.text()
    assert created == []
    page._new.goal.clear()
    QTest.keyClicks(page._new.goal, "accuracy >= 85 %")
    QTest.keyClick(page._new.goal, Qt.Key.Key_Return)
    ((folder, files),) = created
    assert files == []
    project = read_project(folder)
    assert (project.name, project.objective.metric, project.objective.target) == (
        "Mail routing", Metric.ACCURACY, 0.85,
    )  # fmt: skip
    assert folder == default_projects_folder() / "mail-routing"
    assert page._new.isHidden()


def test_that_a_task_is_chosen_in_words(page: HomePage) -> None:
    page.begin_new_project()
    created: list[Path] = []
    page.created.connect(lambda folder, _files: created.append(folder))
    page._new.tasks.card(Task.INSTRUCTION).click()
    assert "perplexity" in page._new.goal.placeholderText()
    page._new.name.setText("Answers")
    page._new.make.click()
    objective = read_project(created[0]).objective
    assert (objective.task, objective.metric, objective.target) == (Task.INSTRUCTION, Metric.PERPLEXITY, None)


def test_that_a_file_names_the_project_and_is_imported_into_it(page: HomePage) -> None:
    page.begin_new_project(["/somewhere/support_mail-2024.csv"])
    assert page._new.name.text() == "Support mail 2024"
    assert "support_mail-2024.csv" in page._new._files.text()
    created: list[list[str]] = []
    page.created.connect(lambda _folder, files: created.append(files))
    page._new.make.click()
    assert created == [["/somewhere/support_mail-2024.csv"]]


def test_that_giving_up_makes_nothing(page: HomePage) -> None:
    page.begin_new_project()
    press(page._new, "Cancel")
    assert page._new.isHidden()
    assert not default_projects_folder().exists()


def test_that_two_projects_of_one_name_have_folders_of_their_own(tmp_path: Path) -> None:
    assert free_folder(tmp_path, "Süd & Nord!").name == "süd-nord"
    (tmp_path / "süd-nord").mkdir()
    assert free_folder(tmp_path, "Süd & Nord!").name == "süd-nord-2"
    assert free_folder(tmp_path, "…").name == "project"


def test_that_pressing_a_sample_twice_makes_one_project(qtbot) -> None:
    made = HomePage()
    qtbot.addWidget(made)
    made.show()
    opened: list[tuple[Path, str]] = []
    made.sample_ready.connect(lambda folder, key: opened.append((folder, key)))
    card = made.findChildren(SampleCard)[0]
    QTest.mouseDClick(card, Qt.MouseButton.LeftButton)
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    folder = default_projects_folder() / "sample-tickets"
    qtbot.waitUntil(lambda: bool(opened), timeout=60_000)
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert opened == [(folder, "tickets")] * 2
    with ProjectFolder.open(folder) as project:
        assert project.project.sources[0].rows == 1500
