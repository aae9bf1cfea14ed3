"""What all readers have in common: a source is settled first (what is it, how is it read), then read piece by piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.project.import_options import FileFormat, ImportOptions

ROWS_AT_ONCE = 4096
"""Rows that a reader turns into text together; few enough to be cancelled within a moment."""

Notes = Counter[str]
"""What the user should know about an import, and how many cells or rows it is true of."""


@dataclass(frozen=True)
class Source:
    """Something to read that is neither packed nor a heap of files.

    Attributes:
        path: Where it lies now; for an unpacked file a temporary place. For the hub, the data set's name.
        name: What people call it: the file's name, or its path inside the folder or archive.
        several: Whether it is one of several that are read together.
    """

    path: Path
    name: str
    several: bool = False
    notes: Notes = field(default_factory=Counter)
    looked: Callable[[int], None] = lambda done: None
    """Told how many bytes have been looked at; may raise `CancelledError`."""

    @property
    def ending(self) -> str:
        """How the name ends, in small letters and without the ending of a packed file: ".csv" for "Rows.CSV.gz"."""
        name = self.name.lower()
        return Path(name.removesuffix(".gz").removesuffix(".zst")).suffix


@dataclass(frozen=True)
class Settled:
    """How a source will be read.

    Attributes:
        options: With `format` and everything that matters for it filled in.
        tables: What `options.table` can be.
        encoding_note: How the encoding was found, unless it is beyond doubt.
        lines: Lines of the source, where it has any.
        rows: Number of its rows, where that is known beforehand.
    """

    options: ImportOptions
    tables: tuple[str, ...] = ()
    encoding_note: str = ""
    lines: int | None = None
    rows: int | None = None
    sha256: str | None = None
    """Of the source's bytes, where they had to be read anyway."""


@dataclass(frozen=True)
class TextBatch:
    """Rows that came as columns: texts by name, each a ``large_string`` array of the same length."""

    first_row: int
    """Number of the first row in its source, from 1."""
    columns: Mapping[str, pa.Array]

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


Piece = RawRow | TextBatch


@dataclass(frozen=True)
class Reader:
    """How one format is read.

    Attributes:
        title: What people call the format.
        settle: Finds out what the options leave open. Raises `DataError` for what cannot be read, or is not there.
        read: The rows. Raises `DataError` if the source turns out to be damaged.
    """

    format: FileFormat
    title: str
    settle: Callable[[Source, ImportOptions], Settled]
    read: Callable[[Source, ImportOptions], Iterator[Piece]]
