"""Sets of rows as they are written: one bit for each row, so that a million rows are as quick as one.

No function here holds the interpreter for long, however many rows there are.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fintune_gui.dataset.column import Mask, RowIds

MARKED, OUT = "mark", "out"
"""The kinds of sets: of the rows that bear a mark, and of those that are out for a reason."""


def to_blob(rows: Mask) -> bytes:
    """The set as the log holds it."""
    return zlib.compress(_pack(rows), 1)


def from_blob(blob: bytes, total: int | None = None) -> Mask:
    """For each of `total` rows whether it is in the set; None: for as many rows as there are bits."""
    return _unpack(zlib.decompress(blob), total)


def joined(rows: Mask, some: RowIds, *, join: bool) -> Mask:
    """The set after `some` rows joined or left it; longer than before if need be."""
    after = np.zeros(max(len(rows), int(some.max(initial=-1)) + 1), bool)
    after[: len(rows)] = rows
    after[some] = join
    return after


def to_json(rows: RowIds) -> dict[str, Any]:
    """Sorted rows as JSON can hold them: the bits from the first row on."""
    first = int(rows[0]) if len(rows) else 0
    return {"first": first, "bits": b64encode(_pack(joined(np.zeros(0, bool), rows - first, join=True))).decode()}


def from_json(raw: Mapping[str, Any] | Sequence[int]) -> RowIds:
    """The rows, sorted. Older versions wrote a list."""
    if isinstance(raw, Mapping):
        return np.flatnonzero(_unpack(b64decode(raw["bits"]))).astype(np.int64, copy=False) + int(raw["first"])
    return np.sort(np.array(raw, np.int64))


def _pack(rows: Mask) -> bytes:
    return np.packbits(rows).tobytes().rstrip(b"\0")


def _unpack(bits: bytes, total: int | None = None) -> Mask:
    total = 8 * len(bits) if total is None else total
    rows = np.zeros(total, bool)
    found = np.unpackbits(np.frombuffer(bits, np.uint8), count=min(total, 8 * len(bits)))
    rows[: len(found)] = found
    return rows
