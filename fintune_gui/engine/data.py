"""The frozen rows of a run, as the model sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from fintune_gui.dataset.encoding import ModelTokenizer, encode_row
from fintune_gui.dataset.label_sets import split_labels
from fintune_gui.engine.job import Job
from fintune_gui.project.document import Role, Task
from fintune_gui.project.errors import DataError
from fintune_gui.project.spec import Part, TrainSpec

Row = dict[str, str | None]

_FEW_VALIDATION_ROWS = 5


@dataclass(frozen=True)
class Example:
    """One row as the model sees it.

    Attributes:
        ids: Token numbers.
        learned: For each token whether predicting it carries loss; all False for classification.
        label: Number of the row's label, or -1 when the task has none.
        labels: Numbers of the row's labels where it may have several or none; else None.
        prompt: What a seq2seq model reads; `ids` are then what it writes, after the token that it begins with.
    """

    row_id: int
    ids: list[int]
    learned: list[bool]
    label: int = -1
    labels: tuple[int, ...] | None = None
    prompt: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.prompt) + len(self.ids)

    @property
    def learned_tokens(self) -> int:
        """Tokens that carry loss. The first token never does: there is nothing to predict it from."""
        return sum(self.learned[1:])


def read_rows(run_folder: Path, part: Part) -> list[tuple[int, Row]]:
    """Row ids and values of one part, in the order in which they were frozen.

    Raises:
        DataError: if the part's file is missing or damaged.
    """
    path = run_folder / "data" / f"{part}.parquet"
    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        raise DataError(
            "data.no_run_rows",
            f"The {part} rows of this run cannot be read.",
            f"{path} is missing or damaged.",
            "Start a new run.",
            details=str(error),
        ) from error
    return [(int(row.pop("row_id")), row) for row in rows]


def load_examples(job: Job, run_folder: Path, part: Part, spec: TrainSpec, tokenizer: ModelTokenizer) -> list[Example]:
    """Encode one part of a run's rows; says so when some cannot be used.

    Raises:
        DataError: if none can be used.
    """
    rows = read_rows(run_folder, part)
    examples = encode_rows(rows, spec, tokenizer)
    if not examples:
        raise DataError(
            "data.nothing_to_learn",
            f"None of the {part} rows can be used.",
            "Their answers are empty, or lie wholly behind the greatest length.",
            "Raise the greatest length on the page Format, or look at the rows on the page Data.",
        )
    if len(examples) < len(rows):
        used = {example.row_id for example in examples}
        first = next(row_id for row_id, _ in rows if row_id not in used)
        job.log(
            f"{len(rows) - len(examples)} of {len(rows)} {part} rows are left out, the first is row {first}: "
            "they are empty, cannot be written with the template, or the prompt alone is too long.",
            "warning",
        )
    if part == "train":
        _tell_of_context(job, spec, examples)
    elif part == "validation" and len(examples) < _FEW_VALIDATION_ROWS:
        rows_tell = "row tells" if len(examples) == 1 else "rows tell"
        job.log(
            f"Only {len(examples)} validation {rows_tell} which checkpoint is the best: that is decided by chance. "
            "A larger share on the page Split, or more rows, decides it better.",
            "warning",
        )
    return examples


def _tell_of_context(job: Job, spec: TrainSpec, examples: Sequence[Example]) -> None:
    """Say that rows are cut where the model ends and not where the user wished."""
    context = spec.model.context_length
    full = sum(max(len(example.ids), len(example.prompt)) >= context for example in examples)
    if context < spec.format.max_length and full:
        why = f"The model reads no more, less than the {spec.format.max_length:,} tokens of the page Format. "
        why += f"{full:,} of {len(examples):,} training rows fill it; what lies behind is cut off."
        job.decided("longest row", f"{context:,} tokens", why)


def encode_rows(rows: list[tuple[int, Row]], spec: TrainSpec, tokenizer: ModelTokenizer) -> list[Example]:
    """Rows as examples, without those that carry no loss or cannot be encoded."""
    task = spec.objective.task
    longest = min(spec.format.max_length, spec.model.context_length)
    written = spec.format.model_copy(update={"max_length": longest})
    separator = spec.format.label_separator if task is Task.MULTI_LABEL else None
    numbers = {label: number for number, label in enumerate(spec.labels)}
    examples = []
    for row_id, row in rows:
        try:
            encoded = encode_row(tokenizer, row, written, task)
        except DataError:
            continue
        if task.generates:
            read = encoded.prompt.ids if encoded.prompt is not None else ()
            example = Example(row_id, encoded.ids, encoded.learned, prompt=read)
            usable = example.learned_tokens > 0 and (encoded.prompt is None or len(read) > 0)
        else:
            cell = row.get(spec.format.roles[Role.LABEL])
            unlearned = [False] * len(encoded.ids)
            if separator is None:
                example = Example(row_id, encoded.ids, unlearned, numbers.get(cell or "", -1))
            else:
                found = sorted(numbers[label] for label in split_labels(cell, separator) if label in numbers)
                example = Example(row_id, encoded.ids, unlearned, labels=tuple(found))
            usable = bool(example.ids) and (example.label >= 0 or example.labels is not None)
        if usable:
            examples.append(example)
    return examples
