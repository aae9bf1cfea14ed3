"""Whatever texts others write as CSV or JSON lines, the same come back; and pieces of a file never matter."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fintune_gui.dataset import json_rows
from fintune_gui.dataset.conversations import BadConversation
from fintune_gui.dataset.csv_rows import Dialect, read_csv
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.json_batches import read_json_batches
from fintune_gui.dataset.json_rows import RawRow, read_json_document, read_json_lines
from fintune_gui.dataset.readers.reader import TextBatch
from fintune_gui.dataset.shapes import as_texts
from fintune_gui.dataset.store import Dataset

few = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
tables = st.lists(st.tuples(cells, cells), min_size=1, max_size=6)
ODD = [("\r", '"'), ("\n\n", '""'), (",;\t", "“"), ("\ufeff", "\u2028"), ("", ""), (" a ", "'")]


def written_csv(rows: list[tuple[str, str]], **how: Any) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, **how)
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    return text.getvalue().encode()


@few
@given(tables, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@example(ODD, ",", csv.QUOTE_MINIMAL)
def test_that_any_texts_written_as_csv_come_back(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, quoting: int
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(written_csv(rows, delimiter=delimiter, quoting=quoting))
    found = [row.values for row in read_csv(path, "utf-8", Dialect(delimiter=delimiter))]
    assert found == [{"a": a, "b": b} for a, b in rows]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | cells,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cells, inner, max_size=3),
    max_leaves=5,
)
objects = st.lists(st.dictionaries(st.sampled_from(["a", "b", "input", "dialog", "row_id", ""]), values), max_size=8)


def texts_of(pieces: Any) -> list[dict[str, str | None]]:
    """All rows as columns of text; a column that others have is None, and so left out."""
    found: list[dict[str, str | None]] = []
    for piece in pieces:
        if isinstance(piece, TextBatch):
            found += [
                dict(zip(piece.columns, row, strict=True))
                for row in zip(*(array.to_pylist() for array in piece.columns.values()), strict=True)
            ]
        else:
            assert isinstance(piece, RawRow)
            assert piece.values is not None
            found.append(as_texts(piece.values))
    return [{name: text for name, text in row.items() if text is not None} for row in found]


@few
@given(objects, st.integers(1, 60), st.booleans())
@example([{"a": a, "b": b} for a, b in ODD], 10, False)
def test_that_json_lines_are_read_the_same_one_by_one_in_batches_and_as_a_document(
    tmp_path: Path, rows: list[dict[str, Any]], piece_bytes: int, ascii_only: bool
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows), "utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "_PIECE_BYTES", piece_bytes)
        one_by_one, notes = [row.values for row in read_json_lines(path, "utf-8")], Counter[str]()
        assert one_by_one == rows
        assert texts_of(read_json_batches(path, "utf-8", notes)) == texts_of(RawRow(1, row) for row in rows)
        assert not notes
    path.write_text(json.dumps(rows, ensure_ascii=ascii_only, indent=1), "utf-8")
    assert [row.values for row in read_json_document(path, "utf-8")] == rows


turns = st.lists(
    st.builds(
        lambda role, text, extras: {"role": role, "content": text} | extras,
        st.sampled_from(["user", "human", "Assistant", "nobody", None]),
        cells | st.none() | st.just([{"type": "text", "text": "x"}]),
        st.just({}) | st.just({"weight": 0}) | st.just({"from": "gpt"}),
    ),
    max_size=3,
)


@few
@given(st.lists(turns, min_size=2, max_size=6), st.sampled_from(["messages", "conversations"]))
def test_that_conversations_in_batches_are_those_read_one_by_one(
    tmp_path: Path, conversations: list[list[dict[str, Any]]], name: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"id": "1", name: one}) + "\n" for one in conversations))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "_PIECE_BYTES", 150)
        assert readable(read_json_batches(path, "utf-8", Counter())) == readable(read_json_lines(path, "utf-8"))


def readable(pieces: Any) -> list[dict[str, str | None]]:
    """The texts of all rows; the reason for those whose conversation cannot be used."""
    found: list[dict[str, str | None]] = []
    for piece in pieces:
        try:
            found += texts_of([piece])
        except BadConversation as error:
            found.append({"rejected": str(error)})
    return found


@settings(max_examples=8, deadline=None)
@given(tables)
@example(ODD)
def test_that_any_texts_come_back_out_of_a_whole_import(rows: list[tuple[str, str]]) -> None:
    expected = [{"a": a, "b": b} for a, b in rows]
    lines = "".join(json.dumps(row) + "\n" for row in expected).encode()
    with TemporaryDirectory() as folder:
        for name, content in (("x.csv", written_csv(rows)), ("x.jsonl", lines)):
            (Path(folder) / name).write_bytes(content)
            import_files([Path(folder) / name], Path(folder) / f"rows of {name}")
            with Dataset.open(Path(folder) / f"rows of {name}") as dataset:
                assert [row for _, row in dataset.rows()] == expected
