"""What a column holds and how often, counted under a filter: values, lengths, and the states of rows.

Every count comes with the condition of the filter language that selects exactly those rows. All of this may be called
from any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fintune_gui.dataset.column import Mask, RowIds
from fintune_gui.dataset.conditions import STATES, state_mask
from fintune_gui.dataset.filters import filter_text
from fintune_gui.dataset.measures import values_of
from fintune_gui.dataset.picture import Picture
from fintune_gui.dataset.query import Query, matching
from fintune_gui.project.settings import Frozen

if TYPE_CHECKING:
    from fintune_gui.dataset.reading import DatasetReading

Check = Callable[[], None]

LONGEST_SHOWN = 200
_SKEWED = 8
"""Bins grow by a factor if the longest text is more than so many times as long as the median."""


class FacetValue(Frozen):
    """One value and how many rows have it.

    Attributes:
        value: Cut to `LONGEST_SHOWN` characters, with "…" at the end if it was; None for no value at all.
        filter: The condition that selects these rows, and no others.
    """

    value: str | None
    count: int
    filter: str


class Facet(Frozen):
    """The most frequent values of a column, or the states of rows.

    Attributes:
        distinct: How many different values there are under the query; "no value" is one.
        shown_of: How many rows were counted, which is what the counts are shares of.
    """

    column: str
    values: tuple[FacetValue, ...]
    distinct: int
    shown_of: int


class Histogram(Frozen):
    """Counts of numbers from each edge up to, but without, the next; there is one edge more than counts."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


def value_facet(
    dataset: DatasetReading | Picture,
    column: str,
    query: Query,
    limit: int = 50,
    *,
    check_cancelled: Check = lambda: None,
) -> Facet:
    """The values of a column in the rows of `query`; the most frequent first, then in the order of their first rows.

    Raises:
        DataError: for a filter that cannot be read or a column that is not there.
    """
    picture = picture_of(dataset)
    return values_among(picture, column, matching(picture, query, check_cancelled), limit, check_cancelled)


def values_among(picture: Picture, column: str, rows: Mask | RowIds, limit: int, check_cancelled: Check) -> Facet:
    """As `value_facet`, in the given rows."""
    values = values_of(picture.column_of(column), check_cancelled)
    missing, counts = values.counts(rows)
    total = int(counts.sum()) + missing
    order = np.argsort(-counts, kind="stable")[:limit] if len(counts) <= limit else _top(counts, limit)
    order = order[counts[order] > 0]
    texts = [text or "" for (text,) in picture.cells(values.first[order], [column])]
    found = [
        FacetValue(value=shortened(text), count=int(counts[code]), filter=filter_text(column, "exactly", text))
        for text, code in zip(texts, order, strict=True)
    ]
    if missing:
        place = sum(value.count >= missing for value in found)
        found.insert(place, FacetValue(value=None, count=missing, filter=filter_text(column, "missing")))
    distinct = int(np.count_nonzero(counts)) + bool(missing)
    return Facet(column=column, values=tuple(found[:limit]), distinct=distinct, shown_of=total)


def histogram_of(lengths: np.ndarray[tuple[int], np.dtype[np.int32]], bins: int) -> Histogram:
    """Lengths in at most `bins` bins with whole edges; -1 does not count."""
    present = lengths[lengths >= 0]
    if not len(present):
        return Histogram()
    low, high = int(present.min()), int(present.max()) + 1
    if high - low > bins and high > _SKEWED * (np.median(present) + 1):
        edges = np.geomspace(low + 1, high + 1, bins + 1) - 1
    else:
        edges = np.linspace(low, high, min(bins, high - low) + 1)
    edges = np.unique(np.round(edges))
    counts, _ = np.histogram(present, edges)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def state_facet(dataset: DatasetReading | Picture, query: Query, *, check_cancelled: Check = lambda: None) -> Facet:
    """How many rows of `query` have an empty cell, are flagged, starred, edited or added, or have a note.

    "removed" counts the removed rows that the text of `query` matches, whatever it shows; select them with
    ``show="removed"``.
    """
    picture = picture_of(dataset)
    everything = matching(picture, query.model_copy(update={"show": "all", "sort": ()}), check_cancelled)
    shown = everything & matching(picture, Query(show=query.show), check_cancelled)
    empty = matching(picture, Query(text="is empty", show="all"), check_cancelled)
    masks = {"empty": empty & shown}
    masks |= {state: state_mask(picture, state) & (everything if state == "removed" else shown) for state in STATES}
    counts = {state: int(np.count_nonzero(mask)) for state, mask in masks.items()}
    values = [FacetValue(value=state, count=count, filter=f"is {state}") for state, count in counts.items()]
    noted = int(np.count_nonzero(picture.noted_mask() & shown))
    values.append(FacetValue(value="with note", count=noted, filter="has note"))
    return Facet(column="", values=tuple(values), distinct=len(values), shown_of=int(np.count_nonzero(shown)))


def picture_of(dataset: DatasetReading | Picture) -> Picture:
    """The rows as they are now, of which one answer is made."""
    return dataset if isinstance(dataset, Picture) else dataset.picture


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _top(counts: RowIds, limit: int) -> RowIds:
    """The codes of the most frequent values, the most frequent first, then by their first row."""
    least = np.partition(counts, len(counts) - limit)[len(counts) - limit]
    above = np.flatnonzero(counts > least)
    level = np.flatnonzero(counts == least)[: limit - len(above)]
    chosen = np.concatenate([above, level])
    return chosen[np.argsort(-counts[chosen], kind="stable")]
