"""Formats that are text: CSV, JSON lines, JSON and plain text. Each needs an encoding first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from fintune_gui.dataset.csv_batches import read_csv_batches
from fintune_gui.dataset.csv_rows import Dialect, sniff_delimiter
from fintune_gui.dataset.json_batches import read_json_batches
from fintune_gui.dataset.json_rows import CONVERSATION_KEYS, RawRow, read_json_document
from fintune_gui.dataset.readers.reader import Piece, Reader, Settled, Source
from fintune_gui.dataset.text_files import has_broken_characters, inspect, open_text
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import FileFormat, ImportOptions, TextUnit

TEXT_COLUMN = "text"
"""The only column of a plain text."""
_PLAIN_ENDINGS = (".txt", ".text", ".md", ".markdown", ".rst", ".log")
_HEAD_CHARACTERS = 1 << 20
_TABLE_LINES = 50
_TABLE_SHARE = 0.9
"""A text of which so many lines have the same number of cells is a table."""


def _settle_as(format_: FileFormat) -> Any:
    def settle(source: Source, options: ImportOptions) -> Settled:
        return settle_text(source, options.model_copy(update={"format": format_}))

    return settle


def settle_text(source: Source, options: ImportOptions) -> Settled:
    """Find the encoding, the format if that is open, and what the format needs.

    Raises:
        DataError: if the source is no text, or holds nothing.
    """
    seen = inspect(source.path, encoding=options.encoding, report=source.looked, name=source.name)
    encoding = seen.encoding.name
    format_ = _guess_format(source, encoding) if options.format == "auto" else options.format
    found: dict[str, Any] = {"format": format_, "encoding": encoding}
    if format_ == "csv":
        found["delimiter"] = _delimiter(source, encoding, options)
        found |= {
            "quote": '"' if options.quote is None else options.quote,
            "escape": options.escape or "",
            "header": True if options.header is None else options.header,
        }
    elif format_ == "text":
        found["text_unit"] = options.text_unit or _guess_unit(source, encoding)
    settled = options.model_copy(update=found)
    return Settled(settled, encoding_note=seen.encoding.note, lines=seen.lines, sha256=seen.sha256)


def _read_csv(source: Source, options: ImportOptions) -> Iterator[Piece]:
    dialect = Dialect(
        delimiter=options.delimiter or ",",
        quote='"' if options.quote is None else options.quote,
        escape=options.escape or "",
        header=options.header is not False,
    )
    return read_csv_batches(source.path, options.encoding or "utf-8", dialect)


def _read_json_lines(source: Source, options: ImportOptions) -> Iterator[Piece]:
    return read_json_batches(source.path, options.encoding or "utf-8", source.notes)


def _read_json(source: Source, options: ImportOptions) -> Iterator[Piece]:
    return read_json_document(source.path, options.encoding or "utf-8", source.notes)


def _read_plain(source: Source, options: ImportOptions) -> Iterator[Piece]:
    for line, text in _units(source, options):
        if not text.strip():
            continue
        if has_broken_characters(text):
            shown = text.encode("utf-8", "replace").decode()
            yield RawRow(line, None, "It holds bytes that are not text in this encoding", shown)
        else:
            yield RawRow(line, {TEXT_COLUMN: text})


def _units(source: Source, options: ImportOptions) -> Iterator[tuple[int, str]]:
    """First line and text of each unit."""
    with open_text(source.path, options.encoding or "utf-8") as file:
        if options.text_unit == "file":
            yield 1, file.read().removeprefix("\ufeff").strip("\r\n")
            return
        first, lines = 1, [""]
        for number, line in enumerate(file, start=1):
            ended = line.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
            if options.text_unit == "line":
                yield number, ended
            elif ended.strip():
                first = first if any(lines) else number
                lines.append(ended)
            else:
                yield first, "\n".join(lines[1:])
                lines = [""]
        if options.text_unit != "line":
            yield first, "\n".join(lines[1:])


def _guess_unit(source: Source, encoding: str) -> TextUnit:
    """One of many files is a row of its own; a text with blank lines has paragraphs."""
    if source.several:
        return "file"
    text = _head(source, encoding).replace("\r\n", "\n").strip()
    return "paragraph" if re.search(r"\n[ \t]*\n", text) else "line"


def _head(source: Source, encoding: str) -> str:
    with open_text(source.path, encoding) as file:
        return file.read(_HEAD_CHARACTERS)


def _delimiter(source: Source, encoding: str, options: ImportOptions) -> str:
    for name, what, character in (
        ("delimiter", "separate columns", options.delimiter),
        ("quote", "stand around cells", options.quote or None),
        ("escape", "take the next character's meaning away", options.escape or None),
    ):
        forbidden = '"\r\n' if name == "delimiter" and options.quote in (None, '"') else "\r\n"
        if character is not None and (len(character) != 1 or character in forbidden):
            raise DataError(
                f"data.bad_{name}",
                f"“{character}” cannot {what}.",
                f"A {name} is exactly one character, and neither a quotation mark nor a line break."
                if name == "delimiter"
                else f"A character for this ({name}) is exactly one character, and no line break.",
                "Use for example a comma, a semicolon or a tab." if name == "delimiter" else "Choose another, or none.",
            )
    return options.delimiter or sniff_delimiter(source.path, encoding)


def _guess_format(source: Source, encoding: str) -> FileFormat:
    head = _head(source, encoding).lstrip("\ufeff \t\r\n")
    if not head:
        raise DataError(
            "data.no_rows",
            f"{source.name} holds no rows.",
            "There is nothing in it but blank space.",
            "Choose a file that has rows.",
        )
    if source.ending in _PLAIN_ENDINGS and not _is_table(source, encoding, head) and head[0] not in "[{":
        return "text"
    if head[0] not in "[{" or source.ending in (".csv", ".tsv"):
        return "csv"
    if source.ending in (".jsonl", ".ndjson") and head[0] == "{":
        return "jsonl"
    first, _, rest = head.partition("\n")
    try:
        value = orjson.loads(first.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        # a broken first line among whole ones is still JSON lines
        return "jsonl" if head[0] == "{" and _most_lines_are_objects(rest) else "json"
    is_row = isinstance(value, dict) and (bool(rest.strip()) or _is_single_row(value))
    return "jsonl" if is_row else "json"


def _is_table(source: Source, encoding: str, head: str) -> bool:
    delimiter = sniff_delimiter(source.path, encoding)
    widths = [line.count(delimiter) for line in head.splitlines()[:_TABLE_LINES] if line.strip()]
    return len(widths) > 1 and widths[0] > 0 and widths.count(widths[0]) >= _TABLE_SHARE * len(widths)


def _most_lines_are_objects(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()[:20] if line.strip()]
    whole = [line for line in lines if line.startswith("{") and line.endswith("}")]
    return len(whole) > len(lines) / 2


def _is_single_row(value: dict[str, Any]) -> bool:
    """Whether a file's only line is a row, and not a wrapper around a list of rows."""
    lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    return not lists or any(key in CONVERSATION_KEYS for key in lists)


CSV = Reader("csv", "CSV or TSV", _settle_as("csv"), _read_csv)
JSON_LINES = Reader("jsonl", "JSON lines", _settle_as("jsonl"), _read_json_lines)
JSON = Reader("json", "JSON", _settle_as("json"), _read_json)
PLAIN = Reader("text", "Plain text", _settle_as("text"), _read_plain)
