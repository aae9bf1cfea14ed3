"""The command ``fintune``: which commands there are, and how each of them ends.

Exit codes: 0 done; 1 a foreseen failure, told on standard error; 2 the command was not understood.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fintune_gui import __version__
from fintune_gui.cli import changes, data, examples, health, model, project, rejected, rows, runs
from fintune_gui.project.errors import FintuneError, Problem
from fintune_gui.project.files import disk_problem

COMMANDS: dict[str, Callable[..., Any]] = {
    "new": project.new,
    "sample": project.sample,
    "import": data.import_,
    "rejected": rejected.rejected,
    "check": data.check,
    "health": health.health,
    "clean": data.clean,
    "rows": rows.rows,
    "facet": rows.facet,
    "edit": changes.edit,
    "replace": changes.replace,
    "remove": changes.remove,
    "restore": changes.restore,
    "flag": changes.flag,
    "star": changes.star,
    "note": changes.note,
    "rename": changes.rename,
    "history": rows.history,
    "undo": rows.undo,
    "redo": rows.redo,
    "format": examples.format_,
    "preview": examples.preview,
    "split": data.split,
    "model": model.model,
    "fit": model.fit,
    "train": runs.train,
    "evaluate": runs.evaluate,
    "compare": runs.compare,
    "export": runs.export,
    "status": project.status,
}
"""In the order in which a project needs them."""


def run(arguments: Sequence[str]) -> int:
    """Do one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign must not end the command
    try:
        _application()(list(arguments), prog_name="fintune")
    except FintuneError as error:
        return _failed(error.problem, arguments)
    except OSError as error:
        return _failed(_refused_by_the_system(error), arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _failed(problem: Problem, arguments: Sequence[str]) -> int:
    typer.echo(f"fintune: {problem}", err=True)
    if "--json" in arguments:
        typer.echo(json.dumps({"error": problem.model_dump(exclude={"details"})}, ensure_ascii=False))
    return 1


def _refused_by_the_system(error: OSError) -> Problem:
    """What no layer below has put into its own words."""
    place = Path(str(error.filename or ""))
    if known := disk_problem(error.errno, place):
        return known.problem
    return Problem(
        code="system.refused",
        what="The command could not be done.",
        why=f"The system says: {error.strerror or error}" + (f" ({place})." if error.filename else "."),
        todo="Check that this file or folder is there and that you may use it, then try again.",
    )


def _application() -> typer.Typer:
    application = typer.Typer(
        help="Fine-tune a language model on your own computer, and learn honestly whether it got better.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help, without loading another library
    )
    application.callback()(_root)
    for name, command in COMMANDS.items():
        application.command(name)(command)
    return application


def _root(
    *,
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"fintune {__version__}")
        raise typer.Exit
