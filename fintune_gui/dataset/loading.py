"""From the files of a dataset and its log to a `Picture` of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fintune_gui.dataset.base import TEXT, BaseFile
from fintune_gui.dataset.changes import FLAG, NOTE, STAR, Change
from fintune_gui.dataset.column import Column, Mask, Shown
from fintune_gui.dataset.log import EditLog
from fintune_gui.dataset.picture import Originals, Picture
from fintune_gui.dataset.places import BASE_FILE, BASE_FOLDER

_FIELD_OF = {FLAG: "flagged_mask", STAR: "starred_mask", NOTE: "notes_by_row"}
"""Name of a mark -> where a picture has it."""


class Files:
    """The immutable files of one dataset, each opened once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / BASE_FOLDER
        self._base = BaseFile(folder / BASE_FILE)
        self._opened: dict[str, BaseFile] = {}

    def open(self, name: str) -> BaseFile:
        """A column file or added rows."""
        if name not in self._opened:
            self._opened[name] = BaseFile(self._folder / name)
        return self._opened[name]

    def remove_orphans(self, log: EditLog) -> None:
        """Delete files of a change that was killed before it was logged."""
        log.remove_orphans([path for path in self._folder.glob("*.arrow") if path != self._base.path])

    def picture(self, log: EditLog) -> Picture:
        """The rows as the log has them."""
        segments = log.segments()
        opened = {segment.file: self.open(segment.file) for segment in segments if segment.file is not None}
        originals = Originals(self._base, segments, opened)
        names, shown = log.names(), log.shown_files()
        keys = {key: names.get(key, key) for key in originals.keys}
        return Picture(
            revision=log.head,
            originals=originals,
            keys=keys,
            columns_by_name={name: self._column(log, originals, key, shown) for key, name in keys.items()},
            removed_mask=_mask(originals.total_rows, log.removed()),
            **_marks(log, originals.total_rows, _FIELD_OF),
        )

    def picture_after(self, picture: Picture, change: Change, log: EditLog) -> Picture:
        """The rows as the log has them now, after `change` was made or taken back; the rest is kept."""
        if change.segment is not None or change.renamed:
            return self.picture(log)
        columns = dict(picture.columns_by_name)
        shown = log.shown_files()
        for key in change.columns():
            name = picture.keys[key]
            few = change.cells.get(key)
            if key not in change.generations and few is not None and len(few.rows) == 1:
                rows, values = log.cell(key, few.rows[0])
                if rows:
                    columns[name] = columns[name].with_cells(np.array(rows, np.int64), values)
                    continue
            columns[name] = self._column(log, picture.originals, key, shown, columns[name])
        total = picture.total_rows
        return replace(
            picture,
            revision=log.head,
            columns_by_name=columns,
            removed_mask=_mask(total, log.removed()) if change.removed_rows else picture.removed_mask,
            **_marks(log, total, change.marks),
        )

    def _column(
        self,
        log: EditLog,
        originals: Originals,
        key: str,
        files: Mapping[str, str],
        before: Column | None = None,
    ) -> Column:
        """A column as the log has it now. `before` lends what it knows of the same batches."""
        file = self.open(files[key]) if key in files else None
        batches = originals.shown_with(key, file)
        if before is not None and list(map(id, before.batches)) == list(map(id, batches)):
            shown = before.shown
        else:
            shown = Shown(batches, originals.column(key), originals.starts)
        rows, values = log.cells(key)
        return Column(shown, np.array(rows, np.int64), pa.array(values, TEXT))


def _marks(log: EditLog, total: int, names: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        rows = log.marks(name)
        found[_FIELD_OF[name]] = rows if name == NOTE else _mask(total, list(rows))
    return found


def _mask(total: int, rows: list[int]) -> Mask:
    mask = np.zeros(total, bool)
    mask[rows] = True
    return mask
