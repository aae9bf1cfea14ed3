"""What a format does to real rows: their lengths in tokens, and whether what training relies on holds.

The promises are checked on the finished tokens and not where they are made, so that a fault in the encoding, in a
model's chat template or in the rows shows here, before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.encoding import UNCUT, Encoded, ModelTokenizer, encode_prompt, encode_row
from fintune_gui.dataset.formatting import usable_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import FormatSettings, LearnFrom, Task
from fintune_gui.project.errors import DataError, Problem

Check = Literal["readable", "learned", "prefix", "end_mark", "cut", "prompt_cut"]
"""What can be wrong with a row: it cannot be encoded, nothing in it is learned, its prompt alone is cut into other
tokens than in front of the answer, an answer has no end mark or several, an answer loses its end, a prompt that is
given to the model apart loses its end."""

MOST_ROWS = 3000
"""Rows are encoded until so many are measured; the sentence beside the figures says that they are a sample."""


@dataclass
class FormatMeasure:
    """Measured over a sample of the rows that can be used.

    Attributes:
        rows: Rows that were measured.
        usable: Rows that can be used, of which `rows` is a sample.
        left_out: Kept rows that cannot be used, because a required column is empty.
        max_length: Longest example in tokens that the format allows.
        apart: Whether the model is given prompt and answer apart, each with at most `max_length` tokens.
        lengths: Length of each measured row in tokens, before anything is cut off; of prompt and answer apart, the
            longer one's.
        answer_tokens, cut_answer_tokens: Tokens that carry loss, and how many of them are cut off.
        failed: For each check the ids of the rows that fail it, rising.
        problem: What is wrong with the first row that cannot be encoded.
    """

    rows: int
    usable: int
    left_out: int
    max_length: int
    apart: bool = False
    lengths: list[int] = field(default_factory=list)
    answer_tokens: int = 0
    cut_answer_tokens: int = 0
    failed: dict[Check, list[int]] = field(default_factory=dict)
    problem: Problem | None = None

    @property
    def is_sample(self) -> bool:
        return self.rows < self.usable

    @property
    def longer(self) -> int:
        """Measured rows that are longer than the format allows."""
        return sum(1 for length in self.lengths if length > self.max_length)

    def fails(self, check: Check, row_id: int) -> None:
        """Note that a row fails a check."""
        self.failed.setdefault(check, []).append(row_id)


def sample_rows(usable: RowIds, most: int = MOST_ROWS) -> RowIds:
    """At most `most` of the row ids, evenly spread, the first and the last among them."""
    if len(usable) <= most:
        return usable
    return usable[np.linspace(0, len(usable) - 1, most).astype(np.int64)]


def measure_format(
    dataset: Dataset,
    tokenizer: ModelTokenizer,
    format_: FormatSettings,
    task: Task,
    *,
    most: int = MOST_ROWS,
    report: Callable[[str, float, float | None], None] = lambda *_: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> FormatMeasure:
    """Encode a sample of the rows and check each. All required roles must be set, to columns that exist.

    Raises:
        CancelledError: from `check_cancelled`, which is asked for every row.
    """
    usable = np.flatnonzero(usable_rows(dataset, format_, task)).astype(np.int64)
    chosen = sample_rows(usable, most)
    left_out, apart = dataset.kept_rows() - len(usable), task.generates and tokenizer.start_id is not None
    measure = FormatMeasure(len(chosen), len(usable), left_out, format_.max_length, apart)
    for number, (row_id, row) in enumerate(dataset.rows(chosen)):
        check_cancelled()
        report("Measuring rows", number, len(chosen))
        try:
            _measure_row(measure, tokenizer, row_id, row, format_=format_, task=task)
        except DataError as error:
            measure.fails("readable", row_id)
            measure.problem = measure.problem or error.problem
    return measure


def _measure_row(
    measure: FormatMeasure,
    tokenizer: ModelTokenizer,
    row_id: int,
    row: dict[str, str | None],
    *,
    format_: FormatSettings,
    task: Task,
) -> None:
    whole = encode_row(tokenizer, row, format_.model_copy(update={"max_length": UNCUT}), task)
    if whole.prompt is not None:
        _measure_apart(measure, tokenizer, row_id, whole, encode_prompt(tokenizer, row, format_, task)[0])
        return
    measure.lengths.append(len(whole.ids))
    if not task.generates:
        if all(whole.special):
            measure.fails("learned", row_id)
        if len(whole.ids) > format_.max_length:
            measure.fails("cut", row_id)
        return
    answers = whole
    if format_.learn_from is LearnFrom.ALL:
        only_answers = {"max_length": UNCUT, "learn_from": LearnFrom.ANSWER}
        answers = encode_row(tokenizer, row, format_.model_copy(update=only_answers), task)
    lost = sum(answers.learned[format_.max_length :])
    measure.answer_tokens += sum(answers.learned)
    measure.cut_answer_tokens += lost
    if lost:
        measure.fails("cut", row_id)
    if not any(whole.learned[: format_.max_length]):
        measure.fails("learned", row_id)
    prompt, _ = encode_prompt(tokenizer, row, format_, task)
    if whole.ids[: len(prompt)] != prompt:
        measure.fails("prefix", row_id)
    if not _one_end_mark_each(answers, tokenizer):
        measure.fails("end_mark", row_id)


def _measure_apart(
    measure: FormatMeasure, tokenizer: ModelTokenizer, row_id: int, whole: Encoded, prompt: list[int]
) -> None:
    """Measure a row of which prompt and answer are given to the model apart. `prompt` is cut as for an answer."""
    assert whole.prompt is not None
    read, answer_tokens = whole.prompt, sum(whole.learned)
    measure.lengths.append(max(len(read.ids), answer_tokens))
    measure.answer_tokens += answer_tokens
    lost = max(0, answer_tokens - measure.max_length)
    measure.cut_answer_tokens += lost
    if lost:
        measure.fails("cut", row_id)
    if len(read.ids) > measure.max_length:
        measure.fails("prompt_cut", row_id)
    elif prompt != read.ids:
        measure.fails("prefix", row_id)
    if all(whole.special[1:]):
        measure.fails("learned", row_id)
    if not _one_end_mark_each(whole, tokenizer):
        measure.fails("end_mark", row_id)


def _one_end_mark_each(encoded: Encoded, tokenizer: ModelTokenizer) -> bool:
    """Whether each stretch of learned tokens has one end mark, as its last token."""
    places = [place for place, learned in enumerate(encoded.learned) if learned]
    lasts = [place for place in places if place + 1 == len(encoded.learned) or not encoded.learned[place + 1]]
    marks = [place for place in places if encoded.ids[place] in tokenizer.end_ids]
    return bool(lasts) and marks == lasts
