"""Damaged files are found, and there is a way out that loses as little as possible."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fintune_gui.dataset import bulk, health
from fintune_gui.dataset.health import (
    BACKUP_FILE,
    back_up,
    check_health,
    check_log,
    keep_hashes,
    read_backup,
    restore_backup,
    start_from_import,
    step_back_to_whole,
)
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError, DiskFullError

ROWS = [["one", "a"], ["two", "b"], ["three", "a"]]
Make = Callable[..., Dataset]


@pytest.fixture
def folder(make_dataset: Make) -> Path:
    """A dataset that was edited and closed, which makes a backup."""
    dataset = make_dataset(ROWS)
    dataset.edit(0, "text", "first")
    dataset.edit(1, "text", "second")
    dataset.edit(2, "text", "third")
    dataset.close()
    return dataset.folder


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = b"\xa5" * (len(content) // 2 - len(content) // 4)
    path.write_bytes(content)


def test_that_whole_files_have_no_problem(folder: Path) -> None:
    health = check_health(folder)
    assert health.problems == ()
    assert health.backup is not None
    assert health.backup.operations == 3


def test_that_one_changed_byte_in_the_rows_is_found(folder: Path) -> None:
    path = folder / "base" / "g0.arrow"
    content = bytearray(path.read_bytes())
    content[content.index(b"three")] ^= 1
    path.write_bytes(content)
    (problem,) = check_health(folder).problems
    assert problem.code == "data.base_damaged"


def test_that_a_damaged_log_is_found_and_its_backup_brought_back(folder: Path) -> None:
    damage(folder / "edits.sqlite")
    health = check_health(folder)
    assert health.log_is_bad
    assert [problem.code for problem in health.problems] == ["data.log_damaged"]
    restore_backup(folder)
    with Dataset.open(folder) as dataset:
        assert [row["text"] for _, row in dataset.rows()] == ["first", "second", "third"]
        assert dataset.undo() is not None
    assert check_health(folder).problems == ()
    assert (folder / "edits.damaged-1.sqlite").exists()


def test_that_one_can_start_again_from_the_imported_rows(folder: Path) -> None:
    damage(folder / "edits.sqlite")
    start_from_import(folder)
    with Dataset.open(folder) as dataset:
        assert [row["text"] for _, row in dataset.rows()] == ["one", "two", "three"]
        assert dataset.history() == []


def test_that_a_backup_is_never_made_from_a_damaged_log(folder: Path) -> None:
    before = (folder / BACKUP_FILE).read_bytes()
    damage(folder / "edits.sqlite")
    with pytest.raises(DataError):
        back_up(folder)
    assert (folder / BACKUP_FILE).read_bytes() == before


def test_that_a_damaged_backup_is_not_offered(folder: Path) -> None:
    damage(folder / BACKUP_FILE)
    assert read_backup(folder) is None
    with pytest.raises(DataError, match="no backup"):
        restore_backup(folder)
    assert (folder / "edits.sqlite").exists()


@pytest.fixture
def rewritten(make_dataset: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset with an edit, then a column file, then another edit."""
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 0)
    dataset = make_dataset(ROWS)
    dataset.edit(0, "text", "first")
    dataset.set_value("label", None, "z")
    dataset.edit(1, "text", "second")
    dataset.close()
    return dataset.folder


def column_file(folder: Path) -> Path:
    (path,) = (folder / "base").glob("column.*.arrow")
    return path


@pytest.mark.parametrize("harm", ["cut off", "missing", "one byte, known", "not Arrow"])
def test_that_a_damaged_file_of_a_change_is_found_and_can_be_left_behind(rewritten: Path, harm: str) -> None:
    health = check_health(rewritten)
    assert health.problems == ()
    path = column_file(rewritten)
    content = path.read_bytes()
    if harm == "one byte, known":
        keep_hashes(rewritten, health)
        content = content.replace(b"zzz", b"zyz")
    changed = {"cut off": content[:-40], "not Arrow": b"no" * 50}.get(harm, content)
    path.write_bytes(changed)
    if harm == "missing":
        path.unlink()

    health = check_health(rewritten)
    assert [problem.code for problem in health.problems] == ["data.change_damaged"]
    assert health.change_is_bad
    assert not health.log_is_bad
    assert [operation.kind for operation in step_back_to_whole(rewritten)] == ["edit", "set"]
    with Dataset.open(rewritten) as dataset:
        assert next(row for _, row in dataset.rows()) == {"text": "first", "label": "a"}
    assert check_health(rewritten).problems == ()


def test_that_starting_again_keeps_the_files_of_the_changes_aside(rewritten: Path) -> None:
    name = column_file(rewritten).name
    start_from_import(rewritten)
    with Dataset.open(rewritten) as dataset:
        assert [row["label"] for _, row in dataset.rows()] == ["a", "b", "a"]
    assert (rewritten / "base" / "edits.damaged-1" / name).exists()


def test_that_a_full_disk_keeps_the_last_backup_and_the_damaged_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    backup = (folder / BACKUP_FILE).read_bytes()
    with Dataset.open(folder) as dataset, monkeypatch.context() as patch:
        dataset.mark([0], flag=True)
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(DiskFullError):
            back_up(folder)
        dataset.close()
        assert (folder / BACKUP_FILE).read_bytes() == backup
    damage(folder / "edits.sqlite")
    damaged = (folder / "edits.sqlite").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(health, "_copy", refuse)
        with pytest.raises(DiskFullError):
            restore_backup(folder)
    assert (folder / "edits.sqlite").read_bytes() == damaged
    restore_backup(folder)
    check_log(folder)
    assert not [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]


def test_that_a_restored_backup_keeps_the_files_of_later_changes_aside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damaged log may still tell of them to somebody who knows how to ask."""
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 1)
    backup = (folder / BACKUP_FILE).read_bytes()
    with Dataset.open(folder) as dataset:
        dataset.set_value("label", None, "z")
    (later,) = (folder / "base").glob("column.*.arrow")
    (folder / BACKUP_FILE).write_bytes(backup)
    damage(folder / "edits.sqlite")
    restore_backup(folder)
    with Dataset.open(folder) as dataset:
        assert dataset.row(0) == {"text": "first", "label": "a"}
    assert (folder / "base" / "edits.damaged-1" / later.name).exists()
    assert not later.exists()
