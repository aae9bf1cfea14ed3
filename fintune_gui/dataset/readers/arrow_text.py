"""Typed columns as text: numbers without a needless ".0", dates in ISO 8601, bytes that are no text in base64."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.csv_rows import column_names
from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.dataset.readers.reader import ROWS_AT_ONCE, Notes, Piece, TextBatch

BASE64_NOTE = "Cells that hold bytes and no text, written in base64"
CLASS_NAME_NOTE = "Columns of which the numbers were written as the names of their classes"

Names = Mapping[str, list[str]]
"""Names of classes by column."""


def as_pieces(
    batches: Iterable[pa.RecordBatch], notes: Notes, extra: Mapping[str, str] | None = None
) -> Iterator[Piece]:
    """Batches of any types as text.

    Nested columns need a look at every row, because a conversation may be in there; without them, whole columns are
    turned at once.

    Args:
        extra: Columns with the same value in every row.
    """
    done = 0
    classes: Names | None = None
    for whole in batches:
        if classes is None:
            classes = class_names(whole.schema)
            notes.update({CLASS_NAME_NOTE: len(classes)} if classes else {})
        names = column_names([str(name) for name in whole.schema.names])
        for start in range(0, whole.num_rows, ROWS_AT_ONCE):
            batch = whole.slice(start, ROWS_AT_ONCE)
            columns = [_plain(column) for column in batch.columns]
            nested = [pa.types.is_nested(column.type) for column in columns]
            if any(nested):
                values = [
                    column.to_pylist(maps_as_pydicts="lossy")
                    if deep
                    else texts(column, notes, classes.get(name)).to_pylist()
                    for column, deep, name in zip(columns, nested, names, strict=True)
                ]
                for number, cells in enumerate(zip(*values, strict=True), start=done + 1):
                    row = {
                        name: jsonable(cell, notes) if deep else cell
                        for name, cell, deep in zip(names, cells, nested, strict=True)
                    }
                    yield RawRow(number, row | dict(extra or {}))
            else:
                by_name = {n: texts(c, notes, classes.get(n)) for n, c in zip(names, columns, strict=True)}
                by_name |= {n: pa.repeat(pa.scalar(value, TEXT), batch.num_rows) for n, value in (extra or {}).items()}
                yield TextBatch(done + 1, by_name)
            done += batch.num_rows


def class_names(schema: pa.Schema) -> Names:
    """Names of the classes that the library ``datasets`` wrote beside columns of class numbers."""
    try:
        features = orjson.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        found = {
            name: feature.get("names") for name, feature in features.items() if feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError):
        return {}
    return {name: [str(one) for one in names] for name, names in found.items() if isinstance(names, list)}


def texts(column: pa.Array, notes: Notes, classes: list[str] | None = None) -> pa.Array:
    """A column that is not nested, as ``large_string``. Null stays null."""
    kind = column.type
    if classes and pa.types.is_integer(kind):
        return _named(column, classes)
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    if pa.types.is_time(kind):
        return _without_empty_fraction(column.cast(TEXT))
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(column), pa.scalar("NaN", TEXT), column.cast(TEXT))
    try:
        if pa.types.is_duration(kind):
            raise pa.ArrowInvalid("a bare number would not tell its unit")
        return (column.cast(pa.large_binary()) if pa.types.is_fixed_size_binary(kind) else column).cast(TEXT)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if cell is None else text_of(cell, notes) for cell in column.to_pylist()], TEXT)


def text_of(value: Any, notes: Notes) -> str:
    """A single value that is not nested, as text."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return number_text(value)
        case bytes():
            return _bytes_text(value, notes)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def number_text(value: float) -> str:
    """The shortest text that means exactly this number; whole numbers without ".0"."""
    if value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return "NaN" if math.isnan(value) else repr(value)


def _bytes_text(value: bytes, notes: Notes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        notes[BASE64_NOTE] += 1
        return base64.b64encode(value).decode("ascii")


def jsonable(value: Any, notes: Notes) -> Any:
    """A nested value of which everything inside can be written as JSON."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item, notes) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item, notes) for item in value]
    if isinstance(value, float) and math.isfinite(value):  # JSON knows neither NaN nor infinity
        return value
    return text_of(value, notes)


def _plain(column: pa.Array) -> pa.Array:
    """Without dictionaries, run lengths and types of somebody's own."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if pa.types.is_run_end_encoded(column.type):
        return pc.run_end_decode(column)
    return column


def _named(column: pa.Array, classes: list[str]) -> pa.Array:
    """-1 stands for "no class"; numbers without a name stay as they are."""
    known = pc.and_(pc.greater_equal(column, 0), pc.less(column, len(classes)))
    names = pa.array(classes, TEXT).take(pc.if_else(known, column, 0).cast(pa.int64()))
    written = pc.if_else(known, names, column.cast(TEXT))
    return pc.if_else(pc.equal(column, -1), pa.scalar(None, TEXT), written)


def _timestamps(column: pa.Array) -> pa.Array:
    written = pc.replace_substring(column.cast(TEXT), " ", "T", max_replacements=1)
    if column.type.tz is not None:
        written = pc.replace_substring_regex(written, r"([+-]\d\d)(\d\d)$", r"\1:\2")
    return _without_empty_fraction(written)


def _without_empty_fraction(written: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(written, r"\.0+($|Z|[+-])", r"\1")
