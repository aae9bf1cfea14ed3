"""Commands for the project as a whole: new, sample, status."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from fintune_gui.cli.model import choose_model
from fintune_gui.cli.output import Json, Output
from fintune_gui.cli.work import ProjectPath, open_project
from fintune_gui.project.document import Objective, Project, Task, metrics_for, parse_goal
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.paths import user_path
from fintune_gui.project.recent import remember_project
from fintune_gui.project.store import ProjectFolder


def new(
    project: ProjectPath,
    *,
    task: Annotated[Task, typer.Option(help="What the model shall learn to do.")],
    goal: Annotated[
        str, typer.Option(help='When is it good enough? For example "F1 >= 0.90" or "perplexity <= 12".')
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the project; the folder's name if left out.")] = "",
    description: Annotated[str, typer.Option(help="A sentence about what it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a new project."""
    output = Output(as_json=as_json)
    metric, target = parse_goal(goal, task) if goal else (metrics_for(task)[0], None)
    objective = Objective(task=task, description=description, metric=metric, target=target)
    folder = user_path(project)
    with ProjectFolder.create(folder, Project(name=name or folder.name or "project", objective=objective)) as made:
        remember_project(made.folder)
    output.say(f"The project is in {folder}. Its goal: {objective.goal}.")
    output.say(f'Next: fintune import "{project}" FILE')
    output.finish({"project": str(folder), "task": task.value, "metric": metric.value, "target": target})


def sample(
    project: ProjectPath,
    *,
    kind: Annotated[
        Literal["tickets", "faq"],
        typer.Option(
            "--sample", help="tickets: sort support tickets, all included; faq: answer questions, fetches a model."
        ),
    ] = "tickets",
    as_json: Json = False,
) -> None:
    """Make a sample project with rows and a small model."""
    from fintune_gui.dataset.samples import create_sample, sample_model

    output = Output(as_json=as_json)
    with create_sample(kind, project) as made:
        remember_project(made.folder)
        try:
            choice = choose_model(made, sample_model(kind), output)
        except FintuneError:
            typer.echo(
                f"The project is in {made.folder}, but without its model. "
                f'Fetch that later with: fintune model "{project}" {sample_model(kind)}',
                err=True,
            )
            raise
        rows = sum(source.rows for source in made.project.sources)
        output.say(f"The sample project is in {made.folder}: {rows:,} rows and the model {choice.name}.")
        output.say(f'Next: fintune check "{project}", fintune split "{project}", fintune train "{project}"')
        output.finish({"project": str(made.folder), "sample": kind, "rows": rows, "model": choice.name})


def status(project: ProjectPath, *, as_json: Json = False) -> None:
    """Show every step of the project: to do, done, stale or failed."""
    from fintune_gui.cli.coaching import coach_findings
    from fintune_gui.dataset.facts import gather_facts
    from fintune_gui.project.flow import step_states

    output = Output(as_json=as_json)
    with open_project(project) as opened:
        facts = gather_facts(opened)
        states = step_states(opened.project, facts)
    signs = {"done": "✓", "stale": "↻", "failed": "✗", "running": "…", "todo": "·"}
    output.say(opened.project.name)
    output.table(
        [
            (
                signs[s.state],
                s.step.display_name,
                s.line or (f"needs {s.missing.display_name}" if s.missing else ""),
                s.reason,
            )
            for s in states
        ]
    )
    runs = [
        {
            "run": run.number,
            "status": run.status,
            "step": run.step,
            "total_steps": run.total_steps,
            "outcome": run.report.verdict.outcome if run.report else None,
            "headline": run.report.verdict.headline if run.report else None,
            "exported": list(run.exported),
        }
        for run in facts.runs
    ]
    for run in facts.runs:
        if run.report:
            output.say(f"Run {run.number}: {run.report.verdict.headline}")
    newest = facts.runs[-1].number if facts.runs else None
    found = coach_findings(opened.run_folder(newest)) if newest is not None else []
    for finding in found:
        output.say(f"Coach on run {newest}: {finding}")
    output.finish(
        {
            "project": opened.project.name,
            "folder": str(opened.folder),
            "read_only": opened.read_only,
            "rows": facts.rows,
            "rows_kept": facts.rows_kept,
            "steps": [s.model_dump(mode="json") for s in states],
            "runs": runs,
            "coach": [asdict(finding) for finding in found],
        }
    )
