"""One column as it is now: immutable batches on disk, with edited cells laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.base import TEXT, locate

RowIds = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Batches = Sequence[pa.LargeStringArray]

_MOST_RECENT = 1000
"""Single edits are kept in a small dictionary; beyond this they are merged into the sorted arrays."""

NO_ROWS: RowIds = np.empty(0, np.int64)
Number = TypeVar("Number", np.int64, np.uint64)


def distinct(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The numbers sorted, each once; the same array if it is so already.

    `np.unique` does not let go of the interpreter: a second for a million.
    """
    if (numbers[1:] > numbers[:-1]).all():  # most often so, and a hundred times quicker to see than to sort
        return numbers
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def are_among(numbers: npt.NDArray[Number], ordered: npt.NDArray[Number]) -> Mask:
    """Which numbers are in `ordered`, which is sorted; `np.isin` sorts again, and holds the interpreter meanwhile."""
    places = np.searchsorted(ordered, numbers)
    found = places < len(ordered)
    found[found] = ordered[places[found]] == numbers[found]
    return np.asarray(found, bool)


def differs(left: pa.LargeStringArray, right: pa.LargeStringArray) -> Mask:
    """Where two batches differ; None is equal to None only."""
    unequal = pc.fill_null(pc.not_equal(left, right), False).to_numpy(zero_copy_only=False)
    one_missing = pc.xor(pc.is_null(left), pc.is_null(right)).to_numpy(zero_copy_only=False)
    return np.asarray(unequal | one_missing, bool)


class Shown:
    """The batches of one column that lie under its edited cells, and where they differ from what was imported."""

    def __init__(self, batches: Batches, originals: Batches, starts: Sequence[int]) -> None:
        self.batches = batches
        self.originals = originals
        self.starts = starts

    @cached_property
    def differs_from_original(self) -> Mask:
        """For each row; compared once, and only where a column file took the place of the imported batch."""
        parts = [
            np.zeros(len(now), bool) if now is before else differs(now, before)
            for now, before in zip(self.batches, self.originals, strict=True)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, bool)


@dataclass(frozen=True)
class Column:
    """An immutable picture of one column, safe to read from any thread while newer ones are made.

    Attributes:
        shown: The column's files, mapped.
        rows, values: Edited cells, sorted by row id.
        recent: The latest single edits, which win over `rows`.
    """

    shown: Shown
    rows: RowIds = field(default_factory=lambda: NO_ROWS)
    values: pa.LargeStringArray = field(default_factory=lambda: pa.array([], TEXT))
    recent: Mapping[int, str | None] = field(default_factory=dict)

    @property
    def batches(self) -> Batches:
        return self.shown.batches

    @property
    def starts(self) -> Sequence[int]:
        """Row id of each batch's first row."""
        return self.shown.starts

    def get(self, row_id: int) -> str | None:
        """The value of one cell."""
        if row_id in self.recent:
            return self.recent[row_id]
        place = int(np.searchsorted(self.rows, row_id))
        if place < len(self.rows) and self.rows[place] == row_id:
            return self.values[place].as_py()  # type: ignore[no-any-return]
        batch, offset = locate(self.starts, row_id)
        return self.batches[batch][offset].as_py()  # type: ignore[no-any-return]

    def original(self, row_id: int) -> str | None:
        """What was imported into one cell."""
        batch, offset = locate(self.starts, row_id)
        return self.shown.originals[batch][offset].as_py()  # type: ignore[no-any-return]

    def is_edited(self, row_id: int) -> bool:
        """Whether a cell differs from what was imported. Cells that nothing lies over are not even looked at."""
        batch, _ = locate(self.starts, row_id)
        if self.shown.batches[batch] is self.shown.originals[batch] and not self.has_edited(row_id):
            return False
        return self.get(row_id) != self.original(row_id)

    def with_cells(self, rows: RowIds, values: Sequence[str | None]) -> Column:
        """A copy in which the cells of `rows` have new `values`."""
        if len(rows) + len(self.recent) <= _MOST_RECENT:
            return replace(self, recent={**self.recent, **dict(zip(rows.tolist(), values, strict=True))})
        recent_rows = np.fromiter(self.recent, np.int64, len(self.recent))
        layers = [self.rows, recent_rows, rows]
        texts = [self.values, pa.array(self.recent.values(), TEXT), pa.array(values, TEXT)]
        return Column(self.shown, *_merge(layers, texts))

    def edited_rows(self) -> RowIds:
        """Ids of all rows with a cell laid over the file, sorted."""
        recent = np.fromiter(self.recent, np.int64, len(self.recent))
        return distinct(np.concatenate([self.rows, recent]))

    def has_edited(self, row_id: int) -> bool:
        """Whether a cell is laid over the file in this row."""
        place = int(np.searchsorted(self.rows, row_id))
        return row_id in self.recent or (place < len(self.rows) and bool(self.rows[place] == row_id))

    @cached_property
    def differs_from_original(self) -> Mask:
        """For each row whether its cell differs from what was imported. Not to be written to."""
        edited = self.edited_rows()
        if not len(edited):
            return self.shown.differs_from_original
        mask = self.shown.differs_from_original.copy()
        for number, start in enumerate(self.starts):
            batch = self.shown.originals[number]
            low, high = np.searchsorted(edited, [start, start + len(batch)])
            if low < high:
                places = pa.array(edited[low:high] - start)
                mask[edited[low:high]] = differs(self.current(number).take(places), batch.take(places))
        return mask

    def current(self, batch: int) -> pa.LargeStringArray:
        """One batch with its edited cells in place."""
        array = self.batches[batch]
        start = self.starts[batch]
        low, high = np.searchsorted(self.rows, [start, start + len(array)])
        if low < high:
            array = patched(array, self.rows[low:high] - start, self.values.slice(low, high - low))
        recent = sorted((row - start, text) for row, text in self.recent.items() if 0 <= row - start < len(array))
        if recent:
            places = np.array([place for place, _ in recent], np.int64)
            array = patched(array, places, pa.array([text for _, text in recent], TEXT))
        return array

    def all_batches(self) -> Iterator[pa.LargeStringArray]:
        """Every batch in order, with edited cells in place; one is in memory at a time."""
        return (self.current(batch) for batch in range(len(self.batches)))


def patched(array: pa.LargeStringArray, places: RowIds, values: pa.LargeStringArray) -> pa.LargeStringArray:
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
