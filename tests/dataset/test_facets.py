"""Counts of values, lengths and states under a filter, and the figures of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset import measures
from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.column import Column, Shown
from fintune_gui.dataset.facets import histogram_of, state_facet, value_facet
from fintune_gui.dataset.measures import lengths_of
from fintune_gui.dataset.query import Query, matching
from fintune_gui.dataset.statistics import column_statistics
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError

Make = Callable[..., Dataset]

ROWS = [["a b", "x"], ["a", "y"], ["", "x"], ["abc", "X"], ["a", "x"], ["long " * 60, "y"]]


def counted(dataset: Dataset, query: str = "", column: str = "label", limit: int = 50) -> list[tuple[str | None, int]]:
    return [(value.value, value.count) for value in value_facet(dataset, column, Query(text=query), limit).values]


def test_that_a_facet_counts_again_under_other_filters(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    assert counted(dataset) == [("x", 3), ("y", 2), ("X", 1)]
    assert counted(dataset, "text = a") == [("x", 1), ("y", 1)]
    dataset.edit(1, "label", "x")
    dataset.edit(3, "label", None)
    dataset.remove([4])
    assert counted(dataset) == [("x", 3), ("y", 1), (None, 1)]
    assert counted(dataset, limit=2) == [("x", 3), ("y", 1)]
    facet = value_facet(dataset, "label", Query(), limit=2)
    assert (facet.distinct, facet.shown_of) == (3, 5)
    with pytest.raises(DataError):
        value_facet(dataset, "nope", Query())


def test_that_the_condition_of_a_value_selects_exactly_its_rows(make_dataset: Make) -> None:
    dataset = make_dataset([*ROWS, ["long " * 60 + "!", 'say "no\\'], ["a", " "], ["A", ""]])
    dataset.edit(0, "text", None)
    for column in dataset.columns:
        facet = value_facet(dataset, column, Query())
        cells = dataset.column(column).to_pylist()
        assert sum(value.count for value in facet.values) == len(cells)
        for value in facet.values:
            rows = dataset.view(Query(text=value.filter)).tolist()
            assert len(rows) == value.count
            assert len({cells[row] for row in rows}) == 1
    shown = {value.value for value in value_facet(dataset, "text", Query()).values}
    assert {None, ""} <= shown
    assert max(len(value or "") for value in shown) == 201


@pytest.mark.parametrize("few", [0, 2, 1000])
@given(batches=st.lists(st.lists(st.none() | st.sampled_from(["", "a", "b", "A", "ab" * 20]), max_size=6), max_size=4))
def test_that_values_and_lengths_are_those_of_the_texts(few: int, batches: list[list[str | None]]) -> None:
    import pyarrow as pa

    arrays = [pa.array(batch, TEXT) for batch in batches]
    cells = [cell for batch in batches for cell in batch]
    starts = [sum(map(len, batches[:number])) for number in range(len(batches))]
    column = Column(Shown(arrays, arrays, starts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_FEW_VALUES", few)
        values = measures.values_of(column)
    missing, counts = values.counts()
    found = {cells[first]: count for first, count in zip(values.first.tolist(), counts.tolist(), strict=True)}
    assert found | ({None: missing} if missing else {}) == Counter(cells)
    assert [cells.index(cells[first]) for first in values.first.tolist()] == values.first.tolist()
    assert measures.lengths_of(column).tolist() == [-1 if cell is None else len(cell) for cell in cells]


@given(lengths=st.lists(st.integers(-1, 5000), max_size=50), bins=st.integers(1, 30))
def test_that_a_histogram_counts_every_length_once(lengths: list[int], bins: int) -> None:
    import numpy as np

    histogram = histogram_of(np.array(lengths, np.int32), bins)
    present = [length for length in lengths if length >= 0]
    assert sum(histogram.counts) == len(present)
    assert len(histogram.counts) <= bins
    for low, high, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False):
        assert low == int(low)
        assert sum(low <= length < high for length in present) == count


def test_that_lengths_are_counted_under_a_filter(make_dataset: Make) -> None:
    rows = make_dataset(ROWS).picture
    chosen = matching(rows, Query(text="label = y"))
    histogram = histogram_of(lengths_of(rows.column_of("text"))[chosen], bins=4)
    assert sum(histogram.counts) == 2
    assert (histogram.edges[0], histogram.edges[-1]) == (1, 301)


def test_that_states_are_counted_under_a_filter(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.mark([0, 2], flag=True)
    dataset.mark([1], star=True)
    dataset.edit(3, "text", "other")
    dataset.remove([5])
    dataset.append_rows([{"text": "new"}])
    dataset.set_note(1, "look")
    facet = state_facet(dataset, Query())
    states = {value.value: value.count for value in facet.values}
    assert states == {
        "empty": 2, "flagged": 2, "starred": 1, "edited": 1, "added": 1, "removed": 1, "with note": 1,
    }  # fmt: skip
    assert facet.shown_of == 6
    for value in facet.values:
        show = "removed" if value.value == "removed" else "kept"
        assert len(dataset.view(Query(text=value.filter, show=show))) == value.count
    limited = {value.value: value.count for value in state_facet(dataset, Query(text="label = x")).values}
    assert (limited["flagged"], limited["edited"], limited["removed"]) == (2, 1, 0)


def test_that_a_column_has_figures(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS)
    dataset.edit(1, "text", None)
    figures = column_statistics(dataset, "text")
    assert (figures.rows, figures.missing, figures.empty, figures.distinct) == (6, 1, 1, 5)
    assert (figures.shortest, figures.longest) == (0, 300)
    assert figures.mean_length == pytest.approx(307 / 5)
    assert sum(figures.lengths.counts) == 5
    assert figures.top[0].value == "a b"
    some = column_statistics(dataset, "label", dataset.view(Query(text="label = y")))
    assert (some.rows, some.distinct, some.top[0].count) == (2, 1, 2)
    dataset.remove(range(6))
    assert column_statistics(dataset, "text").rows == 0
