"""Rows that come after the import, renamed columns, and many cells at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from fintune_gui.dataset import bulk
from fintune_gui.dataset.base import TextFileWriter
from fintune_gui.dataset.query import Query
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.summary import read_summary
from fintune_gui.project.document import SourceFile
from fintune_gui.project.errors import CancelledError, DataError

ROWS = [["one", "a"], ["two", "b"], ["three", "a"]]
Make = Callable[..., Dataset]


def content(dataset: Dataset) -> list[dict[str, str | None]]:
    return [row for _, row in dataset.rows()]


def source_file(name: str, rows: int, rejected: int = 0) -> SourceFile:
    return SourceFile(
        path=f"/data/{name}", sha256="0" * 64, bytes=10, format="csv", encoding="utf-8", rows=rows, rejected=rejected
    )


def write_segment(dataset: Dataset, name: str, columns: dict[str, list[str | None]]) -> None:
    writer = TextFileWriter(dataset.folder / "base" / name, list(columns))
    writer.write([pa.array(values, pa.large_string()) for values in columns.values()])
    writer.close()


def test_that_an_added_row_lies_behind_all_others_and_can_be_undone(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    before = dataset.fingerprint
    operation = dataset.append_rows([{"text": "four"}, {"text": None, "label": "b"}])
    assert (operation.label, operation.rows) == ("Added 2 rows", 2)
    assert content(dataset)[3:] == [{"text": "four", "label": None}, {"text": None, "label": "b"}]
    assert dataset.total_rows == 5
    assert dataset.added_mask().tolist() == [False, False, False, True, True]
    assert not dataset.is_edited(3, "text")
    assert not dataset.edited_mask().any()
    dataset.edit(3, "label", "c")
    with Dataset.open(dataset.folder, read_only=True) as again:
        assert content(again) == content(dataset)
    dataset.undo()
    dataset.undo()
    assert (dataset.total_rows, dataset.fingerprint) == (3, before)
    with pytest.raises(DataError):
        dataset.row(3)
    dataset.redo()
    assert content(dataset)[3] == {"text": "four", "label": None}


def test_that_a_branch_may_add_other_rows_under_the_same_ids(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    first = dataset.append_rows([{"text": "mine"}])
    dataset.undo()
    dataset.append_rows([{"text": "other"}, {"text": "more"}])
    assert [row["text"] for row in content(dataset)] == ["one", "two", "three", "other", "more"]
    dataset.go_to(first.seq)
    assert [row["text"] for row in content(dataset)] == ["one", "two", "three", "mine"]
    assert len(dataset.all_operations()) == 2


def test_that_a_row_with_an_unknown_column_is_refused(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    with pytest.raises(DataError, match="no column"):
        dataset.append_rows([{"nothing": "x"}])
    assert dataset.head == 0


def test_that_an_added_file_continues_columns_and_brings_new_ones(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    write_segment(dataset, "rows.1.arrow", {"text": ["four", "five"], "new": ["x", None], "source": ["b.csv"] * 2})
    dataset.append_file(
        "rows.1.arrow", [source_file("b.csv", 2, rejected=1)], label="Added 2 rows from b.csv", fill={"source": "a.csv"}
    )
    assert dataset.columns == ("text", "label", "new", "source")
    assert content(dataset)[0] == {"text": "one", "label": "a", "new": None, "source": "a.csv"}
    assert content(dataset)[3] == {"text": "four", "label": None, "new": "x", "source": "b.csv"}
    assert [len(dataset.sources), dataset.sources[-1].path] == [2, "/data/b.csv"]
    assert dataset.added_mask().tolist() == [False] * 3 + [True] * 2
    assert not dataset.is_edited(3, "text")
    summary = read_summary(dataset.folder)
    assert summary is not None
    assert (summary.rows, summary.rejected, summary.columns) == (5, 1, dataset.columns)
    dataset.edit(4, "text", "FIVE")
    assert dataset.original(4, "text") == "five"
    dataset.undo()
    dataset.undo()
    assert (dataset.columns, dataset.total_rows, len(dataset.sources)) == (("text", "label"), 3, 1)
    with Dataset.open(dataset.folder) as again:  # nothing that an undone operation needs was cleared away
        again.redo()
        assert again.row(3)["text"] == "four"


def test_that_a_column_file_and_later_rows_fit_together(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 0)
    dataset = make_dataset(ROWS)
    dataset.set_value("label", None, "z")
    dataset.append_rows([{"text": "four", "label": "own"}])
    assert [row["label"] for row in content(dataset)] == ["z", "z", "z", "own"]
    dataset.set_value("label", np.array([0, 3]), "y")
    assert [row["label"] for row in content(dataset)] == ["y", "z", "z", "y"]
    assert dataset.view(Query(text="label = y")).tolist() == [0, 3]
    for _ in range(3):
        dataset.undo()
    assert content(dataset) == [{"text": text, "label": label} for text, label in ROWS]


def test_that_the_same_value_is_set_in_all_kept_rows(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.remove([1])
    operation = dataset.set_value("label", None, "a")
    assert operation is None
    operation = dataset.set_value("label", None, "c")
    assert operation is not None
    assert operation.label == "Set “label” to “c” in 2 rows"
    dataset.restore([1])
    assert [row["label"] for row in content(dataset)] == ["c", "b", "c"]


def test_that_a_pasted_block_is_one_operation(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    block = {"text": ([0, 1], ["eins", "two"]), "label": ([0, 1], [None, "q"])}
    operation = dataset.set_cells(block, kind="paste", label=lambda cells, rows: f"Pasted {cells} into {rows}")
    assert operation is not None
    assert (operation.label, operation.cells, operation.rows) == ("Pasted 3 into 2", 3, 2)
    assert content(dataset)[:2] == [{"text": "eins", "label": None}, {"text": "two", "label": "q"}]
    dataset.undo()
    assert content(dataset) == [{"text": text, "label": label} for text, label in ROWS]


def test_that_a_renamed_column_keeps_its_values_edits_and_key(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.edit(0, "label", "edited")
    dataset.rename("label", "topic ")
    assert dataset.columns == ("text", "topic")
    assert dict(dataset.keys) == {"text": "text", "label": "topic"}
    dataset.edit(1, "topic", "again")
    assert [row["topic"] for row in content(dataset)] == ["edited", "again", "a"]
    assert dataset.view(Query(text="topic = again")).tolist() == [1]
    summary = read_summary(dataset.folder)
    assert summary is not None
    assert summary.columns == ("text", "topic")
    for wrong in ("", "text"):
        with pytest.raises(DataError, match="cannot be a column's name"):
            dataset.rename("topic", wrong)
    for _ in range(3):
        dataset.undo()
    assert content(dataset) == [{"text": text, "label": label} for text, label in ROWS]


def test_that_a_cancelled_change_leaves_nothing(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 0)
    monkeypatch.setattr("fintune_gui.dataset.base.BATCH_ROWS", 2)
    dataset = make_dataset([[f"row {number}", "a"] for number in range(10)])
    seen: list[float] = []

    def cancel() -> None:
        if len(seen) > 3:
            raise CancelledError()

    with pytest.raises(CancelledError):
        dataset.transform(
            "step",
            lambda cells, rows: "Shortened",
            {"text": lambda array: pa.repeat(pa.scalar("x", pa.large_string()), len(array))},
            report=lambda _stage, done, _total: seen.append(done),
            check_cancelled=cancel,
        )
    assert dataset.head == 0
    assert content(dataset)[0]["text"] == "row 0"
    assert [path.name for path in (dataset.folder / "base").iterdir()] == ["g0.arrow"]
