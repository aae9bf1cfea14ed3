"""A recipe holds everything that was done, leads to the same rows again, and says what does not fit others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fintune_gui.dataset import bulk
from fintune_gui.dataset.cleaning import CleaningStep, apply_step
from fintune_gui.dataset.importing import add_files
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.recipe import Recipe, recipe_of, replay
from fintune_gui.dataset.store import Dataset
from tests.dataset.conftest import write_csv

Make = Callable[..., Dataset]

ROWS = [[f"text {row}", "ab"[row % 2]] for row in range(10)]


def everything(dataset: Dataset) -> Any:
    """All that a person can see of the rows."""
    return (
        dataset.columns,
        dataset.cells(range(dataset.total_rows)),
        [dataset.removal_reason(row) for row in range(dataset.total_rows)],
        [dataset.marks_of(row) for row in range(dataset.total_rows)],
        dataset.edited_mask().tolist(),
        dataset.added_mask().tolist(),
    )


def work(dataset: Dataset) -> None:
    """One of each kind."""
    dataset.set_cells({"text": ([1, 2], ["p1", None])}, kind="paste", label=lambda cells, _: f"Pasted {cells}")
    dataset.rename("label", "topic")
    dataset.edit(3, "topic", "c")
    dataset.append_rows([{"text": "new one", "topic": "a"}, {"topic": "b"}])
    dataset.edit(11, "text", "was empty")
    dataset.set_cells({"topic": ([10, 11], ["f", "f"])}, kind="fill", label=lambda *_: "Filled down")
    dataset.set_value("topic", np.array([0, 4, 11]), "z")
    dataset.rename("topic", "label")
    dataset.replace(Replace(find="text", replacement="TEXT"), np.array([0, 5, 10]))
    dataset.remove([6, 11], "Not ours")
    dataset.restore([11])
    dataset.mark([0, 10], flag=True)
    dataset.mark([0], star=True, flag=False)
    dataset.set_note(10, "look again")
    dataset.append_rows([{"text": "mended"}], kind="mend", mended=[0])
    apply_step(dataset, CleaningStep(name="rename_values", columns=("label",), options={"b": "B"}))
    dataset.set_value("label", None, "all the same")
    dataset.edit(5, "text", "taken back")
    dataset.undo()


@pytest.mark.parametrize("cells_for_file", [0, 2, 1000])
def test_that_every_kind_of_work_is_repeated(
    make_dataset: Make, monkeypatch: pytest.MonkeyPatch, cells_for_file: int
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", cells_for_file)
    first, second = make_dataset(ROWS, name="first"), make_dataset(ROWS, name="second")
    work(first)
    recipe = Recipe.model_validate_json(recipe_of(first).model_dump_json())
    replayed = replay(second, recipe)
    assert replayed.left_out == []
    assert everything(second) == everything(first)
    assert recipe_of(second) == recipe
    kinds = [operation.kind for operation in first.history() if operation.in_force]
    assert [operation.kind for operation in replayed.operations] == kinds
    assert [o.label for o in second.history()] == [o.label for o in first.history() if o.in_force]


def test_that_what_does_not_fit_other_rows_is_left_out_and_said(make_dataset: Make) -> None:
    first = make_dataset(ROWS, name="first")
    work(first)
    other = make_dataset([["something", "else", "x"], ["text 1", "b", "y"], *[["more", "a", "z"]] * 20],
                         ["text", "label", "extra"], name="other")  # fmt: skip
    replayed = replay(other, recipe_of(first))
    assert other.row(1)["text"] == "p1"  # there stood the same
    assert other.cells([22], ["text"]) == [("new one",)]
    assert other.marks_of(22).note == "look again"
    assert other.total_rows == 24
    told = "\n".join(replayed.left_out)
    assert "Pasted 2: In 1 cell of 2 something else stands." in told
    assert "Edited “topic” in row 4: In 1 cell of 1 something else stands." in told
    assert "These rows were mended in another import." in told
    assert "Removed rows (Not ours): 1 row of 2 are not here." in told


def test_that_columns_which_are_not_there_stop_nothing(make_dataset: Make) -> None:
    first = make_dataset(ROWS, name="first")
    apply_step(first, CleaningStep(name="rename_values", columns=("label",), options={"b": "B"}))
    first.set_value("label", None, "x")
    first.rename("label", "topic")
    first.append_rows([{"text": "new", "topic": "t"}])
    other = make_dataset([["a"], ["b"]], ["text"], name="other")
    replayed = replay(other, recipe_of(first))
    assert [operation.kind for operation in replayed.operations] == ["add"]
    assert len(replayed.left_out) == 3
    assert other.row(2) == {"text": "new"}


def test_that_files_that_were_added_are_named_and_their_rows_left_out(make_dataset: Make, tmp_path: Path) -> None:
    first, second = make_dataset(ROWS, name="first"), make_dataset(ROWS, name="second")
    first.close()
    add_files(first.folder, [write_csv(tmp_path / "more.csv", ["text", "label"], [["x", "y"]] * 3)])
    with Dataset.open(first.folder) as grown:
        grown.edit(11, "text", "in the new rows")
        grown.append_rows([{"text": "behind them"}])
        grown.edit(13, "label", "mine")
        grown.mark([0, 12], star=True)
        recipe = recipe_of(grown)
    replayed = replay(second, recipe)
    assert second.cells([10]) == [("behind them", "mine")]
    assert second.starred_mask.tolist() == [True] + [False] * 10
    assert any("more.csv" in reason for reason in replayed.left_out)
    assert len(replayed.left_out) == 3
    assert second.total_rows == 11


def test_that_an_operation_of_an_unknown_kind_is_kept_by_what_it_did(make_dataset: Make) -> None:
    first, second = make_dataset(ROWS, name="first"), make_dataset(ROWS, name="second")
    first.remove([1], "Odd", kind="step", params={"step": {"magic": 1}})
    first.set_cells({"text": ([2], ["new"])}, kind="replace", label=lambda *_: "Replaced somehow")
    first.remove([3], "Later", kind="unheard of")
    assert replay(second, recipe_of(first)).left_out == []
    assert everything(second) == everything(first)


def test_that_rows_are_known_again_where_other_files_were_added_to_them(make_dataset: Make, tmp_path: Path) -> None:
    """Added files bring columns of their own, also to the rows that were there."""
    dataset = make_dataset(ROWS)
    add_files(dataset.folder, [write_csv(tmp_path / "more.csv", ["text", "grade"], [["new", "1"]])])
    with Dataset.open(dataset.folder) as grown:
        grown.remove([3], "Not ours")
        recipe = recipe_of(grown)
    fresh = make_dataset(ROWS)
    replayed = replay(fresh, recipe)
    assert [left.split(":")[0] for left in replayed.left_out] == ["Added 1 row from more.csv"]
    assert np.flatnonzero(fresh.removed_mask).tolist() == [3]


def test_that_a_block_pasted_beyond_the_last_row_is_one_operation(make_dataset: Make) -> None:
    first, second = make_dataset(ROWS, name="first"), make_dataset(ROWS, name="second")
    first.append_rows([{"text": "typed"}])
    new = [{"text": "p3", "label": "c"}, {}]
    cells = {"text": ([9, 10], ["p1", "p2"])}
    pasted = first.set_cells(cells, kind="paste", label=lambda cells, rows: f"{cells} in {rows}", new_rows=new)
    assert pasted is not None
    assert (pasted.label, pasted.cells, pasted.rows) == ("4 in 4", 4, 4)
    assert first.cells(range(9, 13)) == [("p1", "b"), ("p2", None), ("p3", "c"), (None, None)]
    replayed = replay(second, recipe_of(first))
    assert replayed.left_out == []
    assert everything(second) == everything(first)
    first.undo()
    assert first.cells([9, 10]) == [("text 9", "b"), ("typed", None)]
    assert first.total_rows == 11
    first.redo()
    assert everything(second) == everything(first)
