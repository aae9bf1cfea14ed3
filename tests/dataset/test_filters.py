"""The filter language beyond its first words: forms, marks, and what is not there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.conditions import Batch, Compares, Condition, Contains, Empty, Equals, Missing, Not, RowFacts
from fintune_gui.dataset.filters import filter_text, parse_filter
from fintune_gui.dataset.query import Query, Sort, select
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError

Make = Callable[..., Dataset]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["and", "or", "not", "is", "length", "note", 'a "b" \\', "\\", '"', "a\\\nb", "= 3", "(x)", "-1.5", "İ", "ß", "K"]
)


def expected(column: str, operator: str, value: str) -> Condition:
    made: dict[str, Condition] = {
        "contains": Contains((column,), value, False),
        "equals": Equals(column, value, False),
        "exactly": Equals(column, value, True),
        "empty": Empty((column,)),
        "missing": Missing(column),
    }
    return Not(made[operator.removeprefix("not_")]) if operator.startswith("not_") else made[operator]


@given(column=texts, other=texts, value=texts, operator=st.sampled_from(["contains", "equals", "exactly", "empty"]))
def test_that_a_form_means_what_it_says_with_any_name_and_value(
    column: str, other: str, value: str, operator: str
) -> None:
    for kind in (operator, f"not_{operator}"):
        assert parse_filter(filter_text(column, kind, value), [other, column]) == expected(column, kind, value)
    numbers = filter_text(column, "between", "-2.5", "7"), filter_text(column, "length_between", "2", "7")
    assert parse_filter(numbers[0], [column]) == Compares((column,), "between", -2.5, length=False, most=7)
    assert parse_filter(numbers[1], [column]) == Compares((column,), "between", 2, length=True, most=7)
    both = parse_filter(f"{filter_text(column, operator, value)} and {filter_text(column, 'missing')}", [column])
    assert getattr(both, "left", None) == expected(column, operator, value)


@given(value=texts, other=texts)
def test_that_every_text_is_found_by_itself(value: str, other: str) -> None:
    column = pa.array([value, other, None], TEXT)
    batch = Batch(slice(0, 3), 3, {"c": column}, RowFacts(None))  # type: ignore[arg-type]  # these conditions ask for no facts
    for operator in ("contains", "equals", "exactly"):
        condition = parse_filter(filter_text("c", operator, value), ["c"])
        assert condition is not None
        found = condition.mask(batch).to_pylist()
        assert found[0]
        assert not found[2]
        if operator == "exactly":
            assert found[1] == (other == value)


def test_that_texts_longer_than_any_pattern_are_found(make_dataset: Make) -> None:
    long = "Ä." * 50_000
    dataset = make_dataset([[long, "a"], [long + "x", "b"], ["short", "c"]])
    assert dataset.view(Query(text=filter_text("text", "contains", long.lower()))).tolist() == [0, 1]
    assert dataset.view(Query(text=filter_text("text", "equals", long.lower()))).tolist() == [0]
    assert dataset.view(Query(text=filter_text("text", "exactly", long.lower()))).tolist() == []


@pytest.fixture
def marked(make_dataset: Make) -> Dataset:
    dataset = make_dataset([["one", "5"], ["Two", "10"], ["", "x"], ["two", "7"], ["six", ""]], ["text", "rank"])
    dataset.edit(4, "text", None)
    dataset.mark([0, 2], flag=True)
    dataset.mark([2, 3], star=True)
    dataset.set_note(1, "Ask Mia again")
    dataset.set_note(3, "fine")
    dataset.remove([0])
    dataset.append_rows([{"text": "new", "rank": "6"}])
    return dataset


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("rank between 5 and 7", [3, 5]),
        ("rank between 5 and 7 and text = two", [3]),
        ("length(text) between 1 and 3 and not two", [5]),
        ("text == two", [3]),
        ("text = TWO", [1, 3]),
        ("text is missing", [4]),
        ("text is not missing and text is empty", [2]),
        ("is empty", [2, 4]),
        ("is flagged", [2]),
        ("is not flagged", [1, 3, 4, 5]),
        ("is starred and not is flagged", [3]),
        ("(is flagged or is starred)", [2, 3]),
        ("is edited", [4]),
        ("is added", [5]),
        ("has note", [1, 3]),
        ("not has note and is starred", [2]),
        ("note contains mia", [1]),
        ("has note contains fine or two", [1, 3]),
        ('note contains "Ask Mia" and text = two', [1]),
    ],
)
def test_that_a_filter_asks_for_states_and_numbers(marked: Dataset, text: str, rows: list[int]) -> None:
    assert marked.view(Query(text=text)).tolist() == rows


def test_that_removed_rows_can_be_asked_for(marked: Dataset) -> None:
    assert marked.view(Query(text="is removed", show="all")).tolist() == [0]
    assert marked.view(Query(text="is removed or one", show="all")).tolist() == [0]
    assert marked.view(Query(text="is removed")).tolist() == []


def test_that_words_in_a_sentence_stay_words(make_dataset: Make) -> None:
    dataset = make_dataset([["the row is removed", "a"], ["what it is", "b"], ["it has note", "c"]])
    assert dataset.view(Query(text="row is removed")).tolist() == [0]
    assert dataset.view(Query(text="it has note")).tolist() == [2]


def test_that_a_column_called_note_comes_before_the_notes(make_dataset: Make) -> None:
    dataset = make_dataset([["x", "green"], ["y", "red"]], ["text", "note"])
    dataset.set_note(1, "green")
    assert dataset.view(Query(text="note contains green")).tolist() == [0]
    assert dataset.view(Query(text="has note contains green")).tolist() == [1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rank between 3", "missing at the end"),
        ("rank between 3 or 5", "“or” at character 16"),
        ("rank between a and b", "“a” at character 14 is not a number"),
        ("length between 3", "missing at the end"),
        ("note contains", "missing at the end"),
        ("text is full", "“full” at character 9"),
    ],
)
def test_that_a_bad_condition_says_what_is_wrong(marked: Dataset, text: str, complaint: str) -> None:
    with pytest.raises(DataError) as error:
        marked.view(Query(text=text))
    assert complaint in error.value.problem.why


def test_that_a_question_can_be_cancelled(marked: Dataset) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        select(marked.picture, Query(text="two"), stop)
    assert np.array_equal(marked.view(Query(text="two")), [1, 3])


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("text contains 1 and not label = a", ("label", "-text")),
        ("length(text) > 5 or label is missing", ("length:text", "#")),
        ("text == edited", ("-label",)),
        ("1", ("text", "-#")),
        ("is empty or text ~ ^t2", ()),
    ],
)
def test_that_edited_rows_are_found_as_if_they_had_come_so(
    make_dataset: Make, monkeypatch: pytest.MonkeyPatch, text: str, sort: tuple[str, ...]
) -> None:
    monkeypatch.setattr("fintune_gui.dataset.base.BATCH_ROWS", 7)
    monkeypatch.setattr("fintune_gui.dataset.column._MOST_RECENT", 3)
    edited = make_dataset([[f"t{row}", "abc"[row % 3]] for row in range(40)], name="edited")
    generator = np.random.default_rng(3)
    for row in generator.integers(0, 40, 12).tolist():
        edited.edit(row, "text", ["edited", "text 1", "", f"{row}"][row % 4])
        edited.edit((row * 7) % 40, "label", "abd"[row % 3])
    plain = make_dataset(edited.cells(range(40)), name="plain")
    keys = tuple(Sort(column=key.removeprefix("-"), descending=key.startswith("-")) for key in sort)
    query = Query(text=text, sort=keys)
    assert edited.view(query).tolist() == plain.view(query).tolist()
    assert len(edited.view(query))


@pytest.mark.parametrize("text", ["(" * 5000, "not " * 5000 + "a", "a or " * 5000 + "a"])
def test_that_a_filter_that_is_too_deep_is_said_to_be(text: str) -> None:
    with pytest.raises(DataError, match="too many conditions"):
        parse_filter(text, ["text"])
