"""What holds for every page: names for screen readers, keys for all, a visible focus, no leaks, small windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.window import MainWindow
from tests.helpers.windows import Flashes, controls, described, focusable, main_window, name_of, sample_folder, settled

STEPS = pytest.mark.parametrize("step", list(Step), ids=lambda step: step.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_folder(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def window(qtbot, folder: Path) -> Iterator[MainWindow]:
    with main_window(qtbot, (1024, 700)) as made:
        assert made.open_project(folder)
        settled(qtbot, made)
        yield made


def page_of(qtbot, window: MainWindow, step: Step) -> Page:
    window.show_step(step)
    settled(qtbot, window)
    page = window.pages.page
    assert page is not None
    assert page.step is step
    return page


@STEPS
def test_that_every_control_has_a_name_for_screen_readers(qtbot, window: MainWindow, step: Step) -> None:
    page = page_of(qtbot, window, step)
    found = controls(window.rail) + controls(page)
    assert found
    assert [described(widget) for widget in found if not name_of(widget)] == []


@STEPS
def test_that_tab_reaches_every_control(qtbot, window: MainWindow, step: Step) -> None:
    page = page_of(qtbot, window, step)
    wanted = set(focusable(page))
    reached: set[QWidget] = set()
    window.setFocus()
    for _ in range(400):
        if not wanted - reached:
            break
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        assert focused is not None
        reached.add(focused)
        reached.update(widget for widget in wanted if widget.focusProxy() is focused)
    assert [described(widget) for widget in wanted - reached if not _in_group(widget, reached)] == []


def _in_group(widget: QWidget, reached: set[QWidget]) -> bool:
    """Radio-like buttons of one group share one place in the tab order; arrows move between them."""
    group = getattr(widget, "group", lambda: None)()
    return group is not None and any(other in reached for other in group.buttons())


@STEPS
def test_that_the_focus_can_be_seen_on_every_control(qtbot, window: MainWindow, step: Step) -> None:
    page = page_of(qtbot, window, step)
    unseen = []
    for widget in focusable(page):
        window.setFocus()
        QApplication.processEvents()
        before = widget.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        QApplication.processEvents()
        if QApplication.focusWidget() is widget and widget.grab().toImage() == before:
            unseen.append(described(widget))
    assert unseen == []


@STEPS
def test_that_nothing_is_cut_off_in_a_small_window(qtbot, window: MainWindow, step: Step) -> None:
    """At 1024 × 700 no control reaches beyond its page to the right: nothing scrolls sideways."""
    page = page_of(qtbot, window, step)
    beyond = [
        f"{described(widget)} ends at {right}"
        for widget in controls(page)
        if (right := widget.mapTo(page, widget.rect().topRight()).x()) > page.width()
    ]
    assert beyond == []


def test_that_no_part_flashes_up_as_a_window_of_its_own(qtbot, folder: Path) -> None:
    """A widget that is shown before it has a parent is a window for a moment, and takes the focus away."""
    with main_window(qtbot) as window, Flashes(window) as flashes:
        window.home.begin_new_project()
        window.open_project(folder)
        for step in Step:
            page_of(qtbot, window, step)
        assert flashes.seen == []


@STEPS
def test_that_there_is_at_most_one_main_button(qtbot, window: MainWindow, step: Step) -> None:
    page = page_of(qtbot, window, step)
    primary = [name_of(widget) for widget in controls(page) if widget.property("kind") == "primary"]
    assert len(primary) <= 1


def test_that_pages_survive_many_visits_and_go_with_the_project(qtbot, window: MainWindow) -> None:
    for _ in range(3):
        for step in Step:
            window.show_step(step)
    settled(qtbot, window)
    pages = window.pages.findChildren(Page)
    assert len(pages) == len(Step)
    window.close_project()
    qtbot.waitUntil(lambda: not window.pages.findChildren(Page))


def test_that_home_follows_the_same_rules(qtbot, tmp_path: Path) -> None:
    with main_window(qtbot, (1024, 700)) as window:
        window.home.begin_new_project()
        qtbot.wait(50)
        found = controls(window.home)
        assert [type(widget).__name__ for widget in found if not name_of(widget)] == []
        beyond = [name_of(w) for w in found if w.mapTo(window.home, w.rect().topRight()).x() > window.home.width()]
        assert beyond == []
