"""Blocks of cells on the clipboard: what spreadsheets write is read, and what is written is read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.ui.widgets.table_text import block_text, parse_block


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("one", [["one"]]),
        ("a\tb\nc\td", [["a", "b"], ["c", "d"]]),
        ("a\tb\r\nc\td\r\n", [["a", "b"], ["c", "d"]]),
        ("a\rb", [["a"], ["b"]]),
        ("\n", [[""]]),
        ("a\n\nb\n", [["a"], [""], ["b"]]),
        ("a\t", [["a", ""]]),
        ("a\t\t\n", [["a", "", ""]]),
        ("long\tline\there\nshort", [["long", "line", "here"], ["short"]]),
        ('"two\nlines"\tb', [["two\nlines", "b"]]),
        ('"two\r\nlines"\r\nnext', [["two\nlines"], ["next"]]),
        ('"with\ttab"\tb', [["with\ttab", "b"]]),
        ('"say ""hi"""\tb', [['say "hi"', "b"]]),
        ('""\tb', [["", "b"]]),
        ('"""hello"" he said"', [['"hello" he said']]),
        ('say "hi"\tb', [['say "hi"', "b"]]),
        ('"hi" he said\tb', [['"hi" he said', "b"]]),
        ('"never closed\tb\nc', [['"never closed', "b"], ["c"]]),
        ('5" pipe\t6" pipe', [['5" pipe', '6" pipe']]),
        ("  spaces  stay \t ", [["  spaces  stay ", " "]]),
        ("مرحبا\t請問\n👩‍👩‍👧\t", [["مرحبا", "請問"], ["👩‍👩‍👧", ""]]),
    ],
)
def test_that_a_copied_block_is_read_as_spreadsheets_write_it(text: str, rows: list[list[str]]) -> None:
    assert parse_block(text) == rows


_cells = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=12)
_blocks = st.integers(1, 4).flatmap(lambda wide: st.lists(st.lists(_cells, min_size=wide, max_size=wide), min_size=1))


@given(_blocks)
def test_that_what_is_written_is_read_back(block: list[list[str]]) -> None:
    if block[-1] == [""]:
        block[-1] = ["x"]  # one empty cell at the end is the same text as a line break at the end
    assert parse_block(block_text(block)) == block


@given(st.text(max_size=60))
def test_that_any_text_is_some_block(text: str) -> None:
    rows = parse_block(text)
    assert all(rows)
    assert bool(rows) == bool(text)


def test_that_a_missing_value_is_copied_as_an_empty_cell() -> None:
    assert block_text([["a", None], [None, "b"]]) == "a\t\n\tb"


def test_that_a_long_block_is_read_in_no_time() -> None:
    line = '"quoted\n""text"""\tplain\n'
    assert len(parse_block(line * 20_000)) == 20_000
