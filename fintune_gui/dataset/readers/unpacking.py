"""From what the user chose to single files: folders and archives are taken apart, packed files are unpacked.

Unpacked files go to a temporary folder under names of our own, one at a time, and never more of them than a sensible
file would hold.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from fintune_gui.dataset.readers.saved_datasets import is_saved_dataset
from fintune_gui.dataset.text_files import check_present
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import FileChoice

_PACKED = ((b"\x1f\x8b", "gzip", ".gz"), (b"\x28\xb5\x2f\xfd", "zstd", ".zst"))
_ARCHIVE = b"PK"
_CHUNK_BYTES = 1 << 20
_MOST_FOLD = 200
"""Texts shrink to a tenth or so; what shrinks to less than this part was made to fill a disk."""
_ALWAYS_ALLOWED_BYTES = 256 << 20
_MOST_LAYERS = 3

TABLES = (
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather"),
    *(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".sqlite", ".sqlite3", ".db"),
)
PLAIN = (".txt", ".text", ".md", ".markdown", ".rst")
_ABOUT_THE_DATA = ("dataset_info", "dataset_infos", "dataset_dict", "state", "readme", "license", "licence")
"""Files with these names tell about the rows and hold none."""

CheckCancelled = Callable[[], None]


@dataclass(frozen=True)
class Part:
    """One file to read: plain or packed, by itself or inside an archive."""

    path: Path
    name: str
    member: str | None = None
    several: bool = False


def parts_of(choice: FileChoice) -> tuple[list[Part], int]:
    """The files behind a choice, in the order of their names, and how many were left aside because they hold no rows.

    Raises:
        DataError: if the file, the folder or the archive is not there, unreadable, empty, or lacks the chosen member.
    """
    path, wanted = Path(choice.path), choice.options.member
    if choice.is_hub:
        return [Part(path, choice.path)], 0
    if path.is_dir():
        if is_saved_dataset(path):
            return [Part(path, path.name)], 0
        names = _names_in_folder(path)
        found = {name: Part(path / name, name) for name in names}
    else:
        check_present(path)
        if not is_archive(path) or choice.options.format == "excel" or is_workbook_archive(path):
            return [Part(path, path.name)], 0
        names = _names_in_archive(path)
        found = {name: Part(path, name, member=name) for name in names}
    useful = [name for name in _useful(names) if wanted is None or name == wanted]
    if wanted is not None and not useful:
        if wanted not in names:
            raise DataError(
                "data.no_member",
                f"{path.name} holds no file “{wanted}”.",
                f"It holds {', '.join(names[:20])}{' and more' if len(names) > 20 else ''}.",
                "Choose one of these.",
            )
        useful = [wanted]
    if not useful:
        raise DataError(
            "data.nothing_inside",
            f"{path.name} holds no file with rows.",
            f"There {'is nothing' if not names else 'are only other files'} in it.",
            "Choose a folder or an archive with tables or texts in it.",
        )
    several = len(useful) > 1
    parts = [Part(one.path, one.name, one.member, several) for one in (found[name] for name in useful)]
    return parts, len(names) - len(useful) if wanted is None else 0


def is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _ARCHIVE and zipfile.is_zipfile(path)


def is_workbook_archive(path: Path) -> bool:
    """Whether a zip archive is a workbook (.xlsx, .xlsb, .ods).

    Raises:
        DataError: if it is damaged, or a document of another kind.
    """
    with _archive(path) as archive:
        names = set(archive.namelist())
        if "mimetype" in names:
            with archive.open("mimetype") as said:  # not read whole: who made it may want to fill the memory
                return b"spreadsheet" in said.read(200)
        if "[Content_Types].xml" not in names:
            return False
        if any(name.startswith("xl/") for name in names):
            return True
        raise DataError(
            "data.not_text",
            f"{path.name} is a document of an office program, and holds no table.",
            "",
            "Copy its text into a text file, or its table into a workbook, and import that.",
        )


@contextmanager
def unpacked(part: Part, scratch: Path, check_cancelled: CheckCancelled) -> Iterator[Path]:
    """The part as a plain file, inside `scratch` if it had to be unpacked; what was unpacked is removed afterwards.

    Raises:
        DataError: if it is damaged, needs a password, is packed again and again, or is far larger than it was packed.
    """
    path = part.path
    made: list[Path] = []
    try:
        if part.member is not None:
            path = scratch / f"{len(made)}"
            made.append(path)
            _extract(part, path, check_cancelled)
        while path.is_file() and (codec := _codec(path)) is not None:
            if len(made) == _MOST_LAYERS:
                raise _too_packed(part.name, "It is packed over and over again.")
            beside = scratch / f"{len(made)}"
            made.append(beside)
            _decompress(path, codec, part.name, beside, check_cancelled)
            path = beside
        _refuse_archives_inside(part, path)
        yield path
    finally:
        for temporary in made:
            temporary.unlink(missing_ok=True)


def packing(choice: FileChoice) -> str:
    """How a chosen file is packed: "gzip", "zstd", "zip", or "" if it is not."""
    path = Path(choice.path)
    if choice.is_hub or not path.is_file():
        return ""
    return _codec(path) or ("zip" if is_archive(path) and not is_workbook_archive(path) else "")


def _names_in_folder(folder: Path) -> list[str]:
    names = []
    try:
        for place, inner, files in os.walk(folder, onerror=_raise):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            found = (Path(place) / name for name in files)
            names += [file.relative_to(folder).as_posix() for file in found if file.is_file()]
    except OSError as error:
        raise DataError(
            "data.unreadable_file",
            f"The folder {folder.name} cannot be read.",
            f"The system says: {error.strerror or error}.",
            "Change the folder's permissions, or copy it to a place of your own.",
        ) from error
    return sorted(name for name in names if not name.rsplit("/", 1)[-1].startswith("."))


def _raise(error: OSError) -> None:
    raise error


def _names_in_archive(path: Path) -> list[str]:
    with _archive(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    return sorted(n for n in names if not n.startswith("__MACOSX/") and not n.rsplit("/", 1)[-1].startswith("."))


def _useful(names: list[str]) -> list[str]:
    """Files with rows. Texts count only where there are no tables: beside these they are usually remarks."""
    endings = {name: _ending(name) for name in names}
    tables = [n for n in names if endings[n] in TABLES and not _is_about_the_data(n)]
    return tables or [n for n in names if endings[n] in PLAIN and not (len(names) > 1 and _is_about_the_data(n))]


def _ending(name: str) -> str:
    return Path(name.lower().removesuffix(".gz").removesuffix(".zst")).suffix


def _is_about_the_data(name: str) -> bool:
    return Path(name.lower()).name.split(".")[0] in _ABOUT_THE_DATA


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError, pa.ArrowInvalid, ValueError) as error:
        raise _damaged(path.name, error) from error


def _extract(part: Part, target: Path, check_cancelled: CheckCancelled) -> None:
    assert part.member is not None
    with _archive(part.path) as archive:
        info = archive.getinfo(part.member)
        if info.flag_bits & 1:
            raise DataError(
                "data.encrypted",
                f"{part.name} in {part.path.name} is protected by a password.",
                "It cannot be unpacked without it.",
                "Unpack the archive yourself, and import the files.",
            )
        with archive.open(info) as stream:
            _copy(stream, target, info.compress_size, part.name, check_cancelled)  # type: ignore[arg-type]


def _codec(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(4)
    return next((codec for beginning, codec, _ in _PACKED if head.startswith(beginning)), None)


def _decompress(path: Path, codec: str, name: str, target: Path, check_cancelled: CheckCancelled) -> None:
    try:
        with pa.input_stream(str(path), compression=codec) as stream:
            _copy(stream, target, path.stat().st_size, name, check_cancelled)
    except pa.ArrowInvalid as error:
        raise _damaged(name, error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(name, error) from error


def _copy(stream: BinaryIO, target: Path, packed: int, name: str, check_cancelled: CheckCancelled) -> None:
    done = 0
    with target.open("wb") as file:
        while chunk := stream.read(_CHUNK_BYTES):
            check_cancelled()
            done += len(chunk)
            if done > _ALWAYS_ALLOWED_BYTES and done > _MOST_FOLD * packed:
                raise _too_packed(name, f"It takes {packed:,} bytes and unpacks to more than {done:,}.")
            file.write(chunk)


def _refuse_archives_inside(part: Part, path: Path) -> None:
    if not path.is_file():
        return
    inside = path != part.path and is_archive(path) and not is_workbook_archive(path)
    with path.open("rb") as file:
        file.seek(257)
        is_tar = file.read(5) == b"ustar"
    if inside or is_tar:
        raise DataError(
            "data.archive_inside",
            f"{part.name} holds another archive.",
            "Archives inside archives are not taken apart.",
            "Unpack it yourself, and import the files or their folder.",
        )


def _damaged(name: str, error: Exception) -> DataError:
    return DataError(
        "data.damaged_file",
        f"{name} cannot be unpacked.",
        "It is damaged or incomplete.",
        "Copy or download it again, or unpack it yourself and import what is inside.",
        details=str(error),
    )


def _too_packed(name: str, why: str) -> DataError:
    return DataError(
        "data.too_packed",
        f"{name} was not unpacked, because no sensible file shrinks that much.",
        why,
        "If you trust it, unpack it yourself and import what is inside.",
    )
