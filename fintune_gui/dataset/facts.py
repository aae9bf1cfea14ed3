"""What is on disk beside the project document, for the rail and for ``fintune status``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import psutil

from fintune_gui.dataset.splitting import current_split, split_facts
from fintune_gui.dataset.summary import read_summary
from fintune_gui.project.errors import FintuneError, ProjectError
from fintune_gui.project.flow import Facts, RunFacts, RunStatus
from fintune_gui.project.history import RunHistory, read_history
from fintune_gui.project.report import read_report
from fintune_gui.project.spec import EVENTS_FILE, TrainSpec, read_spec
from fintune_gui.project.store import ProjectFolder

_CLOCK_TOLERANCE_SECONDS = 2.0


def gather_facts(pf: ProjectFolder) -> Facts:
    """Look at everything in the project's folder. What is damaged is left out, and said to be so."""
    summary, damage = None, ""
    try:
        summary = read_summary(pf.dataset)
    except FintuneError as error:
        damage = error.problem.why
    runs = tuple(run for number in pf.run_numbers() if (run := _run_facts(pf.run_folder(number), number)))
    split = split_facts(current_split(pf))
    if summary is None:
        return Facts(damage=damage, split=split, runs=runs)
    return Facts(
        rows=summary.rows,
        rows_kept=summary.rows - summary.removed,
        columns=summary.columns,
        rejected=summary.rejected,
        operations=summary.operations,
        dataset_fingerprint=summary.fingerprint,
        split=split,
        runs=runs,
    )


def _run_facts(folder: Path, number: int) -> RunFacts | None:
    """One run; None while its process has said nothing yet."""
    try:
        spec = read_spec(folder)
    except ProjectError as error:
        if error.problem.code == "project.no_spec":
            return None
        return RunFacts(number=number, status="failed", step=0, total_steps=0, inputs={}, report=None)
    history = _history(folder)
    if history is None or history.started is None or not isinstance(spec, TrainSpec):
        return None
    return RunFacts(
        number=number,
        status=run_status(history),
        step=history.last_step.step if history.last_step else 0,
        total_steps=history.plan.total_steps if history.plan else 0,
        inputs=spec.inputs,
        report=read_report(folder),
        exported=_exports(folder),
    )


def run_status(history: RunHistory) -> RunStatus:
    """Whether a run goes on, ended, can be resumed, or failed without anything to resume from."""
    if history.ended is None and history.started is not None and _alive(history.started.pid, history.started.time):
        return "running"
    if history.ended is not None and history.ended.outcome in ("completed", "stopped"):
        return "completed" if history.ended.outcome == "completed" else "stopped"
    return "interrupted" if history.resumable else "failed"


def _alive(pid: int, started: float) -> bool:
    """Whether the process that wrote its start at `started` still runs; a later process may have got its number."""
    try:
        process = psutil.Process(pid)
        same = process.create_time() <= started + _CLOCK_TOLERANCE_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _exports(run_folder: Path) -> tuple[str, ...]:
    folders = []
    for job in sorted(run_folder.glob("export-*")):
        history = _history(job)
        ended = history.ended if history else None
        target = ended.result.get("folder") if ended and ended.outcome == "completed" else None
        if target and Path(target).is_dir():
            folders.append(str(target))
    return tuple(folders)


def _history(folder: Path) -> RunHistory | None:
    path = folder / EVENTS_FILE
    if not path.is_file():
        return None
    seen = path.stat()
    return _read_unchanged(folder, seen.st_size, seen.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_unchanged(folder: Path, _size: int, _changed: int) -> RunHistory:
    """The history of a job, read once per state of its event file. Not to be added to."""
    return read_history(folder)
