"""What Home shows of a project without opening it: its last result, its curve, and whether a run was interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from fintune_gui.project.document import Objective
from fintune_gui.project.errors import FintuneError, Problem
from fintune_gui.project.outline import RunOutline, is_at_work, read_outline
from fintune_gui.project.report import Report, read_report
from fintune_gui.project.spec import EVENTS_FILE
from fintune_gui.project.store import PROJECT_FILE, read_project
from fintune_gui.ui.theme.tokens import Tone


@dataclass(frozen=True)
class Interrupted:
    """A run that can be resumed.

    Attributes:
        saved_step: That of its last checkpoint; None if the checkpoint's event was lost.
    """

    run: int
    step: int
    total_steps: int
    saved_step: int | None


@dataclass(frozen=True)
class Glance:
    """One project on Home. `problem` is set when its document cannot be read."""

    folder: Path
    name: str
    line: str = ""
    """Model and day: "SmolLM2-135M · today"."""
    curve: tuple[float, ...] = ()
    verdict: str = ""
    tone: Tone = "info"
    interrupted: Interrupted | None = None
    problem: Problem | None = None


def glance(folder: Path, today: date | None = None) -> Glance:
    """Look at the project in `folder`. Reads a few files, opens nothing, takes no lock; never raises."""
    try:
        project = read_project(folder)
    except FintuneError as error:
        return Glance(folder, folder.name, "cannot be read", verdict="damaged", tone="bad", problem=error.problem)
    runs = _run_folders(folder)
    last = runs[-1] if runs else None
    told = (read_outline(last) if last else None) or RunOutline()
    works = is_at_work(told)
    report = next((found for run in reversed(runs) if (found := read_report(run)) is not None), None)
    verdict, tone = _verdict(report, project.objective, told, works=works)
    name = project.model.short_name if project.model else "no model yet"
    changed = datetime.fromtimestamp(_changed(folder, last)).astimezone()
    interrupted = None
    if last is not None and told.resumable and not works and told.outcome != "cancelled":
        interrupted = Interrupted(int(last.name), told.step, told.total_steps, told.saved_step)
    return Glance(
        folder=folder,
        name=project.name,
        line=f"{name} · {day_words(changed.date(), today or datetime.now().astimezone().date())}",
        curve=told.curve,
        verdict=verdict,
        tone=tone,
        interrupted=interrupted,
    )


def day_words(day: date, today: date) -> str:
    """ "today", "yesterday", "Friday" within a week, else "3 Nov" or "3 Nov 2024"."""
    days = (today - day).days
    if days <= 0:
        return "today"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{day:%A}"
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


def _run_folders(folder: Path) -> list[Path]:
    runs = folder / "runs"
    return sorted(path for path in runs.iterdir() if path.name.isdigit()) if runs.is_dir() else []


def _changed(folder: Path, last_run: Path | None) -> float:
    """Seconds since 1970 of the last change."""
    files = [folder / PROJECT_FILE, *([last_run / EVENTS_FILE] if last_run else [])]
    return max(path.stat().st_mtime for path in files if path.exists())


def _verdict(report: Report | None, objective: Objective, run: RunOutline, *, works: bool) -> tuple[str, Tone]:
    if report is None:
        if works:
            return "training now", "info"
        if run.finished:
            return "trained, not measured yet", "info"
        return ("not trained yet", "info") if not run.step else ("not finished", "warn")
    tuned = report.score("tuned")
    metric = report.verdict.metric
    value = f"{metric.display_name} {tuned.metrics[metric].value:.3g}" if tuned and metric in tuned.metrics else ""
    if report.verdict.target_met:
        return f"{value}, target met".removeprefix(", "), "good"
    words, tone = _OUTCOMES[report.verdict.outcome]
    return f"{value}, {words}".removeprefix(", "), tone


_OUTCOMES: dict[str, tuple[str, Tone]] = {
    "better": ("better", "good"),
    "no_clear_difference": ("no clear difference", "warn"),
    "worse": ("worse", "bad"),
}
