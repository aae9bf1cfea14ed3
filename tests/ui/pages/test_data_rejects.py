"""The rejected list of the Data page: what is wrong is said while typing, and mended rows come in."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from fintune_gui.dataset.importing import import_files
from fintune_gui.ui.pages.data import DataPage
from fintune_gui.ui.services.imported_rows import REJECTS
from tests.helpers.data_page import press, words
from tests.helpers.pages import opened_session, shown_page

BROKEN = '{"question": "Why?", "answer": '
FAQ = f'{{"question": "a", "answer": "b"}}\n{BROKEN}\n{{"question": "c", "answer": "d"}}\n{{"question" "e"}}\n'


@pytest.fixture
def session(qapp, tmp_path: Path):
    path = tmp_path / "faq.jsonl"
    path.write_text(FAQ)
    with opened_session(tmp_path / "project") as session:
        import_files([path], session.folder.dataset)
        yield session


@pytest.fixture
def page(qtbot, session) -> DataPage:
    page = shown_page(qtbot, session, DataPage)
    qtbot.waitUntil(lambda: page.rows.rejects.model.rowCount() == 2, timeout=10_000)
    press(qtbot, page, "Rejected 2")
    return page


def type_text(qtbot, page: DataPage, text: str) -> None:
    editor = page.rows.rejects.editor
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, text)


def test_that_each_reject_has_its_file_line_reason_and_text(qtbot, page) -> None:
    cells = [page.rows.rejects.model.index(0, column).data() for column in range(5)]

    assert cells[:2] == ["faq.jsonl", "2"]
    assert cells[3]
    assert cells[4] == BROKEN.strip()
    assert "2 rows read, 2 rejected" in page.header.status.text()
    assert page.rows.rejects.editor.toPlainText() == BROKEN.strip()


def test_that_what_is_wrong_is_said_with_its_place_while_typing(qtbot, page) -> None:
    view = page.rows.rejects
    qtbot.waitUntil(lambda: "Line 2, column" in words(view))
    assert not view.bring_one.isEnabled()

    type_text(qtbot, page, BROKEN + '"Because"}')

    qtbot.waitUntil(lambda: "This can be read." in words(view))
    assert "answer: Because" in words(view)
    assert view.bring_one.isEnabled()
    assert "mended row" in view.bring_all.text()


def test_that_a_mended_row_comes_in_and_undo_makes_it_rejected_again(qtbot, page, said) -> None:
    type_text(qtbot, page, BROKEN + '"Because"}')
    qtbot.waitUntil(page.rows.rejects.bring_one.isEnabled)

    qtbot.keyClick(page.rows.rejects.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    qtbot.waitUntil(lambda: page.rows.rejects.model.rowCount() == 1, timeout=10_000)
    assert page.session.dataset().row(2) == {"question": "Why?", "answer": "Because"}
    assert said[-1].title == "1 row came in."
    assert page.rows.rejects.editor.toPlainText() == '{"question" "e"}', "the next one is shown"

    page.undo()
    qtbot.waitUntil(lambda: page.rows.rejects.model.rowCount() == 2, timeout=10_000)
    assert page.session.dataset().total_rows == 2


def test_that_all_mended_rows_come_in_at_once_and_the_view_closes_with_the_last(qtbot, page) -> None:
    type_text(qtbot, page, BROKEN + '"Because"}')
    qtbot.keyClick(page.rows.rejects.editor, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    type_text(qtbot, page, '{"question": "e"}')
    assert page.rows.rejects.bring_all.text() == "Bring in 2 mended rows"

    qtbot.mouseClick(page.rows.rejects.bring_all, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: page.session.dataset().total_rows == 4, timeout=10_000)
    qtbot.waitUntil(page.bench.isVisible, timeout=10_000)
    assert page.rows.views.value() != REJECTS


def test_that_a_text_can_be_put_back_as_it_was(qtbot, page) -> None:
    type_text(qtbot, page, "rubbish")
    qtbot.waitUntil(page.rows.rejects.take_back.isEnabled)

    press(qtbot, page, "As it was")

    assert page.rows.rejects.editor.toPlainText() == BROKEN.strip()
    assert not page.rows.rejects.bring_all.isEnabled()


def test_that_nothing_can_be_mended_in_a_read_only_project(qtbot, page) -> None:
    page.session.folder.read_only = "Another window has it open."
    page.load(page.session)
    qtbot.waitUntil(page.rows.rejects.editor.isReadOnly)

    assert not page.rows.rejects.bring_one.isEnabled()
    assert not page.rows.again.isEnabled()
    qtbot.waitUntil(lambda: page.header.status.text() == "Another window has it open.")
