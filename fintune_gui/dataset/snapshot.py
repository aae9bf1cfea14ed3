"""Rows frozen for a run: Parquet files with row ids, so that training never reads the live table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.files import write_atomic

ROW_ID = "row_id"


def write_rows(dataset: Dataset, rows: RowIds, path: Path) -> None:
    """Write the present values of `rows` (rising) with their ids. Memory holds one batch."""
    schema = pa.schema([(ROW_ID, pa.int64()), *((name, TEXT) for name in dataset.columns)])

    def fill(beside: Path) -> None:
        with pq.ParquetWriter(beside, schema, compression="zstd") as writer:
            for start, arrays in dataset.batches(dataset.columns):
                end = start + len(arrays[0])
                inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]
                if len(inside):
                    places = pa.array(inside - start)
                    taken = [array.take(places) for array in arrays]
                    writer.write_batch(pa.record_batch([pa.array(inside), *taken], schema=schema))

    write_atomic(path, fill)
