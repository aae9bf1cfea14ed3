"""Changing whole columns of an open dataset, column by column and batch by batch."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fintune_gui.dataset import row_sets
from fintune_gui.dataset.bulk import Transform, swallowed, transform_column
from fintune_gui.dataset.changes import Change
from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.picture import Picture
from fintune_gui.project.files import sync_folder


@dataclass
class Bulk:
    """What was changed, ready to be logged.

    Attributes:
        cells, rows: How many were touched.
        known: What the log must know beside the change.
    """

    cells: int
    rows: int
    change: Change
    known: dict[str, Any] = field(default_factory=dict)


class Rewriting:
    """One change of whole columns. The files that it writes are durable before they are logged.

    Args:
        folder: Where column files lie.
        shown: Key -> the column file that is shown now.
    """

    def __init__(self, folder: Path, picture: Picture, shown: Mapping[str, str]) -> None:
        self._folder = folder
        self._picture = picture
        self._shown = shown
        self._written: list[Path] = []

    def run(
        self,
        transforms: Mapping[str, Transform],
        row_ids: RowIds | None,
        report: Callable[[str, float, float | None], None],
        check_cancelled: Callable[[], None],
    ) -> Bulk | None:
        """Transform the kept rows of `row_ids` (None: all kept rows). None if nothing changes."""
        picture = self._picture
        scope = picture.scope(row_ids)
        touched = np.zeros(picture.total_rows, bool)
        bulk = Bulk(0, 0, Change())
        in_files = done = 0
        total = len(transforms) * len(picture.starts)

        def batch_done() -> None:
            nonlocal done
            check_cancelled()
            report("Changing cells", done, total)
            done += 1

        for name, transform in transforms.items():
            column, key = picture.column_of(name), picture.key_of(name)
            path = self._new_file()
            part = transform_column(column, transform, scope, key, path, batch_done=batch_done)
            touched |= part.touched
            count = int(np.count_nonzero(part.touched))
            bulk.cells += count
            if part.cells:
                bulk.change.cells[key] = part.cells
            if part.path:
                self._written.append(path)
                bulk.change.generations[key] = swallowed(column, self._shown.get(key), path.name)
                in_files += count
        if not bulk.cells:
            return None
        if self._written:
            sync_folder(self._folder)  # the files must be there before the log says so
        bulk.rows = int(np.count_nonzero(touched))
        bulk.known = {"generation_cells": in_files, "rows_touched": bulk.rows}
        if bulk.change.generations and row_ids is not None:
            # a column file does not tell which rows it changed
            bulk.known["rows"] = row_sets.to_json(np.flatnonzero(touched))
        return bulk

    def abandon(self) -> None:
        """Remove what was written; nothing refers to it."""
        for path in self._written:
            path.unlink(missing_ok=True)

    def _new_file(self) -> Path:
        return self._folder / f"column.{uuid.uuid4().hex[:12]}.arrow"
