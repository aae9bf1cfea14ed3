"""What disks, other programs and accidents do to rows: nothing is lost, and each ends in sentences for people."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fintune_gui.dataset import bulk, log
from fintune_gui.dataset.health import check_health, restore_backup, start_from_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.log_file import copy_in_memory
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.row_export import export_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.errors import DataError, DiskFullError, FintuneError
from fintune_gui.project.store import ProjectFolder
from tests.dataset.conftest import write_csv
from tests.dataset.row_model import observe

ROWS = [[f"row {number}", "ab"[number % 2]] for number in range(40)]
PROJECT = Project(name="Rows", objective=Objective(task=Task.CLASSIFICATION, metric=Metric.F1))
EVERYTHING = Replace(columns=("text",), find="row", replacement="line")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with rows, of which one was edited."""
    source = write_csv(tmp_path / "rows.csv", ["text", "label"], ROWS)
    with ProjectFolder.create(tmp_path / "project", PROJECT) as opened:
        import_files([source], opened.dataset)
        with Dataset.open(opened.dataset) as dataset:
            dataset.edit(0, "text", "mended by hand")
    return tmp_path / "project"


@pytest.fixture(autouse=True)
def _few_cells_make_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FEWEST_CELLS_FOR_FILE", 3)


def tells(error: FintuneError, code: str) -> None:
    """The error has this code, and says what happened, why, and what can be done."""
    problem = error.problem
    assert problem.code == code
    assert all(problem.model_dump(include={"what", "why", "todo"}).values()), problem


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.startswith("edits.sqlite-")}


# A full disk


@contextmanager
def no_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files can be made, but nothing can be flushed to the disk, because it is full."""

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        yield


@contextmanager
def small_files_only(most_bytes: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond this, as a full disk and as an account's limit does."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


CHANGES: dict[str, Callable[[Dataset], object]] = {
    "edit": lambda dataset: dataset.edit(1, "text", "x" * 100_000),
    "replace": lambda dataset: dataset.replace(EVERYTHING, None),
    "remove": lambda dataset: dataset.remove([2, 3], "y" * 100_000),
    "add": lambda dataset: dataset.append_rows([{"text": "z" * 100_000}]),
    "note": lambda dataset: dataset.set_note(4, "n" * 100_000),
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files")
@pytest.mark.parametrize("change", CHANGES)
def test_that_a_change_for_which_there_is_no_room_is_not_made(folder: Path, change: str) -> None:
    with Dataset.open(folder / "dataset") as dataset:
        before, known = observe(dataset), files_below(folder)
        with small_files_only(1000), pytest.raises(FintuneError) as refusal:
            CHANGES[change](dataset)
        assert refusal.value.problem.code in ("disk.full", "disk.file_too_large", "data.unreadable")
        assert refusal.value.problem.todo
        assert observe(dataset) == before
        assert files_below(folder) == known
        CHANGES[change](dataset)  # there is room again
        assert observe(dataset) != before
        dataset.undo()
    with Dataset.open(folder / "dataset") as again:
        assert observe(again) == before


def test_that_an_import_that_fills_the_disk_leaves_the_old_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Dataset.open(folder / "dataset") as dataset:
        before = observe(dataset)
    known = files_below(folder)
    source = write_csv(folder.parent / "new.csv", ["text"], [["new"]] * 100)
    with no_room(monkeypatch), pytest.raises(DiskFullError) as refusal:
        import_files([source], folder / "dataset")
    tells(refusal.value, "disk.full")
    assert files_below(folder) == known
    with Dataset.open(folder / "dataset") as dataset:
        assert observe(dataset) == before


def test_that_an_export_that_fills_the_disk_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder.parent / "out" / "rows.csv"
    target.parent.mkdir()
    target.write_text("what was there before")
    with Dataset.open(folder / "dataset") as dataset, no_room(monkeypatch), pytest.raises(DiskFullError) as refusal:
        export_rows(dataset, dataset.view(), dataset.columns, target, "csv")
    tells(refusal.value, "disk.full")
    assert target.read_text() == "what was there before"
    assert list(target.parent.iterdir()) == [target]


# Sources


def test_that_a_source_that_has_vanished_is_told_and_the_rows_stay(folder: Path) -> None:
    source = folder.parent / "rows.csv"
    source.unlink()
    with pytest.raises(DataError) as refusal:
        import_files([source], folder / "dataset")
    tells(refusal.value, "data.missing_file")
    with Dataset.open(folder / "dataset") as dataset:
        assert dataset.row(0)["text"] == "mended by hand"


def test_that_a_source_that_may_not_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, path_open = folder.parent / "rows.csv", Path.open

    def refuse(self: Path, *arguments: object, **named: object) -> object:
        if self == source:  # nothing binds a test that runs as root
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return path_open(self, *arguments, **named)  # type: ignore[call-overload]

    known = files_below(folder)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError) as refusal:
        import_files([source], folder / "dataset")
    tells(refusal.value, "data.unreadable_file")
    assert files_below(folder) == known


# Two at a time

_HOLDS_THE_PROJECT = """
import sys
from pathlib import Path
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.store import ProjectFolder
with ProjectFolder.open(Path(sys.argv[1])) as project, Dataset.open(project.dataset) as dataset:
    print(repr(project.read_only), flush=True)
    for line in sys.stdin:
        dataset.edit(1, "text", line.strip())
        print("done", flush=True)
"""


def test_that_the_second_process_on_a_project_looks_on_and_says_why(folder: Path) -> None:
    command = [sys.executable, "-c", _HOLDS_THE_PROJECT, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "''\n"
        with ProjectFolder.open(folder) as second:
            assert "Another window" in second.read_only
            with Dataset.open(second.dataset, read_only=True) as dataset:
                with pytest.raises(DataError) as refusal:
                    dataset.edit(1, "text", "mine")
                tells(refusal.value, "data.read_only")
                with pytest.raises(DataError):
                    dataset.replace(EVERYTHING, None)
                assert dataset.row(1)["text"] == "row 1"
            first.stdin.write("theirs\n")
            first.stdin.flush()
            assert first.stdout.readline() == "done\n"
            with Dataset.open(second.dataset, read_only=True) as dataset:
                assert dataset.row(1)["text"] == "theirs"
                assert {path.name for path in (second.dataset / "base").iterdir()} == {"g0.arrow"}
        first.kill()
    with ProjectFolder.open(folder) as third, Dataset.open(third.dataset) as dataset:
        assert third.read_only == ""
        assert dataset.row(1)["text"] == "theirs"
        dataset.edit(1, "text", "mine")


# A read-only medium


@pytest.fixture
def read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project where nothing can be written: by its permissions, or as if for who may write everywhere."""
    binds = hasattr(os, "geteuid") and os.geteuid() != 0
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    if binds:
        for path in paths:
            path.chmod(modes[path] & ~0o222)
    else:
        monkeypatch.setattr("fintune_gui.project.store.folder_is_writable", lambda _folder: False)
        monkeypatch.setattr(log, "connect_read_only", copy_in_memory)
    yield folder
    for path, mode in modes.items():
        path.chmod(mode)


def test_that_rows_on_a_read_only_medium_are_shown_and_changes_refused(read_only: Path) -> None:
    known = files_below(read_only)
    with ProjectFolder.open(read_only) as project:
        assert project.read_only == "The folder is read-only."
        with Dataset.open(project.dataset, read_only=True) as dataset:
            assert dataset.row(0)["text"] == "mended by hand"
            assert len(dataset.view()) == len(ROWS)
            with pytest.raises(DataError) as refusal:
                dataset.remove(np.array([1]))
            tells(refusal.value, "data.read_only")
    assert files_below(read_only) == known


# Damage


def _flip(path: Path, place: int, count: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[place : place + count] = bytes(byte ^ 0xFF for byte in content[place : place + count])
    path.write_bytes(content)


def _pages_of(path: Path) -> tuple[int, int]:
    """Where the pages with the tables lie: behind the first, to the end."""
    return 4096, path.stat().st_size - 4096


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "data.log_missing"),
    "of no length": (lambda path: path.write_bytes(b""), "data.log_missing"),
    "with a broken head": (lambda path: _flip(path, 0, 60), "data.log_damaged"),
    "with broken pages": (lambda path: _flip(path, *_pages_of(path)), "data.log_damaged"),
    "cut off": (lambda path: os.truncate(path, path.stat().st_size // 2), "data.log_damaged"),
    "something else": (lambda path: path.write_bytes(b"%PDF-1.7 " * 1000), "data.log_damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("way_out", ["backup", "import"])
def test_that_a_damaged_log_is_told_and_two_ways_out_are_offered(folder: Path, damage: str, way_out: str) -> None:
    dataset_folder = folder / "dataset"
    do, code = DAMAGE[damage]
    for suffix in ("-wal", "-shm"):
        (dataset_folder / f"edits.sqlite{suffix}").unlink(missing_ok=True)
    do(dataset_folder / "edits.sqlite")
    health = check_health(dataset_folder)
    assert [problem.code for problem in health.problems] == [code]
    assert health.log_is_bad
    assert "imported rows are still there" in health.problems[0].why
    assert health.problems[0].todo
    assert health.backup is not None
    assert health.backup.operations == 1
    if way_out == "backup":
        restore_backup(dataset_folder)
    else:
        start_from_import(dataset_folder)
    assert check_health(dataset_folder).problems == ()
    with Dataset.open(dataset_folder) as dataset:
        assert dataset.row(0)["text"] == ("mended by hand" if way_out == "backup" else "row 0")
        assert dataset.row(1)["text"] == "row 1"
        dataset.edit(1, "text", "it goes on")
        assert dataset.undo() is not None


@pytest.mark.parametrize("damage", ["with a broken head", "with broken pages", "cut off", "missing", "of no length"])
def test_that_a_damaged_log_is_told_and_never_a_crash(folder: Path, damage: str) -> None:
    """Also before anybody has looked at the health: a sentence at opening, or at the first thing that is asked."""
    dataset_folder = folder / "dataset"
    do, code = DAMAGE[damage]
    do(dataset_folder / "edits.sqlite")
    with pytest.raises(DataError) as told:
        _look_at_everything(dataset_folder)
    tells(told.value, code)


def _look_at_everything(dataset_folder: Path) -> None:
    with Dataset.open(dataset_folder) as dataset:
        observe(dataset)
        dataset.history()


def test_that_one_flipped_bit_in_the_imported_rows_is_found(folder: Path) -> None:
    path = folder / "dataset" / "base" / "g0.arrow"
    content = bytearray(path.read_bytes())
    content[content.index(b"row 17") + 4] ^= 1
    path.write_bytes(content)
    (problem,) = check_health(folder / "dataset").problems
    assert problem.code == "data.base_damaged"
    assert problem.todo


@pytest.mark.parametrize("part", ["g0.arrow", "column"])
def test_that_rows_that_are_cut_off_are_told(folder: Path, part: str) -> None:
    with Dataset.open(folder / "dataset") as dataset:
        dataset.replace(EVERYTHING, None)
    (path,) = (path for path in (folder / "dataset" / "base").iterdir() if path.name.startswith(part))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DataError) as told:
        Dataset.open(folder / "dataset")
    tells(told.value, "data.damaged")


# Typing

_TYPES_AND_DIES = """
import os, signal, sys
from pathlib import Path
from fintune_gui.dataset.store import Dataset, Draft
dataset = Dataset.open(Path(sys.argv[1]))
dataset.save_draft(Draft(row_id=3, column="text", text="half a sent", cursor=11, time=1.0))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
def test_that_unfinished_typing_survives_a_kill(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", _TYPES_AND_DIES, str(folder / "dataset")], check=False)
    with Dataset.open(folder / "dataset") as dataset:
        draft = dataset.draft()
        assert draft is not None
        assert (draft.row_id, draft.column, draft.text) == (3, "text", "half a sent")
        dataset.save_draft(None)
    copied = shutil.copytree(folder, folder.with_name("copied"))
    with Dataset.open(copied / "dataset") as dataset:
        assert dataset.draft() is None
