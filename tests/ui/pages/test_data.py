"""The Data page: files of users, good and bad, looked at, imported in a real child process, and shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from fintune_gui.project.document import Role
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.data import DataPage
from tests.helpers.pages import opened_session, shown_page

ROWS = "text,label\nMy invoice is wrong,billing\nI cannot log in,account\n,bug\n"


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        yield session


@pytest.fixture
def page(qtbot, session) -> DataPage:
    return shown_page(qtbot, session, DataPage)


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def words(page: DataPage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def press(qtbot, page: DataPage, text: str) -> None:
    button = next(b for b in page.findChildren(QPushButton) if b.text() == text and b.isVisible())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def look(qtbot, page: DataPage, *paths: Path) -> None:
    page.import_files([str(path) for path in paths])
    qtbot.waitUntil(lambda: page._looking is None and all(path.name in words(page) for path in paths))


def import_now(qtbot, page: DataPage) -> None:
    with qtbot.waitSignal(page.session.jobs.finished, timeout=30_000):
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.rows.model.rowCount() > 0 and page.session.facts.rows is not None, timeout=10_000)


def test_that_an_empty_project_says_what_to_do_first(qtbot, page, tickets: Path, monkeypatch) -> None:
    assert "Drop your file here." in words(page)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(tickets)], ""))

    qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: "tickets.csv" in words(page))


def test_that_a_file_is_shown_before_anything_is_written(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)

    assert "CSV, comma, UTF-8 · 2 columns" in words(page)
    assert page.sheet.model.index(0, 1).data() == "My invoice is wrong"
    assert not page.session.folder.dataset.exists()
    assert page.header.primary.isEnabled()


def test_that_another_delimiter_changes_the_preview_at_once(qtbot, page, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("text|more\na|b\n", encoding="utf-8")
    look(qtbot, page, path)

    page.sheet.delimiter.setFocus()
    page.sheet.delimiter.setCurrentText("Comma")
    page.sheet.delimiter.activated.emit(page.sheet.delimiter.currentIndex())
    qtbot.waitUntil(lambda: page._looking is None)

    assert page.sheet.model.headerData(1, Qt.Orientation.Horizontal) == "text|more"


def test_that_an_import_ends_in_one_sentence_with_rows_sources_and_roles(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)

    assert page.header.status.text().startswith("3 rows read, ")
    assert page.session.project.format.roles == {Role.TEXT: "text", Role.LABEL: "label"}
    assert page.session.project.sources[0].path == str(tickets)
    assert page.rows.model.index(1, 1).data() == "I cannot log in"
    assert page.rows.rejected.isHidden()
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    assert went.args == [Step.CLEAN]


def test_that_rejected_rows_are_listed_with_file_line_reason_and_text(qtbot, page, tmp_path: Path) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n{"question": \n{"question": "c", "answer": "d"}\n')
    look(qtbot, page, path)
    import_now(qtbot, page)

    assert "2 rows read, 1 rejected" in page.header.status.text()
    cells = [page.rows.rejected_model.index(0, column).data() for column in range(4)]
    assert cells[:2] == ["faq.jsonl", "2"]
    assert "JSON" in cells[2]
    assert cells[3] == '{"question":'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "bad.csv is empty"),
        (b"text,label\n", "holds no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00" * 20, "bad.csv"),
        (None, "cannot be found"),
    ],
)
def test_that_a_bad_file_is_explained_and_cannot_be_imported(qtbot, page, tmp_path, content, sentence) -> None:
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_bytes(content)
    look(qtbot, page, path)

    assert sentence in words(page)
    assert not page.header.primary.isEnabled()


def test_that_a_bad_file_among_good_ones_can_be_left_out(qtbot, page, tickets: Path, tmp_path: Path) -> None:
    look(qtbot, page, tickets, tmp_path / "gone.csv")
    assert not page.header.primary.isEnabled()

    press(qtbot, page, "Leave it out")
    qtbot.waitUntil(page.header.primary.isEnabled)

    assert page.header.primary.text() == "Import"


def test_that_cancel_leaves_the_sheet_and_nothing_behind(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    press(qtbot, page, "Cancel")

    assert "Drop your file here." in words(page)
    assert not page.session.folder.dataset.exists()


def test_that_pasted_rows_become_a_file_that_is_imported_like_any_other(qtbot, page) -> None:
    QGuiApplication.clipboard().setText("text\tlabel\nHello\ta\nBye\tb\n")
    page.setFocus()
    press(qtbot, page, "Paste rows")
    qtbot.waitUntil(lambda: page._looking is None)
    import_now(qtbot, page)

    assert page.rows.model.rowCount() == 2
    assert Path(page.session.project.sources[0].path).parent == page.session.folder.folder / "pasted"


def test_that_importing_again_warns_and_keeps_the_present_rows_aside(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)
    page.session.dataset().edit(0, "text", "changed")
    page.session.rows_were_changed()
    qtbot.waitUntil(lambda: page.session.facts.operations == 1)

    look(qtbot, page, tickets)
    assert "The present 3 rows and your 1 change are kept aside" in words(page)
    import_now(qtbot, page)

    kept = page.session.folder.folder / "dataset-previous-1"
    assert (kept / "edits.sqlite").is_file()
    qtbot.waitUntil(lambda: page.session.facts.operations == 0)


def test_that_a_cancelled_import_keeps_what_was_there(qtbot, page, tickets: Path, tmp_path: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)
    big = tmp_path / "big.csv"
    big.write_text("text,label\n" + "some words that fill a line,topic\n" * 400_000)
    look(qtbot, page, big)

    with qtbot.waitSignal(page.session.jobs.finished, timeout=30_000) as finished:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: page.job.feed.history.progress is not None, timeout=20_000)
        press(qtbot, page.job.progress, "Cancel")

    assert finished.args[1].outcome == "cancelled"
    assert page.session.dataset().total_rows == 3
    assert not list(page.session.folder.folder.glob("dataset.tmp-*"))
    assert page.header.primary.isVisible()


def test_that_the_summary_is_there_when_the_project_is_opened_again(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)

    again = shown_page(qtbot, page.session, DataPage)

    qtbot.waitUntil(lambda: again.header.status.text().startswith("3 rows read"))


def test_that_damaged_rows_are_one_explanation_with_a_way_on(qtbot, page, tickets: Path, monkeypatch) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)
    page.session.close_dataset()
    (page.session.folder.dataset / "base" / "g0.arrow").write_bytes(b"rubbish")
    again = shown_page(qtbot, page.session, DataPage)

    qtbot.waitUntil(again.unreadable.isVisible)
    assert "The rows of this project cannot be read." in words(again)
    assert not again.rows.isVisible()
    assert not again.header.primary.isVisible()
    again.load(page.session)
    assert again.unreadable.isVisible(), "it stays while nothing has changed"

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(tickets)], ""))
    press(qtbot, again, "Import again…")
    qtbot.waitUntil(lambda: again._looking is None)
    import_now(qtbot, again)
    assert again.rows.isVisible()


def test_that_a_file_that_is_gone_at_import_keeps_the_sheet_and_is_explained(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    tickets.unlink()
    qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(page.job.failure.isVisible)
    assert "cannot be found" in words(page)
    assert page.header.status.text().startswith("Nothing was imported")
    press(qtbot, page, "Cancel")
    assert not page.job.failure.isVisible()


def test_that_nothing_can_be_imported_into_a_read_only_project(qtbot, page, tickets: Path) -> None:
    page.session.folder.read_only = "Another window has it open."
    page.load(page.session)
    page.import_files([str(tickets)])

    assert "tickets.csv" not in words(page)
    assert not page.header.primary.isEnabled()
