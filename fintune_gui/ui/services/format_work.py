"""What the Format page asks of the rows: each function is one piece of background work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fintune_gui.project.document import FormatSettings, ModelChoice, Role
from fintune_gui.project.document import Task as Objective
from fintune_gui.project.errors import DataError
from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.session import ProjectSession

if TYPE_CHECKING:
    from fintune_gui.dataset.encoding import TokenSpan
    from fintune_gui.dataset.label_sets import FoundSeparator
    from fintune_gui.dataset.measuring import FormatMeasure
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.dataset.token_use import TokenUses
    from fintune_gui.dataset.tokenizer import ModelTokenizer

PROPOSED_FROM = 1000
"""Rows that a proposal of roles looks at."""


@dataclass(frozen=True)
class ShownRow:
    """One row as the model sees it.

    Attributes:
        place: Its place among the kept rows, from 0.
        total: How many kept rows there are.
        label: For classification the row's label; of several with signs between them.
    """

    place: int
    total: int
    spans: list[TokenSpan]
    label: str | None


def propose(session: ProjectSession, task: Objective) -> dict[Role, str]:
    """Roles for the columns, from their names and the first rows."""
    from fintune_gui.dataset.formatting import propose_roles

    dataset = _rows(session)
    rows = [row for _, row in islice(dataset.rows(), PROPOSED_FROM)]
    return propose_roles(dataset.columns, rows, task)


@dataclass(frozen=True)
class CountedLabels:
    """The labels of a column.

    Attributes:
        rows: How many rows have each label, the most frequent first.
        found: How the cells seem to part their labels; None where a cell is one label.
        without: Where a text may have several labels: kept rows that have none.
    """

    rows: dict[str, int]
    found: FoundSeparator | None = None
    without: int = 0


def count_labels(session: ProjectSession, format_: FormatSettings, objective: Objective) -> CountedLabels:
    """The labels and how often each occurs."""
    from fintune_gui.dataset.formatting import label_values
    from fintune_gui.dataset.label_sets import count_labels, recognise_separator, split_labels

    dataset = _rows(session)
    cells = label_values(dataset, format_.roles[Role.LABEL])
    if objective is not Objective.MULTI_LABEL:
        return CountedLabels(cells)
    found = recognise_separator(cells)
    separator = format_.label_separator or found.separator
    labelled = sum(rows for cell, rows in cells.items() if split_labels(cell, separator))
    return CountedLabels(count_labels(cells, separator), found, dataset.kept_rows() - labelled)


def show_row(
    session: ProjectSession,
    format_: FormatSettings,
    objective: Objective,
    model: ModelChoice,
    *,
    place: int | None,
    row_id: int,
) -> ShownRow:
    """The tokens of the row at `place` among the kept rows, or of the row `row_id` if there is no place.

    Raises:
        DataError: if the row cannot be encoded.
        ModelError: if the tokenizer cannot be read.
    """
    import numpy as np

    from fintune_gui.dataset.encoding import encode_row, token_view
    from fintune_gui.dataset.formatting import label_separator
    from fintune_gui.dataset.label_sets import split_labels

    dataset = _rows(session)
    view = dataset.view()
    if not len(view):
        raise DataError(
            "data.no_rows", "There is no row to show.", "All rows were removed.", "Bring rows back on the page Clean."
        )
    if place is None:
        place = int(np.searchsorted(view, row_id))
    place = min(max(place, 0), len(view) - 1)
    row = dataset.row(int(view[place]))
    tokenizer = _tokenizer(model, format_)
    encoded = encode_row(tokenizer, row, format_, objective)
    label = row.get(format_.roles.get(Role.LABEL, "")) if not objective.generates else None
    if objective is Objective.MULTI_LABEL:
        separator = label_separator(dataset, format_, objective)
        label = " · ".join(split_labels(label, separator)) if separator is not None else label
    return ShownRow(place, len(view), token_view(tokenizer, encoded), label)


def measure(
    session: ProjectSession, task: Task, format_: FormatSettings, objective: Objective, model: ModelChoice
) -> FormatMeasure:
    """Lengths and promises over a sample of the rows."""
    from fintune_gui.dataset.measuring import measure_format

    return measure_format(
        _rows(session),
        _tokenizer(model, format_),
        format_,
        objective,
        report=task.report,
        check_cancelled=task.check_cancelled,
    )


def token_uses(
    session: ProjectSession, task: Task, format_: FormatSettings, objective: Objective, model: ModelChoice
) -> TokenUses:
    """What added tokens do for a sample of the rows, and which ones would be worth adding."""
    from fintune_gui.dataset.token_use import find_token_uses

    own = _load_tokenizer(model.folder, model.fingerprint, ())
    return find_token_uses(_rows(session), own, format_, objective, check_cancelled=task.check_cancelled)


def _rows(session: ProjectSession) -> Dataset:
    dataset = session.dataset()
    if dataset is None:
        raise DataError("data.no_dataset", "There are no rows yet.", "", "Import a file on the page Data.")
    return dataset


def _tokenizer(model: ModelChoice, format_: FormatSettings) -> ModelTokenizer:
    return _load_tokenizer(model.folder, model.fingerprint, format_.added_tokens)


@lru_cache(maxsize=2)
def _load_tokenizer(folder: str, _fingerprint: str, added_tokens: tuple[str, ...]) -> ModelTokenizer:
    from fintune_gui.dataset.tokenizer import ModelTokenizer

    return ModelTokenizer.load(Path(folder), added_tokens)
