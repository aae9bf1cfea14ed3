"""Rows from JSON: one object per line, or one document with a list of objects. Each error has a line and a column."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from fintune_gui.dataset import json_reasons
from fintune_gui.dataset.text_files import open_text
from fintune_gui.project.errors import DataError

if TYPE_CHECKING:
    from fintune_gui.dataset.csv_rows import Dialect

CONVERSATION_KEYS = ("messages", "conversations", "conversation", "dialog", "dialogue")
"""Keys whose list of objects is one conversation, and not a list of rows."""

BROKEN_BYTES = "It holds bytes that are not text in this encoding"
TOO_DEEP = "It is nested too deeply"
TWICE_NOTE = "Rows in which a name stands twice; its last value is used"
ZERO_NOTE = "Rows that hold the invisible character U+0000"

_CHUNK_CHARACTERS = 1 << 20
_PIECE_BYTES = 1 << 18
_SURELY_WRITABLE = 250
"""So many brackets inside each other can be written as JSON; a few more and orjson refuses."""
"""Small enough to stay in the processor's cache while it is parsed."""

_SPACE = "\ufeff \t\r\n"
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)
"""A whole string, or a character that gives a document its structure. A lone quote is a string without its end."""


@dataclass(frozen=True)
class RawRow:
    """One row as read, or why it could not be read.

    Attributes:
        line: Line in the file at which it begins, from 1.
        values: The row, unless `reason` says why there is none.
        text: What stands in the file; kept for rejected rows only.
        column: Character in the line at which the error is, from 1, where that is known.
        dialect: How a rejected row of a CSV file is to be read.
    """

    line: int
    values: dict[str, Any] | None
    reason: str = ""
    text: str = ""
    column: int | None = None
    dialect: Dialect | None = None


def read_json_lines(path: Path, encoding: str, notes: Counter[str] | None = None) -> Iterator[RawRow]:
    """One row per line; blank lines are skipped, broken ones are rejected one by one.

    Args:
        notes: Counts what is odd and yet can be read.
    """
    first_line = 1
    for piece in pieces_as_utf8(path, encoding):
        lines = piece.split(b"\n")
        if not lines[-1]:
            lines.pop()
        yield from rows_of_lines(lines, first_line, notes)
        first_line += len(lines)


def rows_of_lines(lines: Sequence[bytes], first_line: int, notes: Counter[str] | None = None) -> Iterator[RawRow]:
    """The rows in lines of UTF-8."""
    for number, line in enumerate(lines, start=first_line):
        stripped = line.strip()
        if stripped:
            row = _parse(stripped, number, first_column=1 + len(line) - len(line.lstrip()))
            if notes is not None and row.values is not None:
                note_oddities(stripped, row.values, notes)
            yield row


def read_json_text(text: str, line: int) -> Iterator[RawRow]:
    """The row in a text that stands at `line` of a file; it may go over several lines."""
    encoded = text.encode("utf-8", "surrogatepass")
    if encoded.strip():
        begins = len(encoded) - len(encoded.lstrip())
        at, column = _advance(line, 1, encoded[:begins].decode())
        yield _parse(encoded.strip(), at, column)


def note_oddities(text: bytes, values: dict[str, Any], notes: Counter[str]) -> None:
    """Count a row in which a name stands twice, or which holds U+0000."""
    if text.count(b'"') != orjson.dumps(values).count(b'"') and _repeats_a_name(text):
        notes[TWICE_NOTE] += 1
    if rb"\u0000" in text and "\0" in "".join(_strings(values)):
        notes[ZERO_NOTE] += 1


def _repeats_a_name(text: bytes) -> bool:
    repeated = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        repeated.append(len({name for name, _ in pairs}) < len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(repeated)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def read_json_document(path: Path, encoding: str, notes: Counter[str] | None = None) -> Iterator[RawRow]:
    """The objects of a document: a list, an object with a list of objects inside, or objects one after another.

    Args:
        notes: Counts what is odd and yet can be read.

    Raises:
        DataError: if the document ends in the middle, so that it is not known what is missing.
    """
    elements = _elements(path, encoding)
    first, second = next(elements, None), next(elements, None)
    if first is None:
        return
    row = _element_as_row(first, notes)
    if first.on_top and second is None and row.values is not None and (inner := _inner_list(row.values)) is not None:
        yield from (_as_row(item, first.line, b"") for item in inner)  # the only object is no row but a wrapper
        return
    yield row
    for element in chain([] if second is None else [second], elements):
        yield _element_as_row(element, notes)


def _element_as_row(element: _Element, notes: Counter[str] | None) -> RawRow:
    encoded = element.text.encode("utf-8", "surrogateescape")
    row = _parse(encoded, element.line, element.column)
    if notes is not None and row.values is not None:
        note_oddities(encoded, row.values, notes)
    return row


def pieces_as_utf8(path: Path, encoding: str) -> Iterator[bytes]:
    """The file as UTF-8 in pieces of whole lines. Bytes that do not fit the encoding stay as they are."""
    if encoding in ("utf-8", "utf-8-sig", "ascii"):
        with path.open("rb") as file:
            if encoding == "utf-8-sig" and file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            while piece := file.read(_PIECE_BYTES):
                yield piece + file.readline()
    else:
        with open_text(path, encoding, newline="\n") as text:
            while characters := text.read(_PIECE_BYTES):
                yield (characters + text.readline()).encode("utf-8", "surrogateescape")


def _parse(text: bytes, line: int, first_column: int) -> RawRow:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        shown = text.decode("utf-8", "replace")
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as broken:
            before = len(text[: broken.start].decode("utf-8"))
            return RawRow(line, None, BROKEN_BYTES, shown, first_column + before)
        at_first_line = error.lineno == 1
        column = error.colno + (first_column - 1 if at_first_line else 0)
        return RawRow(line + error.lineno - 1, None, json_reasons.reason(error), shown, column)
    if text.count(b"[") + text.count(b"{") > _SURELY_WRITABLE and not _can_be_written(value):
        return RawRow(line, None, TOO_DEEP, text.decode("utf-8", "replace"), first_column)
    return _as_row(value, line, text)


def _can_be_written(value: Any) -> bool:
    """What is nested very deeply can be read, but not written again."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _as_row(value: Any, line: int, text: bytes) -> RawRow:
    if isinstance(value, dict):
        return RawRow(line, value)
    names = {list: "a list", str: "a text", type(None): "null"}
    kind = names.get(type(value), "a number" if not isinstance(value, bool) else "true or false")
    shown = text.decode("utf-8", "replace") or orjson.dumps(value).decode()
    return RawRow(line, None, f"A row must be an object with named values, but this is {kind}", shown, 1)


def _inner_list(values: dict[str, Any]) -> list[Any] | None:
    """The rows of a wrapper such as ``{"version": 1, "data": [...]}``; None if `values` is a row itself."""
    lists = [
        (key, value)
        for key, value in values.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    ]
    if len(lists) != 1 or lists[0][0] in CONVERSATION_KEYS or {"role", "from"} & set(lists[0][1][0]):
        return None
    scalars = [value for value in values.values() if isinstance(value, str) and len(value) > 200]
    return None if scalars else lists[0][1]


class _Element(NamedTuple):
    """The text of something in a document, with its line and column from 1."""

    line: int
    column: int
    text: str
    on_top: bool
    """Whether it lies in no list."""


def _elements(path: Path, encoding: str) -> Iterator[_Element]:
    """Each row of a document."""
    with open_text(path, encoding) as file:
        scanner = _Scanner()
        while chunk := file.read(_CHUNK_CHARACTERS):
            yield from scanner.feed(chunk)
        if scanner.unfinished:
            line, column = scanner.begun_at
            raise DataError(
                "data.broken_json",
                f"{path.name} ends in the middle of a value, or is not valid JSON.",
                f"The value that begins at line {line:,}, column {column:,} has no proper end.",
                "Mend the file at this place, or save it as JSON lines (one object per line).",
            )


class _Scanner:
    """Cuts a document into elements by its brackets alone, so that memory holds one element and not the document.

    Elements lie at the top level, in a top-level list, or in the first list of objects inside one big object.
    """

    def __init__(self) -> None:
        self.line, self.column = 1, 1
        self._buffer = ""
        self._start = 0
        """Where in the buffer the present element begins."""
        self._scanned = 0
        self._depth = 0
        self._home = 0
        """The depth at which elements lie."""
        self._inner_list: int | None = None
        """Where, in an object on the top level, its first list of objects begins."""
        self._leaving = False
        """The list inside the big object is over; what follows in the object are no rows."""

    @property
    def unfinished(self) -> bool:
        return self._depth > 0 or bool(self._buffer[self._start :].strip())

    @property
    def begun_at(self) -> tuple[int, int]:
        """Line and column at which the present element begins."""
        rest = self._buffer[self._start :]
        return _advance(self.line, self.column, rest[: len(rest) - len(rest.lstrip(_SPACE))])

    def feed(self, chunk: str) -> Iterator[_Element]:
        self._buffer = self._buffer[self._start :] + chunk
        self._scanned -= self._start
        if self._inner_list is not None:
            self._inner_list -= self._start
        self._start = 0
        yield from self._scan()
        if self._home == 0 and self._inner_list is not None and not self._leaving:
            self._forget(self._inner_list)  # an object larger than a piece wraps the rows
            self._home = self._depth = 2
            self._scanned = self._start
            yield from self._scan()

    def _scan(self) -> Iterator[_Element]:
        for token in _TOKEN.finditer(self._buffer, self._scanned):
            kind = self._buffer[token.start()]
            if kind == '"':
                if token.end() - token.start() == 1:
                    return  # the rest of this string is in the next piece
            elif kind in "[{":
                self._open(kind, token.start())
            elif kind in "]}":
                yield from self._close(token.start())
            elif self._depth == self._home and not self._leaving:
                yield from self._take(token.start(), after=token.end())
            self._scanned = token.end()

    def _open(self, kind: str, position: int) -> None:
        if kind == "[" and self._depth == 0 and not self._buffer[self._start : position].strip(_SPACE):
            self._forget(position + 1)
            self._home = 1
        elif kind == "{" and self._depth == 2 and self._home == 0 and self._inner_list is None:
            before = self._buffer[self._start : position].rstrip()
            key = re.search(r'"([^"]*)"\s*:\s*\[$', before)
            if key and key[1] not in CONVERSATION_KEYS:
                self._inner_list = position
        self._depth += 1

    def _close(self, position: int) -> Iterator[_Element]:
        self._depth -= 1
        if self._leaving:
            if self._depth <= 0:
                self._forget(position + 1)
                self._leaving, self._depth = False, 0
        elif self._depth < self._home:
            yield from self._take(position, after=position + 1)
            self._leaving = self._home == 2
            self._home, self._depth = 0, max(self._depth, 0)
        elif self._depth <= 0 and self._home == 0:
            yield from self._take(position + 1, after=position + 1)
            self._depth = 0

    def _take(self, end: int, *, after: int) -> Iterator[_Element]:
        """The element that ends at `end`, if there is one; the next one begins at `after`."""
        raw = self._buffer[self._start : end]
        lead = len(raw) - len(raw.lstrip(_SPACE))
        if lead < len(raw):
            yield _Element(*_advance(self.line, self.column, raw[:lead]), raw[lead:].rstrip(), on_top=self._home == 0)
        self._forget(after)

    def _forget(self, position: int) -> None:
        self.line, self.column = _advance(self.line, self.column, self._buffer[self._start : position])
        self._start = position
        self._inner_list = None


def _advance(line: int, column: int, text: str) -> tuple[int, int]:
    """Line and column after `text`."""
    breaks = text.count("\n")
    return (line + breaks, len(text) - text.rfind("\n")) if breaks else (line, column + len(text))
