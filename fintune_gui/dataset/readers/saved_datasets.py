"""A folder that ``datasets`` wrote with ``save_to_disk``: one data set, or one for each split."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fintune_gui.dataset.readers.arrow_text import as_pieces
from fintune_gui.dataset.readers.columnar import arrow_batches, damage_explained
from fintune_gui.dataset.readers.reader import Piece, Reader, Settled, Source
from fintune_gui.dataset.readers.tables import choose_table
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import ImportOptions

SPLIT_COLUMN = "split"
"""Added when several splits are read together."""
_STATE, _SPLITS = "state.json", "dataset_dict.json"


def is_saved_dataset(folder: Path) -> bool:
    return (folder / _SPLITS).is_file() or ((folder / _STATE).is_file() and (folder / "dataset_info.json").is_file())


def data_files(folder: Path) -> list[Path]:
    """All files with rows, split by split, in the order of the rows.

    Raises:
        DataError: if the folder is damaged.
    """
    return [path for split in _splits(folder) for path in _shards(_folder_of(folder, split))]


def _settle(source: Source, options: ImportOptions) -> Settled:
    splits = _splits(source.path)
    if options.table is not None:
        choose_table(source, "split", splits, options.table, splits)
    for path in data_files(source.path):
        if not path.is_file():
            raise _damaged(source.path, f"The file {path.name} is missing.")
    names = tuple(splits) if splits != [""] else ()
    return Settled(options.model_copy(update={"format": "datasets"}), tables=names)


def _read(source: Source, options: ImportOptions) -> Iterator[Piece]:
    splits = _splits(source.path)
    chosen = [options.table] if options.table is not None else splits
    for split in chosen:
        extra = {SPLIT_COLUMN: split} if len(chosen) > 1 else {}
        with damage_explained(source, "data set"):
            paths = _shards(_folder_of(source.path, split))
            batches = (batch for path in paths for batch in arrow_batches(path))
            yield from as_pieces(batches, source.notes, extra)


def _splits(folder: Path) -> list[str]:
    """Names of the splits; only "" if the folder is one data set."""
    if not (folder / _SPLITS).is_file():
        return [""]
    names = _document(folder, _SPLITS).get("splits")
    if not isinstance(names, list) or not names:
        raise _damaged(folder, f"{_SPLITS} names no splits.")
    return [Path(str(name)).name for name in names]


def _folder_of(folder: Path, split: str) -> Path:
    return folder / split if split else folder


def _shards(folder: Path) -> list[Path]:
    try:
        return [folder / Path(file["filename"]).name for file in _document(folder, _STATE)["_data_files"]]
    except (KeyError, TypeError) as error:
        raise _damaged(folder, f"{_STATE} does not name the files.") from error


def _document(folder: Path, name: str) -> dict[str, Any]:
    try:
        document = json.loads((folder / name).read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{name} cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise _damaged(folder, f"{name} is no object.")
    return document


def _damaged(folder: Path, why: str) -> DataError:
    return DataError(
        "data.damaged_file",
        f"The data set in {folder.name} cannot be read.",
        why,
        "Save it again with save_to_disk, or choose one of its files.",
    )


SAVED = Reader("datasets", "data set saved to disk", _settle, _read)
