"""The log of changes as another process or thread sees it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from fintune_gui.dataset.log import ROOT, EditLog


def test_that_a_log_that_is_just_being_made_reads_as_empty(tmp_path: Path) -> None:
    """Facts are gathered while the rows are opened for the first time."""
    sqlite3.connect(tmp_path / "edits.sqlite").close()
    half = sqlite3.connect(tmp_path / "edits.sqlite")
    half.execute("CREATE TABLE op(seq INTEGER PRIMARY KEY)")
    half.close()

    log = EditLog(tmp_path / "edits.sqlite", read_only=True)
    try:
        assert (log.head, log.removed(), log.history()) == (ROOT, [], [])
    finally:
        log.close()
