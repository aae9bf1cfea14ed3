"""When two texts count as the same: compatible characters, case and white space do not matter.

Keys are 64-bit hashes, so that a million long texts are compared in eight megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.project.document import FormatSettings, Role, Task

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

Keys = npt.NDArray[np.uint64]
_BETWEEN_COLUMNS = "\x1f"


def normalised(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """Texts in Unicode form NFKC, without case, with single spaces and none at the ends."""
    folded = pc.utf8_lower(_unicode_form(array, "NFKC"))
    folded = pc.replace_substring(folded, "ß", "ss")  # the one common letter whose case folding is not its lower case
    return _single_spaces(pc.replace_substring_regex(folded, r"[\t-\r\x{1680}\x{2028}\x{2029}]", " "))


def words_only(array: pa.LargeStringArray) -> pa.LargeStringArray:
    """`normalised` texts without punctuation, signs and accents: near-duplicates become equal."""
    return _single_spaces(pc.replace_substring_regex(_unicode_form(normalised(array), "NFKD"), r"[^\pL\pN ]+", ""))


def _single_spaces(array: pa.LargeStringArray) -> pa.LargeStringArray:
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(array, r" {2,}", " "))


def _unicode_form(array: pa.LargeStringArray, form: str) -> pa.LargeStringArray:
    """Only texts beyond ASCII have another form, and normalising is slow."""
    beyond = pc.invert(pc.fill_null(pc.string_is_ascii(array), True))
    if not pc.any(beyond).as_py():
        return array
    return pc.replace_with_mask(array, beyond, pc.utf8_normalize(array.filter(beyond), form))


def text_keys(
    dataset: Dataset,
    columns: Sequence[str],
    form: Callable[[pa.LargeStringArray], pa.LargeStringArray] | None = normalised,
) -> Keys:
    """A key for every row (also removed ones): equal for rows whose `columns` are equal in the given form.

    Args:
        form: Brings texts into the form in which they are compared; None compares them as they are.
    """
    import duckdb

    keys = np.zeros(dataset.total_rows, np.uint64)
    with duckdb.connect() as db:
        for start, arrays in dataset.batches(columns):
            filled = [pc.fill_null(array if form is None else form(array), "") for array in arrays]
            joined = pc.binary_join_element_wise(*filled, pa.scalar(_BETWEEN_COLUMNS, pa.large_string()))
            db.register("batch", pa.table({"text": joined}))
            hashed = db.execute("SELECT hash(text) AS key FROM batch").fetchnumpy()["key"]
            keys[start : start + len(joined)] = np.asarray(hashed, np.uint64)
    return keys


def prompt_columns(format_: FormatSettings, task: Task) -> list[str]:
    """The columns in which a duplicate would give the answer away: the text, the question, the conversation."""
    roles = {
        Task.CLASSIFICATION: (Role.TEXT,),
        Task.INSTRUCTION: (Role.INSTRUCTION, Role.INPUT),
        Task.CHAT: (Role.MESSAGES,),
        Task.TEXT: (Role.TEXT,),
    }[task]
    return [format_.roles[role] for role in roles if role in format_.roles]
