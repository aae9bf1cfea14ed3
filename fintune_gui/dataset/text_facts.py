"""What is known about each row for the sake of findings, in about thirty bytes a row.

Only rows that changed since the last look are looked at again, so that a look after one edit takes no time. Everything
is done batch by batch in compiled code that lets go of the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset import cleaners
from fintune_gui.dataset.column import Column, Mask, RowIds, differs, distinct
from fintune_gui.dataset.hashing import Keys
from fintune_gui.dataset.keys import keys_of, normalised, words_only
from fintune_gui.dataset.label_sets import set_key
from fintune_gui.dataset.picture import Picture
from fintune_gui.project.document import LabelSeparator
from fintune_gui.project.settings import Frozen

PLACEHOLDER = (
    r"(?i)^(?:n/?a|none|null|nil|nan|tbd|todo|test|testing|asdf\w*|xx+|-+|\.+|\?+|lorem ipsum.*|test ticket.*)$"
)
PATTERNS = {
    "e_mail": cleaners.E_MAIL,
    "card_number": cleaners.CARD,
    "phone_number": cleaners.PHONE,
    "mojibake": cleaners.MOJIBAKE,
    "control_characters": cleaners.CONTROL,
    "html_entities": cleaners.HTML_ENTITY,
    "html_tags": cleaners.HTML_TAG,
    "white_space": cleaners.WHITE_SPACE,
    "several_spaces": cleaners.SEVERAL_SPACES,
    "chat_marks": cleaners.CHAT_MARKS,
    "placeholder": PLACEHOLDER,
}
"""What a text is searched for. Where a cleaner decides in the end, the pattern only tells the candidates."""
_DECIDED_BY = {
    "card_number": cleaners.mask_cards,
    "mojibake": cleaners.repair_mojibake,
    "html_entities": cleaners.decode_html,
}
_ANYTHING = "|".join(f"(?:{pattern})" for pattern in PATTERNS.values())
"""One search for everything takes no longer than one for a single pattern, and most texts are clean."""

Check = Callable[[], None]
N = TypeVar("N", bound=np.generic)


class Wanted(Frozen):
    """Which columns are looked at.

    Attributes:
        texts: They are searched and compared.
        label: Texts that are the same may not differ in it.
        filled: Columns of which it is wanted whether they are blank; at most 20.
        separator: What parts the labels of a cell; None: a cell is one label.
    """

    texts: tuple[str, ...]
    label: str | None
    filled: tuple[str, ...]
    separator: LabelSeparator | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.texts, *self.filled, *((self.label,) if self.label else ()))))


class TextFacts:
    """Facts about every row of one picture.

    Attributes:
        lengths: Characters of the texts together.
        whole_rows: Keys of texts and label as they are.
        words: Keys of the texts without signs and case.
        same_texts, labels: Keys by which labels are compared; without a label there are none.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._bits = {name: np.uint32(1 << n) for n, name in enumerate([*PATTERNS, *map(_blank, wanted.filled)])}
        self._columns: Mapping[str, Column] | None = None
        self._stale: Mask = np.zeros(0, bool)
        self._flags: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self.lengths: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.whole_rows: Keys = np.zeros(0, np.uint64)
        self.words = self.same_texts = self.labels = self.whole_rows

    def has(self, check: str) -> Mask:
        """For each row whether any of its texts has what `PATTERNS` calls so."""
        return np.asarray((self._flags & self._bits[check]) != 0, bool)

    def is_blank(self, column: str) -> Mask:
        """For each row whether a column of `Wanted.filled` has nothing but white space."""
        return self.has(_blank(column))

    def look(self, rows: Picture, check_cancelled: Check = lambda: None) -> None:
        """Know about these rows. What was done before a cancel need not be done again."""
        self._expect(rows, check_cancelled)
        columns = [rows.column_of(name) for name in self.wanted.columns]
        for number, start in enumerate(rows.starts):
            length = len(columns[0].batches[number])
            places = np.flatnonzero(self._stale[start : start + length])
            if not len(places):
                continue
            check_cancelled()
            arrays = [column.current(number) for column in columns]
            if len(places) < length:
                arrays = [array.take(pa.array(places)) for array in arrays]
            self._learn(places + start, dict(zip(self.wanted.columns, arrays, strict=True)))

    def _expect(self, rows: Picture, check_cancelled: Check) -> None:
        """Mark what is not known yet, or not any more."""
        now = {name: rows.column_of(name) for name in self.wanted.columns}
        stale = np.ones(rows.total_rows, bool)
        if self._columns is not None:
            known = min(rows.total_rows, len(self._stale))
            stale[:known] = self._stale[:known]
            for name, column in now.items():
                stale |= changed_rows(self._columns[name], column, rows.total_rows, check_cancelled)
        self._columns, self._stale = now, stale
        self._flags, self.lengths = _resized(self._flags, len(stale)), _resized(self.lengths, len(stale))
        self.whole_rows, self.words = _resized(self.whole_rows, len(stale)), _resized(self.words, len(stale))
        if self.wanted.label is not None:
            self.same_texts, self.labels = _resized(self.same_texts, len(stale)), _resized(self.labels, len(stale))

    def _learn(self, ids: RowIds, arrays: Mapping[str, pa.LargeStringArray]) -> None:
        texts = [arrays[name] for name in self.wanted.texts]
        flags = np.zeros(len(ids), np.uint32)
        for array in texts:
            self._search(array, flags)
        for name in self.wanted.filled:
            flags[blank(arrays[name])] |= self._bits[_blank(name)]
        self._flags[ids] = flags
        self.lengths[ids] = sum(pc.fill_null(pc.utf8_length(array), 0).to_numpy() for array in texts)
        self.words[ids] = keys_of(texts, words_only)
        if self.wanted.label is None:
            self.whole_rows[ids] = keys_of(texts)
        else:
            label = arrays[self.wanted.label]
            self.whole_rows[ids] = keys_of([*texts, label])
            self.same_texts[ids] = keys_of(texts, normalised)
            self.labels[ids] = keys_of([label], self._bare_labels)
        self._stale[ids] = False

    def _bare_labels(self, cells: pa.LargeStringArray) -> pa.LargeStringArray:
        """The form in which labels are compared: of several the order does not matter."""
        separator = self.wanted.separator
        if separator is None:
            return _bare_label(cells)
        encoded = cells.dictionary_encode()
        keys = [set_key(cell, separator) for cell in encoded.dictionary.to_pylist()]
        return pa.array(keys, pa.large_string()).take(encoded.indices)

    def _search(self, array: pa.LargeStringArray, flags: npt.NDArray[np.uint32]) -> None:
        """Set the bits of what is found in each text."""
        places = np.flatnonzero(matches(array, _ANYTHING))
        if not len(places):
            return
        suspicious = array.take(pa.array(places))
        for check, pattern in PATTERNS.items():
            clean = _DECIDED_BY.get(check)
            found = matches(suspicious, pattern) if clean is None else differs(suspicious, clean(suspicious))
            flags[places[found]] |= self._bits[check]


def changed_rows(before: Column, after: Column, total_rows: int, check_cancelled: Check = lambda: None) -> Mask:
    """For each row whether its cell in `after` may be another one than in `before`; new rows may."""
    if before is after:
        return np.zeros(total_rows, bool)
    changed = np.ones(total_rows, bool)
    edited = _edited_between(before, after)
    for number, (was, now) in enumerate(zip(before.batches, after.batches, strict=False)):
        start, end = after.starts[number], after.starts[number] + len(now)
        if was is now:
            changed[start:end] = False
        elif len(was) == len(now):
            check_cancelled()
            changed[start:end] = differs(before.current(number), after.current(number))
    changed[edited[edited < total_rows]] = True
    return changed


def _edited_between(before: Column, after: Column) -> RowIds:
    """Rows in which the cells that lie over the files may differ."""
    if before.rows is after.rows and before.values is after.values:
        recent = before.recent.keys() | after.recent.keys()
        both = before.recent.keys() & after.recent.keys()
        same = {row for row in both if before.recent[row] == after.recent[row]}
        return np.array(sorted(recent - same), np.int64)
    return distinct(np.concatenate([before.edited_rows(), after.edited_rows()]))


def matches(array: pa.LargeStringArray, pattern: str) -> Mask:
    """Which texts match somewhere. A missing one does not."""
    found = pc.fill_null(pc.match_substring_regex(array, pattern), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def blank(array: pa.LargeStringArray) -> Mask:
    """Which texts are missing or only white space."""
    return ~matches(array, r"[^\s\pZ]")


def _blank(column: str) -> str:
    return f"{column} is blank"


def _bare_label(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return pc.replace_substring_regex(normalised(array), r"[\s_-]+", "")


def _resized(array: npt.NDArray[N], length: int) -> npt.NDArray[N]:
    if len(array) == length:
        return array
    resized = np.zeros(length, array.dtype)
    known = min(length, len(array))
    resized[:known] = array[:known]
    return resized
