"""``fintune fit``: how it tells what a dry run found. The dry run itself is in ``tests/engine/test_fit_series.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.cli import model as model_commands
from fintune_gui.dataset import runs
from fintune_gui.project.cheaper import cheaper_ways
from fintune_gui.project.combinations import Abilities
from fintune_gui.project.events import Ended
from fintune_gui.project.store import ProjectFolder
from tests.cli.conftest import Fintune
from tests.helpers.rows import tiny_base

FIGURES = {"peak_memory_bytes": 1.5e9, "tokens_per_second": 300, "hours": 1.0, "checkpoint_bytes": 4e6, "steps": 3}


@pytest.fixture
def dry_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A dry run that ended with two cheaper ways, the second of which did not fit; the titles of both."""
    with ProjectFolder.open(project) as opened:
        chosen = opened.project.with_(model=tiny_base())
    ways = cheaper_ways(chosen, Abilities(cuda=False, bitsandbytes=False))[:2]
    less = {**FIGURES, "peak_memory_bytes": 0.9e9, "tokens_per_second": 150}
    found = (less, {"problem": "It does not fit into memory."})
    told = [{"way": way.model_dump(mode="json"), **each} for way, each in zip(ways, found, strict=True)]
    monkeypatch.setattr(runs, "create_fit", lambda *_, **__: project)
    ended = Ended(outcome="completed", result={**FIGURES, "cheaper": told})
    monkeypatch.setattr(model_commands, "do_job", lambda *_, **__: ended)
    return [way.title for way in ways]


def test_that_cheaper_settings_are_told_with_their_effect(fintune: Fintune, project: Path, dry_run: list[str]) -> None:
    answer = fintune("fit", project)
    assert answer.code == 0, answer.err
    # gigabytes of 2^30 bytes in both places, as in the window
    assert "It fits: 1.4 GB of memory at most, 300 tokens/s, about 60 min" in answer.out
    first, second = (next(line for line in answer.out.splitlines() if line.startswith(title)) for title in dry_run)
    assert "0.8 GB instead of 1.4 GB, 50 % slower" in first
    assert "--set gradient_checkpointing=True" in first
    assert "It does not fit into memory." in second


def test_that_programs_get_the_figures_and_the_words_that_set_them(
    fintune: Fintune, project: Path, dry_run: list[str]
) -> None:
    found = fintune("fit", project, "--json").json
    assert found["fits"]
    assert found["peak_memory_bytes"] == 1.5e9
    assert [way["way"]["title"] for way in found["cheaper"]] == dry_run
    assert found["cheaper"][0]["how"] == "--set gradient_checkpointing=True"
