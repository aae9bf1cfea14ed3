"""new and status, and what every command has in common: --json, exit codes, sentences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fintune_gui.cli.app import COMMANDS
from fintune_gui.project.recent import recent_projects
from fintune_gui.project.store import PROJECT_FILE, ProjectFolder, read_project
from tests.cli.conftest import Fintune


def test_that_new_makes_a_project_that_the_window_opens(fintune: Fintune, tmp_path: Path) -> None:
    folder = tmp_path / "my tickets"
    answer = fintune("new", folder, "--task", "classification", "--goal", "accuracy >= 85%", "--json")
    assert answer.code == 0
    assert answer.json == {"project": str(folder), "task": "classification", "metric": "accuracy", "target": 0.85}
    assert read_project(folder).name == "my tickets"
    assert recent_projects() == [folder]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new"], 2, "PROJECT"),
        (["new", "x"], 2, "--task"),
        (["new", "x", "--task", "cooking"], 2, "cooking"),
        (["cook", "x"], 2, "cook"),
        (["new", "x", "--task", "text", "--goal", "F1 >= 0.9"], 1, 'Write it like "F1 >= 0.90"'),
        (["status", "x"], 1, "There is no project"),
        (["split", "x"], 1, "There is no project"),
        (["train", "x", "--resume", "--set", "epochs=1"], 2, "keeps its settings"),
        (["clean", "x"], 2, "--recipe FILE"),
        (["clean", "x", "--safe", "--undo"], 2, "--recipe FILE"),
        (["compare", "x", "1"], 2, "RUN"),
        (["compare", "x", "1", "zero"], 2, "RUN"),
    ],
)
def test_that_what_cannot_be_done_is_said_with_the_right_code(
    fintune: Fintune, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    answer = fintune(*(tmp_path / "x" if argument == "x" else argument for argument in arguments))
    assert answer.code == code
    assert words in answer.err
    assert answer.out == ""
    assert not (tmp_path / "x").exists()


def test_that_a_failure_is_json_as_well(fintune: Fintune, tmp_path: Path) -> None:
    answer = fintune("status", tmp_path, "--json")
    assert answer.code == 1
    assert answer.json["error"]["code"] == "project.missing"
    assert answer.json["error"]["todo"]


def test_that_a_second_project_never_replaces_the_first(fintune: Fintune, tmp_path: Path) -> None:
    assert fintune("new", tmp_path / "p", "--task", "text").code == 0
    before = (tmp_path / "p" / PROJECT_FILE).read_bytes()
    assert fintune("new", tmp_path / "p", "--task", "chat").code == 1
    assert (tmp_path / "p" / PROJECT_FILE).read_bytes() == before


def test_that_status_tells_every_step(fintune: Fintune, project: Path) -> None:
    answer = fintune("status", project, "--json")
    steps = {step["step"]: step["state"] for step in answer.json["steps"]}
    assert steps["data"] == steps["format"] == steps["objective"] == "done"
    assert steps["split"] == steps["model"] == steps["train"] == "todo"
    assert answer.json["rows"] == 120
    text = fintune("status", project).out
    assert "120 rows" in text
    assert "needs" in text


def test_that_a_project_that_is_open_elsewhere_is_read_and_not_changed(fintune: Fintune, project: Path) -> None:
    with ProjectFolder.open(project):
        assert fintune("status", project).code == 0
        assert fintune("check", project).code == 0
        answer = fintune("split", project)
    assert answer.code == 1
    assert "Close the other window" in answer.err
    assert not (project / "splits").exists()
    assert fintune("split", project).code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_that_every_command_explains_itself_and_takes_json(fintune: Fintune, command: str) -> None:
    answer = fintune(command, "--help")
    assert answer.code == 0
    assert "--json" in answer.out
    assert "PROJECT" in answer.out


def test_that_the_installed_command_is_quick_and_light() -> None:
    script = (
        "import sys, time; sys.argv = ['fintune', '--help']\n"
        "from fintune_gui.__main__ import command_line\n"
        "try: command_line()\n"
        "except SystemExit: pass\n"
        "import json; print(); print(json.dumps([time.process_time(), sorted(sys.modules)]))"
    )
    result = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True)
    seconds, modules = json.loads(result.stdout.splitlines()[-1])
    assert not {"torch", "transformers", "pyarrow", "duckdb", "numpy", "PySide6", "rich"} & set(modules)
    assert seconds < 1.0  # 0.3 on a quiet machine


def test_that_the_sample_is_ready_to_be_split_and_trained(fintune: Fintune, tmp_path: Path) -> None:
    made = fintune("sample", tmp_path / "tickets", "--json").json
    assert made["rows"] == 1500
    states = {step["step"]: step["state"] for step in fintune("status", tmp_path / "tickets", "--json").json["steps"]}
    assert {step for step, state in states.items() if state == "done"} == {"objective", "data", "format", "model"}
    assert fintune("sample", tmp_path / "tickets").code == 1
    assert fintune("sample", tmp_path / "other", "--sample", "poems").code == 2
