"""SQLite databases: one table or view, read without ever changing the file or anything beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from fintune_gui.dataset.csv_rows import column_names
from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.dataset.readers.arrow_text import text_of
from fintune_gui.dataset.readers.reader import ROWS_AT_ONCE, Piece, Reader, Settled, Source
from fintune_gui.dataset.readers.tables import choose_table
from fintune_gui.dataset.text_files import has_broken_characters
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import ImportOptions


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    try:
        with _connected(source.path) as db:
            db.text_factory = _decoded
            yield db
    except sqlite3.Error as error:
        raise DataError(
            "data.damaged_file",
            f"{source.name} cannot be read as an SQLite database.",
            f"The database says: {error}.",
            "Copy the file again, or open it in the program that made it and save it as CSV.",
            details=str(error),
        ) from error


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """What another program has not folded into the file yet lies beside it; then copies of both are read."""
    journals = [beside for suffix in ("-wal", "-journal") if _has_bytes(beside := path.with_name(path.name + suffix))]
    if not journals:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            yield db
        return
    with TemporaryDirectory(prefix="fintune-") as folder:
        for file in (path, *journals):
            copyfile(file, Path(folder) / file.name)
        with closing(sqlite3.connect(Path(folder) / path.name)) as db:
            yield db


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _settle(source: Source, options: ImportOptions) -> Settled:
    with _opened(source) as db:
        found = db.execute(
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
        ).fetchall()
        names = tuple(name for name, _ in found if not name.startswith("sqlite_"))
        sizes = {name: _count(db, name) for name, kind in found if kind == "table" and name in names}
        # an application's database has many small tables of its own; the rows are in the largest
        largest_first = sorted(sizes, key=lambda name: sizes[name], reverse=True)
        likely = [name for name in largest_first if sizes[name]] or largest_first
        table = choose_table(source, "table", names, options.table, likely)
        rows = sizes.get(table)
    return Settled(options.model_copy(update={"format": "sqlite", "table": table}), tables=names, rows=rows)


def _count(db: sqlite3.Connection, name: str) -> int:
    try:
        return int(db.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0])
    except sqlite3.OperationalError:  # a virtual table whose module is not there
        return 0


def _read(source: Source, options: ImportOptions) -> Iterator[Piece]:
    with _opened(source) as db:
        cursor = db.execute(f"SELECT * FROM {_quoted(options.table or '')}")
        names = column_names([column[0] for column in cursor.description])
        number = 0
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            for cells in rows:
                number += 1
                texts = [None if cell is None else text_of(cell, source.notes) for cell in cells]
                if any(text is not None and has_broken_characters(text) for text in texts):
                    shown = " | ".join(text or "" for text in texts).encode("utf-8", "replace").decode()
                    yield RawRow(number, None, "It holds bytes that are not text", shown)
                else:
                    yield RawRow(number, dict(zip(names, texts, strict=True)))


SQLITE = Reader("sqlite", "SQLite", _settle, _read)
