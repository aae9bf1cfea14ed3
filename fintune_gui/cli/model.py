"""Commands for the base model: model, fit."""

from __future__ import annotations

from typing import Annotated

import typer

from fintune_gui.cli.output import Json, Output, duration, size
from fintune_gui.cli.work import ProjectPath, do_job, open_project, open_rows
from fintune_gui.project.document import ModelChoice
from fintune_gui.project.paths import user_path
from fintune_gui.project.settings import Method
from fintune_gui.project.store import ProjectFolder

Threads = Annotated[int | None, typer.Option(min=1, help="Processor cores to use; all if left out.")]


def choose_model(project: ProjectFolder, name: str, output: Output, method: Method | None = None) -> ModelChoice:
    """Make the model `name` ready on this computer and put it into the project."""
    from fintune_gui.dataset.runs import create_prepare, record_prepared

    before = project.project.model
    ended = do_job(create_prepare(project, name), output)
    record_prepared(project, ended.result, method or (before.method if before else Method.LORA))
    assert project.project.model is not None
    return project.project.model


def model(
    project: ProjectPath,
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, a hub name, or the name of a sample model.")],
    *,
    method: Annotated[
        Method | None, typer.Option(help="Which weights learn: an adapter (lora, qlora) or all (full).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Choose the base model. It is fetched, checked and, if need be, converted."""
    output = Output(as_json=as_json)
    place = user_path(name) if name.strip() else None
    with open_project(project, to_change=True) as opened:
        choice = choose_model(opened, str(place) if place and place.exists() else name, output, method)
        output.say(
            f"{choice.name}: {choice.architecture}, {choice.parameters:,} parameters, up to {choice.context_length:,} "
            f"tokens; {'with' if choice.has_chat_template else 'without'} a chat template. "
            f"Method: {choice.method.value}."
        )
        output.finish(choice.model_dump(mode="json"))


def fit(project: ProjectPath, *, threads: Threads = None, as_json: Json = False) -> None:
    """Measure a dry run on the longest rows: memory, hours."""
    from fintune_gui.dataset.runs import create_fit

    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened:
        with open_rows(opened) as dataset:
            folder = create_fit(opened, dataset)
        result = do_job(folder, output, threads=threads).result
    output.say(
        f"It fits: {size(result['peak_memory_bytes'])} of memory at most, {result['tokens_per_second']:,.0f} tokens/s, "
        f"about {duration(result['hours'] * 3600)} for the whole run. "
        f"A checkpoint takes {size(result['checkpoint_bytes'])}."
    )
    output.finish(result)
