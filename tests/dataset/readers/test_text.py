"""Plain texts, and which texts are tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.dataset.importing import read_rejected, sniff
from tests.dataset.readers.importing import imported, refused

TEXT = "\ufeffFirst, a line.\r\nStill first.\r\n\r\n \r\nSecond: yes, and no, or so.\r\n"


def texts(source: Path, **options: object) -> list[str | None]:
    return [row["text"] for row in imported(source, **options)[0]]


def test_that_a_row_is_a_line_a_paragraph_or_the_file(tmp_path: Path) -> None:
    source = tmp_path / "story.txt"
    source.write_bytes(TEXT.encode())
    assert sniff(source).text_unit == "paragraph"
    assert texts(source) == ["First, a line.\nStill first.", "Second: yes, and no, or so."]
    assert texts(source, text_unit="line") == ["First, a line.", "Still first.", "Second: yes, and no, or so."]
    assert texts(source, text_unit="file") == [TEXT.removeprefix("\ufeff").strip()]


def test_that_lines_without_gaps_are_rows(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("one\ntwo\n")
    assert texts(tmp_path / "x.txt") == ["one", "two"]


def test_that_a_text_with_columns_is_a_table_and_can_be_read_otherwise(tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_text("text\tlabel\none\ta\ntwo\tb\n")
    assert sniff(source).format == "csv"
    assert texts(source, format="text") == ["text\tlabel", "one\ta", "two\tb"]


def test_that_a_folder_of_texts_has_a_row_for_each_with_its_path(tmp_path: Path) -> None:
    for name, text in (("b.txt", "B\n\nb"), ("deep/a.md", "A"), (".hidden.txt", "no"), ("README.md", "about")):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(text)
    rows, _ = imported(tmp_path / "folder")
    assert rows == [{"text": "B\n\nb", "source": "b.txt"}, {"text": "A", "source": "deep/a.md"}]
    assert sniff(tmp_path / "folder").members == ("b.txt", "deep/a.md")
    assert len(texts(tmp_path / "folder", text_unit="paragraph")) == 3


def test_that_a_line_that_is_no_text_is_set_aside(tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_bytes("schön\n".encode() * 20 + b"\xff\n")
    assert texts(source) == ["schön"] * 20
    assert [(row.line, row.column) for row in read_rejected(tmp_path / "the dataset")] == [(21, None)]


def test_that_csv_is_read_with_any_quote_and_without_a_header(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("'a;\\'1';2\n3;4\n")
    rows, _ = imported(source, delimiter=";", quote="'", escape="\\", header=False)
    assert rows == [{"column_1": "a;'1", "column_2": "2"}, {"column_1": "3", "column_2": "4"}]


@pytest.mark.parametrize("name", ["quote", "escape"])
def test_that_a_dialect_that_cannot_be_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert refused(tmp_path / "x.csv", **{name: "ab"}) == f"data.bad_{name}"
