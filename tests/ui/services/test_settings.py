"""What the window remembers, and that nothing keeps it from starting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fintune_gui.project.paths import config_folder
from fintune_gui.ui.services.settings import WindowSettings


def test_that_everything_comes_back_at_the_next_start() -> None:
    settings = WindowSettings()
    settings.appearance = "dark"
    settings.geometry = "abc"
    settings.remember_step("project-1", "clean")
    settings.remember_table("rows", {"text": 300})
    again = WindowSettings()
    assert again.appearance == "dark"
    assert again.geometry == "abc"
    assert again.last_step("project-1") == "clean"
    assert again.table_state("rows") == {"text": 300}


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", '{"appearance": 5, "last_steps": 3, "tables": "x"}'])
def test_that_a_damaged_file_loses_only_what_is_damaged(content: str) -> None:
    config_folder().mkdir(parents=True)
    (config_folder() / "window.json").write_text(content)
    settings = WindowSettings()
    assert settings.appearance == "system"
    assert settings.geometry == ""
    assert settings.last_step("p") == ""
    assert settings.table_state("t") == {}
    settings.remember_step("p", "data")
    assert WindowSettings().last_step("p") == "data"


def test_that_two_windows_do_not_undo_each_other() -> None:
    first, second = WindowSettings(), WindowSettings()
    first.remember_table("rows", {"text": 300})
    second.remember_table("results", {"text": 100})
    second.appearance = "dark"
    first.geometry = "abc"
    again = WindowSettings()
    assert (again.table_state("rows"), again.table_state("results")) == ({"text": 300}, {"text": 100})
    assert (again.appearance, again.geometry) == ("dark", "abc")


def test_that_what_another_version_wrote_is_kept() -> None:
    config_folder().mkdir(parents=True)
    file = config_folder() / "window.json"
    file.write_text('{"from_the_future": 1}')
    WindowSettings().appearance = "light"
    assert json.loads(file.read_text()) == {"from_the_future": 1, "appearance": "light"}


def test_that_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("FINTUNE_HOME", str(blocked))
    settings = WindowSettings()
    settings.appearance = "dark"
    assert settings.appearance == "dark"


def test_that_only_the_newest_projects_are_remembered() -> None:
    settings = WindowSettings()
    for number in range(80):
        settings.remember_step(f"project-{number}", "data")
    assert settings.last_step("project-79") == "data"
    assert settings.last_step("project-0") == ""
