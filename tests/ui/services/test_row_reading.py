"""The detail pane over real rows: reading, editing, what is being typed, and where the pane lies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from fintune_gui.dataset.store import Dataset, Draft
from fintune_gui.ui.services.row_bench import RowBench
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.cell_section import FIRST_CHARACTERS
from tests.helpers.bench import BenchPage, bring_rows, go, idle
from tests.helpers.pages import opened_session, shown_page

Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
LONG = "word " * 30_000
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Where is my refund?"},
    {"role": "assistant", "content": "On its way."},
]


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator[ProjectSession]:
    with opened_session(tmp_path / "project") as session:
        rows = [
            {"text": "My invoice is wrong", "label": "billing"},
            {"text": "I cannot log in", "label": "account"},
            {"text": LONG, "label": "bug"},
            {"text": json.dumps(TURNS, separators=(",", ":")), "label": None},
        ]
        bring_rows(session, tmp_path / "rows.jsonl", "\n".join(json.dumps(row) for row in rows))
        yield session


def shown(qtbot, session: ProjectSession) -> RowBench:
    bench = shown_page(qtbot, session, BenchPage).bench
    qtbot.waitUntil(lambda: bench.model.rowCount() == 4 and bench.detail.row is not None)
    idle(qtbot, bench)
    return bench


@pytest.fixture
def bench(qtbot, session) -> RowBench:
    return shown(qtbot, session)


def cell(bench: RowBench, row: int, column: str = "text") -> str | None:
    return bench.session.dataset().row(row)[column]


def test_that_space_opens_and_closes_the_pane_and_that_is_remembered(qtbot, bench, session) -> None:
    go(bench, 0, "text")
    assert bench.detail.isVisible()
    qtbot.keyClick(bench.table, Key.Key_Space)
    assert not bench.detail.isVisible()
    assert bench.dock.reopen.isVisible()
    assert not shown(qtbot, session).detail.isVisible()
    qtbot.keyClick(bench.table, Key.Key_Space)
    assert bench.detail.isVisible()


def test_that_the_arrows_move_on_with_the_pane_open(qtbot, bench) -> None:
    go(bench, 0, "text")
    qtbot.keyClick(bench.table, Key.Key_Down)
    assert bench.detail.row.row_id == 1
    assert bench.detail.text() == "I cannot log in\naccount"


def test_that_the_pane_goes_beside_the_table_and_below_where_there_is_no_room(qtbot, bench) -> None:
    qtbot.mouseClick(bench.detail.dock, Qt.MouseButton.LeftButton)
    assert bench.dock.splitter.orientation() is Qt.Orientation.Horizontal
    bench.window().resize(560, 700)
    qtbot.waitUntil(lambda: bench.dock.splitter.orientation() is Qt.Orientation.Vertical)
    bench.window().resize(1032, 700)
    qtbot.waitUntil(lambda: bench.dock.splitter.orientation() is Qt.Orientation.Horizontal)


def test_that_a_text_is_edited_in_the_pane_and_ctrl_enter_commits(qtbot, bench) -> None:
    go(bench, 0, "text")
    bench.detail.edit("text")
    editor = bench.detail.sections[0].editor
    assert editor.hasFocus()
    qtbot.keyClick(editor, Key.Key_End)
    qtbot.keyClick(editor, Key.Key_Return)
    qtbot.keyClicks(editor, "Please help")
    qtbot.keyClick(editor, Key.Key_Return, CTRL)
    idle(qtbot, bench)

    assert cell(bench, 0) == "My invoice is wrong\nPlease help"
    assert bench.detail.sections[0].cell.edited


def test_that_escape_reverts_and_a_second_one_goes_back_to_the_table(qtbot, bench) -> None:
    bench.detail.edit("text")
    editor = bench.detail.sections[0].editor
    qtbot.keyClicks(editor, "abc")
    qtbot.keyClick(editor, Key.Key_Escape)
    assert editor.text() == "My invoice is wrong"
    qtbot.keyClick(editor, Key.Key_Escape)
    assert bench.table.hasFocus()
    assert not bench.session.dataset().can_undo


def test_that_leaving_the_row_commits_what_was_typed(qtbot, bench) -> None:
    go(bench, 0, "text")
    bench.detail.edit("label")
    qtbot.keyClicks(bench.detail.sections[1].editor, "new ")
    qtbot.keyClick(bench.detail.sections[1].editor, Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    idle(qtbot, bench)
    assert bench.detail.row.row_id == 1
    assert "new" in str(cell(bench, 0, "label"))


def test_that_an_edited_text_is_compared_with_the_original_in_words(qtbot, bench) -> None:
    bench.editing.edit(0, "text", "My bill is wrong")
    idle(qtbot, bench)
    go(bench, 1, "text")
    go(bench, 0, "text")
    section = bench.detail.sections[0]
    assert section.difference.isVisible()
    html = section.difference.toHtml()
    assert "line-through" in html
    assert "underline" in html
    assert section.text() == "My invoicebill is wrong"

    qtbot.mouseClick(section.original, Qt.MouseButton.LeftButton)
    idle(qtbot, bench)
    assert cell(bench, 0) == "My invoice is wrong"
    assert not section.difference.isVisible()


def test_that_a_missing_value_is_not_shown_as_an_empty_one(bench) -> None:
    go(bench, 3, "text")
    assert bench.detail.sections[1].editor.placeholderText() == "no value"


def test_that_a_long_text_is_cut_until_all_of_it_is_wanted(qtbot, bench) -> None:
    go(bench, 2, "text")
    section = bench.detail.sections[0]
    assert len(section.text()) == FIRST_CHARACTERS
    assert section.editor.isReadOnly()
    assert section.whole.text() == "Show all 150,000 characters"
    qtbot.mouseClick(section.whole, Qt.MouseButton.LeftButton)
    assert section.text() == LONG
    assert not section.editor.isReadOnly()


def test_that_a_turn_of_a_conversation_is_edited_where_it_stands(qtbot, bench) -> None:
    go(bench, 3, "text")
    section = bench.detail.sections[0]
    fields = section.conversation.fields
    assert [field.text() for field in fields] == [turn["content"] for turn in TURNS]
    assert fields[2].accessibleName() == "Turn 3, Assistant"
    fields[2].setFocus()
    fields[2].selectAll()
    qtbot.keyClicks(fields[2], "It came back today.")
    qtbot.keyClick(fields[2], Key.Key_Return, CTRL)
    idle(qtbot, bench)

    turns = json.loads(str(cell(bench, 3)))
    assert turns == [*TURNS[:2], {"role": "assistant", "content": "It came back today."}]


def test_that_words_are_found_within_the_row(qtbot, bench) -> None:
    go(bench, 0, "text")
    bench.detail.edit("text")
    qtbot.keyClick(bench.detail.sections[0].editor, Key.Key_F, CTRL)
    assert bench.detail.search.words.hasFocus()
    qtbot.keyClicks(bench.detail.search.words, "i")
    assert bench.detail.search.count.text() == "1 of 5"
    qtbot.keyClick(bench.detail.search.words, Key.Key_Return)
    assert bench.detail.search.count.text() == "2 of 5"
    qtbot.keyClick(bench.detail.search.words, Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert bench.detail.search.count.text() == "1 of 5"
    qtbot.keyClick(bench.detail.search.words, Key.Key_Escape)
    assert not bench.detail.search.isVisible()


def test_that_a_note_is_kept_with_its_row(qtbot, bench) -> None:
    go(bench, 1, "text")
    bench.edit_note()
    qtbot.keyClicks(bench.detail.note, "ask Ida")
    qtbot.keyClick(bench.detail.note, Key.Key_Return, CTRL)
    idle(qtbot, bench)
    assert bench.session.dataset().marks_of(1).note == "ask Ida"
    go(bench, 0, "text")
    assert bench.detail.note.text() == ""
    go(bench, 1, "text")
    assert bench.detail.note.text() == "ask Ida"


def test_that_a_column_can_be_hidden_in_the_pane_alone(bench) -> None:
    bench.detail.show_column("text", shown=False)
    assert [section.cell.column for section in bench.detail.sections] == ["label"]
    assert "text" in bench.model.columns
    bench.detail.show_column("text", shown=True)
    assert len(bench.detail.sections) == 2


def test_that_unfinished_typing_is_on_disk_after_a_pause_and_gone_once_it_is_a_change(qtbot, bench) -> None:
    bench.reading.drafts._pause.setInterval(20)
    go(bench, 1, "text")
    bench.detail.edit("text")
    editor = bench.detail.sections[0].editor
    qtbot.keyClicks(editor, "half a sentence ")
    qtbot.waitUntil(lambda: bench.session.dataset().draft() is not None)
    draft = bench.session.dataset().draft()
    assert (draft.row_id, draft.column, draft.text) == (1, "text", "half a sentence I cannot log in")

    qtbot.keyClick(editor, Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: bench.session.dataset().draft() is None)
    assert cell(bench, 1) == "half a sentence I cannot log in"


def test_that_typing_of_a_crashed_session_is_offered_and_taken_up_again(qtbot, session) -> None:
    session.dataset().save_draft(Draft(row_id=1, column="text", text="I cannot l", cursor=8, time=1.0))
    bench = shown(qtbot, session)
    qtbot.waitUntil(bench.offer.banner.isVisible)
    assert bench.offer.banner.accessibleName().startswith("You were typing in row 2, “text”.")
    bench.offer.take_up()

    editor = bench.detail.sections[0].editor
    assert (editor.text(), editor.at) == ("I cannot l", 8)
    assert cell(bench, 1) == "I cannot log in"
    QTest.keyClicks(editor, "O")
    qtbot.keyClick(editor, Key.Key_Return, CTRL)
    idle(qtbot, bench)
    assert cell(bench, 1) == "I cannotO l"


def test_that_an_offered_draft_can_be_thrown_away(qtbot, session) -> None:
    session.dataset().save_draft(Draft(row_id=0, column="text", text="x", cursor=1, time=1.0))
    bench = shown(qtbot, session)
    qtbot.waitUntil(bench.offer.banner.isVisible)
    bench.offer.throw_away()
    assert not bench.offer.banner.isVisible()
    qtbot.waitUntil(lambda: session.dataset().draft() is None)


def test_that_a_text_that_cannot_be_stored_now_is_offered_again(qtbot, bench) -> None:
    go(bench, 0, "text")
    bench.detail.edit("text")
    qtbot.keyClicks(bench.detail.sections[0].editor, "abc ")
    bench.work.busy = "Replacing"
    bench.table.go_to(1)
    assert bench.offer.banner.isVisible()
    bench.work.busy = ""
    assert cell(bench, 0) == "My invoice is wrong"
    bench.reading.drafts.forget()


def test_that_typing_in_a_cell_of_the_table_survives_too(qtbot, bench) -> None:
    bench.reading.drafts._pause.setInterval(20)
    go(bench, 1, "text")
    qtbot.keyClick(bench.table, Key.Key_F2)
    editor = QApplication.focusWidget()
    qtbot.keyClicks(editor, "half ")
    qtbot.waitUntil(lambda: bench.session.dataset().draft() is not None)
    draft = bench.session.dataset().draft()
    assert (draft.row_id, draft.column, draft.text, draft.cursor) == (1, "text", "half ", 5)

    qtbot.keyClick(editor, Key.Key_Escape)
    qtbot.waitUntil(lambda: bench.session.dataset().draft() is None)
    assert cell(bench, 1) == "I cannot log in"


def test_that_a_draft_taken_up_on_another_page_is_not_offered_any_more(qtbot, session) -> None:
    session.dataset().save_draft(Draft(row_id=0, column="text", text="x", cursor=1, time=1.0))
    bench = shown(qtbot, session)
    qtbot.waitUntil(bench.offer.banner.isVisible)
    session.dataset().save_draft(None)
    session.rows_were_changed()
    qtbot.waitUntil(lambda: not bench.offer.banner.isVisible())


def test_that_shift_f2_edits_the_whole_text_of_the_cell(qtbot, bench) -> None:
    bench.dock.close_pane()
    go(bench, 0, "label")
    qtbot.keyClick(bench.table, Key.Key_F2, Qt.KeyboardModifier.ShiftModifier)
    assert bench.detail.sections[1].editor.hasFocus()


def test_that_a_draft_of_a_row_that_is_filtered_out_takes_the_filter_off(qtbot, bench) -> None:
    bench.filter.set_text("label = bug")
    qtbot.waitUntil(lambda: bench.model.rowCount() == 1)
    bench.offer.offer(1, "text", "I can", 5)
    bench.offer.take_up()
    qtbot.waitUntil(lambda: bench.detail.row is not None and bench.detail.sections[0].editor.text() == "I can")
    assert bench.model.rowCount() == 4


def test_that_a_row_of_many_columns_is_shown_whole_after_a_moment(qtbot, tmp_path: Path) -> None:
    with opened_session(tmp_path / "wide") as session:
        row = {f"column {number}": f"value {number}" for number in range(40)}
        bring_rows(session, tmp_path / "wide.jsonl", "\n".join(json.dumps(row) for _ in range(3)))
        bench = shown_page(qtbot, session, BenchPage).bench
        qtbot.waitUntil(lambda: len(bench.detail.sections) == 40)
        bench.table.go_to(1)
        assert len(bench.detail.sections) == 12
        qtbot.waitUntil(lambda: len(bench.detail.sections) == 40)
        assert bench.detail.sections[-1].text() == "value 39"


def test_that_news_of_the_rows_leaves_what_is_typed_in_the_last_of_many_columns(qtbot, tmp_path: Path) -> None:
    with opened_session(tmp_path / "wide") as session:
        row = {f"column {number}": f"value {number}" for number in range(40)}
        bring_rows(session, tmp_path / "wide.jsonl", json.dumps(row))
        bench = shown_page(qtbot, session, BenchPage).bench
        qtbot.waitUntil(lambda: len(bench.detail.sections) == 40)
        sections = {section.cell.column: section for section in bench.detail.sections}
        bench.detail.edit("column 39")
        qtbot.keyClicks(sections["column 39"].editor, "typed ")
        bench.session.dataset().edit(0, "column 3", "other")
        bench.session.rows_were_changed()
        idle(qtbot, bench)
        assert sections["column 3"].text() == "value 3other"
        assert sections["column 39"].editor.text() == "typed value 39"
        sections["column 39"].editor.give_up()


@pytest.mark.parametrize("where", ["pane", "cell"])
def test_that_closing_the_project_keeps_what_was_being_typed(qtbot, bench, session, where: str) -> None:
    go(bench, 1, "text")
    if where == "pane":
        bench.detail.edit("text")
    else:
        qtbot.keyClick(bench.table, Key.Key_F2)
    qtbot.keyClicks(QApplication.focusWidget(), "so ")
    folder = session.folder.dataset
    session.close()

    with Dataset.open(folder, read_only=True) as dataset:
        assert str(dataset.row(1)["text"]).startswith("so ")


def test_that_find_and_replace_takes_its_room_from_the_pane(qtbot, bench) -> None:
    bench.window().resize(900, 620)
    qtbot.waitUntil(lambda: bench.dock.splitter.sizes()[1] > 150 and bench.dock.height() < 600)
    before = bench.dock.splitter.sizes()[1]

    bench.open_find()
    qtbot.waitUntil(lambda: bench.dock.splitter.sizes()[1] < before)
    bench.finder.close_bar()

    qtbot.waitUntil(lambda: bench.dock.splitter.sizes()[1] == before)
