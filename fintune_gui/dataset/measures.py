"""One number per row for each value and each length of a column, so that counting again under a filter is quick.

They are kept for the few columns that were looked at last: 4 bytes a row, and 8 for each different value. They belong
to one immutable column, so that they can never be out of date.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.column import Column, RowIds
from fintune_gui.dataset.hashing import hashes

Numbers = npt.NDArray[np.int32]
Check = Callable[[], None]
T = TypeVar("T")

_MOST_KEPT = 12
_FEW_VALUES = 1000
"""Up to so many different values, texts are compared as they are; beyond, by a hash of 64 bits."""
_MISSING = -1

_kept: OrderedDict[tuple[int, str], tuple[weakref.ref[Column], object]] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Values:
    """Which rows have the same value.

    Attributes:
        codes: For each row the number of its value; -1 where there is none.
        first: For each value the first row that has it.
    """

    codes: Numbers
    first: RowIds

    def counts(self, rows: npt.NDArray[np.bool_] | RowIds | None = None) -> tuple[int, RowIds]:
        """Among `rows` (a mask or ids; None: all): how many have no value, and how many each value."""
        codes = self.codes if rows is None else self.codes[rows]
        found = np.bincount(codes + 1, minlength=len(self.first) + 1)
        return int(found[0]), found[1:]


def values_of(column: Column, check_cancelled: Check = lambda: None) -> Values:
    """The values of a column. Memory holds one batch of texts, however long they are."""
    return _remembered(column, "values", lambda: _number_values(column, check_cancelled), _are_few)


def lengths_of(column: Column, check_cancelled: Check = lambda: None) -> Numbers:
    """For each row the number of characters; -1 where there is no value."""

    def measure() -> Numbers:
        return _joined([pc.cast(pc.utf8_length(batch), pa.int32()) for batch in _checked(column, check_cancelled)])

    return _remembered(column, "lengths", measure)


def _are_few(values: Values) -> bool:
    """Whether values are worth the memory: nobody counts those again that nearly every row has for itself."""
    return len(values.first) <= max(_FEW_VALUES, len(values.codes) // 10)


def _remembered(
    column: Column, what: str, make: Callable[[], T], worth_keeping: Callable[[T], bool] = lambda _: True
) -> T:
    key = (id(column), what)
    with _lock:
        owner, value = _kept.get(key, (None, None))
        if owner is not None and owner() is column:
            _kept.move_to_end(key)
            return value  # type: ignore[return-value]
    made = make()
    if not worth_keeping(made):
        return made
    with _lock:
        _kept[key] = weakref.ref(column, lambda _: _kept.pop(key, None)), made
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return made


def _number_values(column: Column, check_cancelled: Check) -> Values:
    codes = _by_text(column, check_cancelled)
    if codes is None:
        encoded = pa.chunked_array(_hashes(column, check_cancelled), pa.uint64()).dictionary_encode()
        codes = _joined([chunk.indices for chunk in encoded.chunks])
    known = int(codes.max(initial=_MISSING)) + 1
    first = np.zeros(known + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the first row is written last; -1 goes to the spare place
    return Values(codes, first[:known])


def _by_text(column: Column, check_cancelled: Check) -> Numbers | None:
    """The number of each row's value; None if there are many different ones."""
    known: dict[str, int] = {}
    parts = []
    for batch in _checked(column, check_cancelled):
        encoded = batch.dictionary_encode()
        if len(encoded.dictionary) > _FEW_VALUES:
            return None
        numbers = [known.setdefault(value, len(known)) for value in encoded.dictionary.to_pylist()]
        if len(known) > _FEW_VALUES:
            return None
        parts.append(pa.array(numbers, pa.int32()).take(encoded.indices))
    return _joined(parts)


def _joined(parts: list[pa.Int32Array]) -> Numbers:
    arrays = [pc.fill_null(part, _MISSING).to_numpy() for part in parts]
    return np.concatenate(arrays or [np.zeros(0)]).astype(np.int32, copy=False)


def _checked(column: Column, check_cancelled: Check) -> Iterator[pa.LargeStringArray]:
    for batch in column.all_batches():
        check_cancelled()
        yield batch


def _hashes(column: Column, check_cancelled: Check) -> Iterator[pa.UInt64Array]:
    """A hash for every value, null where there is none."""
    for batch in _checked(column, check_cancelled):
        missing = pc.is_null(batch).to_numpy(zero_copy_only=False)
        yield pa.array(hashes(pc.fill_null(batch, "")), mask=missing)
