"""Changing cells of a column. Whole columns are changed batch by batch: few changes become cells, many a new file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.base import TEXT, TextFileWriter
from fintune_gui.dataset.changes import CellChange, GenerationChange
from fintune_gui.dataset.column import Column, Mask, are_among, differs, patched

Transform = Callable[[pa.LargeStringArray], pa.LargeStringArray]
"""New values for a batch of old ones, of the same length. Must be the same at every call."""

FEWEST_CELLS_FOR_FILE = 2_000
SHARE_FOR_FILE = 0.05
"""A change of more than this share of a column is written as a new file and not as single cells. What is seen of at
least a quarter of the rows decides for all."""


@dataclass
class Transformed:
    """What a transform did to one column; one of `cells` and `path` is set, or none if nothing changed."""

    touched: Mask
    cells: CellChange | None = None
    path: Path | None = None


def transform_column(
    column: Column,
    transform: Transform,
    scope: Mask,
    key: str,
    new_file: Path,
    *,
    batch_done: Callable[[], object] = lambda: None,
) -> Transformed:
    """Apply `transform` to the rows in `scope`. Writes `new_file` (durable) only if very many cells change.

    Memory holds one batch and at most the changes that still count as few.

    Args:
        batch_done: Called after each batch; may raise `CancelledError`, and nothing is left then.
    """
    touched = np.zeros(len(scope), bool)
    edited = column.edited_rows()
    few = CellChange([], [], [], [])
    writer: TextFileWriter | None = None
    work = _ahead(column, transform)
    try:
        for number, (before, after) in enumerate(work):
            batch_done()
            start = column.starts[number]
            inside = scope[start : start + len(before)]
            differing = differs(before, after)
            changed = differing & inside
            touched[start : start + len(before)] = changed
            if writer is None and _are_many(len(few.rows) + int(changed.sum()), start + len(before), len(scope)):
                writer = TextFileWriter(new_file, [key])
                for earlier in range(number):
                    writer.write([_with_changes(column, earlier, few)])
            if writer is not None:
                out_of_scope = not np.array_equal(changed, differing)
                writer.write([pc.if_else(pa.array(changed), after, before) if out_of_scope else after])
                continue
            places = np.flatnonzero(changed)
            rows = places + start
            few.rows += rows.tolist()
            few.before += before.take(pa.array(places)).to_pylist()
            few.after += after.take(pa.array(places)).to_pylist()
            few.edited += are_among(rows, edited).tolist()
        if writer is not None:
            writer.close()
            return Transformed(touched, path=new_file)
    except BaseException:
        if writer is not None:
            writer.abandon()
        raise
    finally:
        work.close()
    return Transformed(touched, cells=few if few.rows else None)


def _are_many(changed: int, seen: int, total: int) -> bool:
    """Whether so many changed cells in the rows seen so far call for a file; told early, little is done twice."""
    return changed > max(FEWEST_CELLS_FOR_FILE, int(SHARE_FOR_FILE * max(seen, total // 4)))


def _ahead(
    column: Column, transform: Transform
) -> Generator[tuple[pa.LargeStringArray, pa.LargeStringArray], None, None]:
    """Each batch before and after; the next one is transformed while the caller writes this one."""

    def work(number: int) -> tuple[pa.LargeStringArray, pa.LargeStringArray]:
        before = column.current(number)
        return before, transform(before)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="transform") as worker:
        coming = [worker.submit(work, number) for number in range(min(1, len(column.starts)))]
        for number in range(1, len(column.starts) + 1):
            done = coming.pop()
            if number < len(column.starts):
                coming.append(worker.submit(work, number))
            yield done.result()


def swallowed(column: Column, before_file: str | None, new_file: str) -> GenerationChange:
    """The change that shows `new_file` instead, keeping the edited cells that it replaces."""
    rows = column.edited_rows().tolist()
    return GenerationChange(before_file, new_file, rows, [column.get(row) for row in rows])


def changed_cells(column: Column, rows: Sequence[int], values: Sequence[str | None]) -> CellChange:
    """The change that gives the cells of `rows` new `values`, without those that have them."""
    before = [column.get(row) for row in rows]
    differing = [place for place, old in enumerate(before) if old != values[place]]
    ids = [rows[place] for place in differing]
    return CellChange(
        ids,
        [before[place] for place in differing],
        [column.has_edited(row) for row in ids],
        [values[place] for place in differing],
    )


def typed_cells(first: int, values: Sequence[str | None]) -> CellChange:
    """The change that fills cells of new rows, from row `first` on; nothing is written where there is no value."""
    filled = [place for place, value in enumerate(values) if value is not None]
    nothing: list[str | None] = [None] * len(filled)
    ids = [first + place for place in filled]
    return CellChange(ids, nothing, [False] * len(filled), [values[place] for place in filled])


def _with_changes(column: Column, number: int, few: CellChange) -> pa.LargeStringArray:
    """One batch with the changes that were collected before it was known that there are many."""
    start, array = column.starts[number], column.current(number)
    low, high = np.searchsorted(few.rows, [start, start + len(array)])
    if low == high:
        return array
    return patched(array, np.array(few.rows[low:high]) - start, pa.array(few.after[low:high], TEXT))
