"""What a filter is made of: conditions that say for each row of a batch whether it passes, in compiled code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.column import Mask, RowIds

if TYPE_CHECKING:
    from fintune_gui.dataset.picture import Picture

STATES = ("flagged", "starred", "edited", "added", "removed")
"""What can be asked of a row with ``is``; ``empty`` and ``missing`` are asked of cells."""
NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "<": pc.less,
    "<=": pc.less_equal,
}
_LONGEST_PATTERN = 1000
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")
_CASE_GROWTH = 3
"""A letter takes at most so many times more bytes in its other case."""


class RowFacts:
    """What is known about the rows of a picture beside their cells, asked when a condition needs it."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._masks: dict[str, Mask] = {}

    def mask(self, state: str) -> Mask:
        """For each row whether it is in one of `STATES`."""
        if state not in self._masks:
            self._masks[state] = state_mask(self._picture, state)
        return self._masks[state]

    def noted(self, value: str, *, case_sensitive: bool) -> Mask:
        """For each row whether it has a note that contains a text."""
        key = f"note {case_sensitive} {value}"
        if key not in self._masks:
            notes = self._picture.notes()
            found = matches(pa.array(list(notes.values()), TEXT), value, case_sensitive=case_sensitive)
            mask = np.zeros(self._picture.total_rows, bool)
            mask[list(notes)] = found.to_numpy(zero_copy_only=False)
            self._masks[key] = mask
        return self._masks[key]


def state_mask(picture: Picture, state: str) -> Mask:
    """For each row whether it is in one of `STATES`. Not to be written to."""
    match state:
        case "flagged":
            return picture.flagged_mask
        case "starred":
            return picture.starred_mask
        case "edited":
            return picture.edited_mask()
        case "added":
            return picture.added_mask()
        case "removed":
            return picture.removed_mask
    raise ValueError(state)


@dataclass(frozen=True)
class Batch:
    """Some rows: which ones, how many, and the texts of the columns that are looked at."""

    ids: slice | RowIds
    rows: int
    texts: Mapping[str, pa.LargeStringArray]
    facts: RowFacts


class Condition(ABC):
    """A filter, as a tree."""

    @abstractmethod
    def columns(self) -> set[str]:
        """The columns that it looks at."""

    @abstractmethod
    def mask(self, batch: Batch) -> pa.BooleanArray:
        """For each row of a batch whether it passes. Never null."""


@dataclass(frozen=True)
class Both(Condition):
    """Two conditions joined by "and", or by "or"."""

    left: Condition
    right: Condition
    either: bool = False

    def columns(self) -> set[str]:
        return self.left.columns() | self.right.columns()

    def mask(self, batch: Batch) -> pa.BooleanArray:
        left = self.left.mask(batch)
        if left.true_count == (len(left) if self.either else 0):
            return left  # the other cannot change it
        join = pc.or_ if self.either else pc.and_
        return join(left, self.right.mask(batch))


@dataclass(frozen=True)
class Not(Condition):
    inner: Condition

    def columns(self) -> set[str]:
        return self.inner.columns()

    def mask(self, batch: Batch) -> pa.BooleanArray:
        return pc.invert(self.inner.mask(batch))


@dataclass(frozen=True)
class Contains(Condition):
    """Some of the columns holds a text or matches a pattern."""

    names: tuple[str, ...]
    value: str
    case_sensitive: bool
    regex: bool = False

    def columns(self) -> set[str]:
        return set(self.names)

    def mask(self, batch: Batch) -> pa.BooleanArray:
        return _any_of(
            pc.fill_null(
                matches(batch.texts[name], self.value, case_sensitive=self.case_sensitive, regex=self.regex), False
            )
            for name in self.names
        )


@dataclass(frozen=True)
class Equals(Condition):
    """One column holds exactly a text."""

    name: str
    value: str
    case_sensitive: bool

    def columns(self) -> set[str]:
        return {self.name}

    def mask(self, batch: Batch) -> pa.BooleanArray:
        array, value = batch.texts[self.name], pa.scalar(self.value, TEXT)
        if self.case_sensitive:
            return pc.fill_null(pc.equal(array, value), False)
        # only texts of about the same length are brought to lower case: a column of long texts is hardly touched
        size = len(self.value.encode())
        length = pc.binary_length(array)
        fits = pc.and_(pc.greater_equal(length, size // _CASE_GROWTH), pc.less_equal(length, size * _CASE_GROWTH))
        alike = pc.utf8_lower(pc.if_else(fits, array, pa.scalar(None, TEXT)))
        return pc.fill_null(pc.equal(alike, pc.utf8_lower(value)), False)


@dataclass(frozen=True)
class Empty(Condition):
    """Some of the columns holds nothing but white space, or nothing at all."""

    names: tuple[str, ...]

    def columns(self) -> set[str]:
        return set(self.names)

    def mask(self, batch: Batch) -> pa.BooleanArray:
        trimmed = (pc.utf8_trim_whitespace(batch.texts[name]) for name in self.names)
        return _any_of(pc.equal(pc.fill_null(pc.binary_length(texts), 0), 0) for texts in trimmed)


@dataclass(frozen=True)
class Missing(Condition):
    """One column holds no value, not even an empty one."""

    name: str

    def columns(self) -> set[str]:
        return {self.name}

    def mask(self, batch: Batch) -> pa.BooleanArray:
        return pc.is_null(batch.texts[self.name])


@dataclass(frozen=True)
class Compares(Condition):
    """A number: the length of columns, or the value of a cell that is a number; other cells never pass.

    With the sign ``between``, `number` and `most` are the ends, and both belong to it.
    """

    names: tuple[str, ...]
    sign: str
    number: float
    length: bool
    most: float = 0.0

    def columns(self) -> set[str]:
        return set(self.names)

    def mask(self, batch: Batch) -> pa.BooleanArray:
        value = pc.cast(self._lengths(batch) if self.length else _numbers(batch.texts[self.names[0]]), pa.float64())
        if self.sign == "between":
            passes = pc.and_(pc.greater_equal(value, self.number), pc.less_equal(value, self.most))
        else:
            passes = _COMPARE[self.sign](value, self.number)
        return pc.fill_null(passes, False)

    def _lengths(self, batch: Batch) -> pa.Array:
        total = pc.fill_null(pc.utf8_length(batch.texts[self.names[0]]), 0)
        for name in self.names[1:]:
            total = pc.add(total, pc.fill_null(pc.utf8_length(batch.texts[name]), 0))
        return total


@dataclass(frozen=True)
class InState(Condition):
    """The row is flagged, starred, edited, added or removed."""

    state: str

    def columns(self) -> set[str]:
        return set()

    def mask(self, batch: Batch) -> pa.BooleanArray:
        return pa.array(batch.facts.mask(self.state)[batch.ids])


@dataclass(frozen=True)
class Noted(Condition):
    """The row has a note, which contains a text."""

    value: str = ""
    case_sensitive: bool = False

    def columns(self) -> set[str]:
        return set()

    def mask(self, batch: Batch) -> pa.BooleanArray:
        return pa.array(batch.facts.noted(self.value, case_sensitive=self.case_sensitive)[batch.ids])


def matches(array: pa.LargeStringArray, value: str, *, case_sensitive: bool, regex: bool = False) -> pa.BooleanArray:
    """Which texts contain a text or match a pattern; null where there is no text."""
    if regex:
        return pc.match_substring_regex(array, value, ignore_case=not case_sensitive)
    if len(value) > _LONGEST_PATTERN:  # more than a pattern may hold
        if not case_sensitive:
            array, value = pc.utf8_lower(array), pc.utf8_lower(pa.scalar(value, TEXT)).as_py()
        return pc.match_substring(array, value)
    # several times as quick as `match_substring`, which goes byte by byte
    return pc.match_substring_regex(array, literal(value), ignore_case=not case_sensitive)


def literal(text: str) -> str:
    """A pattern that matches exactly `text`."""
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in text)


def _any_of(masks: Iterable[pa.BooleanArray]) -> pa.BooleanArray:
    return reduce(pc.or_, masks)


def _numbers(array: pa.LargeStringArray) -> pa.DoubleArray:
    """The cells that are numbers; null for others."""
    numeric = pc.fill_null(pc.match_substring_regex(array, NUMBER), False)
    trimmed = pc.utf8_trim_whitespace(pc.if_else(numeric, array, pa.scalar(None, TEXT)))
    return pc.cast(trimmed, pa.float64())
