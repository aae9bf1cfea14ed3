"""A 64-bit hash of each text. Texts with equal hashes are taken for equal."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

Keys = npt.NDArray[np.uint64]


def hashes(texts: pa.LargeStringArray) -> Keys:
    """The hash of every text; there must be no nulls. The same text has the same hash while the program runs."""
    with _engine().cursor() as cursor:
        cursor.register("texts", pa.table({"text": texts}))
        return np.asarray(cursor.execute("SELECT hash(text) AS hash FROM texts").fetchnumpy()["hash"], np.uint64)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """DuckDB, of which only the hash is used: PyArrow has none."""
    import duckdb

    off = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}
    return duckdb.connect(":memory:", config=off)
