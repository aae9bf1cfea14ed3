"""The Data page: files of users, good and bad, looked at, imported in a real child process, and shown."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from fintune_gui.project.document import Role
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.data import DataPage
from tests.helpers.data_page import choose, import_now, look, press, words
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


# Before anything is written


def test_that_an_empty_project_says_what_to_do_first(qtbot, page, tickets: Path, monkeypatch) -> None:
    assert "Drop your files here." in words(page)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(tickets)], ""))

    qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: page.incoming.usable)
    assert [file.name for file in page.incoming.files] == ["tickets.csv"]


def test_that_a_file_is_shown_before_anything_is_written(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)

    assert page.sheet.model.index(0, 1).data() == "CSV, comma, UTF-8 · 2 columns"
    assert page.sheet.preview.index(0, 1).data() == "My invoice is wrong"
    assert not page.session.folder.dataset.exists()
    assert page.header.primary.isEnabled()


def test_that_the_row_format_is_named_with_the_reason(qtbot, page, tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n' * 3
    )
    look(qtbot, page, path)

    assert page.sheet.model.index(0, 2).data() == "OpenAI messages"
    assert "lists of turns with role and content" in words(page)
    assert page.sheet.preview.index(0, 1).data() == "user: Hi · assistant: Hello"


def test_that_another_delimiter_changes_the_preview_at_once(qtbot, page, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("text|more\na|b\n", encoding="utf-8")
    look(qtbot, page, path)
    assert page.sheet.form.fields["delimiter"].currentText() == "Found: Vertical bar"

    choose(qtbot, page, "delimiter", "Comma")

    assert page.sheet.preview.headerData(1, Qt.Orientation.Horizontal) == "text|more"


def test_that_each_file_keeps_its_own_options_until_all_shall_be_read_alike(qtbot, page, tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        path.write_bytes("text,label\nGr\xfc\xdfe,a\n".encode("cp1252"))
    look(qtbot, page, *paths)

    choose(qtbot, page, "encoding", "Windows-1250 (Central European)")
    assert [file.choices for file in page.incoming.files] == [{"encoding": "cp1250"}, {}]

    press(qtbot, page, "Read all files so")
    qtbot.waitUntil(lambda: page.incoming.usable)
    assert [file.found.encoding for file in page.incoming.files] == ["cp1250", "cp1250"]


def test_that_a_sheet_of_a_workbook_can_be_chosen(qtbot, page, tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for name in ("First", "Second"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["question", "answer"])
            sheet.write_row(1, 0, [f"Why {name}?", "Because"])
    look(qtbot, page, path)
    assert page.sheet.form.fields["table"].currentText() == "Found: First"

    choose(qtbot, page, "table", "Second")

    assert page.sheet.preview.index(0, 1).data() == "Why Second?"
    assert not page.sheet.form.fields["delimiter"].isVisible()


def test_that_plain_text_can_be_cut_into_lines_or_paragraphs(qtbot, page, tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("Once upon a time\nthere was a file.\n\nThe end.\n")
    look(qtbot, page, path)

    choose(qtbot, page, "text_unit", "Each line")
    assert page.sheet.preview.index(0, 1).data() == "Once upon a time"
    choose(qtbot, page, "text_unit", "Each file")

    assert page.sheet.preview.rowCount() == 1


def test_that_the_file_at_the_cursor_is_the_one_that_is_shown(qtbot, page, tickets: Path, tmp_path: Path) -> None:
    packed = tmp_path / "faq.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"question": "a", "answer": "b"}\n'))
    look(qtbot, page, tickets, packed)

    page.sheet.list.setFocus()
    qtbot.keyClick(page.sheet.list, Qt.Key.Key_Down)

    assert "How faq.jsonl.gz is read" in words(page)
    assert page.sheet.preview.headerData(1, Qt.Orientation.Horizontal) == "question"


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

    assert sentence in page.sheet.problem.accessibleName()
    assert not page.header.primary.isEnabled()


def test_that_a_bad_file_among_good_ones_can_be_left_out(qtbot, page, tickets: Path, tmp_path: Path) -> None:
    look(qtbot, page, tickets, tmp_path / "gone.csv")
    assert not page.header.primary.isEnabled()

    page.sheet.list.setFocus()
    qtbot.keyClick(page.sheet.list, Qt.Key.Key_Down)
    qtbot.keyClick(page.sheet.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(page.header.primary.isEnabled)

    assert page.header.primary.text() == "Import"


def test_that_cancel_leaves_the_sheet_and_nothing_behind(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    press(qtbot, page, "Cancel")

    assert "Drop your files here." in words(page)
    assert not page.session.folder.dataset.exists()


def test_that_a_data_set_of_the_hub_is_looked_at_by_its_name(qtbot, page, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    press(qtbot, page, "From the hub…")
    assert not page.header.primary.isEnabled()

    qtbot.keyClicks(page.sheet.hub.name, "owner/tickets")
    page.sheet.hub.most_rows.setValue(500)
    with qtbot.waitSignal(page.session.jobs.finished, timeout=60_000):
        qtbot.keyClick(page.sheet.hub.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not page.incoming.busy and page.sheet.problem.isVisible())

    assert "owner/tickets" in page.sheet.problem.accessibleName(), "offline it says so"
    assert page.incoming.files[0].choices == {"format": "hub", "most_rows": 500}
    assert not page.header.primary.isEnabled()


# Importing


def test_that_an_import_ends_in_one_sentence_with_rows_sources_and_roles(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)

    assert page.header.status.text().startswith("3 rows read, none rejected, ")
    assert page.session.project.format.roles == {Role.TEXT: "text", Role.LABEL: "label"}
    assert page.session.project.sources[0].path == str(tickets)
    assert page.bench.model.index(1, 1).data() == "I cannot log in"
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    assert went.args == [Step.CLEAN]


def test_that_pasted_json_lines_become_a_file_that_is_imported_like_any_other(qtbot, page) -> None:
    QGuiApplication.clipboard().setText('{"text": "Hello", "label": "a"}\n{"text": "Bye", "label": "b"}\n')
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.incoming.usable)
    import_now(qtbot, page)

    assert page.bench.model.rowCount() == 2
    source = Path(page.session.project.sources[0].path)
    assert source.parent == page.session.folder.folder / "pasted"
    assert source.suffix == ".jsonl"


def test_that_files_are_added_to_the_present_rows_and_undo_takes_them_away(qtbot, page, tickets, tmp_path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)
    more = tmp_path / "more.csv"
    more.write_text("text,mood\nWhere is my parcel?,sad\n")

    look(qtbot, page, more)
    assert "The 3 rows that are there stay as they are" in words(page)
    assert "“mood” is a new column" in words(page)
    assert "“label” is not in this file" in words(page)
    assert page.header.primary.text() == "Add 1 file"
    import_now(qtbot, page, rows=4)
    assert page.session.dataset().row(3)["text"] == "Where is my parcel?"
    assert page.header.status.text().startswith("4 rows read")

    qtbot.mouseClick(page.bench.undo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.bench.model.rowCount() == 3, timeout=10_000)
    qtbot.waitUntil(lambda: page.header.status.text().startswith("3 rows read"))


def test_that_importing_again_keeps_the_present_rows_and_offers_their_steps(qtbot, page, tickets, said) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)
    page.session.dataset().edit(0, "text", "changed")
    page.session.rows_were_changed()
    qtbot.waitUntil(lambda: page.session.facts.operations == 1)

    press(qtbot, page, "Import again…")
    qtbot.waitUntil(lambda: page.incoming.usable)
    assert [file.path for file in page.incoming.files] == [str(tickets)]
    assert "The present 3 rows and your 1 change are kept aside" in words(page)
    import_now(qtbot, page)
    kept = page.session.folder.folder / "dataset-previous-1"
    assert (kept / "edits.sqlite").is_file()
    qtbot.waitUntil(lambda: page.session.facts.operations == 0)

    qtbot.waitUntil(page._banner.isVisible, timeout=10_000)
    press(qtbot, page, "Repeat the 1 step on the new rows")
    qtbot.waitUntil(lambda: page.session.facts.operations == 1, timeout=10_000)
    assert page.session.dataset().row(0)["text"] == "changed"


def test_that_a_cancelled_import_keeps_what_was_there(qtbot, page, tickets: Path, tmp_path: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page)
    big = tmp_path / "big.csv"
    big.write_text("text,label\n" + "some words that fill a line,topic\n" * 400_000)
    look(qtbot, page, big)

    job = page.importing.job
    with qtbot.waitSignal(page.session.jobs.finished, timeout=30_000) as finished:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: job.feed.history.progress is not None, timeout=20_000)
        press(qtbot, job.progress, "Cancel")

    assert finished.args[1].outcome == "cancelled"
    assert page.session.dataset().total_rows == 3
    assert not list(page.session.folder.folder.glob("dataset.tmp-*"))
    assert page.header.primary.isVisible()


def test_that_a_file_that_is_gone_at_import_keeps_the_sheet_and_is_explained(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    tickets.unlink()
    qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(page.importing.job.failure.isVisible)
    assert "cannot be found" in words(page)
    assert page.header.status.text().startswith("Nothing was imported")
    press(qtbot, page, "Cancel")
    assert not page.importing.job.failure.isVisible()


def test_that_nothing_can_be_imported_into_a_read_only_project(qtbot, page, tickets: Path) -> None:
    page.session.folder.read_only = "Another window has it open."
    page.load(page.session)
    page.import_files([str(tickets)])

    assert not page.incoming.files
    assert not page.header.primary.isEnabled()


def test_that_after_an_import_the_keyboard_is_in_the_rows_with_a_history(qtbot, page, tickets: Path) -> None:
    look(qtbot, page, tickets)
    import_now(qtbot, page, 3)
    qtbot.waitUntil(page.bench.table.hasFocus)
    page.bench.editing.edit(0, "label", "money")
    qtbot.waitUntil(lambda: len(page.rows.history.model.lines) > 1)

    run_command(page, "Show the history of changes")
    assert page.rows.history.isVisible()
    page.rows.history.go_to_requested.emit(0)

    qtbot.waitUntil(lambda: page.session.dataset().row(0)["label"] == "billing")


def test_that_every_button_over_the_rows_is_in_the_palette(qtbot, page, tickets: Path) -> None:
    assert "Export rows…" not in [command.words for command in page.commands()]
    look(qtbot, page, tickets)
    import_now(qtbot, page, 3)

    offered = [command.words for command in page.commands()]
    assert {"Add files…", "Paste rows", "Import again…", "Export rows…", "Undo"} <= set(offered)
    run_command(page, "Export rows…")
    assert page.rows.export_card.isVisible()


def run_command(page: DataPage, words: str) -> None:
    next(command for command in page.commands() if command.words == words).act()
