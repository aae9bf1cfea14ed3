"""Which rows to show and in which order, and find and replace. Everything works batch by batch in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.bulk import Mask, differs
from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.filters import Condition, check_pattern, parse_filter
from fintune_gui.project.errors import DataError
from fintune_gui.project.settings import Frozen

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

ROW_ID = "#"
LENGTH_PREFIX = "length:"
_SORT_CHARACTERS = 200
"""Texts are ordered by so many characters; comparing more would cost a copy of the whole column."""
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


def select(dataset: Dataset, query: Query) -> RowIds:
    """Ids of the rows that `query` asks for, in its order."""
    mask = _shown(dataset, query)
    condition = parse_filter(query.text, dataset.columns, case_sensitive=query.case_sensitive)
    if condition is not None:
        mask = mask & _passing(dataset, condition)
    ids = np.flatnonzero(mask).astype(np.int64)
    return _sorted(dataset, ids, mask, query.sort) if query.sort else ids


def _shown(dataset: Dataset, query: Query) -> Mask:
    removed = dataset.removed_mask
    if query.show == "all":
        return np.ones(dataset.total_rows, bool)
    if query.show == "removed":
        return removed
    return ~removed & dataset.edited_mask() if query.show == "edited" else ~removed


def _passing(dataset: Dataset, condition: Condition) -> Mask:
    names = sorted(condition.columns())
    passing = np.zeros(dataset.total_rows, bool)
    for start, arrays in dataset.batches(names):
        found = condition.mask(dict(zip(names, arrays, strict=True)))
        passing[start : start + len(found)] = found.to_numpy(zero_copy_only=False)
    return passing


def _sorted(dataset: Dataset, ids: RowIds, mask: Mask, sort: tuple[Sort, ...]) -> RowIds:
    keys: dict[str, pa.Array | pa.ChunkedArray] = {}
    order: list[tuple[str, str]] = []
    for number, key in enumerate(sort):
        keys[f"k{number}"] = pa.array(ids) if key.column == ROW_ID else _sort_key(dataset, key.column, mask)
        order.append((f"k{number}", "descending" if key.descending else "ascending"))
    indices = pc.sort_indices(pa.table(keys), sort_keys=order)
    ordered: RowIds = ids[indices.to_numpy()]
    return ordered


def _sort_key(dataset: Dataset, column: str, mask: Mask) -> pa.ChunkedArray:
    by_length = column.startswith(LENGTH_PREFIX) and column not in dataset.columns
    name = column.removeprefix(LENGTH_PREFIX) if by_length else column
    chunks = []
    for start, (array,) in dataset.batches([name]):
        wanted = array.filter(pa.array(mask[start : start + len(array)]))
        if by_length:
            chunks.append(pc.fill_null(pc.utf8_length(wanted), 0))
        else:
            chunks.append(pc.utf8_lower(pc.utf8_slice_codeunits(wanted, 0, _SORT_CHARACTERS)))
    keys = pa.chunked_array(chunks)
    if by_length:
        return keys
    try:
        return pc.cast(keys, pa.float64())  # a column of numbers is ordered as numbers
    except pa.ArrowInvalid:
        return keys


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
    literal = "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in spec.find)
    if not spec.whole_word:
        replacement = spec.replacement.replace("\\", r"\\")
        return lambda array: pc.replace_substring_regex(array, f"{flags}{literal}", replacement)

    # RE2 has no look-around and its \b knows ASCII only, so the neighbours are captured and put back. Two passes,
    # because a neighbour between two words belongs to only one match.
    pattern = f"{flags}(^|{_NOT_A_WORD}){literal}($|{_NOT_A_WORD})"

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


def preview(dataset: Dataset, spec: Replace, scope: Mask, limit: int) -> ReplacePreview:
    """Count what a replacement would change in the rows of `scope`, and show the first changes."""
    replace = replacer(spec)
    names = spec.columns or dataset.columns
    cells, rows = 0, 0
    examples: list[tuple[int, str, str, str]] = []
    for start, arrays in dataset.batches(names):
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
