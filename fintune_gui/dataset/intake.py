"""Reading what the user chose into one Arrow file of texts, with everything that cannot be read beside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson
import pyarrow as pa

from fintune_gui.dataset.base import TEXT, BaseWriter
from fintune_gui.dataset.conversations import BadConversation
from fintune_gui.dataset.csv_rows import Dialect
from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.dataset.readers.reader import Notes, Piece, Settled, Source, TextBatch
from fintune_gui.dataset.readers.registry import READERS, settle
from fintune_gui.dataset.readers.saved_datasets import data_files
from fintune_gui.dataset.readers.unpacking import Part, parts_of, unpacked
from fintune_gui.dataset.shapes import as_texts, chatml_column, column_of, recognise, with_chatml
from fintune_gui.project.document import SourceFile
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import fingerprint
from fintune_gui.project.import_options import FileChoice
from fintune_gui.project.settings import Frozen

SOURCE_COLUMN = "source"
"""Added when several files are read together: the name of the file that a row came from."""
LEFT_ASIDE_NOTE = "Files that were left aside because they hold no rows"

_SAMPLE_ROWS = 50
_REPORT_EVERY_ROWS = 2048
_HASH_CHUNK_BYTES = 1 << 20

Cells = TypeVar("Cells")
Report = Callable[[str, float, float | None], None]
"""Told the stage, how much is done and how much there is (None: unknown)."""


class Rejected(Frozen):
    """A row that could not be read, kept as it stands in the file."""

    file: str
    line: int
    """Line in the file, from 1; in formats without lines, the number of the row."""
    column: int | None = None
    reason: str
    text: str
    segment: str | None = None
    """The file with the rows of the same import, if that came after the first one."""
    dialect: Dialect | None = None
    """How the text is to be read, if it is CSV."""


class ImportResult(Frozen):
    """What an import did. `bytes` are those of the source files, `seconds` is wall time."""

    rows: int
    rejected: int
    bytes: int
    seconds: float
    columns: tuple[str, ...]
    shape: str | None
    sources: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()
    """What the user should know, each with a count: "Cells that …: 3."."""


class Intake:
    """One reading of files.

    Args:
        target: The Arrow file that is written.
        rejects: Takes a line of JSON for each row that could not be read.
        scratch: A folder for what must be unpacked.
        file_column: Whether `SOURCE_COLUMN` is wanted even for a single file.
        names: Other names for columns, by those that the files give them.
        segment: The file that the rows will be part of, if they come later than the first ones.
    """

    def __init__(
        self,
        target: Path,
        rejects: BinaryIO,
        scratch: Path,
        report: Report,
        check_cancelled: Callable[[], None],
        *,
        file_column: bool = False,
        names: Mapping[str, str] | None = None,
        segment: str | None = None,
    ) -> None:
        self._base = BaseWriter(target)
        self._rejects = rejects
        self._scratch = scratch
        self._report = report
        self._check_cancelled = check_cancelled
        self._file_column = file_column
        self._names = names or {}
        self._segment = segment
        self._first: list[dict[str, Any]] = []
        self._first_reject: RawRow | None = None
        self._notes: Notes = Counter()
        self._rows = self._rejected = 0

    def read(self, files: Sequence[FileChoice]) -> ImportResult:
        """Read all `files`; the target is whole and durable when this returns.

        Raises:
            DataError: if a file cannot be used, or there is no row at all.
        """
        began = time.monotonic()
        found = [(choice, *parts_of(choice)) for choice in files]
        self._file_column |= sum(len(parts) for _, parts, _ in found) > 1
        sources = []
        for choice, parts, left_aside in found:
            self._notes.update({LEFT_ASIDE_NOTE: left_aside} if left_aside else {})
            sources.append(self._read_choice(choice, parts, alone=len(files) == 1))
        if not self._rows:
            raise no_rows(Path(files[0].path).name, self._first_reject)
        self._report("Writing", 0, None)
        self._base.close()
        recognised = recognise(self._first)
        return ImportResult(
            rows=self._base.rows,
            rejected=self._rejected,
            bytes=sum(source.bytes for source in sources),
            seconds=round(time.monotonic() - began, 3),
            columns=self._base.columns,
            shape=recognised.name if recognised else None,
            sources=tuple(sources),
            notes=tuple(f"{text}: {count:,}." for text, count in self._notes.items() if count),
        )

    @property
    def sha256(self) -> str:
        """Of the target, once it is whole."""
        return self._base.sha256

    def _read_choice(self, choice: FileChoice, parts: list[Part], *, alone: bool) -> SourceFile:
        rows, rejected = self._rows, self._rejected
        folder = Path(choice.path).name
        settled: list[Settled] = []
        for part in parts:
            name = part.name if alone or len(parts) == 1 else f"{folder}/{part.name}"
            try:
                settled.append(self._read_part(choice, part, name))
            except DataError as error:
                if not part.several:
                    raise
                # one bad file among many costs its own rows only
                self._reject(name, RawRow(1, None, str(error)))
        size, digest = self._hashed(choice, parts, settled)
        first = settled[0].options if settled else choice.options
        return SourceFile(
            path=choice.path if choice.is_hub else str(Path(choice.path).resolve()),
            sha256=digest,
            bytes=size,
            format=first.format,
            encoding=first.encoding or "",
            rows=self._rows - rows,
            rejected=self._rejected - rejected,
            options=choice.options,
        )

    def _read_part(self, choice: FileChoice, part: Part, name: str) -> Settled:
        def looked_at(done: int) -> None:
            self._check_cancelled()
            self._report(f"Looking at {name}", done, size)

        self._report(f"Opening {name}", 0, None)
        with unpacked(part, self._scratch, self._check_cancelled) as path:
            size = path.stat().st_size if path.is_file() else None
            source = Source(path, name, part.several, self._notes, looked_at)
            settled = settle(source, choice.options)
            pieces = READERS[settled.options.format].read(source, settled.options)
            self._take(self._watched(pieces, name, settled), name)
        return settled

    def _watched(self, pieces: Iterable[Piece], name: str, settled: Settled) -> Iterator[Piece]:
        """The pieces, with a look now and then at whether the user still wants them."""
        total = settled.lines or settled.rows
        for number, piece in enumerate(pieces):
            if isinstance(piece, TextBatch) or number % _REPORT_EVERY_ROWS == 0:
                self._check_cancelled()
                self._report(f"Reading {name}", piece.line if isinstance(piece, RawRow) else piece.first_row, total)
            yield piece

    def _take(self, pieces: Iterator[Piece], name: str) -> None:
        head = _first_pieces(pieces)
        sample = list(islice((raw.values for piece in head for raw in rows_of(piece) if raw.values), _SAMPLE_ROWS))
        self._first += sample[: _SAMPLE_ROWS - len(self._first)]
        chatml = chatml_column(sample)
        for piece in chain(head, pieces):
            if isinstance(piece, TextBatch) and chatml is None:
                self._add_batch(piece, name)
                continue
            for raw in rows_of(piece):
                self._add(raw, name, chatml)

    def _add(self, raw: RawRow, name: str, chatml: str | None) -> None:
        if raw.values is None:
            self._reject(name, raw)
            return
        try:
            texts = as_texts(raw.values)
            if chatml is not None:
                texts = with_chatml(texts, chatml)
        except (BadConversation, orjson.JSONEncodeError) as error:
            self._reject(name, RawRow(raw.line, raw.values, str(error), raw.text))
            return
        if self._file_column:
            texts[_file_column(texts)] = name
        self._base.add(self._named(texts))
        self._rows += 1

    def _add_batch(self, batch: TextBatch, name: str) -> None:
        columns = {column_of(column, ""): array for column, array in batch.columns.items()}
        if self._file_column:
            columns[_file_column(columns)] = pa.repeat(pa.scalar(name, TEXT), batch.rows)
        self._base.add_columns(self._named(columns))
        self._rows += batch.rows

    def _named(self, columns: Mapping[str, Cells]) -> Mapping[str, Cells]:
        return {self._names.get(name, name): cells for name, cells in columns.items()} if self._names else columns

    def _reject(self, name: str, raw: RawRow) -> None:
        self._rejected += 1
        self._first_reject = self._first_reject or RawRow(raw.line, None, raw.reason)
        text = raw.text or (orjson.dumps(raw.values, default=str).decode() if raw.values else "")
        reject = Rejected(
            file=name,
            line=raw.line,
            column=raw.column,
            reason=raw.reason,
            text=text,
            segment=self._segment,
            dialect=raw.dialect,
        )
        self._rejects.write(reject.model_dump_json(exclude_none=True).encode() + b"\n")

    def _hashed(self, choice: FileChoice, parts: list[Part], settled: list[Settled]) -> tuple[int, str]:
        """Bytes and hash of what the user chose."""
        if choice.is_hub:
            return 0, fingerprint([choice.path, choice.options.model_dump(mode="json")])
        path = Path(choice.path)
        if path.is_file():
            plain = len(settled) == 1 and settled[0].sha256 is not None and parts[0].member is None
            packed = path.suffix.lower() in (".gz", ".zst") or not plain
            return path.stat().st_size, self._sha256(path) if packed else str(settled[0].sha256)
        inside = data_files(path) if parts[0].path == path else [part.path for part in parts]
        hashes = [(file.relative_to(path).as_posix(), self._sha256(file)) for file in inside]
        return sum(file.stat().st_size for file in inside), sha256(repr(hashes).encode()).hexdigest()

    def _sha256(self, path: Path) -> str:
        digest = sha256()
        with path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK_BYTES):
                self._check_cancelled()
                digest.update(chunk)
        return digest.hexdigest()


def rows_of(piece: Piece) -> Iterator[RawRow]:
    """The rows of a piece, one by one."""
    if isinstance(piece, RawRow):
        yield piece
        return
    cells = zip(*(array.to_pylist() for array in piece.columns.values()), strict=True)
    for number, row in enumerate(cells, start=piece.first_row):
        yield RawRow(number, dict(zip(piece.columns, row, strict=True)))


def no_rows(name: str, reject: RawRow | None) -> DataError:
    """Why nothing came out of a file."""
    if reject is None:
        return DataError(
            "data.no_rows",
            f"{name} holds no rows.",
            "There is nothing in it, or only a header.",
            "Choose a file that has rows below its header.",
        )
    return DataError(
        "data.all_rejected",
        f"No row of {name} can be read.",
        f"The first problem is in line {reject.line:,}: {reject.reason}.",
        "Check the file's format, encoding and delimiter, and choose them by hand if needed.",
    )


def _first_pieces(pieces: Iterator[Piece]) -> list[Piece]:
    """As many pieces as it takes to know what the rows are."""
    head: list[Piece] = []
    rows = 0
    while rows < _SAMPLE_ROWS and (piece := next(pieces, None)) is not None:
        head.append(piece)
        rows += piece.rows if isinstance(piece, TextBatch) else 1
    return head


def _file_column(columns: Iterable[str]) -> str:
    return f"{SOURCE_COLUMN}_file" if SOURCE_COLUMN in columns else SOURCE_COLUMN
