"""The log of changes as another process or thread sees it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fintune_gui.dataset import log as log_module
from fintune_gui.dataset.changes import Change, Segment
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.log import ROOT, EditLog
from fintune_gui.dataset.log_file import copy_in_memory
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError, DiskFullError
from tests.dataset.conftest import write_csv


def test_that_a_log_that_is_just_being_made_reads_as_empty(tmp_path: Path) -> None:
    """Facts are gathered while the rows are opened for the first time."""
    sqlite3.connect(tmp_path / "edits.sqlite").close()
    half = sqlite3.connect(tmp_path / "edits.sqlite")
    half.execute("CREATE TABLE op(seq INTEGER PRIMARY KEY)")
    half.close()

    log = EditLog(tmp_path / "edits.sqlite", read_only=True)
    try:
        assert (log.head, log.row_sets("out"), log.history()) == (ROOT, {}, [])
    finally:
        log.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files")
def test_that_a_full_disk_is_not_taken_for_damaged_rows(tmp_path: Path) -> None:
    """Opening needs a little room beside the log. Who is told "damaged" would import again and lose the edits."""
    import resource

    EditLog(tmp_path / "edits.sqlite", read_only=False).close()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(DiskFullError) as refusal:
            EditLog(tmp_path / "edits.sqlite", read_only=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refusal.value.problem.code == "disk.full"


_EDIT_AND_DIE = """
import os, sys
from pathlib import Path
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.store import Dataset
import_files([Path(sys.argv[1])], Path(sys.argv[2]))
Dataset.open(Path(sys.argv[2])).edit(0, "text", "mended by hand")
os._exit(9)
"""


def test_that_read_only_media_show_what_a_killed_writer_had_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_csv(tmp_path / "rows.csv", ["text"], [["row one"], ["row two"]])
    folder = tmp_path / "dataset"
    subprocess.run([sys.executable, "-c", _EDIT_AND_DIE, source, folder], check=False)
    assert (folder / "edits.sqlite-wal").stat().st_size > 0

    # Where nothing can be written, sqlite cannot open a log in WAL mode at all. Nothing binds a test that runs as root.
    monkeypatch.setattr(log_module, "connect_read_only", copy_in_memory)
    with Dataset.open(folder, read_only=True) as dataset:
        assert dataset.cells([0, 1]) == [("mended by hand",), ("row two",)]


def test_that_damage_is_told_wherever_it_is_met(tmp_path: Path) -> None:
    log = EditLog(tmp_path / "edits.sqlite", read_only=False)
    log.close()
    path = tmp_path / "edits.sqlite"
    content = bytearray(path.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    with sqlite3.connect(path) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'op'").fetchone()
    db.close()
    content[(root - 1) * page : root * page] = b"\xff" * page
    path.write_bytes(content)

    log = EditLog(path, read_only=False)
    try:
        with pytest.raises(DataError) as told:
            log.path_to(log.head)
        assert told.value.problem.code == "data.log_damaged"
    finally:
        log.close()


def test_that_a_change_on_top_of_rows_that_another_process_changed_is_refused(tmp_path: Path) -> None:
    """Whoever looks at old rows must not put a change on top of new ones."""
    source = write_csv(tmp_path / "rows.csv", ["text"], [["row one"], ["row two"]])
    import_files([source], tmp_path / "dataset")
    with Dataset.open(tmp_path / "dataset") as one, Dataset.open(tmp_path / "dataset") as other:
        other.edit(0, "text", "theirs")
        with pytest.raises(DataError) as refusal:
            one.edit(1, "text", "mine")
        assert refusal.value.problem.code == "data.changed_elsewhere"
        assert one.row(0)["text"] == "theirs", "the rows are shown as they are now"
        one.edit(1, "text", "mine")
        with pytest.raises(DataError):
            other.go_to(ROOT)
    with Dataset.open(tmp_path / "dataset") as again:
        assert [row["text"] for _, row in again.rows()] == ["theirs", "mine"]
        assert len(again.history()) == 2


def test_that_a_refused_way_through_the_history_is_no_way_around_the_refusal(tmp_path: Path) -> None:
    """Going back in several steps must not leave a place in the history of which the rows were never read."""
    EditLog(tmp_path / "edits.sqlite", read_only=False).close()
    one, other = (EditLog(tmp_path / "edits.sqlite", read_only=False) for _ in range(2))
    try:
        other.append("note", "Theirs", {}, Change())
        for _ in range(2):
            with pytest.raises(DataError, match="not made"), one.in_one():
                one.step_back(ROOT)
        assert one.head == ROOT
    finally:
        one.close()
        other.close()


def test_that_a_file_that_is_being_logged_is_no_orphan_and_one_that_is_gone_is_not_logged(tmp_path: Path) -> None:
    """Two processes: one adds a file, the other opens the rows and removes what killed changes left."""
    path, file = tmp_path / "edits.sqlite", tmp_path / "base" / "rows.new.arrow"
    file.parent.mkdir()
    file.write_bytes(b"rows")
    change = Change(segment=Segment(0, 1, file.name))
    one, other = (EditLog(path, read_only=False) for _ in range(2))
    try:
        other.remove_orphans([file])
        with pytest.raises(DataError, match="not made"):
            one.append("files", "Added", {}, change)
        file.write_bytes(b"rows")
        one.append("files", "Added", {}, change)
        other.remove_orphans([file])
        assert file.exists()
    finally:
        one.close()
        other.close()
