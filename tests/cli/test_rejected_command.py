"""`fintune rejected`: what could not be read, and mending it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Fintune


@pytest.fixture
def rejects(fintune: Fintune, tmp_path: Path) -> Path:
    """A project with three rows and two that could not be read."""
    source = tmp_path / "rows.csv"
    source.write_text("text,label\na,x\nb,y,z\nc,x\nd\ne,y\n")
    assert fintune("new", tmp_path / "p", "--task", "classification").code == 0
    assert fintune("import", tmp_path / "p", source).code == 0
    return tmp_path / "p"


def test_that_rejected_rows_are_listed_with_place_and_reason(fintune: Fintune, rejects: Path) -> None:
    answer = fintune("rejected", rejects)
    assert "rows.csv, line 3  It has 3 columns instead of 2" in answer.out
    assert "2 rows could not be read." in answer.out
    listed = fintune("rejected", rejects, "--json").json["rejected"]
    assert [(one["number"], one["line"], one["text"]) for one in listed] == [(1, 3, "b,y,z"), (2, 5, "d")]


def test_that_a_mended_row_comes_in_and_undo_rejects_it_again(fintune: Fintune, rejects: Path, tmp_path: Path) -> None:
    answer = fintune("rejected", rejects, "--mend", 1, "--text", 'b,"y,z"', "--json")
    assert answer.json == {"row_id": 3, "row": {"text": "b", "label": "y,z"}}
    (tmp_path / "mended.txt").write_text("d,x\n")
    assert "it is row 5" in fintune("rejected", rejects, "--mend", 2, "--file", tmp_path / "mended.txt").out
    assert "Every row could be read." in fintune("rejected", rejects).out
    assert fintune("clean", rejects, "--undo").code == 0
    assert [one["number"] for one in fintune("rejected", rejects, "--json").json["rejected"]] == [2]


def test_that_what_still_cannot_be_read_is_told_with_its_place(fintune: Fintune, rejects: Path) -> None:
    answer = fintune("rejected", rejects, "--mend", 1, "--text", "b,y,z,0")
    assert (answer.code, "In line 3: It has 4 columns instead of 2." in answer.err) == (1, True)
    assert fintune("rejected", rejects, "--mend", 9, "--text", "b,y").code == 1
    for wrong in (("--mend", 1), ("--text", "b,y"), ("--mend", 1, "--text", "a,b", "--file", "x")):
        assert fintune("rejected", rejects, *wrong).code == 2
    assert len(fintune("rejected", rejects, "--json").json["rejected"]) == 2
