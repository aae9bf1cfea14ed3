"""The text of a filter taken apart and put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset.filters import parse_filter
from fintune_gui.ui.widgets.conditions import (
    Subject,
    alternatives,
    columns_of,
    conditions,
    joined,
    opposite,
    quoted,
    same,
    subject,
    without_not,
)

COLUMNS = ("text", "label", "my column")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("refund invoice", ["refund invoice"]),
        ("label = billing and length(text) > 30", ["label = billing", "length(text) > 30"]),
        ("a or b and c", ["a or b and c"]),
        ("(label = a or label = b) refund", ["(label = a or label = b)", "refund"]),
        ("length(text) between 3 and 9 and x", ["length(text) between 3 and 9", "x"]),
        ('text = "this and that" AND not label = x', ['text = "this and that"', "not label = x"]),
        ('"never closed and b', ['"never closed', "b"]),
    ],
)
def test_that_a_filter_falls_into_the_conditions_that_all_have_to_hold(text: str, parts: list[str]) -> None:
    assert conditions(text) == parts


@pytest.mark.parametrize(
    ("condition", "about"),
    [
        ("label = billing", Subject("value", "label")),
        ('not ("My column" = a or "my column" is empty)', Subject("value", "my column")),
        ("label = a or text = b", None),
        ("length(text) between 3 and 9", Subject("length", "text")),
        ("length > 400", Subject("length")),
        ("is flagged", Subject("state")),
        ("not is starred", Subject("state")),
        ("text ~ a", Subject("column", "text")),
        ("refund", None),
    ],
)
def test_that_a_condition_knows_what_it_is_about(condition: str, about: Subject | None) -> None:
    assert subject(condition) == about


def test_that_the_opposite_of_the_opposite_is_the_condition_itself() -> None:
    for condition in ("label = a", "label = a or label = b", "refund"):
        assert same(opposite(opposite(condition)), condition)
    assert without_not("not (label = a or label = b)") == "label = a or label = b"
    assert alternatives('(label = a or label = "b c")') == ["label = a", 'label = "b c"']


def test_that_quotes_and_capitals_make_no_difference() -> None:
    assert same('"Label" = "how to"', "label = how to")
    assert not same("label = a", "label = b")


def test_that_the_columns_of_a_filter_are_found() -> None:
    assert columns_of('refund and "My Column" is not empty or length(text) > 3') == {"my column", "text"}


@given(st.lists(st.sampled_from(["label = a", "x or y", "text contains b", "not (a or b)"]), min_size=1, max_size=4))
def test_that_parts_put_together_fall_apart_into_the_same_parts(parts: list[str]) -> None:
    text = joined(parts)
    again = conditions(text) if len(parts) > 1 else [text]

    assert len(again) == len(parts)
    assert all(same(one, other) for one, other in zip(again, parts, strict=True))


@given(st.text(min_size=1))
def test_that_any_value_can_be_written_as_a_condition(value: str) -> None:
    parse_filter(f"label = {quoted(value)}", COLUMNS)
    assert len(conditions(f"label = {quoted(value)} and refund")) == 2
