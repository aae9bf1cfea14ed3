"""Grouping rows by what they begin with."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.engine.prefixes import Group, divide, group_rows

TOKENS = st.lists(st.integers(0, 2), max_size=12)


@given(st.lists(TOKENS, max_size=12))
def test_that_every_row_is_in_one_group_and_begins_with_what_it_shares(rows: list[list[int]]) -> None:
    groups = group_rows(rows, fewest=1)
    assert sorted(row for group in groups for row in group.rows) == list(range(len(rows)))
    for group in groups:
        beginnings = {tuple(rows[row][: group.shared]) for row in group.rows}
        assert len(beginnings) == 1
        assert len(beginnings.pop()) == group.shared
        assert (len(group.rows) > 1) == (group.shared > 0)


def test_that_hundreds_of_divisions_compute_no_more_tokens_than_the_best_ones_of_neighbours() -> None:
    dice = random.Random(5)
    found = best = 0
    for _ in range(500):
        rows = [[dice.randint(0, 2) for _ in range(dice.randint(0, 12))] for _ in range(dice.randint(1, 7))]
        lengths = [len(row) for row in rows]
        found += sum(group.tokens(lengths) for group in group_rows(rows, fewest=1))
        best += fewest_tokens(sorted(rows))
    assert found <= best


def test_that_rows_which_share_little_join_beside_a_group_that_shares_much() -> None:
    rows = [[1, 0, 1, 7], [1, 1], [1, 0, 1, 8], [1, 2]]
    assert group_rows(rows, fewest=1) == [Group((1, 3), 1), Group((0, 2), 3)]


@given(st.lists(TOKENS, max_size=12))
def test_that_grouping_never_computes_more_tokens(rows: list[list[int]]) -> None:
    lengths = [len(row) for row in rows]
    assert sum(group.tokens(lengths) for group in group_rows(rows, fewest=1)) <= sum(lengths)


def fewest_tokens(rows: list[list[int]]) -> int:
    """By trying every way to cut the sorted rows."""
    if not rows:
        return 0
    ways = []
    for count in range(1, len(rows) + 1):
        first = rows[:count]
        shared = 0
        while count > 1 and all(len(row) > shared and row[shared] == first[0][shared] for row in first):
            shared += 1
        ways.append(sum(map(len, first)) - (count - 1) * shared + fewest_tokens(rows[count:]))
    return min(ways)


def test_that_a_short_common_beginning_is_not_worth_sharing() -> None:
    rows = [[1, 2, 3, 4], [1, 2, 3, 5]]
    assert [group.shared for group in group_rows(rows, fewest=4)] == [0, 0]
    assert [group.shared for group in group_rows(rows, fewest=3)] == [3]


def test_that_a_divided_group_repeats_its_beginning() -> None:
    parts = divide(Group((4, 5, 6), 10), [0, 0, 0, 0, 14, 15, 13], budget=20)
    assert parts == [Group((4, 5), 10), Group((6,), 0)] or parts == [Group((4,), 0), Group((5, 6), 10)]
    lengths = [0, 0, 0, 0, 14, 15, 13]
    assert all(part.tokens(lengths) <= 20 for part in parts)


def test_that_thousands_of_rows_are_grouped_without_deep_recursion() -> None:
    rows = [[7] * number for number in range(3000)]
    groups = group_rows(rows)
    assert sum(len(group.rows) for group in groups) == 3000
