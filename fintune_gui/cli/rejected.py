"""The command ``rejected``: rows that could not be read, and mending one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fintune_gui.cli.output import Json, Output, counted
from fintune_gui.cli.work import ProjectPath, not_understood, open_project, open_rows
from fintune_gui.project.errors import DataError
from fintune_gui.project.paths import user_path

if TYPE_CHECKING:
    from fintune_gui.dataset.mending import OpenReject
    from fintune_gui.dataset.store import Dataset

_MOST_SHOWN = 50
_SHOWN_CHARACTERS = 60


def rejected(
    project: ProjectPath,
    *,
    mend: Annotated[int | None, typer.Option("--mend", metavar="NUMBER", help="Mend this row of the list.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="The row as it should stand in the file.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A file that holds this text instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the rows that could not be read, or mend one."""
    if (mend is None) != (text is None and file is None) or (text is not None and file is not None):
        not_understood("Say --mend NUMBER together with --text TEXT or --file FILE, or none of them.")
    output = Output(as_json=as_json)
    with open_project(project, to_change=mend is not None) as opened, open_rows(opened) as rows:
        if mend is not None:
            _mend(rows, mend, text if text is not None else _text_of(file), output)
        else:
            _list(rows, output)


def _list(dataset: Dataset, output: Output) -> None:
    from fintune_gui.dataset.mending import open_rejects

    rejects = open_rejects(dataset)
    output.table([_shown(reject) for reject in rejects[:_MOST_SHOWN]], right=(0,))
    if len(rejects) > _MOST_SHOWN:
        output.say(f"And {len(rejects) - _MOST_SHOWN:,} more.")
    output.say(f"{counted(len(rejects), 'row')} could not be read." if rejects else "Every row could be read.")
    output.finish(
        {
            "rejected": [
                {"number": reject.number + 1}
                | reject.rejected.model_dump(include={"file", "line", "column", "reason", "text"})
                for reject in rejects
            ]
        }
    )


def _shown(reject: OpenReject) -> tuple[str, str, str, str]:
    rejected = reject.rejected
    column = "" if rejected.column is None else f", column {rejected.column:,}"
    text = " ".join(rejected.text.split())
    text = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return str(reject.number + 1), f"{rejected.file}, line {rejected.line:,}{column}", rejected.reason, text


def _mend(dataset: Dataset, shown_number: int, text: str, output: Output) -> None:
    from fintune_gui.dataset.mending import mend, open_rejects, try_text

    number = shown_number - 1
    reject = next((reject for reject in open_rejects(dataset) if reject.number == number), None)
    if reject is not None and (tried := try_text(dataset, reject, text)).row is None:
        place = f"line {tried.line:,}" + ("" if tried.column is None else f", column {tried.column:,}")
        raise DataError(
            "data.still_rejected",
            f"Row {shown_number:,} of the list still cannot be read.",
            f"In {place}: {tried.reason}.",
            "Mend this place, too.",
        )
    if reject is None or not mend(dataset, {number: text}):
        raise DataError(
            "data.not_rejected",
            f"There is no rejected row {shown_number:,}.",
            "It was mended before, or there never was one.",
            'See the list with "fintune rejected".',
        )
    row_id = dataset.total_rows - 1
    output.say(f"The row came in; it is row {row_id + 1:,}.")
    output.finish({"row_id": row_id, "row": dataset.row(row_id)})


def _text_of(file: Path | None) -> str:
    assert file is not None
    try:
        return user_path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(
            "data.not_text", f"{file.name} is not text in UTF-8.", "", "Save it as UTF-8 and try again."
        ) from None
