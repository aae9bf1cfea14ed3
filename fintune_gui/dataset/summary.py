"""The figures of a dataset, read without opening its columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fintune_gui.dataset.base import damaged
from fintune_gui.dataset.importing import BASE_FILE, SOURCE_FILE
from fintune_gui.dataset.log import LOG_FILE, EditLog
from fintune_gui.project.files import fingerprint
from fintune_gui.project.settings import Frozen


class Summary(Frozen):
    """The figures of a dataset that can be known without opening its columns."""

    rows: int
    removed: int
    rejected: int
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
    log = EditLog(folder / LOG_FILE, read_only=True)
    try:
        return Summary(
            rows=source["rows"],
            removed=len(log.removed()),
            rejected=source["rejected"],
            columns=source["columns"],
            operations=len(log.path_to(log.head)),
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
        source["base_sha256"], source["columns"], source["rows"], source["rejected"]
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise damaged(folder / SOURCE_FILE, error) from error
    return source


def dataset_fingerprint(base_hash: str, log: EditLog) -> str:
    """Hash of the imported rows and everything in force."""
    return fingerprint([base_hash, log.digest()])
