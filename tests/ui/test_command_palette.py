"""The command palette over the window, used with the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.project.document import Objective, Project, Task, metrics_for
from fintune_gui.project.flow import Step
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.shortcuts import EVERYWHERE, IN_TABLES, Command
from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.command_palette import found, score
from fintune_gui.ui.window import MainWindow


@pytest.fixture
def window(qtbot):
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    goal = Objective(task=Task.CLASSIFICATION, metric=metrics_for(Task.CLASSIFICATION)[0])
    ProjectFolder.create(tmp_path / "p", Project(name="Routing", objective=goal)).close()
    return tmp_path / "p"


def open_palette(qtbot, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(window.finder.isVisible)
    qtbot.waitUntil(window.finder.field.hasFocus)


def shown(window: MainWindow) -> list[str]:
    return [command.words for command in window.finder.shown]


def test_that_letters_in_order_find_an_action_and_the_starts_of_words_count_most() -> None:
    commands = [Command(words, lambda: None) for words in ("Dark theme", "Go to a row by its number", "Great rows")]

    assert score("zz", "Go to Data") is None
    assert found(commands, "gtr", [])[0].words == "Go to a row by its number"
    assert found(commands, "", ["Great rows"])[0].words == "Great rows"


def test_that_what_cannot_be_done_comes_last() -> None:
    commands = [Command("Undo", lambda: None, reason="Nothing was done yet."), Command("Undo more", lambda: None)]

    assert [command.words for command in found(commands, "undo", [])] == ["Undo more", "Undo"]


def test_that_enter_runs_what_was_typed_and_it_comes_first_the_next_time(qtbot, window) -> None:
    open_palette(qtbot, window)
    qtbot.keyClicks(window.finder.field, "dark")
    assert shown(window)[0] == "Dark theme"
    qtbot.keyClick(window.finder.field, Qt.Key.Key_Return)

    assert not window.finder.isVisible()
    assert theme().tokens.name == "dark"
    assert WindowSettings().recent_commands == ["Dark theme"]
    open_palette(qtbot, window)
    assert shown(window)[0] == "Dark theme"
    window.set_appearance("light")


def test_that_without_a_project_the_pages_are_grey_with_the_reason(qtbot, window) -> None:
    open_palette(qtbot, window)
    qtbot.keyClicks(window.finder.field, "go to clean")
    command = window.finder.shown[0]
    assert (command.words, command.reason) == ("Go to Clean", "Open a project first.")

    qtbot.keyClick(window.finder.field, Qt.Key.Key_Return)
    assert window.finder.isVisible()  # nothing was done


def test_that_the_arrows_choose_a_page_and_esc_gives_the_focus_back(qtbot, window, project: Path) -> None:
    window.open_project(project)
    qtbot.waitUntil(lambda: window.session.facts.gathered)
    window.rail.items[Step.OBJECTIVE].setFocus()
    before = QApplication.focusWidget()
    open_palette(qtbot, window)
    qtbot.keyClicks(window.finder.field, "zzz")
    assert window.finder.nothing.isVisible()
    qtbot.keyClick(window.finder.field, Qt.Key.Key_Escape)
    assert not window.finder.isVisible()
    assert QApplication.focusWidget() is before

    open_palette(qtbot, window)
    qtbot.keyClicks(window.finder.field, "go to")
    for _ in range(10):
        if window.finder.shown[window.finder.list.currentIndex().row()].words == "Go to Model":
            break
        qtbot.keyClick(window.finder.field, Qt.Key.Key_Down)
    qtbot.keyClick(window.finder.field, Qt.Key.Key_Return)
    assert window.pages.step is Step.MODEL


def test_that_every_key_of_the_list_is_there_once() -> None:
    keys = [shortcut.keys for shortcut in (*EVERYWHERE, *IN_TABLES) if shortcut.keys]
    words = [shortcut.words for shortcut in (*EVERYWHERE, *IN_TABLES)]

    assert len(set(keys)) == len(keys)
    assert len(set(words)) == len(words)


def test_that_the_palette_offers_every_action_of_the_window(window) -> None:
    named = {shortcut.words for shortcut in EVERYWHERE if shortcut.action != "palette"}

    assert named <= {command.words for command in window.commands()}


def test_that_what_can_be_done_with_rows_is_offered_and_runs(qtbot, window, project: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nMy invoice is wrong,billing\nI cannot log in,account\n", encoding="utf-8")
    with ProjectFolder.open(project) as folder:
        record_import(folder, import_files([rows], folder.dataset))
    window.open_project(project)
    qtbot.waitUntil(lambda: window.session.facts.gathered)
    window.show_step(Step.CLEAN)
    bench = window.pages.page.bench
    qtbot.waitUntil(lambda: bench.model.rowCount() == 2 and bench.free)
    open_palette(qtbot, window)
    assert "Flag 1 row" in shown(window)
    back = next(command for command in window.finder.shown if command.words.startswith("Bring"))
    assert back.reason  # no removed row is shown
    qtbot.keyClicks(window.finder.field, "facets")
    qtbot.keyClick(window.finder.field, Qt.Key.Key_Return)
    assert bench.rows.facets.isVisible()

    qtbot.waitUntil(lambda: bench.free and not bench.narrowing.facets.busy)
    open_palette(qtbot, window)
    qtbot.keyClicks(window.finder.field, "flag 1")
    assert shown(window)[0] == "Flag 1 row"
    qtbot.keyClick(window.finder.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.session.dataset().flagged_mask.tolist() == [True, False])
    qtbot.waitUntil(lambda: not bench.narrowing.facets.busy and not bench.work.busy)
