"""What commands have in common: the open project, its rows, and a job that is run to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from fintune_gui.cli.output import Output, ProgressLine
from fintune_gui.dataset.places import import_is_unrecorded
from fintune_gui.jobs.process import raise_if_failed, run_to_end
from fintune_gui.project.errors import DataError
from fintune_gui.project.events import Ended, Event
from fintune_gui.project.recent import remember_project
from fintune_gui.project.store import ProjectFolder

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

ProjectPath = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")]
RunNumber = Annotated[
    int | None, typer.Option("--run", min=1, help="Number of the run; the last finished one if left out.")
]


@contextmanager
def open_project(folder: Path, *, to_change: bool = False) -> Iterator[ProjectFolder]:
    """The project, given back at the end. With `to_change` it is an error if somebody else has it open."""
    with ProjectFolder.open(folder) as project:
        if to_change:
            project.require_writable()
        remember_project(project.folder)
        if import_is_unrecorded(project):
            from fintune_gui.dataset.apply import record_killed_import

            record_killed_import(project)
        yield project


@contextmanager
def open_rows(project: ProjectFolder) -> Iterator[Dataset]:
    """The project's rows, closed at the end. The document follows renamed columns and files that come or go.

    Raises:
        DataError: if nothing was imported yet.
    """
    from fintune_gui.dataset.store import Dataset

    if not project.dataset.is_dir():
        raise DataError(
            "data.none", "The project has no rows yet.", "No file was imported.", 'Start with "fintune import".'
        )
    with Dataset.open(project.dataset, read_only=bool(project.read_only)) as dataset:
        before = dataset.keys, dataset.total_rows
        yield dataset
        if (dataset.keys, dataset.total_rows) != before:
            from fintune_gui.dataset.apply import follow_dataset

            project.save(follow_dataset(project.project, before[0], dataset))


def do_job(
    folder: Path,
    output: Output,
    *,
    threads: int | None = None,
    remarks: Callable[[Event], list[str]] = lambda _event: [],
) -> Ended:
    """Run the job in `folder`, with its progress on standard error, and what `remarks` has to say to each event.

    Raises:
        FintuneError: what the job failed of.
    """
    line = ProgressLine()

    def show(event: Event) -> None:
        line(event)
        for sentence in remarks(event):
            line.keep(sentence)

    def interrupted(presses: int) -> None:
        line.end()
        note = "Stopping, and keeping what there is. Press Ctrl+C again to end at once."
        typer.echo(note if presses == 1 else "Ending at once.", err=True)

    try:
        ended = run_to_end(folder, show, threads=threads, on_interrupt=interrupted)
    finally:
        line.end()
    raise_if_failed(ended)
    return ended


def not_understood(message: str) -> NoReturn:
    """End the command as one that was not understood: exit code 2."""
    raise typer.BadParameter(message)
