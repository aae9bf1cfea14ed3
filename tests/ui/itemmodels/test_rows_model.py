"""The dataset as a table model: windows of rows, marks for what was changed, wishes instead of writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtTest import QAbstractItemModelTester

from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.query import Query
from fintune_gui.dataset.store import Dataset
from fintune_gui.ui.itemmodels.rows_model import ROW_ID_ROLE, SORT_KEY_ROLE, RowsModel
from fintune_gui.ui.widgets.data_table import DataTable

ROWS = 1000
Rows = tuple[Dataset, RowsModel]


@pytest.fixture
def rows(qapp: object, tmp_path: Path) -> Iterator[Rows]:
    file = tmp_path / "rows.csv"
    lines = ["text,label", *(f"text {n},label {n % 7}" for n in range(ROWS - 1)), '"two\nlines",x']
    file.write_text("\n".join(lines), encoding="utf-8")
    import_files([file], tmp_path / "dataset")
    with Dataset.open(tmp_path / "dataset") as dataset:
        model = RowsModel(show_notes=True)
        model.show_rows(dataset, dataset.view())
        yield dataset, model
        model.show_rows(None)


def shown(model: QAbstractItemModel, row: int, role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> list[object]:
    return [model.index(row, column).data(role) for column in range(model.columnCount())]


def test_that_the_model_keeps_qts_rules(rows: Rows) -> None:
    _, model = rows
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    assert tester.model() is model


def test_that_rows_are_shown_with_their_number_and_a_note(rows: Rows) -> None:
    _, model = rows
    headers = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    assert headers == ["#", "text", "label", "note"]
    assert shown(model, 0) == ["1", "text 0", "label 0", ""]
    assert shown(model, 999) == ["1,000", "two ↵ lines", "x", ""]
    assert model.index(999, 1).data(Qt.ItemDataRole.EditRole) == "two\nlines"


def test_that_a_view_decides_which_rows_and_in_which_order(rows: Rows) -> None:
    dataset, model = rows
    model.show_rows(dataset, dataset.view(Query(text='label = "label 3"'))[::-1].copy(), columns=["label"])
    assert model.rowCount() == sum(n % 7 == 3 for n in range(ROWS - 1))
    assert model.columns == ("label",)
    assert model.index(0, 1).data() == "label 3"
    assert model.row_id(0) > model.row_id(1)
    assert model.index(0, 0).data(ROW_ID_ROLE) == model.row_id(0)
    assert model.place_of(model.row_id(5)) == 5
    assert model.place_of(0) is None
    assert model.row_ids([1, 0]).tolist() == [model.row_id(1), model.row_id(0)]


def test_that_only_windows_of_rows_are_read(rows: Rows) -> None:
    dataset, model = rows
    read: list[int] = []

    class Spy:
        columns = dataset.columns

        def cells(self, ids: np.ndarray, columns: list[str]) -> list[tuple[str | None, ...]]:
            read.append(len(ids))
            return dataset.cells(ids, columns)

        def __getattr__(self, name: str) -> object:
            return getattr(dataset, name)

    model.show_rows(Spy(), dataset.view())  # type: ignore[arg-type]
    for row in range(100):
        shown(model, row)
    assert len(read) == 1
    shown(model, 999)
    assert len(read) == 2
    assert max(read) <= 128


def test_that_an_edit_is_a_wish_and_is_shown_once_it_is_done(rows: Rows, qtbot) -> None:
    dataset, model = rows
    with qtbot.waitSignal(model.edit_requested) as told:
        assert model.setData(model.index(4, 1), "better", Qt.ItemDataRole.EditRole)
    assert told.args == [4, "text", "better"]
    assert model.index(4, 1).data() == "text 4"
    dataset.edit(4, "text", "better")
    model.refresh()
    assert shown(model, 4) == ["5", "better", "label 4", "edited"]
    assert model.index(4, 1).data(Qt.ItemDataRole.ToolTipRole) == "Was: text 4"
    assert "edited" in model.index(4, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert [model.look(4, section).edited for section in (1, 2)] == [True, False]


def test_that_an_edit_that_changes_nothing_is_no_wish(rows: Rows, qtbot) -> None:
    _, model = rows
    with qtbot.assertNotEmitted(model.edit_requested):
        assert not model.setData(model.index(4, 1), "text 4")
        assert not model.setData(model.index(4, 0), "9")
        assert not model.setData(model.index(4, 3), "a note")


def test_that_a_read_only_table_offers_no_editor(rows: Rows) -> None:
    _, model = rows
    assert model.flags(model.index(0, 1)) & Qt.ItemFlag.ItemIsEditable
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsEditable
    model.editable = False
    assert not model.flags(model.index(0, 1)) & Qt.ItemFlag.ItemIsEditable


def test_that_a_removed_row_says_why(rows: Rows) -> None:
    dataset, model = rows
    dataset.remove([7], "Too short")
    model.show_rows(dataset, dataset.view(Query(show="all")))
    assert shown(model, 7)[-1] == "Too short"
    assert "removed" in model.index(7, 1).data(Qt.ItemDataRole.AccessibleTextRole)


def test_that_notes_and_marks_of_findings_are_shown(rows: Rows) -> None:
    _, model = rows
    model.set_notes({2: ("e-mail", "warn")})
    model.set_marks({(2, "text"): "warn"})
    assert shown(model, 2)[-1] == "e-mail"
    assert model.look(2, 1).back is not None
    assert model.look(2, 2).back is None


def test_that_a_very_long_text_is_shown_short_and_edited_whole(rows: Rows) -> None:
    dataset, model = rows
    dataset.edit(0, "text", "x" * 100_000)
    model.refresh()
    assert len(model.index(0, 1).data()) < 1000
    assert len(model.index(0, 1).data(Qt.ItemDataRole.EditRole)) == 100_000
    assert len(model.cell(0, "text") or "") == 100_000


def test_that_headers_name_what_to_sort_by(rows: Rows) -> None:
    _, model = rows
    keys = [model.headerData(n, Qt.Orientation.Horizontal, SORT_KEY_ROLE) for n in range(model.columnCount())]
    assert keys == ["#", "text", "label", None]


def test_that_no_rows_are_an_empty_table(rows: Rows) -> None:
    _, model = rows
    model.show_rows(None)
    assert (model.rowCount(), model.columnCount()) == (0, 0)
    model.refresh()
    model.set_notes({})


def test_that_marks_stand_beside_the_row_number_and_are_said(rows: Rows) -> None:
    dataset, model = rows
    dataset.mark([2], flag=True, star=True)
    dataset.set_note(2, "ask Ida")
    model.set_notes({2: ("e-mail", "warn")})
    model.refresh()
    assert [name for name, _ in model.look(2, 0).icons] == ["flag", "star", "note"]
    assert model.look(3, 0).icons == ()
    said = model.index(2, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "row 3, flagged, starred, note: ask Ida"
    assert model.look(2, 3).text == "ask Ida · e-mail"
    assert model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole) == "flagged, starred, note: ask Ida"


def test_that_a_missing_value_is_no_empty_text(rows: Rows) -> None:
    dataset, model = rows
    dataset.edit(0, "text", None)
    dataset.edit(1, "text", "")
    model.refresh()
    assert [(model.look(row, 1).text, model.look(row, 1).missing) for row in (0, 1)] == [("", True), ("", False)]
    said = [model.index(row, 1).data(Qt.ItemDataRole.AccessibleTextRole) for row in (0, 1)]
    assert said == ["text: missing, edited", "text: empty, edited"]


def test_that_added_and_removed_rows_are_told_apart(rows: Rows) -> None:
    dataset, model = rows
    dataset.append_rows([{"text": "new", "label": "x"}], label="Added a row")
    dataset.remove([7], "Too short")
    model.show_rows(dataset, dataset.view(Query(show="all")))
    assert model.look(ROWS, 0).text == f"+{ROWS + 1:,}"
    assert model.look(ROWS, 3).text == "added"
    assert (model.look(7, 1).struck, model.look(8, 1).struck) == (True, False)
    assert model.index(7, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "row 8, removed"


class Counting:
    """A dataset that notes how many rows and cells are read."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.read: list[tuple[int, int]] = []

    def cells(self, ids: np.ndarray, columns: list[str]) -> list[tuple[str | None, ...]]:
        self.read.append((len(ids), len(columns)))
        return self.dataset.cells(ids, columns)

    def __getattr__(self, name: str) -> object:
        return getattr(self.dataset, name)


def test_that_a_screen_of_rows_is_one_read_and_scrolling_reads_only_what_is_new(rows: Rows, qtbot) -> None:
    dataset, model = rows
    counting = Counting(dataset)
    model.show_rows(counting, dataset.view())  # type: ignore[arg-type]
    table = DataTable("Rows")
    qtbot.addWidget(table)
    table.resize(700, 500)
    table.setModel(model)
    with qtbot.waitExposed(table):
        table.show()
    table.viewport().repaint()
    counting.read.clear()
    table.go_to(700)
    table.viewport().repaint()
    assert len(counting.read) == 1
    assert counting.read[0][0] < 25
    table.verticalScrollBar().setValue(table.verticalScrollBar().value() + 1)
    table.viewport().repaint()
    assert counting.read[1:] in ([], [(1, 2)])
    table.hide_column("text")
    table.go_to(100)
    table.viewport().repaint()
    assert counting.read[-1][1] == 1


def test_that_huge_texts_are_not_kept(rows: Rows) -> None:
    dataset, model = rows
    dataset.set_value("text", None, "x" * 50_000)
    model.refresh()
    for row in range(100):
        model.look(row, 1)
    assert sum(len(text or "") for text in model._texts.values()) < 200_000
    assert model.cell(5, "text") == "x" * 50_000


def test_that_rows_and_columns_that_an_undo_took_away_are_blank_until_the_page_knows(rows: Rows) -> None:
    dataset, model = rows
    dataset.append_rows([{"text": "new", "label": "x"}], label="Added a row")
    dataset.rename("label", "topic")
    model.show_rows(dataset, dataset.view())
    dataset.undo()
    dataset.undo()
    assert [model.look(ROWS, section).text for section in range(4)] == [f"{ROWS + 1:,}", "", "", "removed"]
    assert model.look(0, 2).text == ""
    assert model.index(ROWS, 1).data(Qt.ItemDataRole.AccessibleTextRole) == "text: empty, removed"


def test_that_a_conversation_reads_as_its_turns_and_is_not_edited_as_json(rows: Rows) -> None:
    dataset, model = rows
    stored = '[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]'
    dataset.edit(0, "text", stored)
    dataset.edit(1, "text", '[{"broken')
    model.refresh()

    assert [model.look(row, 1).text for row in (0, 1)] == ["user: Hi · assistant: Hello", '[{"broken']
    assert [bool(model.index(row, 1).flags() & Qt.ItemFlag.ItemIsEditable) for row in (0, 1)] == [False, True]
    assert model.cell(0, "text") == stored
    assert model.texts([0], [1]) == [[stored]]
