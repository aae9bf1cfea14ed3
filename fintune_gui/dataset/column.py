"""One column as it is now: immutable batches on disk, with edited cells laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.base import TEXT, locate

RowIds = npt.NDArray[np.int64]

_MOST_RECENT = 1000
"""Single edits are kept in a small dictionary; beyond this they are merged into the sorted arrays."""

NO_ROWS: RowIds = np.empty(0, np.int64)


@dataclass(frozen=True)
class Column:
    """An immutable picture of one column, safe to read from any thread while newer ones are made.

    Attributes:
        batches: The column's file, mapped; `starts` gives the row id of each batch's first row.
        rows, values: Edited cells, sorted by row id.
        recent: The latest single edits, which win over `rows`.
    """

    batches: Sequence[pa.LargeStringArray]
    starts: Sequence[int]
    rows: RowIds = field(default_factory=lambda: NO_ROWS)
    values: pa.LargeStringArray = field(default_factory=lambda: pa.array([], TEXT))
    recent: Mapping[int, str | None] = field(default_factory=dict)

    def get(self, row_id: int) -> str | None:
        """The value of one cell."""
        if row_id in self.recent:
            return self.recent[row_id]
        place = int(np.searchsorted(self.rows, row_id))
        if place < len(self.rows) and self.rows[place] == row_id:
            return self.values[place].as_py()  # type: ignore[no-any-return]
        batch, offset = locate(self.starts, row_id)
        return self.batches[batch][offset].as_py()  # type: ignore[no-any-return]

    def with_cells(self, rows: RowIds, values: Sequence[str | None]) -> Column:
        """A copy in which the cells of `rows` have new `values`."""
        if len(rows) + len(self.recent) <= _MOST_RECENT:
            recent = {**self.recent, **dict(zip(rows.tolist(), values, strict=True))}
            return Column(self.batches, self.starts, self.rows, self.values, recent)
        recent_rows = np.fromiter(self.recent, np.int64, len(self.recent))
        layers = [self.rows, recent_rows, rows]
        texts = [self.values, pa.array(self.recent.values(), TEXT), pa.array(values, TEXT)]
        return Column(self.batches, self.starts, *_merge(layers, texts))

    def edited_rows(self) -> RowIds:
        """Ids of all rows with a cell laid over the file, sorted."""
        recent = np.fromiter(self.recent, np.int64, len(self.recent))
        return np.union1d(self.rows, recent)

    def current(self, batch: int) -> pa.LargeStringArray:
        """One batch with its edited cells in place."""
        array = self.batches[batch]
        start = self.starts[batch]
        low, high = np.searchsorted(self.rows, [start, start + len(array)])
        if low < high:
            array = _patched(array, self.rows[low:high] - start, self.values.slice(low, high - low))
        recent = sorted((row - start, text) for row, text in self.recent.items() if 0 <= row - start < len(array))
        if recent:
            places = np.array([place for place, _ in recent], np.int64)
            array = _patched(array, places, pa.array([text for _, text in recent], TEXT))
        return array

    def all_batches(self) -> Iterator[pa.LargeStringArray]:
        """Every batch in order, with edited cells in place; one is in memory at a time."""
        return (self.current(batch) for batch in range(len(self.batches)))


def _patched(array: pa.LargeStringArray, places: RowIds, values: pa.LargeStringArray) -> pa.LargeStringArray:
    """`array` with `values` at `places`, which are sorted and unique."""
    mask = np.zeros(len(array), bool)
    mask[places] = True
    return pc.replace_with_mask(array, pa.array(mask), values)


def _merge(layers: Sequence[RowIds], texts: Sequence[pa.LargeStringArray]) -> tuple[RowIds, pa.LargeStringArray]:
    """Lay later cells over earlier ones; sorted, each row once."""
    rows = np.concatenate(layers)
    newest_first = rows[::-1]
    unique, place = np.unique(newest_first, return_index=True)
    values = pa.concat_arrays(texts)
    return unique, values.take(pa.array(len(rows) - 1 - place))
