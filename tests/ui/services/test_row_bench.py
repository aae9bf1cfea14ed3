"""The bench: editing by hand, used with mouse and keyboard on real rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from fintune_gui.project.document import Role
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_asking import block_of
from fintune_gui.ui.services.row_bench import RowBench
from fintune_gui.ui.services.session import ProjectSession
from tests.helpers.bench import BenchPage, bring_rows, go, idle
from tests.helpers.pages import opened_session, shown_page

Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ROWS = "text,label,id\n" + "".join(f"message {number},billing,{number}\n" for number in range(1, 9))


@pytest.fixture
def session(qapp, tmp_path: Path) -> Iterator[ProjectSession]:
    with opened_session(tmp_path / "project") as session:
        bring_rows(session, tmp_path / "rows.csv", ROWS)
        yield session


@pytest.fixture
def bench(qtbot, session) -> RowBench:
    bench = shown_page(qtbot, session, BenchPage).bench
    qtbot.waitUntil(lambda: bench.model.rowCount() == 8)
    return bench


def texts(bench: RowBench, column: str = "text") -> list[str | None]:
    return bench.session.dataset().column(column).to_pylist()


def last(bench: RowBench) -> str:
    return bench.session.dataset().history()[-1].label


def paste(qtbot, bench: RowBench, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    qtbot.keyClick(bench.table, Key.Key_V, CTRL)


# Blocks


def test_that_a_block_from_a_spreadsheet_lands_at_the_cursor_as_one_change(qtbot, bench) -> None:
    go(bench, 2, "text")
    paste(qtbot, bench, 'one\tbug\n"two\nlines"\tlegal\n')
    idle(qtbot, bench)

    assert texts(bench)[1:5] == ["message 2", "one", "two\nlines", "message 5"]
    assert texts(bench, "label")[2:4] == ["bug", "legal"]
    assert last(bench) == "Pasted 4 cells in 2 rows"
    qtbot.keyClick(bench.table, Key.Key_Z, CTRL)
    bench.editing.undo()
    idle(qtbot, bench)
    assert texts(bench)[2] == "message 3"


def test_that_rows_beyond_the_end_are_asked_about_and_added(qtbot, bench) -> None:
    go(bench, 6, "text")
    paste(qtbot, bench, "a\nb\nc\nd\n")
    assert texts(bench)[6] == "message 7"
    assert bench.bar.isVisible()
    assert bench.bar.words.text() == "Paste 4 rows and 1 column"
    assert bench.bar.note.text() == "2 rows would go beyond the last row."
    qtbot.mouseClick(bench.bar.act, Qt.MouseButton.LeftButton)
    idle(qtbot, bench)

    assert texts(bench)[6:] == ["a", "b", "c", "d"]
    assert texts(bench, "label")[8:] == [None, None]
    qtbot.waitUntil(lambda: bench.model.rowCount() == 10)


def test_that_what_does_not_fit_is_said_and_can_be_left_out(qtbot, bench) -> None:
    go(bench, 7, "id")
    paste(qtbot, bench, "x\ty\tz\nu\tv\tw")
    assert "the last 2 would be left out" in bench.bar.note.text()
    bench.bar.choice.set_value(False)
    qtbot.keyClick(bench.bar.act, Key.Key_Return)
    idle(qtbot, bench)

    assert texts(bench, "id")[7:] == ["x"]
    assert bench.session.dataset().total_rows == 8


def test_that_escape_lets_a_question_be(qtbot, bench) -> None:
    go(bench, 7, "text")
    paste(qtbot, bench, "a\nb")
    qtbot.keyClick(bench.bar.act, Key.Key_Escape)

    assert not bench.bar.isVisible()
    assert bench.table.hasFocus()
    assert texts(bench)[7] == "message 8"


def test_that_one_value_fills_the_chosen_cells(qtbot, bench) -> None:
    go(bench, 1, "label")
    qtbot.keyClick(bench.table, Key.Key_Down, SHIFT)
    qtbot.keyClick(bench.table, Key.Key_Down, SHIFT)
    paste(qtbot, bench, "bug")
    idle(qtbot, bench)

    assert texts(bench, "label")[:5] == ["billing", "bug", "bug", "bug", "billing"]


def test_that_a_block_with_a_head_line_goes_to_the_columns_it_names(qtbot, bench) -> None:
    go(bench, 0, "text")
    paste(qtbot, bench, "label\tid\nlegal\t99\n")
    idle(qtbot, bench)

    assert bench.session.dataset().row(0) == {"text": "message 1", "label": "legal", "id": "99"}


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("", []),
        ("a", [["a"]]),
        ("a\tb\r\nc\td\r\n", [["a", "b"], ["c", "d"]]),
        ("a\n\nb", [["a"], [""], ["b"]]),
        ('"x ""y"""\t2', [['x "y"', "2"]]),
        ('"one\ntwo"\tb\nc\td', [["one\ntwo", "b"], ["c", "d"]]),
    ],
)
def test_that_the_clipboard_is_read_as_spreadsheets_write_it(text: str, block: list[list[str]]) -> None:
    assert block_of(text) == block


def test_that_ctrl_d_fills_down(qtbot, bench) -> None:
    go(bench, 0, "text")
    for _ in range(2):
        qtbot.keyClick(bench.table, Key.Key_Down, SHIFT)
    qtbot.keyClick(bench.table, Key.Key_D, CTRL)
    idle(qtbot, bench)

    assert texts(bench)[:4] == ["message 1", "message 1", "message 1", "message 4"]
    assert last(bench) == "Filled 2 cells in 2 rows"


def test_that_ctrl_d_on_one_cell_takes_what_stands_above(qtbot, bench) -> None:
    go(bench, 3, "text")
    qtbot.keyClick(bench.table, Key.Key_D, CTRL)
    idle(qtbot, bench)
    assert texts(bench)[3] == "message 3"


# The same value


def test_that_a_value_is_set_in_all_matching_rows(qtbot, bench) -> None:
    bench.filter.set_text("id > 5")
    qtbot.waitUntil(lambda: bench.model.rowCount() == 3)
    go(bench, 0, "label")
    bench.asking.ask_value()
    assert bench.bar.words.text() == "Set “label” to"
    assert bench.bar.choice.currentText() == "in all 3 matching rows"
    bench.bar.field.selectAll()
    qtbot.keyClicks(bench.bar.field, "legal")
    qtbot.keyClick(bench.bar.field, Key.Key_Return)
    idle(qtbot, bench)

    assert texts(bench, "label") == ["billing"] * 5 + ["legal"] * 3
    assert last(bench) == "Set “label” to “legal” in 3 rows"


# Rows


def test_that_a_row_is_added_and_edited_at_once(qtbot, bench) -> None:
    bench.table.setFocus()
    bench.editing.add_row()
    qtbot.waitUntil(lambda: bench.table.currentIndex().row() == 8)
    assert bench.session.dataset().total_rows == 9
    assert last(bench) == "Added a row"


def test_that_rows_are_removed_with_a_reason_and_come_back(qtbot, bench) -> None:
    bench.table.setFocus()
    bench.table.selectRow(1)
    bench.asking.ask_reason()
    qtbot.keyClicks(bench.bar.field, "a test of ours")
    qtbot.keyClick(bench.bar.field, Key.Key_Return)
    idle(qtbot, bench)
    assert bench.session.dataset().removal_reason(1) == "a test of ours"

    bench.filter.shown.set_value("removed")
    bench.filter.shown.chosen.emit("removed")
    qtbot.waitUntil(lambda: bench.model.view_ids.tolist() == [1])
    bench.table.selectRow(0)
    bench.editing.restore()
    idle(qtbot, bench)
    assert bench.session.dataset().kept_rows() == 8


def test_that_f_and_s_mark_rows_and_take_the_marks_off(qtbot, bench) -> None:
    bench.table.setFocus()
    bench.table.selectRow(2)
    fingerprint = bench.session.dataset().fingerprint
    qtbot.keyClick(bench.table, Key.Key_F)
    qtbot.keyClick(bench.table, Key.Key_S)
    idle(qtbot, bench)
    marks = bench.session.dataset().marks_of(2)
    assert (marks.flag, marks.star) == (True, True)
    assert bench.session.dataset().fingerprint == fingerprint
    assert bench.detail.marks.flag.isChecked()

    qtbot.keyClick(bench.table, Key.Key_F)
    idle(qtbot, bench)
    assert not bench.session.dataset().marks_of(2).flag


def test_that_ctrl_j_goes_from_flag_to_flag(qtbot, bench) -> None:
    bench.editing.mark([2, 5], flag=True)
    idle(qtbot, bench)
    go(bench, 0, "text")
    seen = []
    for _ in range(3):
        qtbot.keyClick(bench.table, Key.Key_J, CTRL)
        seen.append(bench.table.currentIndex().row())
    qtbot.keyClick(bench.table, Key.Key_J, CTRL | SHIFT)
    assert [*seen, bench.table.currentIndex().row()] == [2, 5, 2, 5]


def test_that_ctrl_g_goes_to_a_row_by_its_number(qtbot, bench) -> None:
    go(bench, 0, "text")
    qtbot.keyClick(bench.table, Key.Key_G, CTRL)
    qtbot.keyClicks(bench.bar.field, "x")
    assert bench.bar.note.text() == "A row's number has only digits."
    bench.bar.field.clear()
    qtbot.keyClicks(bench.bar.field, "7")
    qtbot.keyClick(bench.bar.field, Key.Key_Return)
    assert bench.table.currentIndex().row() == 6


def test_that_a_row_that_is_filtered_out_is_said_with_a_way_there(qtbot, bench, said) -> None:
    bench.filter.set_text("id > 5")
    qtbot.waitUntil(lambda: bench.model.rowCount() == 3)
    bench.go_to_row(0)
    assert said[-1].title == "Row 1 is not among the shown rows."
    said[-1].actions[0][1]()
    qtbot.waitUntil(lambda: bench.model.rowCount() == 8 and bench.table.currentIndex().row() == 0)
    bench.go_to_row(99)
    assert notifications()._waiting[-1].title == "There is no row 100."


def test_that_a_renamed_column_keeps_its_role(qtbot, bench) -> None:
    section = 1 + bench.model.columns.index("label")
    bench.asking.ask_name(section)
    bench.bar.field.setText("text")
    assert bench.bar.note.text() == "There is a column “text” already."
    assert not bench.bar.act.isEnabled()
    bench.bar.field.setText("topic")
    qtbot.keyClick(bench.bar.field, Key.Key_Return)
    qtbot.waitUntil(lambda: "topic" in bench.model.columns)

    assert bench.session.project.format.roles[Role.LABEL] == "topic"
    bench.editing.undo()
    qtbot.waitUntil(lambda: "label" in bench.model.columns)
    assert bench.session.project.format.roles[Role.LABEL] == "label"


def test_that_the_menu_says_how_many_rows_it_is_about(bench) -> None:
    bench.table.setFocus()
    bench.table.selectRow(1)
    words = [words for part in bench.menu.entries() for words, _key, _act, possible in part if possible]
    assert "Remove 1 row" in words
    assert "Flag 1 row" in words
    bench.table.select_everything()
    words = [words for part in bench.menu.entries() for words, _key, _act, _possible in part]
    assert "Remove 8 rows" in words


def test_that_a_second_change_waits_until_the_first_is_done(bench) -> None:
    bench.work.busy = "Replacing"
    assert not bench.editing.edit(0, "text", "x")
    assert not bench.work.start("More", lambda dataset, _task: dataset.undo())
    bench.work.busy = ""


def test_that_a_cancelled_change_changes_nothing(qtbot, bench) -> None:
    def work(dataset, task):
        task.cancel()
        return dataset.transform("set", lambda _c, _r: "x", {"text": lambda a: a}, check_cancelled=task.check_cancelled)

    bench.work.start("Changing", work, can_cancel=True)
    assert bench.progress.isVisible()
    idle(qtbot, bench)
    assert not bench.session.dataset().can_undo
    assert not bench.progress.isVisible()


def test_that_the_history_is_there_after_a_restart_and_can_be_undone(qtbot, bench, session) -> None:
    bench.editing.edit(0, "text", "changed")
    idle(qtbot, bench)
    folder = session.folder.folder
    session.close()
    session.open(folder)
    qtbot.waitUntil(lambda: bench.model.rowCount() == 8 and bench.snapshot is not None)
    idle(qtbot, bench)

    assert [operation.label for operation in bench.snapshot.operations] == ["Edited “text” in row 1"]
    assert bench.undo_button is not None
    qtbot.mouseClick(bench.undo_button, Qt.MouseButton.LeftButton)
    idle(qtbot, bench)
    assert texts(bench)[0] == "message 1"


# Going between the field and the table


def test_that_the_field_says_how_many_rows_are_shown_and_chosen(qtbot, bench) -> None:
    said = bench.filter.search.result
    assert said.text() == "8 rows"
    bench.filter.set_text("id > 5")
    qtbot.waitUntil(lambda: said.text() == "3 of 8 rows")

    bench.table.select_everything()

    assert said.text() == "3 of 3 chosen"


def test_that_enter_and_escape_go_from_the_field_to_the_rows_and_no_further_without_rows(qtbot, bench) -> None:
    search = bench.filter.search
    bench.focus_search()
    qtbot.keyClicks(search, "id > 5")
    qtbot.keyClick(search, Key.Key_Return)
    qtbot.waitUntil(lambda: bench.model.rowCount() == 3)
    assert bench.table.hasFocus()

    bench.focus_search()
    qtbot.keyClicks(search, "no row holds this")
    qtbot.keyClick(search, Key.Key_Return)
    qtbot.waitUntil(bench.rows.nothing.isVisible)
    assert search.hasFocus()

    qtbot.keyClick(search, Key.Key_Escape)
    qtbot.waitUntil(lambda: bench.model.rowCount() == 8)
    qtbot.keyClick(search, Key.Key_Escape)
    assert bench.table.hasFocus()


def test_that_a_replacement_says_what_it_did(qtbot, bench, said) -> None:
    bench.open_find()
    qtbot.keyClicks(bench.finder.what, "billing")
    qtbot.keyClick(bench.finder.what, Key.Key_Tab)
    qtbot.keyClicks(bench.finder.replacement, "money")
    qtbot.waitUntil(bench.finder.apply.isEnabled)
    qtbot.mouseClick(bench.finder.apply, Qt.MouseButton.LeftButton)
    idle(qtbot, bench)

    assert "money" in texts(bench, "label")
    assert said[-1].title == last(bench)


def test_that_f2_on_a_conversation_edits_its_turns_in_the_pane(qtbot, bench) -> None:
    bench.session.dataset().edit(0, "text", '[{"role":"user","content":"Hi"}]')
    bench.editing.edited.emit()
    go(bench, 0, "text")
    qtbot.waitUntil(lambda: not bench.table.currentIndex().flags() & Qt.ItemFlag.ItemIsEditable)  # once it is painted
    qtbot.keyClick(bench.table, Key.Key_F2)
    turn = bench.detail.sections[0].conversation.fields[0]
    assert turn.hasFocus()

    qtbot.keyClicks(turn, "!")
    turn.commit()
    qtbot.waitUntil(lambda: "!" in (texts(bench)[0] or ""))

    assert bench.detail.sections[0].conversation.isVisible(), "what is being edited stays as it is"


def test_that_rows_are_copied_as_text_for_other_programs(qtbot, bench) -> None:
    def copied(words: str) -> str:
        QGuiApplication.clipboard().clear()
        entries = [entry for part in bench.menu.entries() for entry in part]
        next(act for name, _key, act, _possible in entries if name == f"Copy as {words}")()
        qtbot.waitUntil(lambda: bool(QGuiApplication.clipboard().text()))
        return QGuiApplication.clipboard().text()

    go(bench, 1, "text")
    assert copied("CSV").splitlines() == ["text,label,id", "message 2,billing,2"]  # of one cell the whole row
    qtbot.keyClick(bench.table, Key.Key_Right, SHIFT)
    qtbot.keyClick(bench.table, Key.Key_Down, SHIFT)
    assert copied("JSON lines").splitlines() == [
        '{"text":"message 2","label":"billing"}',
        '{"text":"message 3","label":"billing"}',
    ]
    assert copied("Markdown").splitlines()[:3] == ["| text | label |", "| --- | --- |", "| message 2 | billing |"]


def test_that_the_palette_offers_what_the_menu_of_the_column_offers(qtbot, bench) -> None:
    go(bench, 0, "label")
    offered = {command.words: command for command in bench.commands() if command.group == "Column “label”"}
    assert {"Sort ascending", "Rename …", "Hide", "Freeze up to here", "Row height: 4 lines"} <= set(offered)

    offered["Hide"].act()
    assert bench.table.hidden_columns() == ["label"]
    {command.words: command for command in bench.commands()}["Show hidden: label"].act()

    assert bench.table.hidden_columns() == []


def test_that_tab_goes_through_facets_table_and_pane_as_they_lie_on_the_screen(qtbot, bench) -> None:
    bench.rows.show_facets(True)
    qtbot.waitUntil(lambda: bool(bench.rows.facets.sections) and bench.rows.facets.sections[0].isVisible())
    go(bench, 0, "text")
    bench.filter.views.setFocus()
    names = []
    while (name := QApplication.focusWidget().accessibleName()) not in names:
        names.append(name)
        qtbot.keyClick(QApplication.focusWidget(), Key.Key_Tab)

    wanted = ["Facet label", "Add a facet", "Rows", "Flag", "Text of “text”", "Text of “label”", "Note"]
    assert [name for name in names if name in wanted] == wanted, names
