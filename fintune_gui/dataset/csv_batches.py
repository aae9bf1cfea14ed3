"""CSV many rows at a time: rows that follow each other become columns at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.csv_rows import Dialect, read_csv
from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.dataset.readers.reader import Piece, TextBatch

_ROWS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 1 << 20


def read_csv_batches(path: Path, encoding: str, dialect: Dialect) -> Iterator[Piece]:
    """The rows that `csv_rows.read_csv` gives, but those that can be read as columns of text.

    Raises:
        DataError: as `csv_rows.read_csv`.
    """
    pending: list[RawRow] = []
    characters = 0
    for row in read_csv(path, encoding, dialect):
        if row.values is None:
            yield from _batch(pending)
            yield row
            pending, characters = [], 0
            continue
        pending.append(row)
        characters += sum(map(len, row.values.values()))
        if len(pending) == _ROWS_AT_ONCE or characters > _CHARACTERS_AT_ONCE:
            yield from _batch(pending)
            pending, characters = [], 0
    yield from _batch(pending)


def _batch(rows: list[RawRow]) -> Iterator[TextBatch]:
    if rows:
        values = [row.values for row in rows if row.values is not None]
        yield TextBatch(rows[0].line, {name: pa.array([row[name] for row in values], TEXT) for name in values[0]})
