"""The command ``health``: whether the rows on disk are whole, and the ways out when they are not."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fintune_gui.cli.output import Json, Output, counted
from fintune_gui.cli.work import ProjectPath, open_project
from fintune_gui.project.errors import DataError


class WayOut(StrEnum):
    """What to go on with."""

    BACKUP = "backup"
    EARLIER = "earlier"
    IMPORT = "import"


def health(
    project: ProjectPath,
    *,
    use: Annotated[
        WayOut | None,
        typer.Option(
            "--use",
            help="Mend damage: put the last backup in place, go back to before a damaged change, or start again from "
            "the imported rows. What is replaced is kept aside.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find damage of the rows on disk, and mend it."""
    from fintune_gui.dataset.health import check_health, restore_backup, start_from_import, step_back_to_whole

    output = Output(as_json=as_json)
    with open_project(project, to_change=use is not None) as opened:
        folder = opened.dataset
        if not folder.is_dir():
            raise DataError("data.none", "The project has no rows yet.", "", 'Start with "fintune import".')
        found = check_health(folder)
        if use is not None and found.problems:
            ways = {WayOut.BACKUP: restore_backup, WayOut.EARLIER: step_back_to_whole, WayOut.IMPORT: start_from_import}
            ways[use](folder)
            found = check_health(folder)
        elif use is not None:
            output.say("Nothing is damaged, so nothing was changed.")
    for problem in found.problems:
        output.say(" ".join(filter(None, (problem.what, problem.why, problem.todo))))
    if not found.problems:
        output.say("The rows and your changes are whole.")
    if found.backup is not None:
        output.say(f"The last backup holds {counted(found.backup.operations, 'change')}.")
    output.finish({"whole": not found.problems, "problems": [problem.model_dump() for problem in found.problems]})
