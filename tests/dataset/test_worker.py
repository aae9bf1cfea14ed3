"""The import in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fintune_gui.dataset import runs
from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import ImportResult
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Role
from fintune_gui.project.events import Ended, Event, Progress, Started, parse_event, read_events
from tests.dataset.conftest import write_csv

Make = Any
_RUN = """
import sys
from pathlib import Path
from fintune_gui.dataset.worker import main
sys.exit(main(Path(sys.argv[1])))
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _RUN, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> list[Event]:
    output, _ = process.communicate(timeout=60)
    return [parse_event(line) for line in output.splitlines()]


@pytest.fixture
def project(make_project: Make) -> Any:
    return make_project([["old", "a"], ["rows", "b"]])


def test_that_an_import_tells_its_events_and_its_result(project: Any, tmp_path: Path) -> None:
    pf, dataset = project
    source = write_csv(tmp_path / "new.csv", ["message", "topic"], [["hello there", "x"], ["good bye", "y"]])
    folder = runs.create_import(pf, [source])
    process = start(folder)
    assert process.stdin is not None
    events = finish_when_done(process)
    assert events == list(read_events(folder / "events.jsonl"))
    assert isinstance(events[0], Started)
    assert any(isinstance(event, Progress) for event in events)
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.outcome == "completed"
    assert process.returncode == 0
    result = ImportResult.model_validate(ended.result)
    assert (result.rows, result.columns) == (2, ("message", "topic"))
    record_import(pf, result)
    assert pf.project.format.roles == {Role.TEXT: "message", Role.LABEL: "topic"}
    assert pf.project.sources[0].path == str(source)
    assert dataset.row(0)["text"] == "old"  # what was open stays readable


def test_that_a_bad_file_ends_the_job_with_its_problem(project: Any, tmp_path: Path) -> None:
    pf, _ = project
    source = write_csv(tmp_path / "new.csv", ["text"], [])
    process = start(runs.create_import(pf, [source]))
    ended = finish_when_done(process)[-1]
    assert isinstance(ended, Ended)
    assert ended.problem is not None
    assert (ended.outcome, ended.problem.code, process.returncode) == ("failed", "data.no_rows", 1)


def test_that_the_parent_going_away_or_a_kill_leaves_the_old_rows(project: Any, tmp_path: Path) -> None:
    pf, _ = project
    source = tmp_path / "large.csv"
    with source.open("w") as file:
        file.write("text,label\n")
        file.writelines(f"row {i} with some more words,{i % 7}\n" for i in range(300_000))
    cancelled = start(runs.create_import(pf, [source]))
    assert cancelled.stdin is not None
    assert cancelled.stdout is not None
    cancelled.stdout.readline()
    ended = finish(cancelled)[-1]  # closes its standard input
    assert isinstance(ended, Ended)
    assert ended.outcome == "cancelled"
    for delay in (0.05, 0.3, 0.6):
        killed = start(runs.create_import(pf, [source]))
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(delay)
        killed.kill()
        killed.communicate()
        with Dataset.open(pf.dataset) as dataset:
            assert dataset.total_rows in (2, 300_000)
    process = start(runs.create_import(pf, [source]))
    assert finish_when_done(process)[-1].model_dump()["outcome"] == "completed"
    assert not list(pf.folder.glob("dataset.tmp-*"))
    with Dataset.open(pf.dataset) as dataset:
        assert dataset.total_rows == 300_000


def finish_when_done(process: subprocess.Popen[bytes]) -> list[Event]:
    """All events of a job that nobody disturbs: its standard input stays open until it ends."""
    assert process.stdout is not None
    assert process.stdin is not None
    events = [parse_event(line) for line in process.stdout]
    process.stdin.close()
    process.stdout.close()
    process.wait(timeout=60)
    return events
