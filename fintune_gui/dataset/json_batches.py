"""JSON lines many at a time: the quick way for files in which all is well, which falls back to one row after another.

A piece of the file is parsed line by line, but becomes columns at once. If anything in a piece is out of the
ordinary, its rows are given one by one, each with its line and, if it is broken, its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from fintune_gui.dataset.base import MOST_COLUMNS, TEXT
from fintune_gui.dataset.conversations import BadConversation, canonical_text, is_conversation
from fintune_gui.dataset.json_rows import (
    CONVERSATION_KEYS,
    note_oddities,
    pieces_as_utf8,
    rows_of_lines,
)
from fintune_gui.dataset.readers.reader import Notes, Piece, TextBatch
from fintune_gui.dataset.shapes import MESSAGES, PREFERENCE_KEYS, RESERVED, cell_text
from fintune_gui.dataset.utf8 import count_byte

_LINE_END, _QUOTE = b'\n"'
_NEED_A_LOOK = frozenset((*CONVERSATION_KEYS, *RESERVED, ""))
"""Columns that may get another name."""


def read_json_batches(path: Path, encoding: str, notes: Notes) -> Iterator[Piece]:
    """The rows of JSON lines, as `json_rows.read_json_lines` gives them, but most of them as columns of text."""
    first_line = 1
    for piece in pieces_as_utf8(path, encoding):
        lines = count_byte(piece, _LINE_END) + (not piece.endswith(b"\n"))
        try:
            yield _batch(piece, lines, first_line, notes)
        except _OneByOneError:
            yield from rows_of_lines(piece.split(b"\n"), first_line, notes)
        first_line += lines


class _OneByOneError(Exception):
    """These rows are not all alike and well."""


def _batch(piece: bytes, lines: int, first_line: int, notes: Notes) -> TextBatch:
    rows = _parsed_at_once(piece)
    if len(rows) != lines or set(map(type, rows)) != {dict}:
        raise _OneByOneError
    cells = _cells(rows)
    if not cells or len(cells) > MOST_COLUMNS:
        raise _OneByOneError
    if not _NEED_A_LOOK.isdisjoint(cells):
        if first_line == 1:
            raise _OneByOneError  # in the first rows one can still see whose way of writing conversations it is
        cells = _with_conversation(cells)
    columns = {name: _column(name, values) for name, values in cells.items()}
    if not _surely_without_repeated_names(piece, columns) or rb"\u0000" in piece:
        for line, row in zip(piece.split(b"\n"), rows, strict=False):
            note_oddities(line, row, notes)
    return TextBatch(first_line, columns)


def _parsed_at_once(piece: bytes) -> list[Any]:
    """All lines as the items of one list, which takes much less time than each by itself."""
    try:
        rows = orjson.loads(b"[%b]" % piece.removesuffix(b"\n").replace(b"\n", b","))
    except orjson.JSONDecodeError:
        raise _OneByOneError from None
    assert isinstance(rows, list)
    return rows


def _cells(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The values of each column; None where a row lacks it."""
    names = rows[0].keys()
    if set(map(len, rows)) == {len(names)}:
        try:
            return {name: list(map(itemgetter(name), rows)) for name in names}
        except KeyError:
            pass
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(chain.from_iterable(rows))}


def _with_conversation(cells: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The same columns with the conversations of all rows as text, if they stand in a single column."""
    odd = [name for name in cells if name in _NEED_A_LOOK]
    name = odd[0]
    if len(odd) > 1 or name not in CONVERSATION_KEYS or not all(map(is_conversation, cells[name])):
        raise _OneByOneError
    try:
        texts: list[Any] = list(map(canonical_text, cells[name]))
    except (BadConversation, orjson.JSONEncodeError):
        raise _OneByOneError from None
    return {MESSAGES if column == name else column: texts if column == name else cells[column] for column in cells}


def _column(name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, TEXT)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        if name in PREFERENCE_KEYS:
            raise _OneByOneError from None  # perhaps conversations
        try:
            return pa.array([cell_text(name, value) for value in values], TEXT)
        except orjson.JSONEncodeError:
            raise _OneByOneError from None  # nested too deeply


def _surely_without_repeated_names(piece: bytes, columns: dict[str, pa.Array]) -> bool:
    """Rows of texts have two quotation marks for each name and each text; another number calls for a closer look."""
    cells = sum(len(array) for array in columns.values())
    empty = sum(array.null_count for array in columns.values())
    return bool(count_byte(piece, _QUOTE) == 4 * cells - 2 * empty)
