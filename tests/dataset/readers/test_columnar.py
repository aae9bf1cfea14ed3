"""Parquet, Arrow and Feather, and how typed columns become text."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet

from fintune_gui.dataset.importing import sniff
from fintune_gui.dataset.readers.arrow_text import BASE64_NOTE, CLASS_NAME_NOTE
from tests.dataset.readers.importing import imported, refused

TABLE = pa.table({"text": ["one", None, ""], "number": pa.array([1, None, 3])})
ROWS = [{"text": "one", "number": "1"}, {"text": None, "number": None}, {"text": "", "number": "3"}]


def write_file(table: pa.Table, path: Path) -> None:
    with ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def write_stream(table: pa.Table, path: Path) -> None:
    with ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


@pytest.mark.parametrize(
    ("write", "format_"),
    [
        (parquet.write_table, "parquet"),
        (write_file, "arrow"),
        (write_stream, "arrow"),
        (feather.write_feather, "arrow"),
    ],
)
def test_that_the_content_tells_the_format_and_null_is_not_empty(tmp_path: Path, write, format_: str) -> None:
    source = tmp_path / "rows.data"
    write(TABLE, source)
    before = source.read_bytes()
    rows, result = imported(source)
    assert rows == ROWS
    assert (result.sources[0].format, result.bytes) == (format_, len(before))
    found = sniff(source)
    assert (found.format, list(found.first_rows), found.columns) == (format_, ROWS, ("text", "number"))
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1.0, 2.5, float("nan"), 1e300]), ["1", "2.5", "NaN", "1e+300"]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([2**63], pa.uint64()), ["9223372036854775808"]),
        (pa.array([decimal.Decimal("1.50")]), ["1.50"]),
        (pa.array([dt.date(2024, 1, 2)]), ["2024-01-02"]),
        (pa.array([dt.datetime.fromisoformat("2024-01-02T03:04:05")]), ["2024-01-02T03:04:05"]),
        (pa.array([dt.datetime.fromisoformat("2024-01-02T03:04:05.678")]), ["2024-01-02T03:04:05.678000"]),
        (
            pa.array([dt.datetime.fromisoformat("2024-01-02")], pa.timestamp("ns", "Europe/Berlin")),
            ["2024-01-02T01:00:00+01:00"],
        ),
        (pa.array([dt.datetime.fromisoformat("2024-01-02")], pa.timestamp("s", "UTC")), ["2024-01-02T00:00:00Z"]),
        (pa.array([dt.time(1, 2, 3)]), ["01:02:03"]),
        (pa.array([dt.timedelta(days=1, seconds=3)]), ["1 day, 0:00:03"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([b"bytes", "ü".encode()]), ["bytes", "ü"]),
        (pa.nulls(1), [None]),
    ],
)
def test_that_every_type_becomes_the_text_that_it_stands_for(tmp_path: Path, values, expected) -> None:
    write_file(pa.table({"x": values}), tmp_path / "x.arrow")
    rows, _ = imported(tmp_path / "x.arrow")
    assert [row["x"] for row in rows] == expected


def test_that_bytes_that_are_no_text_are_kept_and_said(tmp_path: Path) -> None:
    write_file(pa.table({"x": [b"\xff\x00", b"text"]}), tmp_path / "x.arrow")
    rows, result = imported(tmp_path / "x.arrow")
    assert [row["x"] for row in rows] == ["/wA=", "text"]
    assert result.notes == (f"{BASE64_NOTE}: 1.",)


def test_that_nested_values_become_json_and_conversations_messages(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    table = pa.table(
        {
            "conversations": [turns],
            "meta": [{"z": 1, "b": [dt.date(2024, 1, 2)], "raw": b"\xff", "n": float("nan")}],
            "pairs": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "price": [1.0],
        }
    )
    parquet.write_table(table, tmp_path / "x.parquet")
    rows, result = imported(tmp_path / "x.parquet")
    assert rows == [
        {
            "messages": '[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]',
            "meta": '{"b":["2024-01-02"],"n":"NaN","raw":"/w==","z":1}',
            "pairs": '{"k":1}',
            "price": "1",
        }
    ]
    assert result.shape == "ShareGPT"


def test_that_class_numbers_become_their_names_and_that_is_said(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({"t": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])})
    made = datasets.Dataset.from_dict({"t": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    made.to_parquet(tmp_path / "x.parquet")
    rows, result = imported(tmp_path / "x.parquet")
    assert [row["label"] for row in rows] == ["good", "bad", None]
    assert result.notes == (f"{CLASS_NAME_NOTE}: 1.",)


def test_that_two_columns_of_the_same_name_are_both_kept(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["x", "x"])
    write_file(table, tmp_path / "x.arrow")
    assert imported(tmp_path / "x.arrow")[0] == [{"x": "a", "x_2": "b"}]


def test_that_a_damaged_file_is_said_and_changes_nothing(tmp_path: Path) -> None:
    parquet.write_table(TABLE, tmp_path / "x.parquet")
    write_file(TABLE, tmp_path / "x.arrow")
    for name in ("x.parquet", "x.arrow"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        assert refused(tmp_path / name) == "data.damaged_file"


def test_that_a_table_without_rows_is_said(tmp_path: Path) -> None:
    parquet.write_table(TABLE.slice(0, 0), tmp_path / "x.parquet")
    assert refused(tmp_path / "x.parquet") == "data.no_rows"
