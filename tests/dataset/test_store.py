"""The table: edits, removals, undo and redo, on disk at once."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fintune_gui.dataset import bulk
from fintune_gui.dataset.query import Query, Replace
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError, DiskFullError

ROWS = [["Hello  there", "a"], ["the cat sat", "b"], ["cat, concatenated", "a"], ["Straße", "b"]]
Make = Callable[..., Dataset]


def texts(dataset: Dataset) -> list[str | None]:
    return [row["text"] for _, row in dataset.rows()]


def test_that_an_edit_is_seen_at_once_and_after_opening_again(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    before = dataset.fingerprint
    operation = dataset.edit(1, "text", "a dog sat")
    assert operation is not None
    assert (operation.kind, operation.label, operation.cells, operation.rows) == (
        "edit",
        "Edited “text” in row 2",
        1,
        1,
    )
    assert dataset.edit(1, "text", "a dog sat") is None
    assert dataset.fingerprint != before
    with Dataset.open(dataset.folder) as again:
        assert again.cells([1, 0], ["text"]) == [("a dog sat",), ("Hello  there",)]
        assert again.original(1, "text") == "the cat sat"
        assert again.is_edited(1, "text")
        assert not again.is_edited(1, "label")
        assert again.fingerprint == dataset.fingerprint


def test_that_undo_brings_back_value_marker_and_fingerprint(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    fingerprints = [dataset.fingerprint]
    for value in ("one", None, "three"):
        dataset.edit(0, "text", value)
        fingerprints.append(dataset.fingerprint)
    for expected, value in zip(fingerprints[-2::-1], [None, "one", "Hello  there"], strict=True):
        dataset.undo()
        assert (dataset.fingerprint, dataset.row(0)["text"]) == (expected, value)
    assert not dataset.is_edited(0, "text")
    assert dataset.undo() is None
    for expected in fingerprints[1:]:
        dataset.redo()
        assert dataset.fingerprint == expected
    assert dataset.redo() is None


def test_that_removed_rows_keep_their_id_and_reason_and_can_come_back(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.remove([1, 3], "Not our language")
    assert dataset.view().tolist() == [0, 2]
    assert dataset.view(Query(show="removed")).tolist() == [1, 3]
    assert (dataset.kept_rows(), dataset.removal_reason(3), dataset.removal_reason(0)) == (2, "Not our language", None)
    assert dataset.remove([1]) is None
    operation = dataset.restore([0, 1])
    assert operation is not None
    assert operation.label == "Brought back 1 row"
    assert dataset.view().tolist() == [0, 1, 2]
    dataset.undo()
    assert dataset.removal_reason(1) == "Not our language"


def test_that_replacing_previews_what_it_does_and_spares_removed_rows(make_dataset: Make) -> None:
    dataset = make_dataset([*ROWS, ["cat cat", "a"]])
    dataset.remove([4])
    spec = Replace(columns=("text",), find="cat", replacement="dog")
    shown = dataset.preview_replace(spec, None)
    assert (shown.cells, shown.rows) == (2, 2)
    assert shown.examples[0] == (1, "text", "the cat sat", "the dog sat")
    operation = dataset.replace(spec, None)
    assert operation is not None
    assert operation.label == "Replaced “cat” with “dog” in 2 cells of 2 rows"
    assert texts(dataset)[1:3] == ["the dog sat", "dog, condogenated"]
    assert dataset.row(4)["text"] == "cat cat"
    assert dataset.replace(spec, None) is None


@pytest.mark.parametrize(
    ("spec", "before", "after"),
    [
        (Replace(find="cat", replacement="dog", whole_word=True), "cat cat, concat cat", "dog dog, concat dog"),
        (Replace(find="Gr", replacement="x", whole_word=True), "Gr Größe", "x Größe"),
        (Replace(find="CAT", replacement=r"\1", case_sensitive=False), "a Cat", r"a \1"),
        (Replace(find="a.c", replacement="x"), "abc a.c", "abc x"),
        (Replace(find="a.c", replacement="x", case_sensitive=False), "abc A.C", "abc x"),
        (Replace(find=r"(\w+)@(\w+)", replacement=r"\2 at \1", regex=True), "me@home", "home at me"),
        (Replace(find="a|b", replacement="x", regex=True, whole_word=True), "a ab b", "x ab x"),
    ],
)
def test_that_each_way_to_find_finds_what_it_says(make_dataset: Make, spec: Replace, before: str, after: str) -> None:
    dataset = make_dataset([[before, "l"]])
    assert dataset.preview_replace(spec, None).examples == ((0, "text", before, after),)
    dataset.replace(spec, None)
    assert dataset.row(0)["text"] == after


@pytest.mark.parametrize(
    "spec",
    [
        Replace(find="", replacement="x"),
        Replace(find="(", replacement="x", regex=True),
        Replace(find="a", replacement=r"\7", regex=True),
        Replace(columns=("nope",), find="a", replacement="b"),
    ],
)
def test_that_a_replacement_that_cannot_work_changes_nothing(make_dataset: Make, spec: Replace) -> None:
    dataset = make_dataset(ROWS)
    with pytest.raises(DataError):
        dataset.replace(spec, None)
    assert not dataset.can_undo


def test_that_a_change_of_many_rows_writes_a_file_and_can_be_undone(
    make_dataset: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 3)
    dataset = make_dataset([[f"row {i}", "a"] for i in range(40)])
    dataset.edit(3, "text", "row mine")
    operation = dataset.replace(Replace(columns=("text",), find="row", replacement="line"), np.arange(30))
    assert operation is not None
    assert (operation.cells, operation.rows) == (30, 30)
    assert len(list((dataset.folder / "base").glob("column.*.arrow"))) == 1
    expected = [f"line {i}" for i in range(30)] + [f"row {i}" for i in range(30, 40)]
    expected[3] = "line mine"
    assert texts(dataset) == expected
    assert dataset.view(Query(show="edited")).tolist() == list(range(30))
    dataset.edit(5, "text", "on top")
    with Dataset.open(dataset.folder) as again:
        assert texts(again)[3:6] == ["line mine", "line 4", "on top"]
        again.undo()
        again.undo()
        assert texts(again)[3:6] == ["row mine", "row 4", "row 5"]
        assert again.view(Query(show="edited")).tolist() == [3]
        again.redo()
        assert texts(again) == expected


def test_that_a_column_file_of_a_killed_step_is_removed(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    orphan = dataset.folder / "base" / "column.dead.arrow"
    orphan.write_bytes(b"half")
    Dataset.open(dataset.folder, read_only=True).close()
    assert orphan.exists()
    Dataset.open(dataset.folder).close()
    assert not orphan.exists()


def test_that_going_back_and_doing_something_else_keeps_both_branches(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    for value in ("one", "two"):
        dataset.edit(0, "text", value)
    dataset.undo()
    assert [operation.in_force for operation in dataset.history()] == [True, False]
    dataset.edit(0, "text", "other")
    assert [operation.seq for operation in dataset.history()] == [1, 3]
    dataset.go_to(2)
    assert dataset.row(0)["text"] == "two"
    assert not dataset.can_redo
    dataset.go_to(0)
    assert dataset.row(0)["text"] == "Hello  there"
    assert [operation.seq for operation in dataset.history()] == [1, 2]
    dataset.go_to(3)
    assert dataset.row(0)["text"] == "other"
    with pytest.raises(DataError):
        dataset.go_to(99)


def test_that_what_does_not_exist_is_said(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    with pytest.raises(DataError, match="no column “nope”"):
        dataset.edit(0, "nope", "x")
    with pytest.raises(DataError, match="no row 5"):
        dataset.remove([0, 4])
    assert dataset.kept_rows() == 4


def test_that_a_read_only_dataset_reads_beside_a_writer_and_refuses_to_change(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.edit(0, "text", "new")
    with Dataset.open(dataset.folder, read_only=True) as reader:
        assert reader.row(0)["text"] == "new"
        with pytest.raises(DataError) as error:
            reader.edit(0, "text", "x")
        assert error.value.problem.code == "data.read_only"
        assert reader.row(0)["text"] == "new"


def test_that_missing_and_damaged_data_is_said(tmp_path: Path, make_dataset: Make) -> None:
    with pytest.raises(DataError) as error:
        Dataset.open(tmp_path / "nothing")
    assert error.value.problem.code == "data.no_dataset"
    for name in ("source.json", "edits.sqlite", "base/g0.arrow"):
        dataset = make_dataset(ROWS, name=name.replace("/", "-"))
        dataset.edit(0, "text", "x")
        dataset.close()
        path = dataset.folder / name
        path.write_bytes(b"no" + path.read_bytes()[2 : path.stat().st_size // 2])
        with pytest.raises(DataError) as error:
            Dataset.open(dataset.folder)
        assert error.value.problem.code == ("data.log_damaged" if name == "edits.sqlite" else "data.damaged")


def test_that_rows_stream_in_order_over_batches(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fintune_gui.dataset.base.BATCH_ROWS", 3)
    dataset = make_dataset([[f"row {i}", "a"] for i in range(10)])
    dataset.edit(7, "text", "seven")
    dataset.remove([0])
    assert [row_id for row_id, _ in dataset.rows()] == list(range(1, 10))
    assert [row["text"] for _, row in dataset.rows(np.array([7, 2]))] == ["row 2", "seven"]
    assert dataset.column("text").to_pylist()[6:8] == ["row 6", "seven"]


def test_that_the_log_is_written_as_the_design_asks(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.edit(0, "text", "x")
    with sqlite3.connect(dataset.folder / "edits.sqlite") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
    assert dataset._log._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert json.loads((dataset.folder / "source.json").read_text())["rows"] == 4


def test_that_reading_never_waits_for_a_long_change(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.remove([3], "Gone")
    inside, let_go = threading.Event(), threading.Event()

    def slow(array: pa.LargeStringArray) -> pa.LargeStringArray:
        inside.set()
        assert let_go.wait(10)
        return pc.utf8_upper(array)

    def change() -> None:
        dataset.transform("step", lambda cells, rows: f"Upper {cells}", {"text": slow})

    thread = threading.Thread(target=change)
    thread.start()
    assert inside.wait(10)
    before = dataset.fingerprint
    assert dataset.removal_reason(3) == "Gone"
    assert len(dataset.history()) == 1
    assert dataset.cells([1], ["text"]) == [("the cat sat",)]
    assert dataset.view(Query(text="cat")).tolist() == [1, 2]
    let_go.set()
    thread.join()
    assert dataset.cells([1], ["text"]) == [("THE CAT SAT",)]
    assert dataset.fingerprint != before


def test_that_many_threads_may_read_while_one_changes(make_dataset: Make) -> None:
    dataset = make_dataset([[f"row {i}", "a"] for i in range(200)])
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            seen = dataset.column("text").to_pylist()
            if len(seen) != 200 or not all(seen) or len(dataset.view(Query(text="row"))) > 200:
                wrong.append(seen)
            dataset.fingerprint, dataset.history(), dataset.removal_reason(0)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for i in range(40):
        dataset.edit(i, "text", f"row changed {i}")
        dataset.remove([199 - i])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert dataset.kept_rows() == 160


def test_that_a_full_disk_is_said_and_changes_nothing(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_dataset([[f"row {i}", "a"] for i in range(20)])
    dataset.edit(0, "text", "before")
    before = dataset.fingerprint
    pages = dataset._log._db.execute("PRAGMA page_count").fetchone()[0]
    dataset._log._db.execute(f"PRAGMA max_page_count = {pages}")
    noise = "".join(chr(0x4E00 + (i * 7919) % 20000) for i in range(100_000))
    with pytest.raises(DiskFullError) as error:
        dataset.edit(1, "text", noise)
    assert error.value.problem.code == "disk.full"
    dataset._log._db.execute("PRAGMA max_page_count = 1000000")
    assert (dataset.row(1)["text"], dataset.fingerprint) == ("row 1", before)

    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 3)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fintune_gui.dataset.base.os.fsync", no_room)
    with pytest.raises(DiskFullError):
        dataset.replace(Replace(find="row", replacement="line"), None)
    assert list((dataset.folder / "base").glob("column*")) == []
    assert (dataset.row(1)["text"], dataset.fingerprint) == ("row 1", before)
