"""The Clean page over the support tickets sample, used with mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.query import Query
from fintune_gui.project.flow import Step
from fintune_gui.project.paths import resource
from fintune_gui.ui.pages.clean import CleanPage
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.widgets.cell_editor import CellEditor
from tests.helpers.pages import opened_session, shown_page

TICKETS = resource("samples", "support_tickets", "tickets.csv")
MAIL = "Could you mail ida@example.com about this?"


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        rows = tmp_path / "rows.csv"
        rows.write_text(
            "id,text,label\n"
            "1,My invoice is wrong,billing\n"
            "2,I cannot log in,account\n"
            "3,My invoice is wrong,billing\n"
            "4,,bug\n"
            f"5,{MAIL},billing\n"
            "6,The  invoice came  twice ,Billing\n"
            "7,zebra crossing,account\n",
            encoding="utf-8",
        )
        record_import(session.folder, import_files([rows], session.folder.dataset))
        yield session


@pytest.fixture
def page(qtbot, session) -> CleanPage:
    page = shown_page(qtbot, session, CleanPage)
    qtbot.waitUntil(lambda: page.bench.model.rowCount() == 7 and bool(page.cleaning.watch.findings))
    return page


def ids(page: CleanPage) -> list[int]:
    return page.bench.model.view_ids.tolist()


def text(page: CleanPage, place: int) -> str | None:
    return page.bench.model.cell(place, "text")


def idle(qtbot, page: CleanPage) -> None:
    """Until the rows are as they will be, and the page has seen it."""

    def settled() -> bool:
        dataset = page.session.dataset()
        return not page.bench.work.busy and page.bench.view._query is None and page.bench._shown_as == dataset.revision

    qtbot.waitUntil(settled)


def search(qtbot, page: CleanPage, words: str) -> None:
    page.bench.filter.search.setFocus()
    page.bench.filter.search.selectAll()
    qtbot.keyClicks(page.bench.filter.search, words)
    qtbot.keyClick(page.bench.filter.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.bench.view._query is None)


def press(qtbot, page: CleanPage, name: str) -> None:
    buttons = [b for b in page.findChildren(QPushButton) if name in (b.text(), b.accessibleName()) and b.isVisible()]
    assert len(buttons) == 1, name
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)


def edit_cell(qtbot, page: CleanPage, place: int, column: str, new: str) -> None:
    page.bench.table.setFocus()
    page.bench.table.setCurrentIndex(page.bench.model.index(place, 1 + page.bench.model.columns.index(column)))
    before = page.session.dataset().fingerprint
    qtbot.keyClick(page.bench.table, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, new)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.session.dataset().fingerprint != before)


def test_that_the_columns_with_a_role_come_first_and_the_status_counts(page) -> None:
    assert page.bench.model.columns == ("text", "label", "id")
    assert page.header.status.text() == "7 of 7 rows kept · every change can be undone"


def test_that_the_filter_language_filters_and_says_what_is_wrong_without_losing_the_rows(qtbot, page) -> None:
    search(qtbot, page, "label = billing and length(text) > 30")
    assert ids(page) == [4]

    search(qtbot, page, "colour = red")
    assert "there is no column “colour”" in page.bench.filter.error.text()
    assert page.bench.filter.error.isVisible()
    assert ids(page) == [4]

    qtbot.keyClick(page.bench.filter.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(ids(page)) == 7)
    assert not page.bench.filter.error.isVisible()


def test_that_typing_filters_after_a_pause_without_enter(qtbot, page) -> None:
    qtbot.keyClicks(page.bench.filter.search, "zebra")
    qtbot.waitUntil(lambda: ids(page) == [6])


def test_that_a_chip_takes_its_condition_away(qtbot, page) -> None:
    search(qtbot, page, "invoice and label = account")
    qtbot.waitUntil(page.bench.rows.nothing.isVisible)
    assert [chip.words for chip in page.bench.filter.chips.chips] == ["invoice", "label = account"]

    qtbot.mouseClick(page.bench.filter.chips.chips[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: ids(page) == [0, 2, 5])
    assert page.bench.filter.search.text() == "invoice"
    assert not page.bench.filter.chips.isVisible()


def test_that_a_click_on_a_header_sorts_and_another_click_turns_it_round(qtbot, page) -> None:
    header = page.bench.table.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(3) + 10, 10)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
    idle(qtbot, page)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: ids(page) == [6, 5, 4, 3, 2, 1, 0])


def test_that_f2_edits_a_cell_on_disk_and_the_row_stays_where_it_is(qtbot, page) -> None:
    search(qtbot, page, "zebra")
    edit_cell(qtbot, page, 0, "text", "a crossing")
    idle(qtbot, page)

    assert ids(page) == [6]  # it does not match any more, and yet it does not jump away
    assert text(page, 0) == "a crossing"
    assert page.session.dataset().is_edited(6, "text")
    assert page.bench.detail.sections[0].original.isVisible()
    assert "zebra" in page.bench.detail.text()
    assert "a" in page.bench.detail.text()


def test_that_what_is_being_typed_survives_news_about_the_rows(qtbot, page) -> None:
    page.bench.table.setFocus()
    page.bench.table.setCurrentIndex(page.bench.model.index(0, 1))
    qtbot.keyClick(page.bench.table, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    qtbot.keyClicks(editor, "An invoice came late")
    page.bench.model.refresh()
    page.bench.model.set_notes({1: ("something", "warn")})

    assert editor.text() == "An invoice came late"


def test_that_a_long_text_is_edited_on_several_lines(qtbot, page) -> None:
    long = "First line of a long message.\nSecond line of the same long message that goes on."
    page.session.dataset().edit(0, "text", long)
    page.session.rows_were_changed()
    idle(qtbot, page)
    page.bench.table.setFocus()
    page.bench.table.setCurrentIndex(page.bench.model.index(0, 1))
    qtbot.keyClick(page.bench.table, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, CellEditor)
    assert page.bench.table.viewport().rect().contains(editor.geometry())

    qtbot.keyClick(editor, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(editor, "Third")
    page.bench.model.refresh()
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: text(page, 0) == long + "\nThird")


def test_that_news_of_an_undo_stays_on_the_page(qtbot, page) -> None:
    with qtbot.waitSignal(notifications().withdrawn) as told:
        page.page_hidden()
    assert told.args == ["undo"]


def test_that_undo_and_redo_take_an_edit_back_and_forth(qtbot, page) -> None:
    before = page.session.dataset().fingerprint
    edit_cell(qtbot, page, 0, "text", "changed")
    idle(qtbot, page)
    press(qtbot, page, "Undo")
    idle(qtbot, page)
    assert text(page, 0) == "My invoice is wrong"
    assert page.session.dataset().fingerprint == before

    press(qtbot, page, "Redo")
    qtbot.waitUntil(lambda: text(page, 0) == "changed")


def test_that_del_removes_the_chosen_rows_and_they_can_come_back(qtbot, page) -> None:
    page.bench.table.setFocus()
    page.bench.table.selectRow(1)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_Delete)
    idle(qtbot, page)
    assert ids(page) == [0, 3, 4, 5, 6]
    assert page.header.status.text().startswith("5 of 7 rows kept")
    assert page.bench.table.currentIndex().row() == 1

    page.bench.filter.shown.set_value("removed")
    page.bench.filter.shown.chosen.emit("removed")
    qtbot.waitUntil(lambda: ids(page) == [1, 2])
    page.bench.table.selectRow(0)
    press(qtbot, page, "Bring this row back")
    idle(qtbot, page)
    qtbot.waitUntil(lambda: ids(page) == [2])
    assert page.session.dataset().kept_rows() == 6


def test_that_everything_is_a_flag_that_removes_all_rows_of_the_view(qtbot, page) -> None:
    search(qtbot, page, "invoice")
    page.bench.table.setFocus()
    qtbot.keyClick(page.bench.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_Delete)
    idle(qtbot, page)

    assert page.session.dataset().view(Query()).tolist() == [1, 3, 4, 6]


def test_that_an_edit_taken_back_at_once_leaves_the_screen(qtbot, page, monkeypatch: pytest.MonkeyPatch) -> None:
    edit_cell(qtbot, page, 1, "text", "first")
    idle(qtbot, page)
    with monkeypatch.context() as patch:
        patch.setattr(page, "load", lambda _session: None)  # the window asks once for both changes
        edit_cell(qtbot, page, 1, "text", "second")
        press(qtbot, page, "Undo")
        qtbot.waitUntil(lambda: not page.bench.work.busy)
    page.load(page.session)

    qtbot.waitUntil(lambda: text(page, 1) == "first")
    qtbot.waitUntil(page.bench.redo_button.isEnabled)


def test_that_ctrl_c_copies_rows_for_a_spreadsheet(qtbot, page) -> None:
    page.bench.table.setFocus()
    page.bench.table.selectRow(1)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)

    head, line = QGuiApplication.clipboard().text().split("\n")
    assert head.split("\t")[:4] == ["#", "text", "label", "id"]
    assert line.split("\t")[:4] == ["2", "I cannot log in", "account", "2"]


def test_that_ctrl_f_goes_to_the_filter_and_ctrl_h_opens_find_and_replace(qtbot, page) -> None:
    page.bench.table.setFocus()
    qtbot.keyClick(page.bench.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.bench.filter.search.hasFocus()
    qtbot.keyClick(page.bench.filter.search, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert page.bench.finder.isVisible()
    assert page.bench.finder.what.hasFocus()
    qtbot.keyClick(page.bench.finder.what, Qt.Key.Key_Escape)
    assert not page.bench.finder.isVisible()


def test_that_replace_shows_what_it_will_do_in_the_rows_of_the_view_and_does_just_that(qtbot, page) -> None:
    search(qtbot, page, "wrong")
    page.bench.open_find()
    qtbot.keyClicks(page.bench.finder.what, "invoice")
    qtbot.keyClicks(page.bench.finder.replacement, "bill")
    qtbot.waitUntil(page.bench.finder.apply.isEnabled)
    assert page.bench.finder.note.text() == "Would change 2 cells in 2 rows."
    assert page.bench.finder.scope.currentText() == "in all 2 matching rows"
    assert "bill" in page.bench.finder.preview.text()
    assert text(page, 0) == "My invoice is wrong"

    qtbot.mouseClick(page.bench.finder.apply, Qt.MouseButton.LeftButton)
    idle(qtbot, page)

    column = page.session.dataset().column("text").to_pylist()
    assert column[0] == column[2] == "My bill is wrong"
    assert column[5] == "The  invoice came  twice "


def test_that_whole_word_case_and_patterns_are_honoured(qtbot, page) -> None:
    page.bench.open_find()
    qtbot.keyClicks(page.bench.finder.what, "BILL")
    qtbot.waitUntil(lambda: page.bench.finder.note.text() == "Nothing would change in these rows.")
    page.bench.finder.case.click()
    page.bench.finder.replacement.setText("x")
    qtbot.waitUntil(page.bench.finder.apply.isEnabled)  # the labels "billing"
    page.bench.finder.whole_word.click()
    qtbot.waitUntil(lambda: not page.bench.finder.apply.isEnabled())
    page.bench.finder.whole_word.click()
    page.bench.finder.regex.click()
    page.bench.finder.what.setText("(bill")
    qtbot.waitUntil(lambda: "not a valid regular expression" in page.bench.finder.note.text())
    assert not page.bench.finder.apply.isEnabled()


def test_that_find_next_goes_from_match_to_match_and_round(qtbot, page) -> None:
    page.bench.open_find()
    qtbot.keyClicks(page.bench.finder.what, "invoice")
    seen = []
    for _ in range(4):
        at = page.bench.table.currentIndex().row()
        qtbot.keyClick(page.bench.finder.what, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda at=at: page.bench.table.currentIndex().row() != at)
        seen.append(page.bench.table.currentIndex().row())
    assert seen == [2, 5, 0, 2]


def test_that_only_the_chosen_rows_are_replaced_when_asked(qtbot, page) -> None:
    page.bench.table.setFocus()
    page.bench.table.selectRow(0)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    page.bench.open_find()
    qtbot.keyClicks(page.bench.finder.what, "invoice")
    page.bench.finder.scope.set_value("selected")
    page.bench.finder.scope.chosen.emit("selected")
    qtbot.waitUntil(lambda: page.bench.finder.note.text() == "Would change 1 cell in 1 row.")
    qtbot.mouseClick(page.bench.finder.apply, Qt.MouseButton.LeftButton)
    idle(qtbot, page)

    assert page.session.dataset().column("text").to_pylist()[2] == "My invoice is wrong"


def test_that_findings_can_be_reviewed_and_mended_one_by_one(qtbot, page) -> None:
    titles = {finding.check: number for number, finding in enumerate(page.cleaning.watch.findings)}
    page.findings.review_requested.emit(titles["e_mail"])
    qtbot.waitUntil(lambda: ids(page) == [4])
    press(qtbot, page, "Show all rows")
    qtbot.waitUntil(lambda: len(ids(page)) == 7)

    press(qtbot, page, "Mask: E-mail addresses")
    idle(qtbot, page)
    assert text(page, 4) == "Could you mail [email] about this?"
    qtbot.waitUntil(lambda: "e_mail" not in {finding.check for finding in page.cleaning.watch.findings})


def test_that_fix_all_mends_only_what_is_safe_and_one_click_in_the_recipe_goes_back(qtbot, page) -> None:
    qtbot.mouseClick(page.findings.fix_all, Qt.MouseButton.LeftButton)
    idle(qtbot, page)
    dataset = page.session.dataset()
    assert dataset.view(Query()).tolist() == [0, 1, 4, 5, 6]  # without the duplicate and the empty text
    assert dataset.cells([4, 5], ["text", "label"]) == [(MAIL, "billing"), ("The  invoice came  twice", "billing")]
    lines = [page.recipe.model.index(place).data() for place in range(page.recipe.model.rowCount())]
    assert lines[0] == "As imported"
    assert "Trimmed white space" in lines

    box = page.recipe.list.visualRect(page.recipe.model.index(0))
    page.recipe.list.scrollToTop()
    box = page.recipe.list.visualRect(page.recipe.model.index(0))
    qtbot.mouseClick(page.recipe.list.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    idle(qtbot, page)
    assert dataset.kept_rows() == 7
    assert not any(line.in_force for line in page.recipe.model.lines if line.kind == "change")
    qtbot.waitUntil(lambda: len(ids(page)) == 7)


def test_that_a_step_from_the_menu_is_done_on_the_texts_only(qtbot, page) -> None:
    menu = page.recipe.add_step.menu()
    trim = next(action for action in menu.actions() if action.text() == "Trim white space")
    trim.trigger()
    idle(qtbot, page)

    assert text(page, 5) == "The  invoice came  twice"
    assert page.recipe.model.lines[-1].count == "1 cell"


def test_that_hand_edits_are_one_line_of_the_recipe(qtbot, page) -> None:
    edit_cell(qtbot, page, 0, "text", "one")
    edit_cell(qtbot, page, 1, "text", "two")
    idle(qtbot, page)

    changes = [line for line in page.recipe.model.lines if line.kind == "change"]
    assert [(line.text, line.count) for line in changes] == [("Edited by hand", "2 cells")]


def test_that_the_original_text_can_be_brought_back(qtbot, page) -> None:
    edit_cell(qtbot, page, 0, "text", "changed")
    idle(qtbot, page)
    page.bench.table.go_to(0)  # Enter went on to the next row
    press(qtbot, page, "Bring back the original")
    idle(qtbot, page)

    assert text(page, 0) == "My invoice is wrong"


def test_that_nothing_can_be_changed_in_a_read_only_project(qtbot, page) -> None:
    page.session.folder.read_only = "Another window has it open."
    page.bench._show_what_can_be_done()
    page.bench.table.setFocus()
    page.bench.table.selectRow(0)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_Delete)
    idle(qtbot, page)

    assert page.session.dataset().kept_rows() == 7
    assert not page.findings.fix_all.isEnabled()
    assert not page.bench.model.flags(page.bench.model.index(0, 1)) & Qt.ItemFlag.ItemIsEditable


def test_that_damaged_rows_are_explained_in_place_of_the_table(qtbot, session) -> None:
    session.close_dataset()
    (session.folder.dataset / "base" / "g0.arrow").write_bytes(b"rubbish")
    page = shown_page(qtbot, session, CleanPage)

    qtbot.waitUntil(page.error.isVisible)
    said = " ".join(label.text() for label in page.error.findChildren(QLabel))
    assert "The rows of this project cannot be read." in said
    assert not page.bench.table.isVisible()
    assert not page.header.primary.isVisible()
    assert not page.bench.undo_button.isEnabled()


def test_that_the_sample_shows_its_planted_dirt(qtbot, tmp_path: Path) -> None:
    with opened_session(tmp_path / "sample") as session:
        record_import(session.folder, import_files([TICKETS], session.folder.dataset))
        page = shown_page(qtbot, session, CleanPage)
        qtbot.waitUntil(lambda: bool(page.cleaning.watch.findings), timeout=15_000)
        checks = {finding.check for finding in page.cleaning.watch.findings}

        assert {"mojibake", "exact_duplicates", "empty_text", "card_number", "conflicting_labels"} <= checks
        assert page.bench.model.rowCount() == 1500


def test_that_the_primary_button_leads_to_format(qtbot, page) -> None:
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    assert went.args == [Step.FORMAT]


def test_that_every_control_has_a_name_for_screen_readers(page) -> None:
    nameless = [b for b in page.findChildren(QPushButton) if b.isVisible() and not (b.accessibleName() or b.text())]
    fields = [f for f in page.findChildren(QLineEdit) if f.isVisible() and not f.accessibleName()]
    assert nameless == fields == []
