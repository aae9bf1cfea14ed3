"""Any sequence of changes: undone it is the import, redone it is the end, and it survives closing at any point.

Small by default; `pytest -m exhaustive` does many more and longer sequences.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fintune_gui.dataset import base, bulk
from fintune_gui.dataset.cleaning import apply_recipe_file, recipe_of
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.files import write_text
from tests.dataset.conftest import write_csv
from tests.dataset.row_model import Action, RowModel, do, observe

ROWS = [[f"row a{number} ", "ab"[number % 2]] for number in range(12)]
HEADER = ["text", "label"]

places = st.integers(0, 30)
many = st.lists(places, min_size=1, max_size=6)
scope = st.none() | many
cells = st.none() | st.text(alphabet="ab é", max_size=4)
values = st.lists(cells, min_size=1, max_size=4)
changes = st.one_of(
    st.tuples(st.just("edit"), places, places, cells),
    st.tuples(st.just("paste"), places, values),
    st.tuples(st.just("set"), scope, places, cells),
    st.tuples(st.just("replace"), st.sampled_from(["a", "b", "é", "row"]), st.text(alphabet="abx", max_size=2), scope),
    st.tuples(st.just("trim")),
    st.tuples(st.just("remove"), many),
    st.tuples(st.just("restore"), many),
    st.tuples(st.just("mark"), many, st.sampled_from(["flag", "star"]), st.booleans()),
    st.tuples(st.just("note"), places, st.text(alphabet="ab ", max_size=3)),
    st.tuples(st.just("append"), st.lists(st.tuples(cells, cells), min_size=1, max_size=3)),
    st.tuples(st.just("paste_on"), cells, st.lists(st.tuples(cells, cells), min_size=1, max_size=2)),
    st.tuples(st.just("rename"), places, st.sampled_from(["one", "two", "three"])),
)
moves = st.one_of(
    st.tuples(st.just("undo")), st.tuples(st.just("redo")), st.tuples(st.just("reopen")),
    st.tuples(st.just("go_to"), places),
)  # fmt: skip
cells_for_file = st.sampled_from([0, 3, 1000])
quick = settings(max_examples=40, suppress_health_check=list(HealthCheck))
thorough = settings(max_examples=600, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("property")
    source = write_csv(folder / "rows.csv", HEADER, ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "BATCH_ROWS", 5)
        import_files([source], folder / "dataset")
    return folder / "dataset"


@pytest.fixture(autouse=True)
def _make_much_of_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fintune_gui.dataset.column._MOST_RECENT", 2)
    monkeypatch.setattr("fintune_gui.dataset.changes._CELLS_A_LINE", 2)


def fresh(imported: Path, tmp_path: Path, name: str = "copy") -> Path:
    shutil.rmtree(tmp_path / name, ignore_errors=True)
    shutil.copytree(imported, tmp_path / name)
    return tmp_path / name


def check_history(folder: Path, sequence: list[Action]) -> None:
    """Do a sequence on both sides; then all the way back, closed, and forth again."""
    model = RowModel(HEADER, [list(row) for row in ROWS])
    dataset = Dataset.open(folder)
    start = dataset.fingerprint
    for action in sequence:
        dataset = do(dataset, action)
        model.do(action)
        assert observe(dataset) == model.now, action
    end, steps_back = (dataset.head, dataset.fingerprint), 0
    while dataset.undo():
        steps_back += 1
    assert observe(dataset) == model.states[0]
    assert dataset.fingerprint == start
    dataset.close()
    dataset = Dataset.open(folder)
    assert observe(dataset) == model.states[0]
    for _ in range(steps_back):
        dataset.redo()
    assert observe(dataset) == model.now
    assert (dataset.head, dataset.fingerprint) == end
    dataset.close()


def check_recipe(folder: Path, again: Path, sequence: list[Action]) -> None:
    """Do a sequence, write its recipe, and do that on a fresh import."""
    dataset = Dataset.open(folder)
    for action in sequence:
        dataset = do(dataset, action)
    with dataset, Dataset.open(again) as other:
        recipe = folder.with_name("recipe.json")
        write_text(recipe, recipe_of(dataset).model_dump_json())
        apply_recipe_file(other, recipe)
        assert observe(other) == observe(dataset)


@quick
@given(sequence=st.lists(changes | moves, max_size=8), few=cells_for_file)
def test_that_any_history_can_be_undone_redone_and_reopened(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequence: list[Action], few: int
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", few)
    check_history(fresh(imported, tmp_path), sequence)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@thorough
@given(sequence=st.lists(changes | moves, max_size=25), few=cells_for_file)
def test_that_any_long_history_can_be_undone_redone_and_reopened(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequence: list[Action], few: int
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", few)
    check_history(fresh(imported, tmp_path), sequence)


@quick
@given(sequence=st.lists(changes, max_size=8), few=cells_for_file)
def test_that_a_recipe_on_a_fresh_import_leads_to_the_same_rows(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequence: list[Action], few: int
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", few)
    check_recipe(fresh(imported, tmp_path), fresh(imported, tmp_path, "again"), sequence)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
@thorough
@given(sequence=st.lists(changes | moves, max_size=25), few=cells_for_file)
def test_that_a_recipe_of_any_long_history_leads_to_the_same_rows(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sequence: list[Action], few: int
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", few)
    check_recipe(fresh(imported, tmp_path), fresh(imported, tmp_path, "again"), sequence)
