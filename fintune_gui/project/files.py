"""Writing that survives a kill at any moment: beside, flush to disk, then replace."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fintune_gui.project.errors import DiskFullError, FintuneError, ProjectError

_HASH_CHUNK_BYTES = 1 << 20
_LONGEST_NAME_SHOWN = 120


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(value: Any) -> str:
    """A short hash of a JSON-like value. Artefacts keep it to know whether what they were made from has changed."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable. Windows has no such call and does not need it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors_explained(target: Path) -> Iterator[None]:
    """Turn the system's "no space", "too large" and "read-only" into sentences, for any work that may write `target`.

    Raises:
        DiskFullError: if there is no room, or the file would be larger than the disk or the account allows.
        ProjectError: if the folder is read-only.
    """
    try:
        yield
    except FintuneError:
        raise
    except Exception as error:
        if explained := disk_problem(_system_error(error), target):
            raise explained from error
        raise


@contextmanager
def write_errors_explained(target: Path) -> Iterator[None]:
    """As `disk_errors_explained`, for a block that does nothing but write `target`: every error of the system is told.

    Raises:
        ProjectError: also if the place cannot be: below a file, a name too long, a disk that fails.
    """
    try:
        with disk_errors_explained(target):
            yield
    except OSError as error:
        raise ProjectError(
            "project.cannot_write",
            f"{_shortened(target.name)} cannot be written in {_shortened(str(target.parent))}.",
            f"The system says: {error.strerror or error}.",
            "Choose another name or place, and try again.",
        ) from error


def disk_problem(number: int | None, target: Path) -> FintuneError | None:
    """What the system's error `number` means for writing `target`; None if the disk is not to blame."""
    if number in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            "disk.full",
            f"There is no room left on the disk that holds {target.parent}.",
            "The file could not be written; what was there before is unchanged.",
            "Free some space and try again.",
        )
    if number == errno.EFBIG:
        return DiskFullError(
            "disk.file_too_large",
            f"{target.name} is too large for the disk that holds {target.parent}.",
            "The disk's file system, or a limit of your account, allows no file of this size.",
            "Move the project to another disk, or have the limit raised.",
        )
    if number in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ProjectError(
            "project.read_only",
            f"{target.name} cannot be written in {target.parent}.",
            "The folder is read-only for you.",
            "Choose a folder in which you may write, or change this one's permissions.",
        )
    return None


def _system_error(error: Exception) -> int | None:
    """The system's number for an error. Libraries written in Rust, safetensors for one, tell it only in their text."""
    if isinstance(error, OSError):
        return error.errno
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told[1]) if told else None


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME_SHOWN else name[:_LONGEST_NAME_SHOWN] + "…"


def write_atomic(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a file beside `path`, flush it to disk, and put it in place in one step.

    A reader sees the old file or the new one, never a part. On failure the temporary file is removed.
    """
    with write_errors_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            fill(beside)
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):  # the reason why it could not be written is the one to tell
                beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Atomically write `text` as UTF-8."""

    def fill(beside: Path) -> None:
        beside.write_bytes(text.encode())

    write_atomic(path, fill)


def write_json(path: Path, value: Any) -> None:
    """Atomically write `value` as indented JSON that a person can read."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def remove_leftovers(folder: Path) -> int:
    """Delete temporary files and folders that a killed writer left in `folder` (not below it). Returns how many."""
    leftovers = list(folder.glob(".*.tmp")) if folder.is_dir() else []
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def remove_leftovers_of(path: Path) -> None:
    """Delete temporary files of killed writers of this one file, in a folder that is not ours alone."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            leftover.unlink()
