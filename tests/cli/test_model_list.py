"""``fintune model --list``: the catalogue with a judgement for this computer."""

from __future__ import annotations

import pytest

from fintune_gui.cli import model as model_commands
from fintune_gui.project.computer import Computer
from fintune_gui.project.memory import GIGABYTE


@pytest.fixture(autouse=True)
def _laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    computer = Computer("this computer", 16 * GIGABYTE, has_cuda=False)
    monkeypatch.setattr(model_commands, "this_computer", lambda: computer)
    monkeypatch.setattr(model_commands, "free_memory", lambda _computer: 12 * GIGABYTE)


def test_that_the_list_says_of_each_model_whether_it_fits(fintune) -> None:
    answer = fintune("model", "--list", "--task", "chat")

    assert answer.code == 0
    lines = {line.split()[0]: line for line in answer.out.splitlines()}
    assert " fits " in lines["Qwen/Qwen3-0.6B"]
    assert "too large" in lines["Qwen/Qwen3-14B"]
    assert "distilbert/distilbert-base-uncased" not in lines, "it cannot write"


def test_that_the_list_for_programs_has_the_parts_of_each_estimate(fintune) -> None:
    listed = fintune("model", "--list", "--task", "classification", "--method", "full", "--json").json

    first = listed["models"][0]
    assert first["id"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert first["fit"] == "fits"
    assert first["method"] == "full"
    assert first["memory_bytes"]["Weights"] == first["memory_bytes"]["Gradients"] == first["parameters"] * 4


def test_that_the_list_goes_by_the_projects_task(fintune, tmp_path) -> None:
    created = fintune("new", tmp_path / "p", "--task", "chat")
    assert created.code == 0, created.err

    listed = fintune("model", tmp_path / "p", "--list", "--json").json

    assert {model["family"] for model in listed["models"]} == {"decoder"}


def test_that_without_a_model_and_without_list_the_command_says_what_is_missing(fintune, tmp_path) -> None:
    answer = fintune("model", tmp_path)

    assert answer.code == 2
    assert "--list" in answer.err
