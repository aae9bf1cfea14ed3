"""The figures of one column, for the header of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.facets import FacetValue, Histogram, histogram_of, picture_of, values_among
from fintune_gui.dataset.measures import lengths_of
from fintune_gui.project.settings import Frozen

if TYPE_CHECKING:
    from fintune_gui.dataset.picture import Picture
    from fintune_gui.dataset.reading import DatasetReading

_TOP = 10
_BINS = 16


class ColumnStatistics(Frozen):
    """What a column holds.

    Attributes:
        rows: How many rows were looked at.
        missing: How many of them have no value; `empty` have a text of no characters.
        distinct: How many different values there are; "no value" is none.
        shortest, longest, mean_length: In characters, of the values that are there; 0 if there are none.
        top: The most frequent values.
    """

    column: str
    rows: int
    missing: int
    empty: int
    distinct: int
    shortest: int
    longest: int
    mean_length: float
    lengths: Histogram
    top: tuple[FacetValue, ...]


def column_statistics(
    dataset: DatasetReading | Picture,
    column: str,
    view_ids: RowIds | None = None,
    *,
    check_cancelled: Callable[[], None] = lambda: None,
) -> ColumnStatistics:
    """The figures of a column in the rows of `view_ids` (None: all that are kept). May be called from any thread.

    Raises:
        DataError: for a column that is not there.
    """
    picture = picture_of(dataset)
    rows = ~picture.removed_mask if view_ids is None else view_ids
    facet = values_among(picture, column, rows, _TOP, check_cancelled)
    lengths = lengths_of(picture.column_of(column), check_cancelled)[rows]
    present = lengths[lengths >= 0]
    missing = len(lengths) - len(present)
    return ColumnStatistics(
        column=column,
        rows=len(lengths),
        missing=missing,
        empty=int(np.count_nonzero(present == 0)),
        distinct=facet.distinct - bool(missing),
        shortest=int(present.min(initial=present[0])) if len(present) else 0,
        longest=int(present.max(initial=0)),
        mean_length=float(present.mean()) if len(present) else 0.0,
        lengths=histogram_of(lengths, _BINS),
        top=facet.values,
    )
