"""Rows as text and as files: what comes back is what was there, and nothing else is touched."""

from __future__ import annotations

import csv
import io
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from fintune_gui.dataset import row_export
from fintune_gui.dataset.gathering import gathered
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.row_export import export_rows, rows_as_text
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import CancelledError, DataError, DiskFullError

Make = Callable[..., Dataset]

DIRT = [
    "plain", "", "two\nlines", "a\r\nb\rc", 'say "hi"', "tab\there", "a,b;c", " padded ", "=1+1", "+cmd|'/c calc'!A0",
    "@SUM(A1)", "-3", "007", "1e5", "https://example.com", "_x0041_", "Ünï 数据 🎈", "|pipe| \\ back", "\x00\x01\x0b",
    "'", '"', "NULL", "nan", "<b>&amp;</b>",
]  # fmt: skip


@pytest.fixture
def dirty(make_dataset: Make) -> Dataset:
    dataset = make_dataset([["x", "y"]] * len(DIRT))
    dataset.set_cells({"text": (range(len(DIRT)), DIRT)}, kind="paste", label=lambda _c, _r: "Pasted")
    dataset.edit(3, "label", None)
    dataset.edit(4, "label", "")
    return dataset


def cells_of(dataset: Dataset) -> list[tuple[str | None, ...]]:
    return dataset.cells(range(dataset.total_rows))


def written(path: Path) -> list[dict[str, Any]]:
    """A file as another program reads it."""
    match path.suffix:
        case ".csv" | ".tsv":
            table = pyarrow.csv.read_csv(
                path,
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter="," if path.suffix == ".csv" else "\t", newlines_in_values=True
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={"text": pa.string(), "label": pa.string()},
                    strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
                ),
            )  # fmt: skip
            return table.to_pylist()  # type: ignore[no-any-return]
        case ".jsonl":
            return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        case ".parquet":
            return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
        case _:
            header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
            return [dict(zip(map(str, header), row, strict=True)) for row in rows]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
def test_that_a_file_holds_every_text_to_the_letter(dirty: Dataset, tmp_path: Path, kind: Any) -> None:
    target = tmp_path / f"out.{kind}"
    order = np.arange(dirty.total_rows)[::-1]
    result = export_rows(dirty, order, dirty.columns, target, kind)
    expected = [dict(zip(dirty.columns, cells, strict=True)) for cells in dirty.cells(order)]
    if kind == "xlsx":  # a sheet knows no difference between an empty cell and none
        expected = [{name: value or "" for name, value in row.items()} for row in expected]
    assert written(target) == expected
    assert (result.rows, result.bytes) == (len(expected), target.stat().st_size)
    assert {path.name for path in tmp_path.iterdir()} == {"dataset", "dataset.csv", target.name}


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_that_a_csv_file_comes_back_through_an_import(dirty: Dataset, tmp_path: Path, kind: Any) -> None:
    target = tmp_path / f"out.{kind}"
    rows = [row for row in range(dirty.total_rows) if row != DIRT.index("\x00\x01\x0b")]
    export_rows(dirty, rows, dirty.columns, target, kind)
    import_files([target], tmp_path / "again")
    with Dataset.open(tmp_path / "again") as again:
        assert [row["text"] for _, row in again.rows()] == [DIRT[row] for row in rows]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "xlsx"])
def test_that_rows_can_carry_their_numbers(dirty: Dataset, tmp_path: Path, kind: Any) -> None:
    target = tmp_path / f"out.{kind}"
    export_rows(dirty, [7, 2], ["label"], target, kind, include_row_numbers=True)
    assert written(target) == [{"row_number": 8, "label": "y"}, {"row_number": 3, "label": "y"}]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
def test_that_rows_without_any_value_are_rows(make_dataset: Make, tmp_path: Path, kind: Any) -> None:
    dataset = make_dataset([["x"], ["x"], ["x"]], ["text"])
    dataset.set_value("text", None, None)
    assert export_rows(dataset, [0, 1, 2], ["text"], tmp_path / f"out.{kind}", kind).rows == 3
    assert len(written(tmp_path / f"out.{kind}")) == 3
    assert export_rows(dataset, [], ["text"], tmp_path / f"none.{kind}", kind).rows == 0


def test_that_conversations_are_written_as_lists(make_dataset: Make, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    dataset = make_dataset([[json.dumps(turns), "a"], [json.dumps(turns), "b"]], ["messages", "label"])
    target = tmp_path / "out.jsonl"
    result = export_rows(dataset, [0, 1], dataset.columns, target, "jsonl")
    assert written(target)[0] == {"messages": turns, "label": "a"}
    assert result.warnings == ("The conversations in “messages” are lists of turns.",)
    result = export_rows(dataset, [0], dataset.columns, target, "jsonl", conversations_as_lists=False)
    assert (written(target)[0]["messages"], result.warnings) == (dataset.row(0)["messages"], ())


def test_that_a_source_and_the_rows_themselves_are_never_written(make_dataset: Make, tmp_path: Path) -> None:
    dataset = make_dataset([["a", "b"]])
    source = tmp_path / "dataset.csv"
    before = source.read_bytes()
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    for name in ("dataset.csv", "link.csv", "hard.csv", "dataset/../dataset.csv"):
        with pytest.raises(DataError) as error:
            export_rows(dataset, [0], ["text"], tmp_path / name, "csv")
        assert error.value.problem.code == "data.export_to_source"
    with pytest.raises(DataError) as error:
        export_rows(dataset, [0], ["text"], dataset.folder / "base" / "g0.arrow", "csv")
    assert error.value.problem.code == "data.export_into_dataset"
    assert source.read_bytes() == before


def test_that_excel_limits_are_told_before_anything_is_written(
    make_dataset: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset([["ok", "a"], ["🎈" * 16_383 + "x", "b"], ["🎈" * 16_384, "c"], ["x" * 40_000, "d"]])
    target = tmp_path / "out.xlsx"
    with pytest.raises(DataError) as error:
        export_rows(dataset, [0, 3, 2, 1], dataset.columns, target, "xlsx")
    assert "row 4 in “text”, row 3 in “text”." in error.value.problem.why
    assert export_rows(dataset, [0, 1], dataset.columns, target, "xlsx").rows == 2
    assert written(target)[1]["text"] == dataset.row(1)["text"]
    monkeypatch.setattr(row_export, "EXCEL_ROWS", 2)
    with pytest.raises(DataError) as error:
        export_rows(dataset, [0, 1], dataset.columns, tmp_path / "more.xlsx", "xlsx")
    assert error.value.problem.code == "data.too_large_for_excel"
    assert not (tmp_path / "more.xlsx").exists()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "xlsx"])
def test_that_a_cancelled_export_leaves_what_was_there(dirty: Dataset, tmp_path: Path, kind: Any) -> None:
    target = tmp_path / f"out.{kind}"
    target.write_text("before")

    def stop() -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        export_rows(dirty, range(5), dirty.columns, target, kind, check_cancelled=stop)
    assert target.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"dataset", "dataset.csv", target.name}


def test_that_a_file_that_lost_rows_is_not_put_in_place(
    dirty: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fintune_gui.dataset import export_files

    kept: Callable[[Path], Iterator[bytes]] = export_files._blocks
    monkeypatch.setattr(export_files, "_blocks", lambda path: (block[: len(block) // 2] for block in kept(path)))
    with pytest.raises(DataError) as error:
        export_rows(dirty, range(5), ["label"], tmp_path / "out.csv", "csv")
    assert error.value.problem.code == "data.export_incomplete"
    assert not (tmp_path / "out.csv").exists()


def test_that_the_clipboard_gets_what_a_spreadsheet_understands(dirty: Dataset) -> None:
    every = range(dirty.total_rows)
    block = rows_as_text(dirty, every, dirty.columns, "tsv")
    expected = [[text, label or ""] for text, label in cells_of(dirty)]
    assert list(csv.reader(io.StringIO(block, newline=""), delimiter="\t")) == expected
    table = rows_as_text(dirty, every, dirty.columns, "csv")
    assert list(csv.reader(io.StringIO(table, newline=""))) == [list(dirty.columns), *expected]
    assert rows_as_text(dirty, [0], ["text"], "tsv", header=True) == "text\nplain\n"
    lines = rows_as_text(dirty, [3, 0], ["label", "text"], "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"label": None, "text": "a\r\nb\rc"},
        {"label": "y", "text": "plain"},
    ]
    assert rows_as_text(dirty, [2, 17], ["text"], "markdown") == (
        "| text |\n| --- |\n| two<br>lines |\n| \\|pipe\\| \\\\ back |\n"
    )


def test_that_too_much_for_the_clipboard_is_refused(dirty: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_export, "MOST_COPIED_CHARACTERS", 20)
    with pytest.raises(DataError) as error:
        rows_as_text(dirty, range(dirty.total_rows), dirty.columns, "csv")
    assert "export" in error.value.problem.todo


def test_that_rows_are_gathered_as_they_stand(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fintune_gui.dataset.base.BATCH_ROWS", 4)
    monkeypatch.setattr("fintune_gui.dataset.column._MOST_RECENT", 3)
    dataset = make_dataset([[f"t{i}", "x"] for i in range(30)])
    for row in (5, 9, 9, 20, 29, 3):
        dataset.edit(row, "text", f"edited {row}")
    column = dataset.picture.column_of("text")
    assert column.recent
    assert len(column.rows)
    for ids in (np.arange(30), np.array([29, 3, 3, 0, 20, 9]), np.array([], np.int64)):
        assert gathered(column, ids).to_pylist() == [cells[0] for cells in dataset.cells(ids, ["text"])]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the system for the size of files")
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "xlsx"])
def test_that_an_export_without_room_leaves_what_was_there(make_dataset: Make, tmp_path: Path, kind: Any) -> None:
    import resource

    dataset = make_dataset([[str(random.Random(row).randbytes(300)), "x"] for row in range(300)])
    target = tmp_path / f"out.{kind}"
    target.write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(DiskFullError):
            export_rows(dataset, range(300), dataset.columns, target, kind)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert target.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"dataset", "dataset.csv", target.name}
