"""Rows from CSV: line breaks in quotes, ragged rows, stray quotes; each rejected row is named by its line."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from fintune_gui.dataset.json_rows import BROKEN_BYTES, RawRow
from fintune_gui.dataset.text_files import has_broken_characters, open_text
from fintune_gui.dataset.wording import free_name
from fintune_gui.project.errors import DataError
from fintune_gui.project.settings import Frozen

DELIMITERS = (",", ";", "\t", "|")
_SNIFF_CHARACTERS = 256 * 1024
_SNIFF_RECORDS = 200
_LONGEST_RECORD = 16 << 20
"""Characters after which a quote that never closes is taken for a mistake."""

csv.field_size_limit(_LONGEST_RECORD)


class _EndlessRecord(Exception):
    """A quote was opened and never closed."""


class _LineFeed:
    """Gives lines to the csv reader and remembers those of the present record, so that they can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.record: list[str] = []
        self.line = 1
        """Line at which the present record begins."""
        self._characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else next(self._lines)
        self._characters += len(text)
        self.record.append(text)
        if self._characters > _LONGEST_RECORD:
            raise _EndlessRecord
        return text

    def next_record(self) -> None:
        self.line += len(self.record)
        self.record, self._characters = [], 0

    def give_back_all_but_first(self) -> str:
        """Let the later lines of the record be read again; returns the first, and begins a new record after it."""
        first = self.record[0]
        self._again.extendleft(reversed(self.record[1:]))
        self.record = [first]
        self.next_record()
        return first


def sniff_delimiter(path: Path, encoding: str) -> str:
    """The delimiter that cuts most records of the file's beginning into the same number of columns, at least two."""
    with open_text(path, encoding) as file:
        sample = file.read(_SNIFF_CHARACTERS)
        sample += file.readline(_SNIFF_CHARACTERS)

    def score(delimiter: str) -> tuple[float, int]:
        widths: list[int] = []
        try:
            for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
                if record:
                    widths.append(len(record))
                if len(widths) >= _SNIFF_RECORDS:
                    break
        except csv.Error:
            pass
        if not widths or widths[0] < 2:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    best = max(DELIMITERS, key=score)
    return best if score(best)[1] else ","


class Dialect(Frozen):
    """How cells are written. No character ("") means that there is none for this."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    header: bool = True
    names: tuple[str, ...] = ()
    """The columns, if they are known beforehand; there is no header then."""

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            strict=True,
        )


def read_csv(path: Path, encoding: str, dialect: Dialect | str = ",") -> Iterator[RawRow]:
    """One row per record after the header. Cells are texts; nothing is turned into numbers, nulls or dates.

    Without a header the columns are called column_1, column_2 and so on.

    Args:
        dialect: A text is the delimiter.

    Raises:
        DataError: if there is no usable header.
    """
    dialect = Dialect(delimiter=dialect) if isinstance(dialect, str) else dialect
    with open_text(path, encoding) as file:
        for line, cells, reason, text in _records(_LineFeed(iter(file)), dialect):
            if dialect.names:
                yield _row(line, dialect, cells, reason, text)
            elif dialect.header:
                dialect = dialect.model_copy(update={"names": _header(path, cells, reason)})
            else:
                if cells is not None:
                    dialect = dialect.model_copy(update={"names": tuple(column_names([""] * len(cells)))})
                yield _row(line, dialect, cells, reason, text)


def read_csv_text(text: str, line: int, dialect: Dialect) -> Iterator[RawRow]:
    """The rows of a text that stands at `line` of a file with the columns of `dialect`."""
    for at, cells, reason, record in _records(_LineFeed(iter(text.splitlines(keepends=True))), dialect):
        yield _row(line + at - 1, dialect, cells, reason, record)


def _header(path: Path, cells: list[str] | None, reason: str) -> tuple[str, ...]:
    if cells is None or has_broken_characters("".join(cells)):
        raise DataError(
            "data.bad_header",
            f"The first line of {path.name} is no header.",
            f"{reason or BROKEN_BYTES}.",
            "Put the names of the columns into the first line, or choose another encoding.",
        )
    return tuple(column_names(cells))


def _row(line: int, dialect: Dialect, cells: list[str] | None, reason: str, text: str) -> RawRow:
    """A record as a row. A rejected one keeps the dialect, so that it can be read again when it is mended."""
    if cells is None:
        return RawRow(line, None, reason, text, dialect=dialect)
    if len(cells) != len(dialect.names):
        return RawRow(line, None, _ragged(len(cells), len(dialect.names), line, text), text, dialect=dialect)
    if has_broken_characters(text):
        shown = text.encode("utf-8", "replace").decode()
        return RawRow(line, None, BROKEN_BYTES, shown, dialect=dialect)
    return RawRow(line, dict(zip(dialect.names, cells, strict=True)))


def column_names(cells: Sequence[str]) -> list[str]:
    """Usable names for columns: trimmed, never empty, never twice."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        names.append(free_name(cell.strip().lstrip("\ufeff") or f"column_{number}", names))
    return names


def _records(feed: _LineFeed, dialect: Dialect) -> Iterator[tuple[int, list[str] | None, str, str]]:
    """Line, cells (None if rejected), reason and text of each record that is not blank."""
    reader = dialect.reader(feed)
    while True:
        line = feed.line
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _EndlessRecord) as error:
            if isinstance(error, csv.Error) and "unexpected end" not in str(error):
                reason = f"Not valid CSV: {error}"
            else:
                reason = "A quotation mark is opened and never closed"
            # only this line is lost: the next ones are read as if the stray quote had not been there
            yield line, None, reason, feed.give_back_all_but_first().rstrip("\r\n")
            reader = dialect.reader(feed)
            continue
        text = "".join(feed.record).rstrip("\r\n")
        feed.next_record()
        if cells:
            yield line, cells, "", text


def _ragged(found: int, expected: int, line: int, text: str) -> str:
    reason = f"It has {found} column{'s' * (found != 1)} instead of {expected}"
    lines = text.count("\n") + 1
    if lines > 1:
        reason += f" (lines {line:,} to {line + lines - 1:,}; perhaps a quotation mark is missing)"
    return reason
