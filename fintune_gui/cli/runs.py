"""Commands for runs: train, evaluate, compare, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fintune_gui.cli.coaching import coach_sentences
from fintune_gui.cli.comparison import compare_runs
from fintune_gui.cli.model import Threads
from fintune_gui.cli.output import Json, Output
from fintune_gui.cli.work import ProjectPath, RunNumber, do_job, not_understood, open_project, open_rows
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.history import read_history
from fintune_gui.project.paths import user_path
from fintune_gui.project.presets import Preset, offered_presets, preset_changes, with_changes
from fintune_gui.project.report import Report, read_report
from fintune_gui.project.settings import Method, TrainingSettings, parse_assignments
from fintune_gui.project.spec import SPEC_FILE
from fintune_gui.project.store import ProjectFolder


def train(
    project: ProjectPath,
    *,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A training setting, for example learning_rate=2e-4."),
    ] = None,
    preset: Annotated[
        Preset | None,
        typer.Option("--preset", help="Settings for a kind of work; what it changes is told. --set wins over it."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last run from its last checkpoint.")] = False,
    from_best: Annotated[
        int | None,
        typer.Option("--from-best", metavar="RUN", min=1, help="Go on from this run's best with half its rate."),
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train a new run, or resume the last one. Ctrl+C stops it and keeps the best."""
    if from_best is not None and (resume or assignments or preset):
        not_understood("A run from another's best has that one's settings: leave out --resume, --set and --preset.")
    if resume and (assignments or preset):
        not_understood(
            "A resumed run keeps its settings: leave out --set and --preset, or start a new run without --resume."
        )
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened:
        if from_best is not None:
            folder = _continuation(opened, from_best)
        else:
            folder = _last_unfinished_run(opened) if resume else _new_run(opened, output, assignments or [], preset)
        number = int(folder.name)
        output.say(f"Run {number}{' goes on' if resume else ''}.")
        ended = do_job(folder, output, threads=threads, remarks=coach_sentences(folder))
        steps, kept = ended.result.get("steps"), ended.result.get("kept_step")
        how = "was stopped" if ended.outcome == "stopped" else "is complete"
        which = "best" if kept == ended.result.get("best_step") else "last"
        output.say(f"Run {number} {how} after {steps} steps; the {which} checkpoint, of step {kept}, is kept.")
        output.say(f'Next: fintune evaluate "{project}"')
    output.finish({"run": number, "folder": str(folder), "outcome": ended.outcome, **ended.result})


def _new_run(project: ProjectFolder, output: Output, assignments: list[str], preset: Preset | None) -> Path:
    from fintune_gui.dataset.runs import create_run

    training = project.project.training
    if preset is not None:
        training = _with_preset(project, output, preset)
    training = parse_assignments(training, assignments)
    if training != project.project.training:
        project.save(project.project.with_(training=training))
    with open_rows(project) as dataset:
        return create_run(project, dataset)


def _continuation(project: ProjectFolder, run: int) -> Path:
    from fintune_gui.dataset.runs import create_continuation

    return create_continuation(project, run)


def _with_preset(project: ProjectFolder, output: Output, preset: Preset) -> TrainingSettings:
    """The settings with those of a preset, told with their reasons."""
    from fintune_gui.dataset.splitting import current_split

    document, split = project.project, current_split(project)
    if preset not in offered_presets(document.objective.task):
        offered = ", ".join(offered_presets(document.objective.task))
        raise TrainingError(
            "training.preset",
            f"The preset {preset} does not suit this project.",
            f"Its task is {document.objective.task.value}.",
            f"Choose one of these: {offered}.",
        )
    method = document.model.method if document.model else Method.LORA
    rows = split.counts["train"] if split else 0
    changes = preset_changes(preset, document.training, method, rows, document.objective.task)
    for change in changes:
        output.say(f"{change.name} = {change.value}: {change.why}")
    if not changes:
        output.say("The settings are as this preset proposes.")
    return with_changes(document.training, changes)


def _last_unfinished_run(project: ProjectFolder) -> Path:
    numbers = project.run_numbers()
    folder = project.run_folder(numbers[-1]) if numbers else None
    if folder is None or not read_history(folder).resumable:
        why = "It is finished." if folder and read_history(folder).finished else "It has no checkpoint to go on from."
        raise TrainingError(
            "training.nothing_to_resume",
            "There is nothing to resume.",
            why if folder else "The project has no run yet.",
            'Start a new run with "fintune train".',
        )
    return folder


def evaluate(project: ProjectPath, *, run: RunNumber = None, threads: Threads = None, as_json: Json = False) -> None:
    """Measure a run beside the untuned model, on the test rows."""
    from fintune_gui.dataset.runs import create_evaluation

    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened:
        number = finished_run(opened, run)
        do_job(create_evaluation(opened, number), output, threads=threads)
        report = read_report(opened.run_folder(number))
    if report is None:
        raise TrainingError(
            "training.no_report", f"Run {number} has no report.", "The evaluation wrote none.", "Try again."
        )
    _tell(report, output)
    output.finish(report.model_dump(mode="json"))


def _tell(report: Report, output: Output) -> None:
    output.say(report.verdict.headline)
    output.say(report.verdict.explanation)
    output.say()
    metrics = list(dict.fromkeys(metric for scores in report.scores for metric in scores.metrics))
    cells = [
        (scores.contender, *(f"{scores.metrics[m].value:.4g}" if m in scores.metrics else "–" for m in metrics))
        for scores in report.scores
    ]
    output.table(cells, header=("", *(m.display_name for m in metrics)), right=range(1, len(metrics) + 1))
    for note in report.notes:
        output.say(f"Note: {note}")


def compare(
    project: ProjectPath,
    first: Annotated[int, typer.Argument(metavar="RUN", min=1)],
    second: Annotated[int, typer.Argument(metavar="RUN", min=1)],
    *,
    as_json: Json = False,
) -> None:
    """Lay two runs over each other: figures, settings, data."""
    output = Output(as_json=as_json)
    with open_project(project) as opened:
        comparison = compare_runs(*(_existing_run(opened, number) for number in (first, second)))
    header = ("", f"run {first}", f"run {second}")
    output.table([row.cells for row in comparison.figures], header=header, right=(1, 2))
    output.say()
    if comparison.differences:
        output.table([row.cells for row in comparison.differences], header=("different", *header[1:]))
    else:
        output.say("Both runs were made with the same settings from the same rows.")
    for note in comparison.notes:
        output.say(f"Note: {note}")
    output.finish({"runs": [first, second], **comparison.model_dump(mode="json")})


def export(
    project: ProjectPath,
    *,
    run: RunNumber = None,
    kind: Annotated[
        Literal["adapter", "merged"], typer.Option(help="The adapter alone, or the whole model with it merged in.")
    ] = "adapter",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Where to; inside the project if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a run's result into a folder, and verify it."""
    from fintune_gui.dataset.runs import create_export

    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened:
        number = finished_run(opened, run)
        target = user_path(to) if to else opened.exports / f"run-{number:04d}-{kind}"
        result = do_job(create_export(opened, number, kind, target), output).result
    output.say(
        f"Exported to {result['folder']}. Loaded again in a fresh process it gave the same answers "
        f"to {result['verified_rows']} rows (largest difference {result['max_difference']:.2g})."
    )
    output.finish({"run": number, "kind": kind, **result})


def finished_run(project: ProjectFolder, number: int | None) -> int:
    """`number` if that run can be evaluated, or the last run that can.

    Raises:
        TrainingError: if there is no such run, or it is not finished.
    """
    if number is not None:
        _existing_run(project, number)
    candidates = project.run_numbers() if number is None else [number]
    for candidate in reversed(candidates):
        if read_history(project.run_folder(candidate)).finished:
            return candidate
    raise TrainingError(
        "training.not_finished",
        f"Run {number} is not finished." if number else "The project has no finished run.",
        "Only a run that came to its end, or was stopped by you, has a best checkpoint to use.",
        'Go on with it by "fintune train --resume".' if candidates else 'Start one with "fintune train".',
    )


def _existing_run(project: ProjectFolder, number: int) -> Path:
    folder = project.run_folder(number)
    if not (folder / SPEC_FILE).is_file():
        known = ", ".join(str(n) for n in project.run_numbers() if (project.run_folder(n) / SPEC_FILE).is_file())
        raise TrainingError(
            "training.no_run",
            f"There is no run {number}.",
            f"The project has these runs: {known}." if known else "The project has no run yet.",
            'Choose one of them; "fintune status" lists them.' if known else 'Start one with "fintune train".',
        )
    return folder
