"""When two texts count as the same: compatible characters, case and white space do not matter.

Keys are 64-bit hashes, so that a million long texts are compared in eight megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.column import Mask
from fintune_gui.dataset.hashing import Keys, hashes
from fintune_gui.project.document import FormatSettings, Role, Task

Form = Callable[[pa.LargeStringArray], pa.LargeStringArray]
"""Brings texts into the form in which they are compared."""

_BETWEEN_COLUMNS = "\x1f"
_UNUSUAL = r"[^ -~]|  |^ | $"
"""Texts without this are normalised by writing them in small letters."""
_UNUSUAL_SIGNS = rf"{_UNUSUAL}| [^A-Za-z0-9 ]+ "
"""Texts without this have single spaces when their signs are gone."""


class Rows(Protocol):
    """A `Dataset` or a `Picture`."""

    @property
    def total_rows(self) -> int: ...
    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, list[pa.LargeStringArray]]]: ...


def normalised(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """Texts in Unicode form NFKC, without case, with single spaces and none at the ends."""
    return _quickly(array, _UNUSUAL, pc.ascii_lower, _normalised)


def words_only(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """`normalised` texts without punctuation, signs and accents: near-duplicates become equal."""
    return _quickly(array, _UNUSUAL_SIGNS, _plain_words, _words)


def _quickly(array: pa.LargeStringArray, unusual: str, quick: Form, thorough: Form) -> pa.LargeStringArray:
    """The quick form of most texts, and the thorough one of those that match `unusual`. Both are the same thing."""
    rare = pc.fill_null(pc.match_substring_regex(array, unusual), False)
    if rare.true_count == len(array):
        return thorough(array)
    form = quick(array)
    return pc.replace_with_mask(form, rare, thorough(array.filter(rare))) if rare.true_count else form


def _normalised(array: pa.LargeStringArray) -> pa.LargeStringArray:
    folded = pc.utf8_lower(_unicode_form(array, "NFKC"))
    folded = pc.replace_substring(folded, "ß", "ss")  # the one common letter whose case folding is not its lower case
    return _single_spaces(pc.replace_substring_regex(folded, r"[\t-\r\x{1680}\x{2028}\x{2029}]", " "))


def _words(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return _single_spaces(pc.replace_substring_regex(_unicode_form(_normalised(array), "NFKD"), r"[^\pL\pN ]+", ""))


def _plain_words(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return pc.ascii_trim(pc.replace_substring_regex(pc.ascii_lower(array), r"[^a-z0-9 ]+", ""), " ")


def _single_spaces(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(array, r" {2,}", " "))


def _unicode_form(array: pa.LargeStringArray, form: str) -> pa.LargeStringArray:
    """Only texts beyond ASCII have another form, and normalising is slow."""
    beyond = pc.invert(pc.fill_null(pc.string_is_ascii(array), True))
    if not pc.any(beyond).as_py():
        return array
    return pc.replace_with_mask(array, beyond, pc.utf8_normalize(array.filter(beyond), form))


def keys_of(columns: Sequence[pa.LargeStringArray], form: Form | None = None) -> Keys:
    """A key for every row of a batch: equal for rows that are equal in all `columns`, in the given form (None: as they
    are). A missing text is like an empty one."""
    filled = [pc.fill_null(array if form is None else form(array), "") for array in columns]
    return hashes(pc.binary_join_element_wise(*filled, pa.scalar(_BETWEEN_COLUMNS, pa.large_string())))


def text_keys(
    rows: Rows,
    columns: Sequence[str],
    form: Form | None = normalised,
    check_cancelled: Callable[[], None] = lambda: None,
) -> Keys:
    """The keys of every row, also of removed ones. Memory holds one batch of texts."""
    keys = np.zeros(rows.total_rows, np.uint64)
    for start, arrays in rows.batches(columns):
        check_cancelled()
        keys[start : start + len(arrays[0])] = keys_of(arrays, form)
    return keys


def repeated(keys: Keys, rows: Mask) -> Mask:
    """Which of `rows` have an earlier one among them with the same key."""
    ids = np.flatnonzero(rows)
    order = ids[np.argsort(keys[ids], kind="stable")]
    in_order = keys[order]
    again = np.zeros(len(keys), bool)
    again[order[1:][in_order[1:] == in_order[:-1]]] = True
    return again


def conflicting(texts: Keys, labels: Keys, rows: Mask) -> Mask:
    """Which of `rows` have a text that also occurs with another label among them."""
    ids = np.flatnonzero(rows)
    order = ids[np.argsort(texts[ids], kind="stable")]
    text, label = texts[order], labels[order]
    other_text = text[1:] != text[:-1]
    group = np.concatenate([np.zeros(min(1, len(order)), np.int64), np.cumsum(other_text)])
    in_conflict = np.zeros(len(order), bool)
    in_conflict[group[1:][~other_text & (label[1:] != label[:-1])]] = True
    found = np.zeros(len(texts), bool)
    found[order] = in_conflict[group]
    return found


def prompt_columns(format_: FormatSettings, task: Task) -> list[str]:
    """The columns in which a duplicate would give the answer away: the text, the question, the conversation."""
    roles = {
        Task.CLASSIFICATION: (Role.TEXT,),
        Task.MULTI_LABEL: (Role.TEXT,),
        Task.INSTRUCTION: (Role.INSTRUCTION, Role.INPUT),
        Task.CHAT: (Role.MESSAGES,),
        Task.TEXT: (Role.TEXT,),
    }[task]
    return [format_.roles[role] for role in roles if role in format_.roles]
