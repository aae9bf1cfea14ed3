"""The command ``fintune``, run in this process, and projects to run it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fintune_gui.cli.app import run
from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.store import ProjectFolder


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The object on the last line of standard output."""
        value = json.loads(self.out.splitlines()[-1])
        assert isinstance(value, dict)
        return value


Fintune = Callable[..., Answer]


@pytest.fixture
def fintune(capsys: pytest.CaptureFixture[str]) -> Fintune:
    """Do a command; numbers and paths may be given as they are."""

    def do(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Answer(code, captured.out, captured.err)

    return do


@pytest.fixture
def tickets_csv(tmp_path: Path) -> Path:
    """120 rows of three topics, with white space, duplicates and a missing label to find."""
    topics = ("billing", "login", "delivery")
    lines = [f"Request number {n} about {topics[n % 3]},{topics[n % 3]}" for n in range(110)]
    lines += [f"  Request number {n} about {topics[n % 3]}  ,{topics[n % 3]}" for n in range(5)]
    lines += ["Something is odd,Billing", "Nobody knows,", *lines[:3]]
    path = tmp_path / "tickets.csv"
    path.write_text("body,topic\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def project(tmp_path: Path, tickets_csv: Path) -> Path:
    """A classification project with those rows, as "new" and "import" make it."""
    objective = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
    with ProjectFolder.create(tmp_path / "project", Project(name="project", objective=objective)) as made:
        record_import(made, import_files([tickets_csv], made.dataset))
        return made.folder
