"""Which rows to show and in which order, and find and replace. Everything works batch by batch in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.column import Mask, RowIds, differs, distinct
from fintune_gui.dataset.conditions import Batch, Condition, RowFacts, literal
from fintune_gui.dataset.filters import check_pattern, parse_filter
from fintune_gui.dataset.gathering import gathered, in_parts
from fintune_gui.project.errors import DataError
from fintune_gui.project.settings import Frozen

if TYPE_CHECKING:
    from fintune_gui.dataset.picture import Picture

ROW_ID = "#"
LENGTH_PREFIX = "length:"
_SORT_CHARACTERS = 200
"""Texts are ordered by so many characters; comparing more would cost a copy of the whole column."""
_JOINED_BYTES = 32 << 20
_FIRST_ROWS = 100
_MARK = "\ufdd0"
"""Stands for a found word while replacing; Unicode keeps this code point free for such uses."""
_NOT_A_WORD = r"[^\pL\pN_]"


class Sort(Frozen):
    """One sort key: a column, "#" for the row's position at import, or "length:COLUMN"."""

    column: str
    descending: bool = False


class Query(Frozen):
    """Which rows, in which order. `text` is written in the language of `fintune_gui.dataset.filters`."""

    text: str = ""
    sort: tuple[Sort, ...] = ()
    show: Literal["kept", "removed", "all", "edited"] = "kept"
    case_sensitive: bool = False


class Replace(Frozen):
    """Find and replace. With `regex`, RE2 syntax, and \\1 … \\9 in the replacement for groups."""

    columns: tuple[str, ...] = ()
    """Empty: all columns."""
    find: str
    replacement: str
    regex: bool = False
    whole_word: bool = False
    case_sensitive: bool = True


class ReplacePreview(Frozen):
    """What a replacement would do: how many cells and rows, and the first changes."""

    cells: int
    rows: int
    examples: tuple[tuple[int, str, str, str], ...]
    """Row id, column, before, after."""


def select(picture: Picture, query: Query, check_cancelled: Callable[[], None] = lambda: None) -> RowIds:
    """Ids of the rows that `query` asks for, in its order.

    Args:
        check_cancelled: Called between batches; may raise.

    Raises:
        DataError: if the filter cannot be read or names a column that is not there.
    """
    mask = matching(picture, query, check_cancelled)
    # most often nothing is left out, and counting up is quicker than looking for it
    ids = np.arange(len(mask)) if mask.all() else np.flatnonzero(mask)
    ids = ids.astype(np.int64, copy=False)  # no copy but on Windows, where NumPy's own integers may be smaller
    return _sorted(picture, ids, query.sort, check_cancelled) if query.sort else ids


def matching(picture: Picture, query: Query, check_cancelled: Callable[[], None] = lambda: None) -> Mask:
    """For each row whether `query` asks for it; as `select`, without an order."""
    shown = _shown(picture, query)
    condition = parse_filter(query.text, picture.columns, case_sensitive=query.case_sensitive)
    if condition is None:
        return shown
    return shown & _passing(picture, condition, shown, check_cancelled)


def _passing(picture: Picture, condition: Condition, wanted: Mask, check_cancelled: Callable[[], None]) -> Mask:
    """For each row whether it passes; rows that are not wanted may be left out."""
    facts = RowFacts(picture)
    columns = {name: picture.column_of(name) for name in condition.columns()}
    if not columns:
        everything = condition.mask(Batch(slice(None), picture.total_rows, {}, facts))
        return np.asarray(everything.to_numpy(zero_copy_only=False), bool)
    passing = np.zeros(picture.total_rows, bool)

    def look(ids: slice | RowIds, texts: dict[str, pa.LargeStringArray]) -> None:
        check_cancelled()
        rows = len(next(iter(texts.values())))
        passing[ids] = condition.mask(Batch(ids, rows, texts, facts)).to_numpy(zero_copy_only=False)

    # the batches are looked at as they lie on disk, and the rows with edited cells once more: that spares a copy
    for number, start in enumerate(picture.starts):
        texts = {name: column.batches[number] for name, column in columns.items()}
        ids = slice(start, start + len(next(iter(texts.values()))))
        if wanted[ids].any():
            look(ids, texts)
    edited = distinct(np.concatenate([column.edited_rows() for column in columns.values()]))
    for part in in_parts(edited):
        look(part, {name: gathered(column, part) for name, column in columns.items()})
    return passing


def _shown(picture: Picture, query: Query) -> Mask:
    removed = picture.removed_mask
    if query.show == "all":
        return np.ones(picture.total_rows, bool)
    if query.show == "removed":
        return removed
    return ~removed & picture.edited_mask() if query.show == "edited" else ~removed


def _sorted(picture: Picture, ids: RowIds, sort: tuple[Sort, ...], check_cancelled: Callable[[], None]) -> RowIds:
    keys: dict[str, pa.Array | pa.ChunkedArray] = {}
    order: list[tuple[str, str]] = []
    for number, key in enumerate(sort):
        by_id = key.column == ROW_ID
        keys[f"k{number}"] = pa.array(ids) if by_id else _sort_key(picture, key.column, ids, check_cancelled)
        order.append((f"k{number}", "descending" if key.descending else "ascending"))
    ordered: RowIds = ids[pc.sort_indices(pa.table(keys), sort_keys=order).to_numpy()]
    keys.clear()
    pa.default_memory_pool().release_unused()  # what was needed for the keys goes back to the system
    return ordered


def _sort_key(picture: Picture, column: str, ids: RowIds, check_cancelled: Callable[[], None]) -> pa.ChunkedArray:
    by_length = column.startswith(LENGTH_PREFIX) and column not in picture.columns
    texts = picture.column_of(column.removeprefix(LENGTH_PREFIX) if by_length else column)
    parts = []
    for part in in_parts(ids):
        check_cancelled()
        found = gathered(texts, part)
        parts.append(pc.fill_null(pc.utf8_length(found), 0) if by_length else _beginnings(found))
    keys = pa.chunked_array(parts, pa.int64() if by_length else TEXT)
    if keys.nbytes <= _JOINED_BYTES:
        keys = pa.chunked_array([keys.combine_chunks()])  # is sorted much quicker, but needs the memory twice
    if by_length:
        return keys
    try:
        pc.cast(keys.slice(0, _FIRST_ROWS), pa.float64())  # a failure costs as much as there are rows
        return pc.cast(keys, pa.float64())  # a column of numbers is ordered as numbers
    except pa.ArrowInvalid:
        return keys


def _beginnings(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """What texts are ordered by."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > _SORT_CHARACTERS:
        texts = pc.utf8_slice_codeunits(texts, 0, _SORT_CHARACTERS)
    return pc.utf8_lower(texts)


def replacer(spec: Replace) -> Callable[[pa.LargeStringArray], pa.LargeStringArray]:
    """The function that replaces in a batch; preview and apply share it.

    Raises:
        DataError: if there is nothing to find, or the pattern or replacement is not valid.
    """
    if not spec.find:
        raise DataError("data.nothing_to_find", "There is nothing to find.", "The text to find is empty.", "Type it.")
    flags = "" if spec.case_sensitive else "(?i)"
    if spec.regex:
        pattern = f"{flags}\\b(?:{spec.find})\\b" if spec.whole_word else f"{flags}(?:{spec.find})"
        check_pattern(spec.find)
        _check_replacement(pattern, spec)
        return lambda array: pc.replace_substring_regex(array, pattern, spec.replacement)
    if not spec.whole_word and spec.case_sensitive:
        return lambda array: pc.replace_substring(array, spec.find, spec.replacement)
    found = literal(spec.find)
    if not spec.whole_word:
        replacement = spec.replacement.replace("\\", r"\\")
        return lambda array: pc.replace_substring_regex(array, f"{flags}{found}", replacement)

    # RE2 has no look-around and its \b knows ASCII only, so the neighbours are captured and put back. Two passes,
    # because a neighbour between two words belongs to only one match.
    pattern = f"{flags}(^|{_NOT_A_WORD}){found}($|{_NOT_A_WORD})"

    def whole_words(array: pa.LargeStringArray) -> pa.LargeStringArray:
        for _ in range(2):
            array = pc.replace_substring_regex(array, pattern, rf"\1{_MARK}\2")
        return pc.replace_substring(array, _MARK, spec.replacement)

    return whole_words


def _check_replacement(pattern: str, spec: Replace) -> None:
    try:
        pc.replace_substring_regex(pa.array(["x"], pa.large_string()), pattern, spec.replacement)
    except pa.ArrowInvalid as error:
        raise DataError(
            "data.bad_pattern",
            f"“{spec.replacement}” cannot be used as a replacement.",
            f"{error}.",
            r"Write \1 for the first group of the pattern, and \\ for a backslash.",
        ) from error


def preview(picture: Picture, spec: Replace, scope: Mask, limit: int) -> ReplacePreview:
    """Count what a replacement would change in the rows of `scope`, and show the first changes."""
    replace = replacer(spec)
    names = spec.columns or picture.columns
    cells, rows = 0, 0
    examples: list[tuple[int, str, str, str]] = []
    for start, arrays in picture.batches(names):
        inside = scope[start : start + len(arrays[0])]
        touched = np.zeros(len(inside), bool)
        found: list[tuple[int, str, str, str]] = []
        for name, before in zip(names, arrays, strict=True):
            after = replace(before)
            changed = differs(before, after) & inside
            cells += int(changed.sum())
            touched |= changed
            places = np.flatnonzero(changed)[:limit].tolist()
            found += [(start + place, name, before[place].as_py(), after[place].as_py()) for place in places]
        rows += int(touched.sum())
        examples += sorted(found, key=lambda change: change[0])[: limit - len(examples)]
    return ReplacePreview(cells=cells, rows=rows, examples=tuple(examples))
