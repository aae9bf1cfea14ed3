"""Any sequence of changes: undone it is the import, redone it is the end, and it survives closing at any point."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fintune_gui.dataset import base, bulk
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.store import Dataset
from tests.dataset.conftest import write_csv

ROWS = 12
Table = list[tuple[bool, tuple[str | None, ...]]]

row_ids = st.integers(0, ROWS - 1)
many_ids = st.lists(row_ids, min_size=1, max_size=ROWS)
columns = st.sampled_from(["text", "label"])
cells = st.none() | st.text(alphabet="ab é", max_size=4)
actions = st.one_of(
    st.tuples(st.just("edit"), row_ids, columns, cells),
    st.tuples(st.just("remove"), many_ids),
    st.tuples(st.just("restore"), many_ids),
    st.tuples(st.just("replace"), st.sampled_from(["a", "b", "é", "row"]), st.text(alphabet="abx", max_size=2)),
    st.tuples(st.just("step"), st.none() | many_ids),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("reopen")),
)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("property")
    source = write_csv(folder / "rows.csv", ["text", "label"], [[f"row a{i}", "ab"[i % 2]] for i in range(ROWS)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "BATCH_ROWS", 5)
        import_files([source], folder / "dataset")
    return folder / "dataset"


def contents(dataset: Dataset) -> Table:
    """Everything that can be seen, through each way of reading; they must agree."""
    by_cell = dataset.cells(range(ROWS))
    by_column = list(zip(*(dataset.column(name).to_pylist() for name in dataset.columns), strict=True))
    assert by_cell == by_column
    edited = [any(dataset.is_edited(row, name) for name in dataset.columns) for row in range(ROWS)]
    assert dataset.edited_mask().tolist() == edited
    kept = [row for row, _ in dataset.rows()]
    assert kept == dataset.view().tolist() == [row for row in range(ROWS) if not dataset.is_removed(row)]
    return [(dataset.is_removed(row), by_cell[row]) for row in range(ROWS)]


def act(dataset: Dataset, action: tuple[Any, ...]) -> Dataset:
    match action:
        case ("edit", row, column, value):
            dataset.edit(row, column, value)
        case ("remove", rows):
            dataset.remove(rows)
        case ("restore", rows):
            dataset.restore(rows)
        case ("replace", find, replacement):
            dataset.replace(Replace(find=find, replacement=replacement), None)
        case ("step", rows):
            scope = None if rows is None else np.array(rows)
            dataset.transform("step", lambda c, r: f"Upper {c} {r}", {"text": pc.utf8_upper}, scope)
        case ("undo",):
            dataset.undo()
        case ("redo",):
            dataset.redo()
        case ("reopen",):
            dataset.close()
            return Dataset.open(dataset.folder)
    return dataset


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sequence=st.lists(actions, max_size=8), cells_for_file=st.sampled_from([0, 3, 1000]))
def test_that_any_history_can_be_undone_redone_and_reopened(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequence: list[Any], cells_for_file: int
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", cells_for_file)
    monkeypatch.setattr("fintune_gui.dataset.column._MOST_RECENT", 2)
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(imported, folder)
    dataset = Dataset.open(folder)
    start = (contents(dataset), dataset.fingerprint)
    for action in sequence:
        dataset = act(dataset, action)
        contents(dataset)
    end = (contents(dataset), dataset.fingerprint)
    steps_back = 0
    while dataset.undo():
        steps_back += 1
    assert (contents(dataset), dataset.fingerprint) == start
    dataset.close()
    dataset = Dataset.open(folder)
    assert (contents(dataset), dataset.fingerprint) == start
    for _ in range(steps_back):
        dataset.redo()
    assert (contents(dataset), dataset.fingerprint) == end
    dataset.close()
