"""The steps of a project, and what is true of each now: to do, done, stale or failed. Pure functions of facts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from fintune_gui.project.document import Project, Task
from fintune_gui.project.files import fingerprint
from fintune_gui.project.report import Report
from fintune_gui.project.settings import Frozen


class Step(StrEnum):
    """The pages, in the order in which the data flows."""

    OBJECTIVE = "objective"
    DATA = "data"
    CLEAN = "clean"
    FORMAT = "format"
    SPLIT = "split"
    MODEL = "model"
    TRAIN = "train"
    EVALUATE = "evaluate"
    EXPORT = "export"

    @property
    def display_name(self) -> str:
        return self.value.capitalize()


State = Literal["todo", "done", "stale", "failed", "running"]

RunStatus = Literal["running", "interrupted", "failed", "completed", "stopped"]
"""State of a run's folder: "interrupted" has a checkpoint to go on from, "failed" has none."""


@dataclass(frozen=True)
class SplitFacts:
    """What the present split holds. `inputs` are the fingerprints that it was made from."""

    id: str
    counts: dict[str, int]
    inputs: dict[str, str]


@dataclass(frozen=True)
class RunFacts:
    """One run as its folder tells it."""

    number: int
    status: RunStatus
    step: int
    total_steps: int
    inputs: dict[str, str]
    report: Report | None
    exported: tuple[str, ...] = ()
    """Folders into which it was exported, newest last."""


@dataclass(frozen=True)
class Facts:
    """What is on disk beside the document. Gathered by `fintune_gui.dataset.facts`."""

    gathered: bool = True
    """False while a project is being opened and nobody has looked yet: then nothing is claimed."""
    rows: int | None = None
    damage: str = ""
    """Why rows that were imported cannot be read, in one sentence."""
    rows_kept: int = 0
    columns: tuple[str, ...] = ()
    rejected: int = 0
    operations: int = 0
    """Operations in force: edits, removals and cleaning steps that are not undone."""
    dataset_fingerprint: str = ""
    split: SplitFacts | None = None
    runs: tuple[RunFacts, ...] = ()

    @property
    def last_run(self) -> RunFacts | None:
        return self.runs[-1] if self.runs else None

    @property
    def last_finished_run(self) -> RunFacts | None:
        return next((run for run in reversed(self.runs) if run.status in ("completed", "stopped")), None)


class StepState(Frozen):
    """What the rail shows for one step."""

    step: Step
    state: State
    line: str
    """One line of what is true now."""
    missing: Step | None = None
    """The earlier step that must be done before this one can start."""
    reason: str = ""
    """Why it is stale or failed, in one sentence."""


def input_fingerprints(project: Project, facts: Facts) -> dict[str, str]:
    """Fingerprints of everything that a run is made from, by name."""
    model = project.model
    return {
        "dataset": facts.dataset_fingerprint,
        "format": fingerprint([project.objective.task, _chosen(project.format)]),
        "split": fingerprint([_chosen(project.split), project.format.roles, *_how_labels_are_read(project)]),
        "model": fingerprint([model.fingerprint, model.method]) if model else "",
        "training": fingerprint(_chosen(project.training)),
    }


def _chosen(settings: BaseModel) -> Any:
    """What differs from the defaults: a setting that a later version brings changes no artefact made before it."""
    return json.loads(settings.model_dump_json(exclude_defaults=True))


def _how_labels_are_read(project: Project) -> list[str | None]:
    """What the split depends on besides its settings where a text may have several labels."""
    task = project.objective.task
    return [task, project.format.label_separator] if task is Task.MULTI_LABEL else []


_REASONS = {
    "dataset": "The rows were changed since.",
    "format": "The format was changed since.",
    "split": "The split settings were changed since.",
    "model": "Another model or method was chosen since.",
    "training": "The training settings were changed since.",
}


def changed_inputs(made_from: dict[str, str], now: dict[str, str]) -> list[str]:
    """Names of inputs whose fingerprint is not what it was when an artefact was made."""
    return [name for name, value in made_from.items() if now.get(name, value) != value]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def step_states(project: Project, facts: Facts) -> list[StepState]:
    """The state of every step, in order."""
    if not facts.gathered:
        known = {Step.OBJECTIVE: _objective(project), Step.MODEL: _model(project)}
        return [known.get(step) or StepState(step=step, state="todo", line="") for step in Step]
    now = input_fingerprints(project, facts)
    if facts.damage:
        del now["dataset"]  # nobody knows whether the rows were changed
    states = [_objective(project), _data(facts), _clean(facts), _format(project, facts)]
    states.append(_split(facts, now))
    states.append(_model(project))
    states.append(_train(facts, now, states))
    states.append(_evaluate(facts))
    states.append(_export(facts))
    return states


def _objective(project: Project) -> StepState:
    return StepState(step=Step.OBJECTIVE, state="done", line=f"{project.objective.task} · {project.objective.goal}")


def _data(facts: Facts) -> StepState:
    if facts.damage:
        return StepState(step=Step.DATA, state="failed", line="cannot be read", reason=facts.damage)
    if facts.rows is None:
        return StepState(step=Step.DATA, state="todo", line="bring a file")
    rejected = f" · {facts.rejected:,} rejected" if facts.rejected else ""
    return StepState(step=Step.DATA, state="done", line=_count(facts.rows, "row") + rejected)


def _clean(facts: Facts) -> StepState:
    if facts.rows is None:
        return StepState(step=Step.CLEAN, state="todo", line="", missing=Step.DATA)
    if not facts.operations:
        return StepState(step=Step.CLEAN, state="todo", line="nothing changed yet")
    out = facts.rows - facts.rows_kept
    return StepState(
        step=Step.CLEAN, state="done", line=f"{_count(facts.operations, 'step')} · {_count(out, 'row')} out"
    )


def _format(project: Project, facts: Facts) -> StepState:
    if facts.rows is None:
        return StepState(step=Step.FORMAT, state="todo", line="", missing=Step.DATA)
    missing = project.format.missing_roles(project.objective.task)
    if missing:
        return StepState(step=Step.FORMAT, state="todo", line=f"choose the {missing[0].value} column")
    gone = [column for column in project.format.roles.values() if column not in facts.columns]
    if gone:
        return StepState(
            step=Step.FORMAT,
            state="failed",
            line=f"“{gone[0]}” is not there",
            reason=f"The column “{gone[0]}” is not in the data any more.",
        )
    return StepState(step=Step.FORMAT, state="done", line=" → ".join(project.format.roles.values()))


def _split(facts: Facts, now: dict[str, str]) -> StepState:
    if facts.split is None:
        missing = Step.DATA if facts.rows is None else None
        return StepState(step=Step.SPLIT, state="todo", line="70 / 15 / 15", missing=missing)
    line = " / ".join(f"{facts.split.counts[part]:,}" for part in ("train", "validation", "test"))
    changed = changed_inputs(facts.split.inputs, now)
    if changed:
        return StepState(step=Step.SPLIT, state="stale", line=line, reason=_REASONS[changed[0]])
    return StepState(step=Step.SPLIT, state="done", line=line + " · no leaks")


def _model(project: Project) -> StepState:
    if project.model is None:
        return StepState(step=Step.MODEL, state="todo", line="choose a model")
    return StepState(
        step=Step.MODEL, state="done", line=f"{project.model.short_name} · {project.model.method.display_name}"
    )


def _train(facts: Facts, now: dict[str, str], before: list[StepState]) -> StepState:
    missing = next((s.step for s in before if s.state in ("todo", "failed") and s.step is not Step.CLEAN), None)
    run = facts.last_run
    if run is None:
        return StepState(step=Step.TRAIN, state="todo", line="", missing=missing)
    progress = f"run {run.number} · step {run.step:,} of {run.total_steps:,}"
    if not run.total_steps:
        progress = f"run {run.number} · starting"
    if run.status == "running":
        return StepState(step=Step.TRAIN, state="running", line=progress)
    if run.status == "interrupted":
        return StepState(
            step=Step.TRAIN, state="stale", line=progress, reason="The run was interrupted; it can be resumed."
        )
    if run.status == "failed":
        return StepState(step=Step.TRAIN, state="failed", line=f"run {run.number} failed", reason="The run failed.")
    changed = changed_inputs(run.inputs, now)
    if changed:
        return StepState(step=Step.TRAIN, state="stale", line=f"run {run.number}", reason=_REASONS[changed[0]])
    return StepState(step=Step.TRAIN, state="done", line=f"run {run.number} · {run.status}")


def _evaluate(facts: Facts) -> StepState:
    run = facts.last_finished_run
    if run is None:
        return StepState(step=Step.EVALUATE, state="todo", line="", missing=Step.TRAIN)
    if run.report is None:
        return StepState(step=Step.EVALUATE, state="todo", line=f"run {run.number} is not measured yet")
    return StepState(
        step=Step.EVALUATE, state="done", line=f"run {run.number} · " + run.report.verdict.outcome.replace("_", " ")
    )


def _export(facts: Facts) -> StepState:
    run = facts.last_finished_run
    if run is None:
        return StepState(step=Step.EXPORT, state="todo", line="", missing=Step.TRAIN)
    if not run.exported:
        return StepState(step=Step.EXPORT, state="todo", line="")
    return StepState(step=Step.EXPORT, state="done", line=f"run {run.number} is exported")
