"""Rejected rows, mended and brought in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fintune_gui.dataset.importing import add_files, import_files
from fintune_gui.dataset.mending import mend, open_rejects, try_text
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError

Import = Callable[..., Dataset]
CHATML = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{}<|im_end|>"


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Import]:
    opened: list[Dataset] = []

    def make(*contents: str, name: str = "data.csv") -> Dataset:
        files = [tmp_path / (f"{number}-{name}" if number else name) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_text(content, encoding="utf-8")
        import_files(files, tmp_path / "dataset")
        opened.append(Dataset.open(tmp_path / "dataset"))
        return opened[-1]

    yield make
    for dataset in opened:
        dataset.close()


def numbers(dataset: Dataset) -> list[int]:
    return [reject.number for reject in open_rejects(dataset)]


def test_that_a_mended_row_is_read_like_its_file_and_comes_in(imported: Import) -> None:
    dataset = imported("a;b\nx;y\n1;2;3\n4\n")
    first, second = open_rejects(dataset)
    assert try_text(dataset, first, '1;"2;3"').row == {"a": "1", "b": "2;3"}
    assert try_text(dataset, first, "1;2;3").reason == "It has 3 columns instead of 2"
    assert mend(dataset, {first.number: '1;"2;3"', second.number: "4"}) == 1
    assert dataset.row(1) == {"a": "1", "b": "2;3"}
    assert numbers(dataset) == [second.number]
    assert dataset.history()[-1].label == "Mended 1 rejected row"


def test_that_undo_makes_a_mended_row_rejected_again_and_redo_brings_it_back(imported: Import) -> None:
    dataset = imported('{"a": "x"}\n{"a": }\n{"a": "y",}\n', name="data.jsonl")
    assert mend(dataset, {0: '{"a": "m"}', 1: '{"a": "y"}'}) == 2
    assert (numbers(dataset), dataset.total_rows) == ([], 3)
    dataset.undo()
    assert (numbers(dataset), dataset.total_rows) == ([0, 1], 1)
    dataset.redo()
    assert (numbers(dataset), dataset.row(2)) == ([], {"a": "y"})


def test_that_the_place_of_the_error_is_told_in_the_file_and_in_the_text(imported: Import) -> None:
    dataset = imported('{"a": "x"}\n{"a": }\n', name="data.jsonl")
    (reject,) = open_rejects(dataset)
    tried = try_text(dataset, reject, '\n{"a":\n  NaN}')
    assert (tried.row, tried.line, tried.column, tried.offset) == (None, 4, 3, 9)
    assert tried.reason == "Not valid JSON: JSON has no NaN; write a number, a text or null"
    for text, reason in (
        ("", "There is no row in this text"),
        ('{"b": "1"}', "The table has no column “b”"),
        ("[1]", "A row must be an object with named values, but this is a list"),
        ('{"messages": [{"role": "nobody", "content": "x"}]}', "Turn 1 has the unknown role “nobody”"),
    ):
        assert try_text(dataset, reject, text).reason == reason


def test_that_several_rows_are_not_taken_for_one(imported: Import) -> None:
    dataset = imported('a,b\nx,y\n"never,ends\nx,y\n')
    (reject,) = open_rejects(dataset)
    assert try_text(dataset, reject, "1,2\n3,4").reason == "These are several rows; one is mended at a time"
    assert try_text(dataset, reject, '"never,ends').reason == "A quotation mark is opened and never closed"
    assert try_text(dataset, reject, '"1\n2",3').row == {"a": "1\n2", "b": "3"}


def test_that_a_conversation_is_mended_in_the_words_of_its_file(imported: Import) -> None:
    turns = [[{"from": who, "value": "Hi"}] for who in ("human", "hummany")]
    dataset = imported("\n".join(json.dumps({"conversations": turn}) for turn in turns), name="data.jsonl")
    (reject,) = open_rejects(dataset)
    assert mend(dataset, {0: reject.rejected.text.replace("hummany", "human")}) == 1
    assert dataset.row(1) == dataset.row(0)


def test_that_a_mended_chatml_text_gets_its_conversation_too(imported: Import) -> None:
    good = [{"text": CHATML.format(number)} for number in range(60)]
    dataset = imported("\n".join(map(json.dumps, [*good, {"text": "<|im_start|>"}])), name="data.jsonl")
    assert mend(dataset, {0: json.dumps({"text": CHATML.format("mended")})}) == 1
    assert json.loads(dataset.row(60)["messages"] or "")[1] == {"role": "assistant", "content": "mended"}


def test_that_a_mended_row_knows_its_file_and_the_present_names(imported: Import) -> None:
    dataset = imported("a,b\nx,y\n", "a,b\n1\n2,3\n")
    dataset.rename("a", "question")
    assert mend(dataset, {0: "1,2"}) == 1
    assert dataset.row(2) == {"question": "1", "b": "2", "source": "1-data.csv"}


def test_that_rejects_of_added_files_go_with_them(imported: Import, tmp_path: Path) -> None:
    dataset = imported("a,b\nx,y\n1\n")
    dataset.close()
    more = tmp_path / "more.csv"
    more.write_text("a,b\n1,2\n3\n")
    add_files(tmp_path / "dataset", [more])
    with Dataset.open(tmp_path / "dataset") as again:
        assert numbers(again) == [0, 1]
        assert mend(again, {1: "3,4"}) == 1
        assert again.row(again.total_rows - 1) == {"a": "3", "b": "4", "source": "more.csv"}
        again.undo()
        again.undo()
        assert numbers(again) == [0]


def test_that_a_row_cannot_be_mended_twice(imported: Import) -> None:
    dataset = imported("a,b\nx,y\n1\n")
    mend(dataset, {0: "1,2"})
    for number in (0, 7):
        with pytest.raises(DataError) as error:
            mend(dataset, {number: "1,2"})
        assert error.value.problem.code == "data.not_rejected"
    assert dataset.total_rows == 2
