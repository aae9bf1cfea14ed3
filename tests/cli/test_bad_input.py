"""What cannot work, by command line: one sentence group, exit code 1, and everything as it was.

The layers have tests of their own for each kind of bad input; here it is seen as the user sees it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from fintune_gui.project.spec import SPEC_FILE
from fintune_gui.project.store import PROJECT_FILE
from tests.cli.conftest import Answer, Fintune
from tests.engine.test_prepare import BROKEN
from tests.helpers.tiny import save_model


def refused(answer: Answer, *words: str) -> None:
    """The command ended with sentences that hold `words`, and not with a defect."""
    assert answer.code == 1, answer.err
    said = answer.err.splitlines()[-1]
    assert said.startswith("fintune: ")
    for word in words:
        assert word in said
    assert "fault in the program" not in said
    assert "mistake in Fintune" not in said


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a project but those of jobs that failed."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if "jobs" not in path.parts}


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX's")
def test_that_no_kind_of_wrong_file_changes_the_project(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    (tmp_path / "dangling.csv").symlink_to("gone.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "nothing inside").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    before = contents(project)
    for name, word in (
        ("missing.csv", "cannot be found"),
        ("dangling.csv", "gone.csv, which is not there"),
        ("loop.csv", "cannot be read"),
        ("pipe.csv", "not an ordinary file"),
        ("empty.csv", "is empty"),
        ("nothing inside", "holds no file with rows"),
    ):
        refused(fintune("import", project, tmp_path / name), word)
    assert contents(project) == before


def test_that_a_place_that_cannot_be_is_told(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for place in (tmp_path / "tickets.csv" / "x", tmp_path / ("y" * 300), tmp_path / "loop" / "x"):
        refused(fintune("new", place, "--task", "text"), "cannot be written")
        refused(fintune("clean", project, "--save", place / "recipe.json"), "cannot be written")
    refused(fintune("status", tmp_path / "loop"))
    refused(fintune("status", "~nobody-of-this-name/project"), "There is no project")


def test_that_numbers_that_are_none_never_reach_the_project(fintune: Fintune, project: Path) -> None:
    before = contents(project)
    for option, value in (("--ratios", "nan/1/1"), ("--ratios", "1e999/1/1"), ("--seed", "9" * 30)):
        assert fintune("split", project, option, value).code == 2
    assert contents(project) == before
    assert fintune("status", project).code == 0


def test_that_a_missing_column_is_named_with_those_that_are_there(fintune: Fintune, project: Path) -> None:
    before = contents(project)
    for arguments in (
        ("format", project, "--map", "text=nowhere"),
        ("split", project, "--stratify", "nowhere"),
        ("split", project, "--group", "nowhere"),
    ):
        refused(fintune(*arguments), "nowhere", "body, topic")
    assert contents(project)[PROJECT_FILE] == before[PROJECT_FILE]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"schema_version": 99}, "newer"), ({"schema_version": 0}, "no schema version"), ({"name": ""}, "damaged")],
)
def test_that_a_project_that_cannot_be_read_is_left_as_it_is(
    fintune: Fintune, project: Path, tickets_csv: Path, change: dict[str, object], word: str
) -> None:
    path = project / PROJECT_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    before = contents(project)
    for arguments in (("status", project), ("import", project, tickets_csv), ("split", project)):
        refused(fintune(*arguments), word)
    assert contents(project) == before


def test_that_damaged_rows_are_told_and_not_taken_for_no_rows(fintune: Fintune, project: Path) -> None:
    assert fintune("clean", project, "--safe").code == 0
    (project / "dataset" / "edits.sqlite").write_bytes(b"not a database" * 500)
    status = fintune("status", project)
    assert status.code == 0
    assert "edits.sqlite is damaged" in status.out
    for command in ("check", "split", "train"):
        refused(fintune(command, project), "edits.sqlite is damaged")


def test_that_a_run_that_cannot_be_read_is_told(fintune: Fintune, project: Path) -> None:
    folder = project / "runs" / "0001"
    folder.mkdir(parents=True)
    refused(fintune("compare", project, 1, 1), "There is no run 1", "no run yet")
    shutil.copy(project / PROJECT_FILE, folder / SPEC_FILE)
    refused(fintune("compare", project, 1, 1), "cannot be read")
    (folder / SPEC_FILE).write_text('{"kind": "prepare", "name": "x"}')
    refused(fintune("compare", project, 1, 1), "describes no training")


@pytest.mark.skipif(sys.platform != "linux", reason="the device that is always full is Linux's")
def test_that_what_the_system_refuses_anywhere_is_told(fintune: Fintune, project: Path) -> None:
    (project / "jobs").write_text("a file where a folder must be")
    refused(fintune("import", project, project / PROJECT_FILE), "The system says")


def test_that_an_empty_model_name_is_not_the_present_folder(fintune: Fintune, project: Path) -> None:
    refused(fintune("model", project, " "), "No model is named")


def test_that_reading_alone_is_allowed_beside_another_window(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    from fintune_gui.project.store import ProjectFolder

    assert fintune("clean", project, "--safe").code == 0
    with ProjectFolder.open(project):
        assert fintune("clean", project, "--save", tmp_path / "recipe.json").code == 0
        refused(fintune("clean", project, "--undo"), "open")
    assert (tmp_path / "recipe.json").is_file()


SAID = {
    "model.pickle_only": "only pickled weights",
    "model.remote_code": "run its own program code",
    "model.damaged": "probably not fetched to the end",
    "model.tokenizer_too_small": "does not belong to this model",
}
"""A kind of wrong model from each part of the look at it: a process each. `test_prepare` has all kinds."""


def test_that_a_wrong_model_changes_nothing_in_the_project(fintune: Fintune, project: Path, tmp_path: Path) -> None:
    model = save_model(tmp_path / "good")
    assert fintune("model", project, model).code == 0
    before = contents(project)
    for code, said in SAID.items():
        wrong = shutil.copytree(model, tmp_path / code)
        BROKEN[code](wrong)
        refused(fintune("model", project, wrong), said)
    refused(fintune("model", project, tmp_path / "gone"), "There is no model at")
    assert contents(project) == before
