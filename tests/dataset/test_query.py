"""Which rows are shown, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fintune_gui.dataset import importing
from fintune_gui.dataset.base import BaseWriter
from fintune_gui.dataset.query import Query, Replace, Sort
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import write_json

Make = Callable[..., Dataset]

ROWS = [
    ["Refund for order 12, please", "billing", "9"],
    ["The app crashes", "bug", "10"],
    ["refund or crash?", "Billing", "100"],
    ["", "bug", ""],
    ['Say "hi" (or not)', "how to", "x"],
]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("refund", [0, 2]),
        ("refund order", [0]),
        ('"for order"', [0]),
        ('"order for"', []),
        ("label = billing", [0, 2]),
        ("LABEL = billing", [0, 2]),
        ("label != billing", [1, 3, 4]),
        ("label = how to", [4]),
        ("label = how to and text contains say", [4]),
        ("text contains refund and not label = bug", [0, 2]),
        ("text is empty", [3]),
        ("text is not empty and label = bug", [1]),
        ("refund or crashes", [0, 1, 2]),
        ("refund and (order or crash)", [0, 2]),
        ("not refund", [1, 3, 4]),
        (r'text ~ "order \\d+"', [0]),
        (r'text ~ "order \d+"', [0]),
        ("text ~ ^the", [1]),
        ("length(text) > 20", [0]),
        ("length(text) = 0", [3]),
        ("length < 5", [3]),
        ("rank > 9", [1, 2]),
        ("rank <= 10", [0, 1]),
        (r'"say \"hi\""', [4]),
        ('"my column" = "1"', [0]),
    ],
)
def test_that_a_filter_finds_what_it_says(make_dataset: Make, text: str, rows: list[int]) -> None:
    dataset = make_dataset([[*row, str(i + 1)] for i, row in enumerate(ROWS)], ["text", "label", "rank", "my column"])
    assert dataset.view(Query(text=text)).tolist() == rows


def test_that_case_matters_only_on_request(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS, ["text", "label", "rank"])
    assert dataset.view(Query(text="refund", case_sensitive=True)).tolist() == [2]
    assert dataset.view(Query(text="label = billing", case_sensitive=True)).tolist() == [0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("colour = red", "no column “colour”"),
        ("labell = x", "did you mean “label”?"),
        ("label =", "missing at the end"),
        ("(a or b", "missing at the end"),
        ("a or", "missing at the end"),
        ("a) b", "“)” at character 2"),
        ("length > many", "“many” at character 10 is not a number"),
        ("text ~ (", "regular expression"),
        ('text = "open', "character 8"),
        ("text is full", "“full” at character 9"),
        ("= 4", "“=” at character 1"),
    ],
)
def test_that_a_bad_filter_says_what_is_wrong_and_where(make_dataset: Make, text: str, complaint: str) -> None:
    with pytest.raises(DataError) as error:
        make_dataset(ROWS, ["text", "label", "rank"]).view(Query(text=text))
    assert error.value.problem.code == "data.bad_filter"
    assert complaint in f"{error.value.problem.what} {error.value.problem.why}"


def test_that_sorting_by_several_keys_is_stable_and_puts_numbers_in_order(make_dataset: Make) -> None:
    rows = [["b", "x", "9"], ["a", "x", "10"], ["C", "y", "1"], ["a", "y", "2"]]
    dataset = make_dataset(rows, ["text", "label", "rank"])
    assert dataset.view(Query(sort=(Sort(column="text"),))).tolist() == [1, 3, 0, 2]
    assert dataset.view(Query(sort=(Sort(column="rank"),))).tolist() == [2, 3, 0, 1]
    by_label = (Sort(column="label", descending=True), Sort(column="text"))
    assert dataset.view(Query(sort=by_label)).tolist() == [3, 2, 1, 0]
    assert dataset.view(Query(sort=(Sort(column="#", descending=True),))).tolist() == [3, 2, 1, 0]
    dataset.edit(0, "text", "longest")
    assert dataset.view(Query(sort=(Sort(column="length:text", descending=True),))).tolist() == [0, 1, 2, 3]
    dataset.edit(1, "text", None)
    assert dataset.view(Query(sort=(Sort(column="text"),))).tolist()[-1] == 1  # empty cells come last
    with pytest.raises(DataError):
        dataset.view(Query(sort=(Sort(column="nope"),)))


def test_that_a_filter_sees_edits_and_removals(make_dataset: Make) -> None:
    dataset = make_dataset(ROWS, ["text", "label", "rank"])
    dataset.edit(1, "text", "refund now")
    dataset.remove([0])
    assert dataset.view(Query(text="refund")).tolist() == [1, 2]
    assert dataset.view(Query(text="refund", show="removed")).tolist() == [0]
    assert dataset.view(Query(text="refund", show="all")).tolist() == [0, 1, 2]
    assert dataset.view(Query(show="edited")).tolist() == [1]


@pytest.mark.slow
def test_that_a_million_rows_stay_quick(tmp_path: Path) -> None:
    """Generous limits: they catch loops over all rows in Python, not slow machines."""
    dataset = million_rows(tmp_path / "dataset")
    with dataset:
        seconds = {
            "filter": timed(lambda: dataset.view(Query(text="text contains brown and label = l7"))),
            "regex": timed(lambda: dataset.view(Query(text='text ~ "row 9+5"'))),
            "sort": timed(lambda: dataset.view(Query(sort=(Sort(column="text"),)))),
            "replace": timed(lambda: dataset.replace(Replace(columns=("text",), find="fox", replacement="cat"), None)),
            "edited": timed(lambda: dataset.view(Query(show="edited"))),
        }
        window = np.random.default_rng(0).integers(0, dataset.total_rows, 100)
        seconds["window"] = min(timed(lambda: dataset.cells(window)) for _ in range(5))
        seconds["edit"] = min(timed(lambda i=i: dataset.edit(i, "text", "x")) for i in range(5))
        assert dataset.row(500_000)["text"] == "row 500000: the quick brown cat"
    limits = {"filter": 8, "regex": 8, "sort": 20, "replace": 20, "edited": 8, "window": 0.1, "edit": 0.3}
    assert {name: value for name, value in seconds.items() if value > limits[name]} == {}


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def million_rows(folder: Path) -> Dataset:
    (folder / "base").mkdir(parents=True)
    writer = BaseWriter(folder / importing.BASE_FILE)
    for i in range(1_000_000):
        writer.add({"text": f"row {i}: the quick brown fox", "label": f"l{i % 30}"})
    writer.close()
    columns = list(writer.columns)
    write_json(folder / "source.json", {"base_sha256": "x", "columns": columns, "rows": writer.rows, "rejected": 0})
    assert pa.memory_map(str(folder / importing.BASE_FILE)).size() > 10**7
    return Dataset.open(folder)
