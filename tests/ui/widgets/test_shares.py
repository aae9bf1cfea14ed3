"""Shares that always add up to 100 %."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.ui.widgets.shares import WHOLE, linked_shares, whole_percent


@pytest.mark.parametrize(
    ("shares", "changed", "value", "expected"),
    [
        ((70, 15, 15), 0, 80, (80, 10, 10)),
        ((70, 20, 10), 0, 40, (40, 40, 20)),
        ((70, 15, 15), 2, 20, (65, 15, 20)),
        ((70, 15, 15), 1, 10, (75, 10, 15)),
        ((10, 45, 45), 1, 80, (1, 80, 19)),
        ((70, 15, 15), 0, 100, (98, 1, 1)),
    ],
)
def test_that_the_others_make_room(shares, changed, value, expected) -> None:
    assert linked_shares(shares, changed, value) == expected


@given(
    st.tuples(st.integers(1, 98), st.integers(1, 98)).filter(lambda pair: sum(pair) < WHOLE),
    st.integers(0, 2),
    st.integers(-5, 120),
)
def test_that_shares_stay_whole_positive_and_complete(pair, changed, value) -> None:
    shares = (WHOLE - sum(pair), *pair)

    linked = linked_shares(shares, changed, value)

    assert sum(linked) == WHOLE
    assert min(linked) >= 1
    assert linked[changed] == min(max(value, 1), WHOLE - 2)


@given(st.floats(0.02, 0.49), st.floats(0.02, 0.49))
def test_that_any_ratios_are_shown_as_whole_percent(validation, test) -> None:
    percent = whole_percent((1 - validation - test, validation, test))

    assert sum(percent) == WHOLE
    assert abs(percent[1] - 100 * validation) <= 0.5
    assert abs(percent[2] - 100 * test) <= 0.5
