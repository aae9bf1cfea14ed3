"""The figures of a dataset, read without opening its columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from fintune_gui.dataset.base import damaged
from fintune_gui.dataset.log import LOG_FILE, EditLog
from fintune_gui.dataset.log_file import log_missing
from fintune_gui.dataset.places import BASE_FILE, SOURCE_FILE
from fintune_gui.dataset.row_sets import OUT
from fintune_gui.project.document import SourceFile
from fintune_gui.project.files import fingerprint
from fintune_gui.project.settings import Frozen

_LOG_FROM_THE_START = 2
"""The `reader_version` since which an import makes the log."""


_SOURCE: dict[str, type] = {"base_sha256": str, "columns": list, "rows": int, "rejected": int}
"""What everybody who reads ``source.json`` relies on."""


class Summary(Frozen):
    """The figures of a dataset that can be known without opening its columns."""

    rows: int
    removed: int
    rejected: int
    """Rows that could not be read and were not mended."""
    columns: tuple[str, ...]
    operations: int
    """Operations in force."""
    fingerprint: str


def read_summary(folder: Path) -> Summary | None:
    """The figures of the dataset in `folder`; None if there is none.

    Raises:
        DataError: if it is damaged.
    """
    if not (folder / BASE_FILE).exists():
        return None
    source = read_source(folder)
    if log_is_lost(folder, source):
        raise log_missing(folder / LOG_FILE)
    log = EditLog(folder / LOG_FILE, read_only=True)
    try:
        segments, names = log.segments(), log.names()
        keys = dict.fromkeys([*source["columns"], *(key for segment in segments for key in segment.columns)])
        rejected = sum(found["rejected"] for segment in segments for found in segment.sources)
        return Summary(
            rows=source["rows"] + sum(segment.rows for segment in segments),
            removed=sum(int(np.count_nonzero(rows)) for rows in log.row_sets(OUT).values()),
            rejected=source["rejected"] + rejected - sum(len(segment.mended) for segment in segments),
            columns=tuple(names.get(key, key) for key in keys),
            operations=log.operations_in_force(),
            fingerprint=dataset_fingerprint(source["base_sha256"], log),
        )
    except ValidationError as error:
        raise damaged(folder / SOURCE_FILE, error) from error
    finally:
        log.close()


def read_source(folder: Path) -> dict[str, Any]:
    """``source.json``: where the rows came from.

    Raises:
        DataError: if it is damaged.
    """
    try:
        source = dict(json.loads((folder / SOURCE_FILE).read_bytes()))
        wrong = [name for name, kind in _SOURCE.items() if not isinstance(source[name], kind)]
        if wrong:
            raise TypeError(f"not what they should be: {', '.join(wrong)}")
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise damaged(folder / SOURCE_FILE, error) from error
    return source


def log_is_lost(folder: Path, source: dict[str, Any]) -> bool:
    """Whether the log should be there and is not. The first versions made it only at the first change."""
    log = folder / LOG_FILE
    return source.get("reader_version", 0) >= _LOG_FROM_THE_START and not (log.exists() and log.stat().st_size)


def all_sources(source: dict[str, Any], log: EditLog) -> tuple[SourceFile, ...]:
    """The files that the rows come from: those of the import, and those that were added."""
    added = [found for segment in log.segments() for found in segment.sources]
    return tuple(SourceFile.model_validate(found) for found in [*source.get("sources", ()), *added])


def dataset_fingerprint(base_hash: str, log: EditLog) -> str:
    """Hash of the imported rows and everything in force."""
    return fingerprint([base_hash, log.digest()])
