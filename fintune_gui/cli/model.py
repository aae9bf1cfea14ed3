"""Commands for the base model: model, fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fintune_gui.cli.output import Json, Output, duration, size
from fintune_gui.cli.work import ProjectPath, do_job, open_project, open_rows
from fintune_gui.project.catalogue import catalogue
from fintune_gui.project.cheaper import CheaperWay
from fintune_gui.project.computer import free_memory, this_computer
from fintune_gui.project.document import FormatSettings, ModelChoice, Task
from fintune_gui.project.fitting import look_ahead
from fintune_gui.project.measured import Measured, MeasuredWay, measured_from
from fintune_gui.project.memory import gigabytes, short_count
from fintune_gui.project.paths import user_path
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.store import ProjectFolder, read_project

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
    project: Annotated[Path | None, typer.Argument(metavar="PROJECT", help="The project's folder.")] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A folder, a hub name, or the name of a sample model.")
    ] = None,
    *,
    method: Annotated[
        Method | None, typer.Option(help="Which weights learn: an adapter (lora, qlora) or all (full).")
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Only list the models of the catalogue, and how they fit this computer.")
    ] = False,
    task: Annotated[Task | None, typer.Option(help="With --list: only models that can learn this.")] = None,
    as_json: Json = False,
) -> None:
    """Choose the base model. It is fetched, checked and, if need be, converted."""
    output = Output(as_json=as_json)
    if show_list:
        _list_models(project, method, task, output)
        return
    if project is None or name is None:
        raise typer.BadParameter("Name the project and the model, or list what there is with --list.")
    place = user_path(name) if name.strip() else None
    with open_project(project, to_change=True) as opened:
        choice = choose_model(opened, str(place) if place and place.exists() else name, output, method)
        output.say(
            f"{choice.name}: {choice.architecture}, {choice.parameters:,} parameters, up to {choice.context_length:,} "
            f"tokens; {'with' if choice.has_chat_template else 'without'} a chat template. "
            f"Method: {choice.method.value}."
        )
        output.finish(choice.model_dump(mode="json"))


def _list_models(folder: Path | None, method: Method | None, task: Task | None, output: Output) -> None:
    """The catalogue, judged with the settings of the project in `folder`, or with the usual ones."""
    training, longest = TrainingSettings(), FormatSettings().max_length
    if folder is not None:
        project = read_project(folder)
        training, longest = project.training, project.format.max_length
        task = task or project.objective.task
        method = method or (project.model.method if project.model else None)
    computer = this_computer()
    free = free_memory(computer)
    lines, found = [], []
    for known in catalogue().for_task(task):
        outlook = look_ahead(
            known.memory_shape,
            method or Method.LORA,
            training,
            computer,
            free,
            max_length=min(longest, known.context_length),
            task=task or (Task.CLASSIFICATION if known.family == "encoder" else Task.INSTRUCTION),
        )
        parameters, context = short_count(known.parameters), f"{known.context_length:,}"
        needed = gigabytes(outlook.estimate.total)
        lines.append((known.id, parameters, context, known.licence, known.spoken, outlook.fit.value, needed))
        parts = {part.name: part.bytes for part in outlook.estimate.parts}
        told = {"fit": outlook.fit.value, "method": outlook.method.value, "memory_bytes": parts}
        found.append(known.model_dump(mode="json", exclude={"shape"}) | told)
    header = ("MODEL", "PARAMETERS", "CONTEXT", "LICENCE", "LANGUAGES", "HERE", "MEMORY")
    output.table(lines, header=header, right=(1, 2, 6))
    output.finish({"written": catalogue().written.isoformat(), "computer": computer.name, "models": found})


def fit(
    project: ProjectPath,
    *,
    cheaper: Annotated[
        bool, typer.Option("--cheaper/--no-cheaper", help="Also measure settings that need less memory.")
    ] = True,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure a dry run on the longest rows: memory, hours, and what cheaper settings would bring."""
    from fintune_gui.dataset.runs import create_fit

    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened:
        with open_rows(opened) as dataset:
            folder = create_fit(opened, dataset, cheaper=cheaper)
        result = do_job(folder, output, threads=threads).result
    found = measured_from(result)
    if found.fits:
        output.say(
            f"It fits: {gigabytes(found.peak_memory_bytes)} of memory at most, "
            f"{found.tokens_per_second:,.0f} tokens/s, about {duration(found.hours * 3600)} for the whole run. "
            f"A checkpoint takes {size(found.checkpoint_bytes)}."
        )
    else:
        output.say("It does not fit into memory with these settings.")
    if found.cheaper:
        output.table([_line(way, found) for way in found.cheaper], header=_CHEAPER)
    output.finish(_told(result, found))


_CHEAPER = ("CHEAPER", "MEASURED", "WHOLE RUN", "CHECKPOINT", "HOW TO SET IT")


def _line(cheaper: MeasuredWay, before: Measured) -> tuple[str, ...]:
    """A cheaper way as a line of the table."""
    hours, checkpoint = "", ""
    if cheaper.measured is not None:
        hours, checkpoint = duration(cheaper.measured.hours * 3600), size(cheaper.measured.checkpoint_bytes)
    return (cheaper.way.title, cheaper.effect(before), hours, checkpoint, _how_to_set(cheaper.way))


def _how_to_set(way: CheaperWay) -> str:
    """The words of the command line that apply a way."""
    if way.method is not None:
        return f"fintune model --method {way.method.value}"
    if way.max_length is not None:
        return f"fintune format --max-length {way.max_length}"
    return " ".join(f"--set {name}={value}" for name, value in way.training.items())


def _told(result: dict[str, Any], found: Measured) -> dict[str, Any]:
    ways = [
        {**told, "effect": way.effect(found), "how": _how_to_set(way.way)}
        for told, way in zip(result.get("cheaper", []), found.cheaper, strict=True)
    ]
    return {**result, "fits": found.fits, "cheaper": ways}
