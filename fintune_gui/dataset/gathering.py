"""Texts of rows from anywhere in a column, without looking at any others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.column import Column, RowIds, patched

_AT_ONCE = 65_536


def in_parts(row_ids: RowIds, at_once: int = _AT_ONCE) -> Iterator[RowIds]:
    """Cut many ids into parts that are handled one after the other."""
    return (row_ids[start : start + at_once] for start in range(0, len(row_ids), at_once))


def gathered(column: Column, row_ids: RowIds) -> pa.LargeStringArray:
    """Present values of the given rows, in the given order. Nothing but these is copied."""
    starts = np.asarray(column.starts)
    batch = np.searchsorted(starts, row_ids, "right") - 1
    order = np.argsort(batch, kind="stable")
    parts = []
    for group in np.split(order, np.flatnonzero(np.diff(batch[order])) + 1):
        if len(group):
            number = batch[group[0]]
            parts.append(column.batches[number].take(pa.array(row_ids[group] - starts[number])))
    array = pa.concat_arrays(parts) if parts else pa.array([], TEXT)
    if (order[1:] < order[:-1]).any():
        array = array.take(pa.array(np.argsort(order)))
    if len(column.rows):
        place = np.minimum(np.searchsorted(column.rows, row_ids), len(column.rows) - 1)
        edited = np.flatnonzero(column.rows[place] == row_ids)
        if len(edited):
            array = patched(array, edited, column.values.take(pa.array(place[edited])))
    if column.recent:
        edited = np.flatnonzero(np.isin(row_ids, list(column.recent)))
        if len(edited):
            texts = [column.recent[row] for row in row_ids[edited].tolist()]
            array = patched(array, edited, pa.array(texts, TEXT))
    return array
