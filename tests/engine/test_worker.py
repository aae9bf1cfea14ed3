"""The engine's process ends every job with exactly one end event, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fintune_gui.engine import worker
from fintune_gui.engine.job import Job
from fintune_gui.project.events import Ended, Event, Started, parse_event, read_events
from fintune_gui.project.lock import FolderLock
from fintune_gui.project.spec import ImportSpec, JobSpec, PrepareSpec, write_spec
from tests.helpers.tiny import save_model


def run_worker(folder: Path) -> tuple[int, list[object], str]:
    done = subprocess.run(
        [sys.executable, "-m", "fintune_gui", "engine", str(folder)],
        capture_output=True,
        check=False,
        input=b"",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done.returncode, [parse_event(line) for line in done.stdout.splitlines()], done.stderr.decode()


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (PrepareSpec(name="/nowhere/at/all"), "model.not_found"),
        (ImportSpec(project_folder="/x", files=()), "engine.wrong_worker"),
        (None, "project.no_spec"),
    ],
)
def test_that_a_failed_job_ends_once_with_its_problem(tmp_path: Path, spec: JobSpec | None, code: str) -> None:
    if spec is not None:
        write_spec(tmp_path, spec)
    exit_code, events, _ = run_worker(tmp_path)
    ends = [event for event in events if isinstance(event, Ended)]
    assert exit_code == 1
    assert events[-1:] == ends
    assert ends[0].outcome == "failed"
    assert ends[0].problem is not None
    assert ends[0].problem.code == code
    assert list(read_events(tmp_path / "events.jsonl")) == events


def test_that_two_processes_never_work_on_one_job(tmp_path: Path) -> None:
    """Who resumes a run right after a window was killed meets the trainer that is still saving."""
    write_spec(tmp_path, PrepareSpec(name="/nowhere/at/all"))
    first = FolderLock(tmp_path)
    assert first.acquire()
    exit_code, events, _ = run_worker(tmp_path)
    (ended,) = events
    assert isinstance(ended, Ended)
    assert ended.problem is not None
    assert (exit_code, ended.problem.code) == (1, "job.at_work")
    assert list(read_events(tmp_path / "events.jsonl")) == []
    first.release()
    _, events, _ = run_worker(tmp_path)
    assert isinstance(events[0], Started)


def test_that_a_job_that_works_tells_its_result(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    write_spec(tmp_path / "job", PrepareSpec(name=str(model)))
    exit_code, events, _ = run_worker(tmp_path / "job")
    assert exit_code == 0
    started, ended = events[0], events[-1]
    assert isinstance(started, Started)
    assert started.versions["torch"]
    assert isinstance(ended, Ended)
    assert ended.outcome == "completed"
    assert ended.result["folder"] == str(model)
    assert json.loads(json.dumps(ended.result)) == ended.result


def test_that_a_fault_of_the_program_is_told_too(tmp_path: Path) -> None:
    write_spec(tmp_path / "job", PrepareSpec(name=str(tmp_path)))
    (tmp_path / "config.json").mkdir()  # nobody foresaw a folder of that name
    exit_code, events, _ = run_worker(tmp_path / "job")
    ended = events[-1]
    assert exit_code == 1
    assert isinstance(ended, Ended)
    assert ended.problem is not None


def test_that_a_folder_in_the_place_of_the_events_is_told(tmp_path: Path) -> None:
    write_spec(tmp_path, PrepareSpec(name="/nowhere/at/all"))
    (tmp_path / "events.jsonl").mkdir()
    exit_code, events, _ = run_worker(tmp_path)
    (ended,) = events
    assert exit_code == 1
    assert isinstance(ended, Ended)
    assert ended.problem is not None
    assert "events.jsonl cannot be written" in ended.problem.what
    assert list((tmp_path / "events.jsonl").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("CUDA error: unspecified launch failure"), "training.device_failed"),
        (RuntimeError("shapes do not match"), "engine.defect"),
    ],
)
@pytest.mark.expects_log("The job failed")
def test_that_a_driver_that_fails_is_told_from_a_fault_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    write_spec(tmp_path, PrepareSpec(name="/nowhere/at/all"))
    monkeypatch.setattr(worker, "_work", fail)
    told: list[Event] = []
    ended = worker._end_of(Job(tmp_path, told.append, None))  # type: ignore[arg-type]
    assert ended.problem is not None
    assert ended.problem.code == code


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no folder whose files are open")
@pytest.mark.expects_log("The job failed")
@pytest.mark.parametrize("notices", [True, False])
def test_that_a_folder_that_is_deleted_meanwhile_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notices: bool
) -> None:
    folder = tmp_path / "run"

    def work(*_: object) -> tuple[str, dict[str, object]]:
        shutil.rmtree(folder)
        if notices:
            (folder / "checkpoints" / "step-1").mkdir()
        return "completed", {}

    write_spec(folder, PrepareSpec(name="/nowhere/at/all"))
    monkeypatch.setattr(worker, "_work", work)
    told: list[Event] = []
    ended = worker._end_of(Job(folder, told.append, None))  # type: ignore[arg-type]
    assert ended.problem is not None
    assert ended.problem.code == "job.folder_gone"
