"""A look at a file before anything is written: every guess, what can be chosen instead, and the first rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fintune_gui.dataset.conversations import BadConversation
from fintune_gui.dataset.intake import no_rows, rows_of
from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.dataset.readers.reader import Notes, Piece, Settled, Source
from fintune_gui.dataset.readers.registry import READERS, settle
from fintune_gui.dataset.readers.unpacking import Part, packing, parts_of, unpacked
from fintune_gui.dataset.shapes import as_texts, recognise
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import FileChoice, FileFormat, ImportOptions, TextUnit
from fintune_gui.project.settings import Frozen

_PREVIEW_ROWS = 50


class Sniffed(Frozen):
    """What a file seems to hold, for the preview."""

    path: str
    format: FileFormat
    encoding: str
    """"" for formats that are no text."""
    encoding_note: str
    """How the encoding was found, unless it is beyond doubt."""
    delimiter: str | None
    columns: tuple[str, ...]
    first_rows: tuple[dict[str, str | None], ...]
    """At most 50."""
    shape: str | None
    """Name of a known row format, for example "Alpaca"."""
    shape_sure: float = 0.0
    """How sure that is, from 0 to 1."""
    shape_why: str = ""
    """The reason in one sentence."""
    shape_advice: str = ""
    title: str = ""
    """What people call the file's format."""
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None
    tables: tuple[str, ...] = ()
    """Sheets, tables or splits; one of them can be chosen."""
    table: str | None = None
    members: tuple[str, ...] = ()
    """Files with rows in a folder or an archive; all are read, unless one is chosen."""
    text_unit: TextUnit | None = None
    compressed: str = ""
    """"gzip", "zstd", "zip", or ""."""
    rows: int | None = None
    """How many rows there are, where that is known without reading them."""
    rejected: tuple[str, ...] = ()
    """Why rows among the first ones cannot be read."""
    notes: tuple[str, ...] = ()


def sniff(path: Path | str | FileChoice, options: ImportOptions | None = None) -> Sniffed:
    """Look at a file without importing it.

    Raises:
        DataError: if it is missing, unreadable, empty, of an unknown kind, or has no rows that can be read.
    """
    choice = path if isinstance(path, FileChoice) else FileChoice(path=str(path), options=options or ImportOptions())
    parts, _ = parts_of(choice)
    first_error: DataError | None = None
    for part in parts:
        try:
            return _sniff_part(choice, part, parts)
        except DataError as error:
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def _sniff_part(choice: FileChoice, part: Part, parts: list[Part]) -> Sniffed:
    with TemporaryDirectory(prefix="fintune-") as scratch, unpacked(part, Path(scratch), lambda: None) as path:
        source = Source(path, part.name, part.several)
        settled = settle(source, choice.options)
        first = _FirstRows(READERS[settled.options.format].read(source, settled.options))
    if not first.rows:
        raise no_rows(part.name, first.rejects[0] if first.rejects else None)
    return _told(choice, parts, settled, source.notes, first)


class _FirstRows:
    """The first rows of a source: as read, as texts, and what is wrong with others."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.values: list[dict[str, Any]] = []
        self.rows: list[dict[str, str | None]] = []
        self.rejects: list[RawRow] = []
        for piece in islice(pieces, _PREVIEW_ROWS):
            for raw in rows_of(piece):
                if len(self.rows) < _PREVIEW_ROWS:
                    self._take(raw)
            if len(self.rows) >= _PREVIEW_ROWS:
                break

    def _take(self, raw: RawRow) -> None:
        if raw.values is None:
            self.rejects.append(raw)
            return
        self.values.append(raw.values)
        try:
            self.rows.append(as_texts(raw.values))
        except BadConversation as error:
            self.rejects.append(RawRow(raw.line, None, str(error)))


def _told(choice: FileChoice, parts: list[Part], settled: Settled, notes: Notes, first: _FirstRows) -> Sniffed:
    found = settled.options
    recognised = recognise(first.values)
    return Sniffed(
        path=choice.path,
        format=READERS[found.format].format,
        title=READERS[found.format].title,
        encoding=found.encoding or "",
        encoding_note=settled.encoding_note,
        delimiter=found.delimiter if found.format == "csv" else None,
        quote=found.quote,
        escape=found.escape,
        header=found.header,
        tables=settled.tables,
        table=found.table,
        members=tuple(part.name for part in parts) if parts[0].member is not None or len(parts) > 1 else (),
        text_unit=found.text_unit,
        compressed=packing(choice),
        columns=tuple(dict.fromkeys(name for row in first.rows for name in row)),
        first_rows=tuple(first.rows),
        shape=recognised.name if recognised else None,
        shape_sure=recognised.sure if recognised else 0.0,
        shape_why=recognised.why if recognised else "",
        shape_advice=recognised.advice if recognised else "",
        rows=settled.rows,
        rejected=tuple(f"Line {reject.line:,}: {reject.reason}." for reject in first.rejects),
        notes=tuple(f"{text}: {count:,}." for text, count in notes.items() if count),
    )
