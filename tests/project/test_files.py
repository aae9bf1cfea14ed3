"""What the system says about a disk becomes a sentence; what a user calls a place becomes a path."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from fintune_gui.project.errors import DataError, DiskFullError, FintuneError, ProjectError
from fintune_gui.project.files import disk_errors_explained, write_json
from fintune_gui.project.paths import user_path


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk.full"),
        (OSError(errno.EFBIG, "File too large"), "disk.file_too_large"),
        (OSError(errno.EROFS, "Read-only file system"), "project.read_only"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk.full"),
        (DataError("data.empty_file", "It says (os error 28)."), "data.empty_file"),
    ],
)
def test_that_the_disk_is_named_whatever_library_met_its_limit(tmp_path: Path, error: Exception, code: str) -> None:
    with pytest.raises(FintuneError) as told, disk_errors_explained(tmp_path / "file"):
        raise error
    assert told.value.problem.code == code


def test_that_other_errors_are_not_blamed_on_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk_errors_explained(tmp_path / "file"):
        (tmp_path / "missing").read_bytes()


def test_that_a_place_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "file" / "below.json", tmp_path / "folder", tmp_path / ("n" * 400)):
        with pytest.raises(ProjectError) as refusal:
            write_json(target, {})
        assert refusal.value.problem.code == "project.cannot_write"
        assert len(str(refusal.value.problem)) < 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(sys.platform != "linux", reason="the device that is always full is Linux's")
def test_that_a_device_without_room_is_said() -> None:
    with pytest.raises(DiskFullError), disk_errors_explained(Path("/dev/full")), open("/dev/full", "wb") as file:
        file.write(b"x")


def test_that_a_path_is_followed_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to(tmp_path)
    assert user_path(tmp_path / "loop").name == "loop"
    assert user_path(tmp_path / "link" / "x") == Path(os.path.realpath(tmp_path)) / "x"
    assert user_path("~nobody-of-this-name/x").is_absolute()
    assert user_path("~") == Path.home().resolve()
