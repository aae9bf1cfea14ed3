"""From files to a dataset: look first (`sniff`), then read everything (`import_files`), or add to it (`add_files`).

Everything becomes text, and source files are only read. What cannot be read is kept in ``rejected.jsonl`` with its line
and reason. A dataset is built beside its place and renamed last, and added rows are one operation, so a kill at any
moment leaves what was there before, or the new rows whole.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from fintune_gui.dataset.base import damaged
from fintune_gui.dataset.intake import SOURCE_COLUMN, ImportResult, Intake, Rejected, Report
from fintune_gui.dataset.log_file import LOG_FILE, create_log
from fintune_gui.dataset.places import (
    BASE_FILE,
    BASE_FOLDER,
    REJECTED_FILE,
    SOURCE_FILE,
    put_in_place,
    recover,
    remove_unfinished,
)
from fintune_gui.dataset.readers.hub import check_hub_name
from fintune_gui.dataset.readers.unpacking import parts_of
from fintune_gui.dataset.sniffing import Sniffed, sniff
from fintune_gui.dataset.wording import counted
from fintune_gui.project.document import SourceFile
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import disk_errors_explained, sync_folder, write_atomic, write_json
from fintune_gui.project.import_options import FileChoice, FileFormat, ImportOptions

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

__all__ = [
    "BASE_FILE",
    "REJECTED_FILE",
    "SOURCE_COLUMN",
    "SOURCE_FILE",
    "FileChoice",
    "FileFormat",
    "Files",
    "ImportOptions",
    "ImportResult",
    "Rejected",
    "Report",
    "Sniffed",
    "add_files",
    "check_choice",
    "choices_of",
    "import_files",
    "options_of",
    "read_rejected",
    "read_result",
    "recover",
    "remove_unfinished",
    "sniff",
]

READER_VERSION = 2

Files = Sequence[Path | str | FileChoice]


def import_files(
    files: Files,
    dataset_folder: Path,
    options: ImportOptions | None = None,
    *,
    report: Report = lambda stage, done, total: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Read `files` into a new dataset at `dataset_folder`. A dataset that is there is kept as ``dataset-previous-N``.

    Memory holds one batch of rows, whatever the size of the files.

    Args:
        options: For the files that are given by their paths alone.
        check_cancelled: Called every few thousand rows; may raise `CancelledError`.

    Raises:
        DataError: if a file cannot be used, or holds no row at all. What was there before is then unchanged.
    """
    choices = choices_of(files, options)
    recover(dataset_folder)
    with _workplace(dataset_folder) as folder:
        (folder / BASE_FOLDER).mkdir()
        with (folder / REJECTED_FILE).open("wb") as rejects:
            intake = Intake(folder / BASE_FILE, rejects, _scratch(folder), report, check_cancelled)
            result = intake.read(choices)
            rejects.flush()
            os.fsync(rejects.fileno())
        sync_folder(folder / BASE_FOLDER)
        rmtree(_scratch(folder))
        create_log(folder / LOG_FILE)
        document: dict[str, Any] = {"reader_version": READER_VERSION}
        document |= orjson.loads(result.model_dump_json())
        document["base_sha256"] = intake.sha256
        write_json(folder / SOURCE_FILE, document)
        put_in_place(folder, dataset_folder)
    return result


def add_files(
    dataset_folder: Path,
    files: Files,
    options: ImportOptions | None = None,
    *,
    report: Report = lambda stage, done, total: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Read `files` and put their rows behind the present ones, as one operation that can be undone.

    Columns that have the name of a present column continue it; the others are new, also one with the name that a
    column had before it was renamed. The column `SOURCE_COLUMN` says
    from then on which file a row came from.

    Raises:
        DataError: as `import_files`, or if there is no dataset yet.
    """
    from fintune_gui.dataset.store import Dataset

    choices = choices_of(files, options)
    with Dataset.open(dataset_folder) as dataset:
        keys = dict(dataset.keys)
    segment = f"rows.{uuid.uuid4().hex[:12]}.arrow"
    key_of = _keys_by_name(keys, segment)
    with _workplace(dataset_folder) as folder:
        rejects_file = folder / REJECTED_FILE
        with rejects_file.open("wb") as rejects:
            intake = Intake(
                folder / segment,
                rejects,
                _scratch(folder),
                report,
                check_cancelled,
                file_column=True,
                names=key_of,
                segment=segment,
            )
            result = intake.read(choices)
        with Dataset.open(dataset_folder) as dataset:
            # a reject is listed only while the file of its segment is there, so it may be written before the rows are
            _append(rejects_file.read_bytes(), dataset_folder / REJECTED_FILE)
            (folder / segment).rename(dataset_folder / BASE_FOLDER / segment)
            sync_folder(dataset_folder / BASE_FOLDER)  # it must be there before the log says so
            names = ", ".join(Path(choice.path).name for choice in choices[:3]) + (" …" if len(choices) > 3 else "")
            label = f"Added {counted(result.rows, 'row')} from {names}"
            dataset.append_file(
                segment,
                result.sources,
                label=label,
                names={key: name for name, key in key_of.items()},
                fill=_first_file(dataset, keys, key_of),
            )
            return result.model_copy(update={"columns": dataset.columns})


def choices_of(files: Files, options: ImportOptions | None = None) -> list[FileChoice]:
    """`files` with their options; plain paths get `options`.

    Raises:
        DataError: if there are none.
    """
    if not files:
        raise DataError("data.no_files", "No file was given.", "", "Choose at least one file with rows.")
    plain = options or ImportOptions()
    return [file if isinstance(file, FileChoice) else FileChoice(path=str(file), options=plain) for file in files]


def read_rejected(dataset_folder: Path) -> list[Rejected]:
    """The rows that could not be read, in the order of the imports and their files."""
    path = dataset_folder / REJECTED_FILE
    if not path.exists():
        return []
    with path.open("rb") as file:
        found = [Rejected.model_validate_json(line) for line in file]
    present = {one.segment for one in found if one.segment and (dataset_folder / BASE_FOLDER / one.segment).exists()}
    return [one for one in found if one.segment is None or one.segment in present]


def read_result(dataset_folder: Path) -> ImportResult:
    """What the import told that made the dataset.

    Raises:
        DataError: if the dataset is damaged.
    """
    path = dataset_folder / SOURCE_FILE
    try:
        document = orjson.loads(path.read_bytes())
        return ImportResult.model_validate({n: document[n] for n in ImportResult.model_fields if n in document})
    except (OSError, ValueError, TypeError, ValidationError) as error:
        raise damaged(path, error) from error


def options_of(dataset_folder: Path) -> list[FileChoice]:
    """The files that the present rows came from and how they were read, to read them again in another way.

    Raises:
        DataError: if there is no dataset, or it is damaged.
    """
    from fintune_gui.dataset.store import Dataset

    with Dataset.open(dataset_folder, read_only=True) as dataset:
        return [FileChoice(path=source.path, options=source.options) for source in dataset.sources]


def check_choice(choice: FileChoice) -> None:
    """Raise `DataError` for a file that is not there, cannot be read, or holds nothing. The hub is not asked."""
    if choice.is_hub:
        check_hub_name(choice.path)
    parts_of(choice)


@contextmanager
def _workplace(dataset_folder: Path) -> Iterator[Path]:
    """A folder beside the dataset that nobody else sees, gone at the end unless it took the dataset's place."""
    remove_unfinished(dataset_folder)
    folder = dataset_folder.with_name(f"{dataset_folder.name}.tmp-{uuid.uuid4().hex[:8]}")
    try:
        with disk_errors_explained(dataset_folder):
            _scratch(folder).mkdir(parents=True)
            yield folder
    finally:
        rmtree(folder, ignore_errors=True)


def _scratch(folder: Path) -> Path:
    return folder / "unpacked"


def _append(lines: bytes, target: Path) -> None:
    if not lines:
        return
    whole = (target.read_bytes() if target.exists() else b"") + lines

    def fill(beside: Path) -> None:
        beside.write_bytes(whole)

    write_atomic(target, fill)


def _keys_by_name(keys: Mapping[str, str], segment: str) -> dict[str, str]:
    """The key under which a name of a file is stored, where that is not the name itself.

    A column that was renamed continues under its present name. It leaves its old name to others but keeps its key, so
    these need a key of their own, which no column of any file has.
    """
    names = {shown: key for key, shown in keys.items()}
    return {key: f"{key}@{segment}" for key in keys if key not in names} | names


def _first_file(dataset: Dataset, keys: Mapping[str, str], key_of: Mapping[str, str]) -> dict[str, str]:
    """The file's name for the rows that have been there so far, if only one file was read."""
    sources: Sequence[SourceFile] = dataset.sources
    if SOURCE_COLUMN in keys.values() or len(sources) != 1:
        return {}
    return {key_of.get(SOURCE_COLUMN, SOURCE_COLUMN): Path(sources[0].path).name}
