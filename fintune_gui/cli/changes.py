"""Commands that change rows: edit, remove, restore, replace, rename; and those that mark them: flag, star, note."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fintune_gui.cli.output import Json, Output, counted
from fintune_gui.cli.rows import CaseSensitive, Filter, say_done
from fintune_gui.cli.work import ProjectPath, not_understood, open_project, open_rows

if TYPE_CHECKING:
    from fintune_gui.dataset.column import RowIds
    from fintune_gui.dataset.store import Dataset

RowNumbers = Annotated[
    list[int] | None,
    typer.Option("--row", min=1, metavar="N", help="Number of a row, as the table shows it; repeatable."),
]
Off = Annotated[bool, typer.Option("--off", help="Take it off again.")]


def edit(
    project: ProjectPath,
    *,
    column: Annotated[str, typer.Option(metavar="COLUMN", help="The column to change.")],
    value: Annotated[str | None, typer.Option(help="The new value.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Leave no value, not even an empty one.")] = False,
    row: RowNumbers = None,
    filter_: Filter = None,
    case_sensitive: CaseSensitive = False,
    as_json: Json = False,
) -> None:
    """Set a cell, or the same value in all matching rows."""
    if (value is None) != missing:
        not_understood("Say either --value VALUE or --missing.")
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        ids = _chosen(dataset, row, filter_, case_sensitive=case_sensitive)
        if len(ids) == 1 and row:
            operation = dataset.edit(int(ids[0]), column, value)
        else:
            operation = dataset.set_value(column, ids, value)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, "Nothing was different.")


def remove(
    project: ProjectPath,
    *,
    row: RowNumbers = None,
    filter_: Filter = None,
    reason: Annotated[str, typer.Option(help="Why they go; shown beside them.")] = "Removed by hand",
    case_sensitive: CaseSensitive = False,
    as_json: Json = False,
) -> None:
    """Take rows out. They can come back."""
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        operation = dataset.remove(_chosen(dataset, row, filter_, case_sensitive=case_sensitive), reason)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, "No row was there to remove.")


def restore(
    project: ProjectPath,
    *,
    row: RowNumbers = None,
    filter_: Filter = None,
    case_sensitive: CaseSensitive = False,
    as_json: Json = False,
) -> None:
    """Bring removed rows back."""
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        ids = _chosen(dataset, row, filter_, show="removed", case_sensitive=case_sensitive)
        operation = dataset.restore(ids)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, "No removed row was there to bring back.")


def replace(
    project: ProjectPath,
    *,
    find: Annotated[str, typer.Option(help="What to find.")],
    replacement: Annotated[str, typer.Option("--replace", help="What to put in its place.")],
    regex: Annotated[
        bool, typer.Option("--regex", help=r"Find a regular expression (RE2); \1 is its first group.")
    ] = False,
    whole_word: Annotated[bool, typer.Option("--whole-word", help="Find it only as a word of its own.")] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="Find A also as a.")] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--column", metavar="COLUMN", help="Only in this column; repeatable.")
    ] = None,
    filter_: Filter = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Find and replace in all rows, or in those that match."""
    from fintune_gui.dataset.query import Replace

    spec = Replace(
        columns=tuple(columns or ()),
        find=find,
        replacement=replacement,
        regex=regex,
        whole_word=whole_word,
        case_sensitive=not ignore_case,
    )
    output = Output(as_json=as_json)
    with open_project(project, to_change=not dry_run) as opened, open_rows(opened) as dataset:
        ids = None if filter_ is None else _chosen(dataset, None, filter_)
        if dry_run:
            preview = dataset.preview_replace(spec, ids, limit=10)
            for row_id, name, before, after in preview.examples:
                output.say(f"row {row_id + 1:,}, {name}:\n- {before}\n+ {after}")
            output.say(f"{counted(preview.cells, 'cell')} of {counted(preview.rows, 'row')} would change.")
            output.finish(preview.model_dump(mode="json"))
            return
        operation = dataset.replace(spec, ids)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, f"“{find}” was not found.")


def rename(
    project: ProjectPath,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The column's name now.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    *,
    as_json: Json = False,
) -> None:
    """Give a column another name."""
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        operation = dataset.rename(old, new)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, "It has that name.")


def flag(
    project: ProjectPath, *, row: RowNumbers = None, filter_: Filter = None, off: Off = False, as_json: Json = False
) -> None:
    """Flag rows, for example to come back to them."""
    _mark(project, "flag", row, filter_, on=not off, as_json=as_json)


def star(
    project: ProjectPath, *, row: RowNumbers = None, filter_: Filter = None, off: Off = False, as_json: Json = False
) -> None:
    """Star rows, for example the good examples."""
    _mark(project, "star", row, filter_, on=not off, as_json=as_json)


def note(
    project: ProjectPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='The note; "" takes it off.')],
    *,
    row: Annotated[int, typer.Option(min=1, metavar="N", help="Number of the row, as the table shows it.")],
    as_json: Json = False,
) -> None:
    """Write a note on a row."""
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        operation = dataset.set_note(row - 1, text)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, "The note says that already.")


def _mark(
    project: Path, what: Literal["flag", "star"], row: list[int] | None, filter_: str | None, *, on: bool, as_json: bool
) -> None:
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        ids = _chosen(dataset, row, filter_)
        operation = dataset.mark(ids, flag=on) if what == "flag" else dataset.mark(ids, star=on)
        kept = dataset.kept_rows()
    say_done(output, operation, kept, "Nothing was different.")


def _chosen(
    dataset: Dataset,
    numbers: list[int] | None,
    filter_: str | None,
    *,
    show: Literal["kept", "removed"] = "kept",
    case_sensitive: bool = False,
) -> RowIds:
    """The rows that the options name; exactly one of the two must be given."""
    import numpy as np

    from fintune_gui.dataset.query import Query

    if (not numbers) == (filter_ is None):
        not_understood('Say which rows: --row N, or --filter TEXT; --filter "" means all.')
    if numbers:
        return dataset.picture.require_rows(np.array(numbers, np.int64) - 1)
    return dataset.view(Query(text=filter_ or "", show=show, case_sensitive=case_sensitive))
