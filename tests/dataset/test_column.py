"""Numbers of rows as sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset.column import are_among, distinct

numbers = st.lists(st.integers(0, 20)).map(lambda values: np.array(values, np.int64))


@given(numbers, numbers)
def test_that_sets_of_rows_are_those_of_numpy(left: np.ndarray, right: np.ndarray) -> None:
    assert distinct(left).tolist() == np.unique(left).tolist()
    assert are_among(left, distinct(right)).tolist() == np.isin(left, right).tolist()
