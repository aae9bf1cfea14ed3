"""The open project: every change is stored at once, can be taken back, and never by two windows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.errors import ProjectError
from fintune_gui.project.flow import Step
from fintune_gui.project.recent import recent_projects
from fintune_gui.project.store import PROJECT_FILE
from fintune_gui.ui.services.background import inline_background, wait_for_background
from fintune_gui.ui.services.notifications import Notification
from fintune_gui.ui.services.session import ProjectSession

OBJECTIVE = Objective(task=Task.CLASSIFICATION, metric=Metric.F1)


@pytest.fixture
def session(qapp: object, tmp_path: Path) -> Iterator[ProjectSession]:
    with inline_background():
        made = ProjectSession()
        made.create(tmp_path / "project", Project(name="Support routing", objective=OBJECTIVE))
        yield made
        made.close()


def on_disk(session: ProjectSession) -> dict[str, object]:
    content: dict[str, object] = json.loads((session.folder.folder / PROJECT_FILE).read_text())
    return content


def test_that_a_change_is_on_disk_at_once_and_everybody_hears_of_it(session: ProjectSession, qtbot) -> None:
    with qtbot.waitSignals([session.project_changed, session.facts_changed]):
        assert session.apply(session.project.with_(name="Renamed"))
    assert on_disk(session)["name"] == "Renamed"


def test_that_a_change_that_changes_nothing_is_not_told(session: ProjectSession, qtbot) -> None:
    with qtbot.assertNotEmitted(session.project_changed):
        assert session.apply(session.project.with_())


def test_that_changes_are_taken_back_and_brought_again(session: ProjectSession) -> None:
    for name in ("one", "two", "three"):
        session.apply(session.project.with_(name=name))
    assert session.undo()
    assert session.undo()
    assert on_disk(session)["name"] == "one"
    assert session.redo()
    assert on_disk(session)["name"] == "two"
    session.apply(session.project.with_(name="four"))
    assert not session.redo()  # another way was taken
    while session.undo():
        pass
    assert on_disk(session)["name"] == "Support routing"


def test_that_a_second_window_opens_the_project_read_only(session: ProjectSession, said: list[Notification]) -> None:
    second = ProjectSession()
    reasons: list[str] = []
    second.read_only_changed.connect(reasons.append)
    second.open(session.folder.folder)
    assert "Another window" in second.read_only
    assert reasons == [second.read_only]
    shown: list[str] = []
    second.project_changed.connect(lambda project: shown.append(project.name))
    assert not second.apply(second.project.with_(name="Mine"))
    assert shown == ["Support routing"]  # fields go back to what is true
    assert [notification.problem.code for notification in said if notification.problem] == ["project.locked"]
    assert on_disk(session)["name"] == "Support routing"
    second.close()
    assert session.apply(session.project.with_(name="Still mine"))


def test_that_closing_gives_the_project_to_others(session: ProjectSession) -> None:
    folder = session.folder.folder
    session.close()
    assert not session.is_open
    second = ProjectSession()
    second.open(folder)
    assert second.read_only == ""
    second.close()


def test_that_a_project_that_cannot_be_opened_leaves_the_present_one(session: ProjectSession, tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        session.open(tmp_path / "nothing here")
    assert session.project.name == "Support routing"
    assert session.apply(session.project.with_(name="Writable"))


def test_that_opened_projects_are_remembered(session: ProjectSession) -> None:
    assert recent_projects() == [session.folder.folder]


def test_that_a_project_without_rows_has_no_dataset(session: ProjectSession) -> None:
    assert session.dataset() is None
    assert [state.missing for state in session.states if state.step is Step.CLEAN] == [Step.DATA]


def test_that_rows_are_found_and_their_changes_told(session: ProjectSession, tmp_path: Path, qtbot) -> None:
    from fintune_gui.dataset.importing import import_files

    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nhello,a\nthere,b\n", encoding="utf-8")
    import_files([rows], session.folder.dataset)
    with qtbot.waitSignals([session.rows_changed, session.facts_changed]):
        session.rows_were_changed()
    assert session.facts.rows == 2
    dataset = session.dataset()
    assert dataset is not None
    assert dataset is session.dataset()  # opened once
    dataset.edit(0, "text", "bye")
    session.rows_were_changed()
    assert session.facts.operations == 1
    assert dataset.cells([0], ["text"]) == [("bye",)]


def test_that_many_changes_in_a_row_cost_few_looks(qtbot, tmp_path: Path) -> None:
    session = ProjectSession()
    session.create(tmp_path / "project", Project(name="Busy", objective=OBJECTIVE))
    looks: list[object] = []
    session.facts_changed.connect(looks.append)
    for number in range(30):
        session.apply(session.project.with_(name=f"Busy {number}"))
    qtbot.waitUntil(lambda: len(looks) >= 2, timeout=20_000)
    qtbot.wait(100)
    assert len(looks) <= 3
    wait_for_background(5000)
    session.close()


def test_that_facts_of_a_closed_project_are_not_told(qtbot, tmp_path: Path) -> None:
    session = ProjectSession()
    session.create(tmp_path / "project", Project(name="Gone", objective=OBJECTIVE))
    session.close()
    with qtbot.assertNotEmitted(session.facts_changed, wait=300):
        pass
