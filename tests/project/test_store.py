"""A project's folder: made, opened, locked, saved, refused."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fintune_gui.project import files
from fintune_gui.project.document import Objective, Project, SplitSettings
from fintune_gui.project.errors import DiskFullError, ProjectError
from fintune_gui.project.lock import FolderLock
from fintune_gui.project.recent import forget_project, recent_projects, remember_project
from fintune_gui.project.store import PROJECT_FILE, ProjectFolder, read_project


def _document(name: str = "Tickets") -> Project:
    return Project(name=name, objective=Objective(task="classification", metric="f1", target=0.9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with ProjectFolder.create(tmp_path / "tickets", _document()) as made:
        return made.folder


def test_that_a_project_comes_back_as_it_was_saved(folder: Path) -> None:
    with ProjectFolder.open(folder) as opened:
        changed = opened.project.with_(split=SplitSettings(seed=7))
        opened.save(changed)
    assert read_project(folder) == changed
    with ProjectFolder.open(folder / PROJECT_FILE) as opened:
        assert opened.project == changed


@pytest.mark.parametrize("obstacle", ["a project", "other files", "a file"])
def test_that_a_new_project_never_takes_a_place_that_is_in_use(tmp_path: Path, obstacle: str) -> None:
    place = tmp_path / "place"
    match obstacle:
        case "a project":
            ProjectFolder.create(place, _document("First")).close()
        case "other files":
            place.mkdir()
            (place / "letter.txt").write_text("dear")
        case "a file":
            place.write_text("dear")
    with pytest.raises(ProjectError) as refusal:
        ProjectFolder.create(place, _document("Second"))
    assert refusal.value.problem.code in ("project.exists", "project.folder_in_use")
    assert refusal.value.problem.todo


def test_that_a_second_window_opens_it_read_only(folder: Path) -> None:
    with ProjectFolder.open(folder) as first, ProjectFolder.open(folder) as second:
        assert not first.read_only
        assert "another window" in second.read_only.lower()
        with pytest.raises(ProjectError) as refusal:
            second.save(second.project.with_(name="Mine"))
        assert refusal.value.problem.code == "project.locked"
    with ProjectFolder.open(folder) as third:
        assert not third.read_only
        assert third.project.name == "Tickets"


def test_that_a_killed_window_leaves_no_lock(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from fintune_gui.project.store import ProjectFolder; "
        f"opened = ProjectFolder.open(Path({str(folder)!r})); "
        "print(repr(opened.read_only), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"''\n"
        with ProjectFolder.open(folder) as meanwhile:
            assert meanwhile.read_only
        other.kill()
    with ProjectFolder.open(folder) as after:
        assert not after.read_only


def test_that_a_project_of_a_newer_version_is_refused_and_left_alone(folder: Path) -> None:
    path = folder / PROJECT_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99, "new": True}))
    before = path.read_bytes()
    with pytest.raises(ProjectError) as refusal:
        ProjectFolder.open(folder)
    assert refusal.value.problem.code == "project.too_new"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "project.damaged"),
        ("[]", "project.damaged"),
        ("{}", "project.damaged"),
        ('{"schema_version": 1}', "project.damaged"),
        ('{"schema_version": 0}', "project.damaged"),
        ('{"schema_version": true}', "project.damaged"),
        ("[" * 100_000, "project.damaged"),
        ('{"schema_version": 1, "name": "x", "objective": {"task": "chat", "metric": "f1"}}', "project.damaged"),
        (None, "project.missing"),
    ],
)
def test_that_a_damaged_project_is_told_and_not_guessed(folder: Path, content: str | None, code: str) -> None:
    path = folder / PROJECT_FILE
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ProjectError) as refusal:
        ProjectFolder.open(folder)
    assert refusal.value.problem.code == code


def test_that_a_document_that_is_no_file_is_told(folder: Path) -> None:
    (folder / PROJECT_FILE).unlink()
    (folder / PROJECT_FILE).symlink_to(PROJECT_FILE)
    with pytest.raises(ProjectError) as refusal:
        ProjectFolder.open(folder)
    assert refusal.value.problem.code == "project.unreadable"


def test_that_a_folder_that_is_read_only_is_not_blamed_on_another_window(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fintune_gui.project.store.folder_is_writable", lambda _: False)  # nothing binds root
    with ProjectFolder.open(folder) as opened, pytest.raises(ProjectError) as refusal:
        opened.save(opened.project.with_(name="Lost"))
    assert "read-only" in refusal.value.problem.why
    assert "Copy the project" in refusal.value.problem.todo


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, DiskFullError), (errno.EROFS, ProjectError), (errno.EIO, ProjectError)]
)
def test_that_a_failed_save_leaves_the_document_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    before = (folder / PROJECT_FILE).read_bytes()
    with ProjectFolder.open(folder) as opened:
        monkeypatch.setattr(files.os, "fsync", fail)
        with pytest.raises(error):
            opened.save(opened.project.with_(name="Lost"))
        assert opened.project.name == "Tickets"
    assert (folder / PROJECT_FILE).read_bytes() == before
    assert not list(folder.glob(".*.tmp"))


def test_that_opening_removes_what_a_killed_writer_left(folder: Path) -> None:
    (folder / "dataset").mkdir()
    leftovers = [folder / ".project.json.0123abcd.tmp", folder / "dataset" / ".edits.backup.sqlite.0123abcd.tmp"]
    for leftover in leftovers:
        leftover.write_text("half")
    ProjectFolder.open(folder).close()
    assert not any(leftover.exists() for leftover in leftovers)


def test_that_opening_removes_half_checkpoints_unless_they_are_being_written(folder: Path) -> None:
    killed, at_work = (folder / "runs" / name / "checkpoints" for name in ("0001", "0002"))
    for checkpoints in (killed, at_work):
        (checkpoints / ".step-000004.abc.tmp").mkdir(parents=True)
        (checkpoints / ".step-000004.abc.tmp" / "weights.safetensors").write_bytes(b"half")
        (checkpoints / ".latest.json.abc.tmp").write_text("{")
        (checkpoints / "step-000002").mkdir()
    trainer = FolderLock(at_work.parent)
    assert trainer.acquire()
    ProjectFolder.open(folder).close()
    trainer.release()
    assert [path.name for path in killed.iterdir()] == ["step-000002"]
    assert len(list(at_work.iterdir())) == 3


def test_that_a_reader_never_sees_half_a_document(tmp_path: Path) -> None:
    """A writer in another process, killed in the middle of its work, again and again."""
    path = tmp_path / "value.json"
    script = (
        "from pathlib import Path; from itertools import count; from fintune_gui.project.files import write_json; "
        f"[write_json(Path({str(path)!r}), [n] * 20000) for n in count()]"
    )
    seen = set()
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script]) as writer:
            while not path.exists():
                pass
            for _ in range(20):
                numbers = json.loads(path.read_text())
                assert len(set(numbers)) == 1
                seen.add(numbers[0])
            writer.kill()
        assert len(json.loads(path.read_text())) == 20000
    assert seen


def test_that_recent_projects_are_listed_newest_first_while_they_exist(tmp_path: Path) -> None:
    made = [ProjectFolder.create(tmp_path / name, _document(name)) for name in ("a", "b", "c")]
    for project in made:
        project.close()
        remember_project(project.folder)
    remember_project(made[0].folder)
    assert [folder.name for folder in recent_projects()] == ["a", "c", "b"]
    (made[2].folder / PROJECT_FILE).unlink()
    forget_project(made[0].folder)
    assert [folder.name for folder in recent_projects()] == ["b"]


def test_that_job_folders_are_numbered_and_runs_are_listed_in_order(folder: Path) -> None:
    with ProjectFolder.open(folder) as opened:
        assert opened.run_numbers() == []
        assert [opened.new_job_folder("import").name for _ in range(2)] == ["import-0001", "import-0002"]
        for name in ("0002", "0010", "0001", "notes", "12345"):
            (opened.runs / name).mkdir(parents=True)
        assert opened.run_numbers() == [1, 2, 10, 12345]
