"""Rows from the command line: looking, changing, marking, going back, writing them out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Fintune


def matching(fintune: Fintune, project: Path, *options: object) -> int:
    return int(fintune("rows", project, *options, "--json").json["matching"])


def roles(project: Path) -> dict[str, str]:
    return dict(json.loads((project / "project.json").read_text(encoding="utf-8"))["format"]["roles"])


def test_that_rows_are_shown_filtered_and_sorted(fintune: Fintune, project: Path) -> None:
    answer = fintune("rows", project, "--filter", "topic = login and number", "--sort", "body:desc", "--limit", 2)
    assert answer.code == 0
    assert answer.out.splitlines()[0].split() == ["#", "body", "topic"]
    assert "Request number 97 about login" in answer.out.splitlines()[1]
    assert answer.out.splitlines()[-1] == "40 rows, 2 shown."
    found = fintune("rows", project, "--filter", 'topic = ""', "--json").json
    assert found == {"matching": 1, "rows": [{"row": 117, "cells": {"body": "Nobody knows", "topic": ""}}]}
    lines = fintune("rows", project, "--as", "jsonl", "--column", "topic", "--limit", 1).out
    assert json.loads(lines) == {"topic": "billing"}
    assert fintune("rows", project, "--as", "markdown", "--limit", 1).out.startswith(
        "| body | topic |\n| --- | --- |\n"
    )


def test_that_matching_rows_are_written_into_a_file(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    target = tmp_path / "login.csv"
    answer = fintune("rows", project, "--filter", "topic = login", "--to", target, "--row-numbers", "--json")
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert answer.json["rows"] == len(rows) == matching(fintune, project, "--filter", "topic = login")
    assert rows[0] == {"row_number": "2", "body": "Request number 1 about login", "topic": "login"}
    assert fintune("rows", project, "--to", tmp_path / "rows", "--as", "xlsx").code == 0
    refused = fintune("rows", project, "--to", tmp_path / "tickets.csv")
    assert refused.code == 1
    assert "is a file from which the rows came" in refused.err


def test_that_cells_are_edited_and_the_history_goes_back(fintune: Fintune, project: Path) -> None:
    assert fintune("edit", project, "--row", 1, "--column", "topic", "--value", "x").out.startswith("Edited “topic”")
    assert "in 1 row." in fintune("edit", project, "--filter", "Nobody", "--column", "topic", "--missing").out
    assert matching(fintune, project, "--filter", "topic is missing") == 1
    renamed = fintune("rename", project, "topic", "label")
    assert (renamed.code, renamed.out.splitlines()[0]) == (0, "Renamed “topic” to “label”.")
    assert roles(project) == {"text": "body", "label": "label"}
    listed = fintune("history", project).out.splitlines()
    assert [line[:4] for line in listed[:4]] == ["  0 ", "  1 ", "  2 ", "→ 3 "]
    assert fintune("undo", project).out.splitlines()[:2] == ["Taken back:", "Renamed “topic” to “label”."]
    assert roles(project) == {"text": "body", "label": "topic"}
    assert fintune("redo", project).code == 0
    assert fintune("history", project, "--go-to", 1, "--json").json["at"] == 1
    assert matching(fintune, project, "--filter", "topic is missing") == 0
    fintune("edit", project, "--row", 2, "--column", "topic", "--value", "y")
    assert len(fintune("history", project, "--json").json["operations"]) == 2
    assert len(fintune("history", project, "--all", "--json").json["operations"]) == 4
    assert fintune("history", project, "--go-to", 3).code == 0
    assert matching(fintune, project, "--filter", "label is missing") == 1
    assert fintune("history", project, "--go-to", 99).code == 1


def test_that_rows_are_removed_and_come_back(fintune: Fintune, project: Path) -> None:
    removed = fintune("remove", project, "--filter", "topic = login", "--reason", "Not ours", "--json").json
    assert removed["operation"]["rows"] == 40
    assert removed["rows_kept"] == matching(fintune, project) == 80
    assert fintune("restore", project, "--row", 2, "--row", 5).out.startswith("Brought back 2 rows.")
    assert matching(fintune, project, "--show", "removed") == 38
    assert fintune("restore", project, "--filter", "").out.splitlines()[-1] == "120 rows are in."
    assert fintune("restore", project, "--filter", "").out.startswith("No removed row")


def test_that_rows_are_marked_and_found_by_their_marks(fintune: Fintune, project: Path) -> None:
    fintune("flag", project, "--row", 3, "--row", 4)
    fintune("star", project, "--filter", "is flagged")
    fintune("flag", project, "--row", 3, "--off")
    fintune("note", project, "Ask Mia", "--row", 4)
    assert matching(fintune, project, "--filter", "is flagged") == 1
    assert matching(fintune, project, "--filter", "is starred") == 2
    assert matching(fintune, project, "--filter", "note contains mia and is flagged") == 1


def test_that_replacing_can_be_tried_first(fintune: Fintune, project: Path) -> None:
    tried = fintune("replace", project, "--find", r"number (\d+)", "--replace", r"no. \1", "--regex", "--dry-run")
    assert "- Request number 0 about billing\n+ Request no. 0 about billing" in tried.out
    assert tried.out.splitlines()[-1] == "118 cells of 118 rows would change."
    assert matching(fintune, project, "--filter", "no. and number") == 0
    done = fintune("replace", project, "--find", "LOGIN", "--replace", "sign-in", "--ignore-case", "--column", "topic",
                   "--filter", "body contains about", "--whole-word")  # fmt: skip
    assert done.out.startswith("Replaced “LOGIN” with “sign-in” in 40 cells of 40 rows.")
    assert matching(fintune, project, "--filter", "topic = sign-in") == 40


def test_that_values_are_counted(fintune: Fintune, project: Path) -> None:
    answer = fintune("facet", project, "topic", "--filter", "not topic = billing", "--limit", 1)
    assert answer.out.splitlines()[0].split() == ["40", "50.6%", "login"]
    assert "3 different values" in answer.out
    assert fintune("facet", project, "topic", "--json").json["facet"]["values"][0]["count"] == 40


@pytest.mark.parametrize(
    "arguments",
    [
        ["edit", "PROJECT", "--column", "topic", "--value", "x"],
        ["edit", "PROJECT", "--column", "topic", "--row", 1],
        ["edit", "PROJECT", "--column", "topic", "--row", 1, "--value", "x", "--missing"],
        ["remove", "PROJECT"],
        ["remove", "PROJECT", "--row", 1, "--filter", "x"],
        ["remove", "PROJECT", "--row", 0],
        ["rows", "PROJECT", "--as", "xlsx"],
        ["rows", "PROJECT", "--to", "rows.docx"],
    ],
)
def test_that_half_an_order_is_not_understood(fintune: Fintune, project: Path, arguments: list[object]) -> None:
    before = project.joinpath("dataset", "base").exists()
    assert fintune(*(project if argument == "PROJECT" else argument for argument in arguments)).code == 2
    assert before
    assert matching(fintune, project) == 120


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["rows", "PROJECT", "--filter", "colour = red"], "no column “colour”"),
        (["rows", "PROJECT", "--sort", "colour"], "no column “colour”"),
        (["rows", "PROJECT", "--column", "colour"], "no column “colour”"),
        (["remove", "PROJECT", "--row", 121], "no row 121"),
        (["facet", "PROJECT", "colour"], "no column “colour”"),
        (["rename", "PROJECT", "topic", "body"], "Another column has it"),
        (["replace", "PROJECT", "--find", "(", "--replace", "x", "--regex"], "regular expression"),
    ],
)
def test_that_what_is_not_there_is_said(
    fintune: Fintune, project: Path, arguments: list[object], complaint: str
) -> None:
    answer = fintune(*(project if argument == "PROJECT" else argument for argument in arguments))
    assert answer.code == 1
    assert complaint in answer.err
