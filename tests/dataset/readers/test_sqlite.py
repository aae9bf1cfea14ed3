"""SQLite databases are read without being touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from fintune_gui.dataset.importing import read_rejected, sniff
from tests.dataset.readers.importing import imported, refused


def make_database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE settings(name, value)")
        db.execute('CREATE TABLE "my ""rows"(text TEXT, n, raw BLOB)')
        cells = [("a", 1, b"\xff"), ("", 1.5, b"ok"), (None, 1e300, None), ("1.0", 2**62, None)]
        db.executemany('INSERT INTO "my ""rows" VALUES (?, ?, ?)', cells)
        db.execute("CREATE VIEW seen AS SELECT 1 AS one")
    return path


def test_that_the_largest_table_is_guessed_and_any_can_be_chosen(tmp_path: Path) -> None:
    source = make_database(tmp_path / "data.bin")
    before = source.read_bytes()
    found = sniff(source)
    assert (found.format, found.tables, found.table) == ("sqlite", ("settings", 'my "rows', "seen"), 'my "rows')
    assert found.rows == 4
    assert imported(source)[0] == [
        {"text": "a", "n": "1", "raw": "/w=="},
        {"text": "", "n": "1.5", "raw": "ok"},
        {"text": None, "n": "1e+300", "raw": None},
        {"text": "1.0", "n": str(2**62), "raw": None},
    ]
    assert imported(source, table="seen")[0] == [{"one": "1"}]
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["data.bin"]


def test_that_tables_with_rows_that_were_left_unread_are_told(tmp_path: Path) -> None:
    source, note = make_database(tmp_path / "data.db"), "Other tables of data.db, left unread: 1."
    assert note not in imported(source)[1].notes  # the other one is empty
    with closing(sqlite3.connect(source)) as db, db:
        db.execute("INSERT INTO settings VALUES ('a', 'b')")
    assert note in imported(source)[1].notes
    assert note not in imported(source, table="settings")[1].notes


def test_that_rows_that_another_program_has_not_put_away_are_read_too(tmp_path: Path) -> None:
    source = tmp_path / "data.db"
    with closing(sqlite3.connect(source)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t(x)")
        db.execute("INSERT INTO t VALUES ('new')")
        db.commit()
        before = {path.name: path.read_bytes() for path in tmp_path.glob("data.db*")}
        assert len(before) == 3
        assert imported(source)[0] == [{"x": "new"}]
        assert {path.name: path.read_bytes() for path in tmp_path.glob("data.db*")} == before


def test_that_text_that_is_none_is_set_aside_by_its_row(tmp_path: Path) -> None:
    source = tmp_path / "data.db"
    with closing(sqlite3.connect(source)) as db, db:
        db.execute("CREATE TABLE t(x)")
        db.execute("INSERT INTO t VALUES ('good'), (CAST(x'ff41' AS TEXT))")
    assert imported(source)[0] == [{"x": "good"}]
    (reject,) = read_rejected(tmp_path / "the dataset")
    assert (reject.line, reject.reason) == (2, "It holds bytes that are not text")


def test_that_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    source = make_database(tmp_path / "data.db")
    assert refused(source, table="missing") == "data.no_table"
    assert refused(source, table="settings") == "data.no_rows"
    source.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert refused(source) == "data.damaged_file"
    (tmp_path / "text.csv").write_text("a,b\n1,2\n")
    assert refused(tmp_path / "text.csv", format="sqlite") == "data.damaged_file"
