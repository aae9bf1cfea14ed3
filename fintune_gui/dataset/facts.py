"""What is on disk beside the project document, for the rail and for ``fintune status``."""

from __future__ import annotations

from pathlib import Path

from fintune_gui.dataset.splitting import current_split, split_facts
from fintune_gui.dataset.summary import read_summary
from fintune_gui.project.errors import FintuneError, ProjectError
from fintune_gui.project.flow import Facts, RunFacts, RunStatus
from fintune_gui.project.outline import RunOutline, is_at_work, read_outline
from fintune_gui.project.report import read_report
from fintune_gui.project.spec import TrainSpec, read_spec
from fintune_gui.project.store import ProjectFolder


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
    told = read_outline(folder)
    if told is None or told.pid is None or not isinstance(spec, TrainSpec):
        return None
    return RunFacts(
        number=number,
        status=_status(told),
        step=told.step,
        total_steps=told.total_steps,
        inputs=spec.inputs,
        report=read_report(folder),
        exported=_exports(folder),
    )


def _status(told: RunOutline) -> RunStatus:
    """Whether a run goes on, ended, can be resumed, or failed without anything to resume from."""
    if is_at_work(told):
        return "running"
    if told.finished:
        return "completed" if told.outcome == "completed" else "stopped"
    return "interrupted" if told.resumable else "failed"


def _exports(run_folder: Path) -> tuple[str, ...]:
    folders = []
    for job in sorted(run_folder.glob("export-*")):
        told = read_outline(job)
        target = told.result.get("folder") if told and told.outcome == "completed" else None
        if isinstance(target, str) and Path(target).is_dir():
            folders.append(target)
    return tuple(folders)
