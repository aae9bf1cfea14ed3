"""From the files of a dataset and its log to a `Picture` of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from fintune_gui.dataset.base import TEXT, BaseFile
from fintune_gui.dataset.changes import FLAG, STAR, Change
from fintune_gui.dataset.column import Column, Mask, Shown
from fintune_gui.dataset.log import EditLog
from fintune_gui.dataset.picture import Originals, Picture
from fintune_gui.dataset.places import BASE_FILE, BASE_FOLDER
from fintune_gui.dataset.row_sets import MARKED, OUT


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
        flagged, starred = _marked(log, originals.total_rows)
        names, shown = log.names(), log.shown_files()
        keys = {key: names.get(key, key) for key in originals.keys}
        return Picture(
            revision=log.head,
            originals=originals,
            keys=keys,
            columns_by_name={name: self._column(log, originals, key, shown) for key, name in keys.items()},
            removed_mask=_removed(log, originals.total_rows),
            flagged_mask=flagged,
            starred_mask=starred,
            notes_by_row=log.notes(),
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
        now = picture.flagged_mask, picture.starred_mask
        flagged, starred = _marked(log, total) if change.touches(MARKED) else now
        return replace(
            picture,
            revision=log.head,
            columns_by_name=columns,
            removed_mask=_removed(log, total) if change.touches(OUT) else picture.removed_mask,
            flagged_mask=flagged,
            starred_mask=starred,
            notes_by_row=picture.notes_by_row if change.note is None else log.notes(),
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


def _marked(log: EditLog, total: int) -> tuple[Mask, Mask]:
    """For each row whether it is flagged, and whether it is starred."""
    found = log.row_sets(MARKED, total)
    flagged, starred = (found.get(name, np.zeros(total, bool)) for name in (FLAG, STAR))
    return flagged, starred


def _removed(log: EditLog, total: int) -> Mask:
    """For each row whether it is out, for whatever reason."""
    removed = np.zeros(total, bool)
    for rows in log.row_sets(OUT, total).values():
        removed |= rows
    return removed
