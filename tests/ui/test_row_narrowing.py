"""Filters, facets, saved views and the figures of the header over a real dataset, with mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.ui.pages.clean import CleanPage
from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.widgets.facet_list import FacetList
from fintune_gui.ui.widgets.facet_panel import FacetSpec
from tests.helpers.pages import opened_session, shown_page

LABEL = FacetSpec("value", "label")
LENGTH = FacetSpec("length", "text")
STATE = FacetSpec("state")


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        rows = tmp_path / "rows.csv"
        rows.write_text(
            "text,label,size\n"
            "My invoice is wrong,billing,3\n"
            "I cannot log in,account,10\n"
            "My invoice came twice this month,billing,9\n"
            "A bug,bug,2\n"
            "The invoice has no date,Billing,1\n"
            "Log in is slow today,account,5\n",
            encoding="utf-8",
        )
        record_import(session.folder, import_files([rows], session.folder.dataset))
        yield session


@pytest.fixture
def page(qtbot, session) -> CleanPage:
    page = shown_page(qtbot, session, CleanPage)
    qtbot.waitUntil(lambda: page.bench.model.rowCount() == 6)
    return page


@pytest.fixture
def facets(qtbot, page):
    qtbot.mouseClick(page.bench.filter.facets, Qt.MouseButton.LeftButton)
    settle(qtbot, page)
    page.bench.rows.facets.set_specs([LABEL, LENGTH, STATE])
    page.bench.narrowing.facets.refresh()
    settle(qtbot, page)
    return page.bench.rows.facets


def settle(qtbot, page: CleanPage) -> None:
    bench = page.bench
    qtbot.waitUntil(lambda: not (bench.view.busy or bench.work.busy or bench.narrowing.facets.busy))


def ids(page: CleanPage) -> list[int]:
    return page.bench.model.view_ids.tolist()


def counts(facets, spec: FacetSpec = LABEL) -> dict[str, int]:
    return {line.words: line.count for line in facets.section(spec).values.facet.lines}


def click(qtbot, values: FacetList, words: str, held=Qt.KeyboardModifier.NoModifier) -> None:
    number = [line.words for line in values.facet.lines].index(words)
    at = values.visualRect(values.facet.index(number)).center() - QPoint(40, 0)
    qtbot.mouseClick(values.viewport(), Qt.MouseButton.LeftButton, held, at)


def press(qtbot, owner, name: str) -> None:
    def buttons() -> list[QPushButton]:
        every = owner.findChildren(QPushButton)
        return [button for button in every if name in (button.text(), button.accessibleName()) and button.isVisible()]

    qtbot.waitUntil(lambda: len(buttons()) == 1)  # new ones are shown a moment after they were made
    qtbot.mouseClick(buttons()[0], Qt.MouseButton.LeftButton)


# Facets


def test_that_a_facet_counts_values_and_a_click_lets_one_in(qtbot, page, facets) -> None:
    assert counts(facets) == {"account": 2, "billing": 2, "Billing": 1, "bug": 1}

    click(qtbot, facets.section(LABEL).values, "account")
    settle(qtbot, page)
    assert ids(page) == [1, 5]
    assert page.bench.filter.search.text() == "label == account"
    assert counts(facets)["billing"] == 2  # its own condition does not narrow a facet

    click(qtbot, facets.section(LABEL).values, "account")
    settle(qtbot, page)
    assert len(ids(page)) == 6


def test_that_ctrl_lets_several_in_and_alt_keeps_one_out(qtbot, page, facets) -> None:
    values = facets.section(LABEL).values
    click(qtbot, values, "account")
    settle(qtbot, page)
    click(qtbot, values, "bug", Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, page)
    assert ids(page) == [1, 3, 5]

    page.bench.view.show_all()
    settle(qtbot, page)
    click(qtbot, values, "billing", Qt.KeyboardModifier.AltModifier)
    settle(qtbot, page)
    assert ids(page) == [1, 3, 4, 5]  # "Billing" is another value
    assert [chip.words for chip in page.bench.filter.chips.chips] == ["not label == billing"]


def test_that_facets_recount_under_the_other_conditions(qtbot, page, facets) -> None:
    page.bench.filter.set_text("invoice")
    settle(qtbot, page)

    assert counts(facets) == {"billing": 2, "Billing": 1}


def test_that_the_keyboard_does_what_the_mouse_does(qtbot, page, facets) -> None:
    values = facets.section(LABEL).values
    values.setFocus()
    qtbot.keyClick(values, Qt.Key.Key_Down)
    qtbot.keyClick(values, Qt.Key.Key_Up)
    qtbot.keyClick(values, Qt.Key.Key_Return)
    settle(qtbot, page)
    assert page.bench.filter.search.text() == "label == billing"

    qtbot.keyClick(values, Qt.Key.Key_Minus)
    settle(qtbot, page)
    assert page.bench.filter.search.text() == "not label == billing"
    assert values.facet.data(values.facet.index(0), Qt.ItemDataRole.AccessibleTextRole) == "billing, 2 rows, excluded"

    qtbot.keyClick(values, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().splitlines()[:2] == ["value\trows", "billing\t2"]


def test_that_dragging_over_the_lengths_narrows_to_a_range(qtbot, page, facets) -> None:
    chart = facets.section(LENGTH).lengths
    assert sum(chart.counts) == 6
    left, right = chart.rect().left() + 15, chart.rect().center().x()
    qtbot.mousePress(chart, Qt.MouseButton.LeftButton, pos=QPoint(left, 20))
    qtbot.mouseMove(chart, QPoint(right, 20))
    qtbot.mouseRelease(chart, Qt.MouseButton.LeftButton, pos=QPoint(right, 20))
    settle(qtbot, page)
    shown = [len(page.bench.model.cell(place, "text")) for place in range(page.bench.model.rowCount())]
    low, high = page.bench.filter.search.text().removeprefix("length(text) between ").split(" and ")
    assert 0 < len(shown) < 6
    assert all(int(low) <= length <= int(high) for length in shown)
    assert chart.words() == f"{low} to {high} characters"

    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Escape)
    settle(qtbot, page)
    assert len(ids(page)) == 6


def test_that_states_are_counted_and_removed_rows_come_into_sight(qtbot, page, facets) -> None:
    page.bench.session.dataset().edit(3, "text", "A big bug")
    page.bench.session.dataset().remove([0])
    page.session.rows_were_changed()
    qtbot.waitUntil(lambda: counts(facets, STATE).get("removed") == 1)
    assert counts(facets, STATE)["edited"] == 1

    click(qtbot, facets.section(STATE).values, "removed")
    settle(qtbot, page)
    assert ids(page) == [0]


def test_that_a_value_is_renamed_in_all_its_rows(qtbot, page, facets) -> None:
    values = facets.section(LABEL).values
    values.setFocus()
    values.setCurrentIndex(values.facet.index([line.words for line in values.facet.lines].index("Billing")))
    menu = values.menu(values.currentIndex().row())
    assert "Rename value in 1 row …" in [action.text() for action in menu.actions()]
    menu.deleteLater()
    qtbot.keyClick(values, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    assert editor.text() == "Billing"
    editor.selectAll()
    qtbot.keyClicks(editor, "billing")
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: counts(facets).get("billing") == 3)
    assert "Billing" not in counts(facets)
    assert page.session.dataset().row(4)["label"] == "billing"


def test_that_a_folded_facet_is_not_counted_and_counts_again_when_opened(qtbot, page, facets) -> None:
    section = facets.section(LABEL)
    qtbot.mouseClick(section.title, Qt.MouseButton.LeftButton)
    page.bench.filter.set_text("bug")
    settle(qtbot, page)
    assert not section.values.isVisible()
    assert counts(facets)["account"] == 2

    qtbot.mouseClick(section.title, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: counts(facets) == {"bug": 1})


# The filter of a column


def test_that_the_form_counts_live_and_writes_into_the_one_filter(qtbot, page) -> None:
    page.bench.table.filter_requested.emit(1 + page.bench.view.columns.index("text"))
    form = page.bench.narrowing.filters.form
    qtbot.waitUntil(form.isVisible)
    assert not form.add.isEnabled()
    qtbot.keyClicks(form.value, "invoice")
    qtbot.waitUntil(lambda: form.count.text() == "3 of 6 rows match")

    qtbot.keyClick(form.value, Qt.Key.Key_Return)
    settle(qtbot, page)
    assert not form.isVisible()
    assert ids(page) == [0, 2, 4]
    assert page.bench.filter.search.text() == "text contains invoice"


def test_that_the_form_wants_numbers_and_says_what_is_wrong_with_a_pattern(qtbot, page) -> None:
    page.bench.table.filter_requested.emit(1 + page.bench.view.columns.index("size"))
    form = page.bench.narrowing.filters.form
    form.operator.set_value("between")
    form.operator.chosen.emit("between")
    assert form.value2.isVisible()
    qtbot.keyClicks(form.value, "many")
    assert form.count.text() == "Type a number."
    form.value.setText("3")
    form.value2.setText("9")
    qtbot.waitUntil(lambda: form.count.text() == "3 of 6 rows match")

    form.operator.set_value("regex")
    form.operator.chosen.emit("regex")
    form.value.setText("(3")
    qtbot.waitUntil(lambda: "missing" in form.count.text())
    assert not form.add.isEnabled()
    form.close()


def test_that_the_form_takes_conditions_of_its_column_away(qtbot, page) -> None:
    page.bench.filter.set_text("label = billing and invoice")
    settle(qtbot, page)
    page.bench.table.filter_requested.emit(1 + page.bench.view.columns.index("label"))
    form = page.bench.narrowing.filters.form
    qtbot.mouseClick(form.in_force.chips[0], Qt.MouseButton.LeftButton)
    settle(qtbot, page)

    assert page.bench.filter.search.text() == "invoice"
    assert not form.in_force.isVisible()
    form.close()


def test_that_the_menu_of_a_column_opens_its_facet(qtbot, page) -> None:
    page.bench.table.facet_requested.emit(1 + page.bench.view.columns.index("size"))
    settle(qtbot, page)

    assert page.bench.rows.facets.isVisible()
    assert counts(page.bench.rows.facets, FacetSpec("value", "size"))["10"] == 1


# Order and views


def test_that_several_keys_order_the_rows_and_the_order_can_be_taken_off(qtbot, page) -> None:
    page.bench.table.wish_sorts([("label", False), ("size", True)])
    settle(qtbot, page)
    assert ids(page) == [1, 5, 2, 0, 4, 3]
    assert page.bench.table.sorts == [("label", False), ("size", True)]

    page.bench.view.unsort()
    settle(qtbot, page)
    assert ids(page) == [0, 1, 2, 3, 4, 5]


def test_that_a_view_is_saved_shown_renamed_and_deleted(qtbot, page, facets) -> None:
    page.bench.filter.set_text("invoice")
    page.bench.table.wish_sorts([("size", True)])
    settle(qtbot, page)
    qtbot.mouseClick(page.bench.filter.views, Qt.MouseButton.LeftButton)
    form = page.bench.narrowing.views.form
    qtbot.keyClicks(form.name, "Invoices")
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: form.names == ["Invoices"])
    assert page.session.dataset().saved_views()["Invoices"]["filter"] == "invoice"

    page.bench.view.show_all()
    page.bench.view.unsort()
    settle(qtbot, page)
    press(qtbot, form, "Rename “Invoices”")
    form.name.setText("Bills")
    press(qtbot, form, "Rename")
    qtbot.waitUntil(lambda: form.names == ["Bills"])
    press(qtbot, form, "Bills")
    settle(qtbot, page)
    assert ids(page) == [2, 0, 4]

    page.bench.narrowing.views.open()
    press(qtbot, form, "Delete “Bills”")
    qtbot.waitUntil(lambda: form.names == [])
    assert page.session.dataset().saved_views() == {}
    form.close()


def test_that_the_last_view_of_a_project_comes_back(qtbot, page, facets, session) -> None:
    page.bench.filter.set_text("invoice")
    page.bench.table.wish_sorts([("size", True)])
    settle(qtbot, page)
    page.bench.view.remember()
    assert WindowSettings().last_view(session.project.id)["filter"] == "invoice"

    again = shown_page(qtbot, session, CleanPage)
    qtbot.waitUntil(lambda: again.bench.model.rowCount() == 3)
    assert ids(again) == [2, 0, 4]
    assert again.bench.filter.search.text() == "invoice"
    assert again.bench.rows.facets.isVisible()
    assert again.bench.rows.facets.specs == [LABEL, LENGTH, STATE]
    settle(qtbot, again)


@pytest.mark.parametrize("damaged", [{"filter": 3, "sort": "x", "facets": [1], "columns": []}, {"sort": [["gone", 1]]}])
def test_that_a_damaged_last_view_is_passed_over(qtbot, session, damaged) -> None:
    WindowSettings().remember_view(session.project.id, damaged)
    page = shown_page(qtbot, session, CleanPage)

    settle(qtbot, page)
    assert page.bench.view.sorts == []
    assert page.bench.table.isVisible() or page.bench.rows.nothing.isVisible()


# Figures in the header


def test_that_the_header_gets_its_figures_and_counts_again_after_a_change(qtbot, page) -> None:
    figures = page.bench.narrowing.statistics
    qtbot.waitUntil(lambda: len(figures._known) == 3)
    assert figures._known["label"][1].distinct_text == "4 values"
    assert "3 to 32" not in figures._known["text"][1].text
    assert "5 to 32 characters long" in figures._known["text"][1].text

    page.bench.session.dataset().edit(4, "label", "billing")
    page.session.rows_were_changed()
    qtbot.waitUntil(lambda: figures._known["label"][1].distinct_text == "3 values")


# Find


def test_that_find_knows_its_position_and_goes_back(qtbot, page) -> None:
    page.bench.open_find()
    qtbot.keyClicks(page.bench.finder.what, "invoice")
    qtbot.waitUntil(lambda: page.bench.finder.position.text() == "1 of 3")
    page.bench.table.setFocus()
    qtbot.keyClick(page.bench.table, Qt.Key.Key_F3)
    qtbot.waitUntil(lambda: page.bench.finder.position.text() == "2 of 3")
    assert page.bench.table.currentIndex().row() == 2

    qtbot.keyClick(page.bench.table, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(page.bench.table, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: page.bench.finder.position.text() == "3 of 3")


def test_that_all_matching_rows_are_flagged(qtbot, page) -> None:
    page.bench.open_find()
    qtbot.keyClicks(page.bench.finder.what, "log in")
    page.bench.finder.case.click()
    qtbot.waitUntil(lambda: page.bench.finder.position.text() == "2 rows")
    qtbot.mouseClick(page.bench.finder.flag, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: page.session.dataset().flagged_mask.nonzero()[0].tolist() == [1, 5])


def test_that_the_scope_is_said_and_can_be_all_rows(qtbot, page) -> None:
    page.bench.filter.set_text("label = billing")
    settle(qtbot, page)
    page.bench.open_find()
    scope = page.bench.finder.scope
    assert [scope.itemText(place) for place in range(scope.count())] == ["in all 3 matching rows", "in all 6 rows"]
    scope.set_value("all")
    scope.chosen.emit("all")
    qtbot.keyClicks(page.bench.finder.what, "g")
    page.bench.finder.columns.list.item(0).setCheckState(Qt.CheckState.Unchecked)

    qtbot.waitUntil(lambda: page.bench.finder.note.text() == "Would change 4 cells in 4 rows.")


def test_that_a_replacement_without_a_filter_is_about_all_rows_and_one_with_a_filter_is_not(qtbot, page) -> None:
    page.bench.open_find()
    page.bench.finder.what.setText("invoice")
    assert page.bench.search.replacement()[1] is None

    page.bench.filter.set_text("label = billing")
    settle(qtbot, page)
    assert page.bench.search.replacement()[1].tolist() == [0, 2, 4]
    qtbot.waitUntil(lambda: page.bench.search._previewing is None and page.bench.search._finding is None)


def test_that_a_filter_typed_over_never_shows_its_rows(qtbot, page) -> None:
    for text in ("bug", "invoice", "log"):
        page.bench.filter.set_text(text)
    settle(qtbot, page)

    assert ids(page) == [1, 5]
