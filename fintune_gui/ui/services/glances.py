"""What Home shows of a project without opening it: its last result, its curve, and whether a run was interrupted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import psutil

from fintune_gui.project.document import Objective
from fintune_gui.project.errors import FintuneError, Problem
from fintune_gui.project.report import Report, read_report
from fintune_gui.project.spec import EVENTS_FILE, LATEST_CHECKPOINT
from fintune_gui.project.store import PROJECT_FILE, read_project
from fintune_gui.ui.theme.tokens import Tone

_CURVE_POINTS = 80


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
    told = _read_run(last) if last else _Run()
    report = next((found for run in reversed(runs) if (found := read_report(run)) is not None), None)
    verdict, tone = _verdict(report, project.objective, told)
    name = project.model.short_name if project.model else "no model yet"
    changed = datetime.fromtimestamp(_changed(folder, last)).astimezone()
    interrupted = None
    if last is not None and told.resumable:
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


@dataclass(frozen=True)
class _Run:
    """What a quick look into a run's event file tells."""

    curve: tuple[float, ...] = ()
    step: int = 0
    total_steps: int = 0
    outcome: str = ""
    has_checkpoint: bool = False
    saved_step: int | None = None
    alive: bool = False

    @property
    def resumable(self) -> bool:
        return self.has_checkpoint and not self.alive and self.outcome not in ("completed", "stopped", "cancelled")


def _run_folders(folder: Path) -> list[Path]:
    runs = folder / "runs"
    return sorted(path for path in runs.iterdir() if path.name.isdigit()) if runs.is_dir() else []


def _changed(folder: Path, last_run: Path | None) -> float:
    """Seconds since 1970 of the last change."""
    files = [folder / PROJECT_FILE, *([last_run / EVENTS_FILE] if last_run else [])]
    return max(path.stat().st_mtime for path in files if path.exists())


def _read_run(run_folder: Path) -> _Run:
    """Look through the events without building them: a long run has many, and Home wants eighty."""
    losses: list[bytes] = []
    told = {"step": 0, "total_steps": 0}
    outcome, saved_step, started = "", None, {}
    try:
        with (run_folder / EVENTS_FILE).open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # the writer was killed within this line
                if b'"type":"step"' in line:
                    losses.append(line)
                elif b'"type":"plan"' in line:
                    told["total_steps"] = int(json.loads(line)["total_steps"])
                elif b'"type":"checkpoint"' in line:
                    saved_step = int(json.loads(line)["step"])
                elif b'"type":"started"' in line:
                    started, outcome = json.loads(line), ""
                elif b'"type":"ended"' in line:
                    outcome = str(json.loads(line)["outcome"])
        chosen = losses[:: max(1, len(losses) // _CURVE_POINTS)]
        curve = tuple(float(json.loads(line)["loss"]) for line in chosen)
        told["step"] = int(json.loads(losses[-1])["step"]) if losses else 0
    except (OSError, ValueError, KeyError):
        return _Run()
    alive = not outcome and _is_alive(started)
    has_checkpoint = saved_step is not None or (run_folder / LATEST_CHECKPOINT).is_file()
    return _Run(curve, told["step"], told["total_steps"], outcome, has_checkpoint, saved_step, alive)


def _is_alive(started: dict[str, object]) -> bool:
    """Whether the process that wrote `started` is still there, and is not another one with its number."""
    try:
        process = psutil.Process(int(str(started["pid"])))
        return process.is_running() and process.create_time() <= float(str(started["time"])) + 1
    except (KeyError, ValueError, ArithmeticError, psutil.Error):
        return False


def _verdict(report: Report | None, objective: Objective, run: _Run) -> tuple[str, Tone]:
    if report is None:
        if run.alive:
            return "training now", "info"
        if run.outcome in ("completed", "stopped"):
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
