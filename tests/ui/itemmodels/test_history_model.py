"""The history as lines: what is told together, where branches begin, and what is in force."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.store import Dataset, Operation
from fintune_gui.ui.itemmodels.history_model import HistoryModel, history_lines
from fintune_gui.ui.widgets.recipe_card import RecipeCard

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def dataset(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("text,label\n" + "one,a\n" * 20, encoding="utf-8")
    import_files([tmp_path / "rows.csv"], tmp_path / "data")
    with Dataset.open(tmp_path / "data") as dataset:
        yield dataset


def lines(dataset: Dataset, **options) -> list[tuple[str, str, bool]]:
    found = history_lines(dataset.all_operations(), dataset.head, dataset.tip, **options)
    return [(line.text, line.count, line.in_force) for line in found if line.kind != "time"]


def operation(
    seq: int, minutes: float, kind: str = "replace", label: str = "Replaced “a” with “b” in 3 cells of 2 rows"
):
    return Operation(seq=seq, parent=seq - 1 or None, kind=kind, label=label, cells=3, rows=2, time=NOON + 60 * minutes)


def test_that_edits_by_hand_are_one_line_and_counts_stand_apart(dataset) -> None:
    dataset.edit(0, "text", "two")
    dataset.edit(1, "text", "two")
    dataset.remove([3, 4])

    assert lines(dataset) == [
        ("As imported", "", True),
        ("Edited by hand", "2 cells", True),
        ("Removed by hand", "2 rows", True),
    ]


def test_that_what_is_undone_stays_and_is_not_in_force(dataset) -> None:
    dataset.edit(0, "text", "two")
    dataset.remove([3])
    dataset.undo()

    assert [in_force for _, _, in_force in lines(dataset)] == [True, True, False]


def test_that_a_line_is_parted_where_the_user_is(dataset) -> None:
    for row in range(3):
        dataset.edit(row, "text", "two")
    dataset.undo()

    assert [(text, in_force) for text, _, in_force in lines(dataset)[1:]] == [
        ("Edited by hand", True),
        ("Edited “text” in row 3", False),
    ]


def test_that_a_branch_is_one_line_that_leads_to_its_end(dataset) -> None:
    dataset.edit(0, "text", "two")
    dataset.remove([3])
    left = dataset.remove([4]).seq
    dataset.go_to(1)
    dataset.edit(5, "text", "other way")

    found = history_lines(dataset.all_operations(), dataset.head, dataset.tip)
    assert [line.text for line in found if line.kind != "time"] == [
        "As imported",
        "Edited “text” in row 1",
        "2 other changes from here",
        "Edited “text” in row 6",
    ]
    branch = next(line for line in found if line.kind == "branch")
    dataset.go_to(branch.last)
    assert dataset.head == left
    assert [text for text, _, _ in lines(dataset)][2:] == ["1 other change from here", "Removed by hand"]


def test_that_a_branch_at_the_import_is_there_too(dataset) -> None:
    dataset.edit(0, "text", "two")
    dataset.go_to(0)
    dataset.edit(1, "text", "three")
    assert [text for text, _, _ in lines(dataset)][:2] == ["As imported", "1 other change from here"]


def test_that_the_time_is_said_again_after_a_pause() -> None:
    operations = [operation(1, 0), operation(2, 5), operation(3, 120), operation(4, 60 * 24 * 3)]
    now = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)
    found = history_lines(operations, 4, 4, now=now)

    assert [line.kind for line in found] == ["import", "time", "change", "change", "time", "change", "time", "change"]
    assert found[1].text.startswith("1 March, ")
    assert found[6].text.startswith("Today, ")


def test_that_only_the_last_changes_are_shown_until_all_are_wanted(qapp) -> None:
    operations = [operation(seq, seq) for seq in range(1, 1001)]
    model = HistoryModel()
    model.show_operations(operations, 1000, 1000)
    assert len([line for line in model.lines if line.kind == "change"]) == 500
    assert model.lines[1].text == "Show 500 earlier changes"
    assert model.lines[model.present].number == 1000

    model.show_earlier()
    assert len([line for line in model.lines if line.kind == "change"]) == 1000


def test_that_the_present_place_is_told_without_colours(qapp) -> None:
    model = HistoryModel()
    model.show_operations([operation(1, 0), operation(2, 1)], 1, 2)
    said = [model.index(place).data(Qt.ItemDataRole.AccessibleTextRole) for place in range(model.rowCount())]
    assert said[2].endswith("you are here")
    assert said[3].endswith("undone")


def test_that_enter_goes_to_a_change_and_times_cannot_be_chosen(qtbot) -> None:
    card = RecipeCard()
    qtbot.addWidget(card)
    card.resize(320, 400)
    card.show()
    card.show_operations([operation(1, 0), operation(2, 1)], 2, 2)
    card.list.setFocus()
    card.list.setCurrentIndex(card.model.index(2))
    with qtbot.waitSignal(card.go_to_requested) as asked:
        qtbot.keyClick(card.list, Qt.Key.Key_Return)
    assert asked.args == [1]
    assert not card.model.flags(card.model.index(1)) & Qt.ItemFlag.ItemIsEnabled
