"""The command import on everything that it takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fintune_gui.dataset.importing import import_files
from fintune_gui.project.store import read_project
from tests.cli.conftest import Fintune


def test_that_more_files_can_be_added(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text('{"body": "new", "topic": "login"}\nbroken\n')
    answer = fintune("import", project, tmp_path / "more.jsonl", "--add")
    assert answer.code == 0
    assert "1 row added, 1 rejected" in answer.out
    assert "text = body" in answer.out
    assert fintune("status", project, "--json").json["rows"] == 121
    assert [Path(source.path).name for source in read_project(project).sources] == ["tickets.csv", "more.jsonl"]


def test_that_what_to_read_and_how_can_be_said(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data.db")) as db, db:
        db.execute("CREATE TABLE large(x)")
        db.executemany("INSERT INTO large VALUES (?)", [("a",)] * 9)
        db.execute("CREATE TABLE small(y)")
        db.execute("INSERT INTO small VALUES ('b')")
    answer = fintune("import", project, tmp_path / "data.db", "--table", "small", "--json").json
    assert (answer["rows"], answer["columns"]) == (1, ["y"])
    (tmp_path / "story.txt").write_text("One.\nStill one.\n\nTwo.\n")
    for unit, rows in (("line", 3), ("paragraph", 2), ("file", 1)):
        assert fintune("import", project, tmp_path / "story.txt", "--text-unit", unit, "--json").json["rows"] == rows
    (tmp_path / "plain.csv").write_text("'a;1';2\n")
    answer = fintune(
        "import", project, tmp_path / "plain.csv", "--no-header", "--quote", "'", "--delimiter", ";", "--json"
    )
    assert (answer.json["rows"], answer.json["columns"]) == (1, ["column_1", "column_2"])


def test_that_a_command_without_anything_to_read_is_not_understood(fintune: Fintune, project: Path) -> None:
    assert fintune("import", project).code == 2
    assert fintune("import", project, "--hub", "../x", "--json").json["error"]["code"] == "data.bad_hub_name"


@pytest.mark.parametrize("where", ["before the last step", "before it was recorded"])
def test_that_a_killed_import_is_recorded_by_the_next_command(
    fintune: Fintune, project: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "new.csv").write_text("message,label\nhello,a\nbye,b\n")
    import_files([tmp_path / "new.csv"], project / "dataset")  # and no word to the project
    if where == "before the last step":
        (project / "dataset").rename(project / "dataset.tmp-dead")
    assert read_project(project).format.roles["text"] == "body"
    assert fintune("status", project, "--json").json["rows"] == 2
    after = read_project(project)
    assert after.format.roles == {"text": "message", "label": "label"}
    assert [Path(source.path).name for source in after.sources] == ["new.csv"]
