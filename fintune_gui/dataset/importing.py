"""From files to a dataset: look first (`sniff`), then read everything (`import_files`). Source files are only read.

Everything becomes text. What cannot be read is kept in ``rejected.jsonl`` with its line and reason. The dataset is
built beside its place and renamed last, so a kill at any moment leaves the old one, or the new one, whole.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

import orjson

from fintune_gui.dataset.base import BaseWriter
from fintune_gui.dataset.conversations import BadConversation
from fintune_gui.dataset.csv_rows import read_csv, sniff_delimiter
from fintune_gui.dataset.json_rows import CONVERSATION_KEYS, RawRow, read_json_document, read_json_lines
from fintune_gui.dataset.shapes import as_texts, recognise
from fintune_gui.dataset.text_files import Encoding, Inspected, check_readable, inspect, open_text
from fintune_gui.project.document import SourceFile
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import disk_errors_explained, sha256_file, sync_folder, write_json
from fintune_gui.project.settings import Frozen

BASE_FILE = "base/g0.arrow"
REJECTED_FILE = "rejected.jsonl"
SOURCE_FILE = "source.json"
SOURCE_COLUMN = "source"
"""Added when several files are read together: the name of the file that a row came from."""

READER_VERSION = 1
_PREVIEW_ROWS = 50
_REPORT_EVERY_ROWS = 2048

FileFormat = Literal["csv", "jsonl", "json"]


class ImportOptions(Frozen):
    """What the user knows better than the program; everything is found out if left alone."""

    format: Literal["auto", "csv", "jsonl", "json"] = "auto"
    encoding: str | None = None
    delimiter: str | None = None


class Sniffed(Frozen):
    """What a file seems to hold, for the preview."""

    path: str
    format: FileFormat
    encoding: str
    encoding_note: str
    """How the encoding was found, unless it is beyond doubt."""
    delimiter: str | None
    columns: tuple[str, ...]
    first_rows: tuple[dict[str, str | None], ...]
    """At most 50."""
    shape: str | None
    """Name of a known row format, for example "Alpaca"."""


class Rejected(Frozen):
    """A row that could not be read, kept as it stands in the file."""

    file: str
    line: int
    column: int | None
    reason: str
    text: str


class ImportResult(Frozen):
    """What an import did. `bytes` are those of the source files, `seconds` is wall time."""

    rows: int
    rejected: int
    bytes: int
    seconds: float
    columns: tuple[str, ...]
    shape: str | None
    sources: tuple[SourceFile, ...]


Report = Callable[[str, float, float | None], None]
"""Told the stage, how much is done and how much there is (None: unknown)."""


def sniff(path: Path, options: ImportOptions | None = None) -> Sniffed:
    """Look at a file without importing it.

    Raises:
        DataError: if it is missing, unreadable, empty, no text, or has no rows that can be read.
    """
    options = options or ImportOptions()
    encoding = inspect(path, encoding=options.encoding).encoding
    kind, delimiter = _format_of(path, encoding, options)
    raw = list(islice(_read(path, kind, encoding.name, delimiter), _PREVIEW_ROWS))
    rows: list[dict[str, str | None]] = []
    for item in raw:
        if item.values is not None:
            try:
                rows.append(as_texts(item.values))
            except BadConversation:
                continue
    if not rows:
        raise _no_rows(path, raw[0] if raw else None)
    recognised = recognise([item.values for item in raw if item.values is not None])
    return Sniffed(
        path=str(path),
        format=kind,
        encoding=encoding.name,
        encoding_note=encoding.note,
        delimiter=delimiter,
        columns=tuple(dict.fromkeys(name for row in rows for name in row)),
        first_rows=tuple(rows),
        shape=recognised.name if recognised else None,
    )


def import_files(
    files: Sequence[Path],
    dataset_folder: Path,
    options: ImportOptions | None = None,
    *,
    report: Report = lambda stage, done, total: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Read `files` into a new dataset at `dataset_folder`. A dataset that is there is kept as ``dataset-previous-N``.

    Memory holds one batch of rows, whatever the size of the files.

    Args:
        check_cancelled: Called every few thousand rows; may raise `CancelledError`.

    Raises:
        DataError: if a file cannot be used, or holds no row at all. What was there before is then unchanged.
    """
    began = time.monotonic()
    options = options or ImportOptions()
    if not files:
        raise DataError("data.no_files", "No file was given.", "", "Choose at least one CSV or JSON file.")
    for path in files:
        check_readable(path)
    recover(dataset_folder)
    remove_unfinished(dataset_folder)
    folder = dataset_folder.with_name(f"{dataset_folder.name}.tmp-{uuid.uuid4().hex[:8]}")
    try:
        with disk_errors_explained(dataset_folder):
            (folder / "base").mkdir(parents=True)
            result = _Import(folder, options, report, check_cancelled).run(files, began)
            _put_in_place(folder, dataset_folder)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    return result


def read_rejected(dataset_folder: Path) -> list[Rejected]:
    """The rows that could not be read at import, in file order."""
    path = dataset_folder / REJECTED_FILE
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [Rejected.model_validate_json(line) for line in file]


def recover(dataset_folder: Path) -> None:
    """Finish an import that was killed between its last two renames."""
    if dataset_folder.exists() or not dataset_folder.parent.is_dir():
        return
    finished = [p for p in dataset_folder.parent.glob(f"{dataset_folder.name}.tmp-*") if (p / SOURCE_FILE).exists()]
    if finished:
        max(finished, key=lambda p: (p / SOURCE_FILE).stat().st_mtime_ns).rename(dataset_folder)


def remove_unfinished(dataset_folder: Path) -> None:
    """Delete what killed imports left beside the dataset."""
    for leftover in dataset_folder.parent.glob(f"{dataset_folder.name}.tmp-*"):
        rmtree(leftover, ignore_errors=True)


def _put_in_place(built: Path, dataset_folder: Path) -> None:
    if dataset_folder.exists():
        number = 1
        while (kept := dataset_folder.with_name(f"{dataset_folder.name}-previous-{number}")).exists():
            number += 1
        dataset_folder.rename(kept)
    built.rename(dataset_folder)
    sync_folder(dataset_folder.parent)


class _Import:
    """One import into a folder that nobody else sees yet."""

    def __init__(
        self, folder: Path, options: ImportOptions, report: Report, check_cancelled: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._options = options
        self._report = report
        self._check_cancelled = check_cancelled
        self._base = BaseWriter(folder / BASE_FILE)
        self._first: list[dict[str, Any]] = []
        self._first_reject: RawRow | None = None

    def run(self, files: Sequence[Path], began: float) -> ImportResult:
        with (self._folder / REJECTED_FILE).open("wb") as rejects:
            sources = [self._read_file(path, len(files) > 1, rejects.write) for path in files]
        rejected = sum(source.rejected for source in sources)
        if not sum(source.rows for source in sources):
            raise _no_rows(files[0], self._first_reject)
        self._report("Writing", 0, None)
        self._base.close()
        recognised = recognise(self._first)
        result = ImportResult(
            rows=self._base.rows,
            rejected=rejected,
            bytes=sum(source.bytes for source in sources),
            seconds=round(time.monotonic() - began, 3),
            columns=self._base.columns,
            shape=recognised.name if recognised else None,
            sources=tuple(sources),
        )
        document = {"reader_version": READER_VERSION, "options": self._options.model_dump()}
        document |= orjson.loads(result.model_dump_json())
        document["base_sha256"] = sha256_file(self._folder / BASE_FILE)
        write_json(self._folder / SOURCE_FILE, document)
        return result

    def _read_file(self, path: Path, several: bool, write_reject: Callable[[bytes], object]) -> SourceFile:
        size = path.stat().st_size

        def looked_at(done: int) -> None:
            self._check_cancelled()
            self._report(f"Looking at {path.name}", done, size)

        seen: Inspected = inspect(path, encoding=self._options.encoding, report=looked_at)
        kind, delimiter = _format_of(path, seen.encoding, self._options)
        rows = rejected = 0
        for number, raw in enumerate(_read(path, kind, seen.encoding.name, delimiter)):
            if number % _REPORT_EVERY_ROWS == 0:
                self._check_cancelled()
                self._report(f"Reading {path.name}", raw.line, seen.lines)
            reason = raw.reason
            if raw.values is not None:
                try:
                    texts = as_texts(raw.values)
                    if several:
                        own = SOURCE_COLUMN in texts
                        texts[f"{SOURCE_COLUMN}_file" if own else SOURCE_COLUMN] = path.name
                    self._base.add(texts)
                    rows += 1
                    if len(self._first) < _PREVIEW_ROWS:
                        self._first.append(raw.values)
                    continue
                except BadConversation as error:
                    reason = str(error)
            rejected += 1
            self._first_reject = self._first_reject or RawRow(raw.line, None, reason)
            text = raw.text or orjson.dumps(raw.values).decode()
            reject = Rejected(file=path.name, line=raw.line, column=raw.column, reason=reason, text=text)
            write_reject(reject.model_dump_json().encode() + b"\n")
        return SourceFile(
            path=str(path.resolve()),
            sha256=seen.sha256,
            bytes=seen.bytes,
            format=kind,
            encoding=seen.encoding.name,
            rows=rows,
            rejected=rejected,
        )


def _read(path: Path, kind: FileFormat, encoding: str, delimiter: str | None) -> Iterator[RawRow]:
    if kind == "csv":
        return read_csv(path, encoding, delimiter or ",")
    return read_json_lines(path, encoding) if kind == "jsonl" else read_json_document(path, encoding)


def _format_of(path: Path, encoding: Encoding, options: ImportOptions) -> tuple[FileFormat, str | None]:
    """The file's format, and its delimiter if it is CSV. Content decides, not the name's ending."""
    kind = options.format if options.format != "auto" else _guess_format(path, encoding.name)
    if kind != "csv":
        return kind, None
    if options.delimiter is not None and (len(options.delimiter) != 1 or options.delimiter in '"\r\n'):
        raise DataError(
            "data.bad_delimiter",
            f"“{options.delimiter}” cannot separate columns.",
            "A delimiter is exactly one character, and neither a quotation mark nor a line break.",
            "Use for example a comma, a semicolon or a tab.",
        )
    return kind, options.delimiter or sniff_delimiter(path, encoding.name)


def _guess_format(path: Path, encoding: str) -> FileFormat:
    with open_text(path, encoding) as file:
        head = file.read(1 << 20).lstrip("\ufeff \t\r\n")
    if not head:
        raise _no_rows(path, None)
    if head[0] not in "[{" or path.suffix.lower() in (".csv", ".tsv"):
        return "csv"
    if path.suffix.lower() in (".jsonl", ".ndjson") and head[0] == "{":
        return "jsonl"
    first, _, rest = head.partition("\n")
    try:
        value = orjson.loads(first.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        # a broken first line among whole ones is still JSON lines
        return "jsonl" if head[0] == "{" and _most_lines_are_objects(rest) else "json"
    is_row = isinstance(value, dict) and (bool(rest.strip()) or _is_single_row(value))
    return "jsonl" if is_row else "json"


def _most_lines_are_objects(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()[:20] if line.strip()]
    whole = [line for line in lines if line.startswith("{") and line.endswith("}")]
    return len(whole) > len(lines) / 2


def _is_single_row(value: dict[str, Any]) -> bool:
    """Whether a file's only line is a row, and not a wrapper around a list of rows."""
    lists = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    return not lists or any(key in CONVERSATION_KEYS for key in lists)


def _no_rows(path: Path, reject: RawRow | None) -> DataError:
    if reject is None:
        return DataError(
            "data.no_rows",
            f"{path.name} holds no rows.",
            "There is nothing in it, or only a header.",
            "Choose a file that has rows below its header.",
        )
    return DataError(
        "data.all_rejected",
        f"No row of {path.name} can be read.",
        f"The first problem is in line {reject.line:,}: {reject.reason}.",
        "Check the file's format, encoding and delimiter, and choose them by hand if needed.",
    )
