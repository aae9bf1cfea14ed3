"""Commands that look at the rows: rows, facet, history; and those that move in the history: undo, redo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from fintune_gui.cli.output import Json, Output, ProgressLine, counted, size
from fintune_gui.cli.work import ProjectPath, not_understood, open_project, open_rows
from fintune_gui.project.events import Progress
from fintune_gui.project.paths import user_path

if TYPE_CHECKING:
    from fintune_gui.dataset.column import RowIds
    from fintune_gui.dataset.log import Operation
    from fintune_gui.dataset.query import Sort
    from fintune_gui.dataset.store import Dataset

Filter = Annotated[
    str | None,
    typer.Option("--filter", metavar="TEXT", help="Only rows that match, as in: label = billing and length(text) > 9."),
]
CaseSensitive = Annotated[bool, typer.Option("--case-sensitive", help="Tell A from a in the filter.")]
FileType = Literal["csv", "tsv", "jsonl", "parquet", "xlsx"]

_LONGEST_CELL = 40


def rows(
    project: ProjectPath,
    *,
    filter_: Filter = None,
    show: Annotated[
        Literal["kept", "removed", "all", "edited"], typer.Option(help="Which rows are looked through.")
    ] = "kept",
    sort: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN[:desc]", help="Order; several are keys after each other. # is the row number."),
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--column", metavar="COLUMN", help="Only these columns, in this order.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Show so many rows; 20 if left out, and all with --to.")
    ] = None,
    as_: Annotated[
        Literal["csv", "tsv", "jsonl", "markdown", "parquet", "xlsx"] | None,
        typer.Option("--as", help="How rows are written; parquet and xlsx need --to."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rows into a file; its ending says how.")
    ] = None,
    row_numbers: Annotated[
        bool, typer.Option("--row-numbers", help="Begin with a column of row numbers in the file.")
    ] = False,
    case_sensitive: CaseSensitive = False,
    as_json: Json = False,
) -> None:
    """Show rows, or write them into a file. Nothing is changed."""
    from fintune_gui.dataset.query import Query

    output = Output(as_json=as_json)
    kind = _file_kind(as_, to)
    with open_project(project) as opened, open_rows(opened) as dataset:
        keys = _sort_keys(sort or [], dataset.columns)
        found = dataset.view(Query(text=filter_ or "", sort=keys, show=show, case_sensitive=case_sensitive))
        names = list(dict.fromkeys(columns or dataset.columns))
        dataset.cells([], names)  # says which columns there are if one of them is not
        if to is not None:
            shown = found if limit is None else found[:limit]
            output.finish(_write(dataset, shown, names, user_path(to), kind, row_numbers=row_numbers, output=output))
            return
        shown = found[: 20 if limit is None else limit]
        cells = dataset.cells(shown, names)
        if as_ is not None and as_ != "parquet" and as_ != "xlsx":  # noqa: PLR1714  # mypy follows this
            from fintune_gui.dataset.row_export import rows_as_text

            output.say(rows_as_text(dataset, shown, names, as_, header=True).rstrip("\n"))
        else:
            lines = [(f"{row + 1:,}", *map(_short, texts)) for row, texts in zip(shown.tolist(), cells, strict=True)]
            output.table(lines, header=("#", *names), right=(0,))
            output.say(
                f"{counted(len(found), 'row')}" + (f", {len(shown):,} shown." if len(shown) < len(found) else ".")
            )
    listed = [
        {"row": row + 1, "cells": dict(zip(names, texts, strict=True))}
        for row, texts in zip(shown.tolist(), cells, strict=True)
    ]
    output.finish({"matching": len(found), "rows": listed})


def facet(
    project: ProjectPath,
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="The column whose values are counted.")],
    *,
    filter_: Filter = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many values, the most frequent first.")] = 20,
    as_json: Json = False,
) -> None:
    """Count the values of a column, under a filter if you like. Nothing is changed."""
    from fintune_gui.dataset.facets import value_facet
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.statistics import column_statistics

    output = Output(as_json=as_json)
    with open_project(project) as opened, open_rows(opened) as dataset:
        query = Query(text=filter_ or "")
        found = value_facet(dataset, column, query, limit)
        figures = column_statistics(dataset, column, dataset.view(query))
    lines = [
        (
            f"{value.count:,}",
            f"{value.count / found.shown_of:.1%}",
            "(missing)" if value.value is None else _short(value.value),
        )
        for value in found.values
    ]
    output.table(lines, right=(0, 1))
    output.say(
        f"{counted(found.shown_of, 'row')}, {counted(figures.distinct, 'different value')}; "
        f"{figures.missing:,} missing, {figures.empty:,} empty; {figures.shortest:,} to {figures.longest:,} characters."
    )
    output.finish({"facet": found.model_dump(mode="json"), "statistics": figures.model_dump(mode="json")})


def history(
    project: ProjectPath,
    *,
    go_to: Annotated[
        int | None,
        typer.Option("--go-to", min=0, metavar="N", help="Go back or forth to right after step N; 0: the import."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show also what was left by going back and doing something else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what was done to the rows, and go to any state of it."""
    output = Output(as_json=as_json)
    with open_project(project, to_change=go_to is not None) as opened, open_rows(opened) as dataset:
        if go_to is not None:
            dataset.go_to(go_to)
        listed = dataset.all_operations() if every else dataset.history()
        kept, at = dataset.kept_rows(), dataset.head
    output.say(f"{'→' if at == 0 else ' '} 0  The import")
    signs = {True: " ", False: "·"}
    for operation in listed:
        sign = "→" if operation.seq == at else signs[operation.in_force]
        output.say(f"{sign} {operation.seq}  {operation.label}")
    output.say(f"{counted(kept, 'row')} are in." + ("" if all(o.in_force for o in listed) else " · is not in force."))
    output.finish(
        {"at": at, "rows_kept": kept, "operations": [operation.model_dump(mode="json") for operation in listed]}
    )


def undo(project: ProjectPath, *, as_json: Json = False) -> None:
    """Take back the last change of the rows."""
    _step(project, "undo", as_json=as_json)


def redo(project: ProjectPath, *, as_json: Json = False) -> None:
    """Do again what was taken back last."""
    _step(project, "redo", as_json=as_json)


def say_done(output: Output, operation: Operation | None, kept: int, nothing: str) -> None:
    """What a change of the rows did."""
    output.say(operation.label + "." if operation else nothing)
    output.say(f"{counted(kept, 'row')} are in.")
    output.finish({"operation": operation.model_dump(mode="json") if operation else None, "rows_kept": kept})


def _step(project: Path, what: Literal["undo", "redo"], *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    with open_project(project, to_change=True) as opened, open_rows(opened) as dataset:
        operation = dataset.undo() if what == "undo" else dataset.redo()
        kept = dataset.kept_rows()
    if operation:
        output.say("Taken back:" if what == "undo" else "Done again:")
    say_done(output, operation, kept, f"There is nothing to {what}.")


def _file_kind(as_: str | None, to: Path | None) -> FileType | None:
    """The kind of file to write; None if rows are to be printed."""
    kinds = get_args(FileType)
    if to is None:
        if as_ in ("parquet", "xlsx"):
            not_understood(f"Say with --to into which file the {as_} rows go.")
        return None
    ending = as_ or to.suffix.lstrip(".").lower()
    if ending not in kinds:
        not_understood(f'"{to}" has none of the endings .{", .".join(kinds)}; say --as KIND.')
    return ending  # type: ignore[return-value]


def _sort_keys(texts: Sequence[str], columns: Sequence[str]) -> tuple[Sort, ...]:
    from fintune_gui.dataset.query import Sort

    keys = []
    for text in texts:
        name, _, direction = text.rpartition(":")
        if text not in columns and direction in ("asc", "desc"):
            keys.append(Sort(column=name, descending=direction == "desc"))
        else:
            keys.append(Sort(column=text))
    return tuple(keys)


def _write(
    dataset: Dataset,
    ids: RowIds,
    names: list[str],
    target: Path,
    kind: FileType | None,
    *,
    row_numbers: bool,
    output: Output,
) -> dict[str, Any]:
    from fintune_gui.dataset.row_export import export_rows

    assert kind is not None
    line = ProgressLine()

    def report(stage: str, done: float, total: float | None) -> None:
        line(Progress(stage=stage, done=done, total=total, unit="rows"))

    try:
        done = export_rows(dataset, ids, names, target, kind, report=report, include_row_numbers=row_numbers)
    finally:
        line.end()
    output.say(f"{counted(done.rows, 'row')} are in {target} ({size(done.bytes)}).")
    for warning in done.warnings:
        output.say(warning)
    return {"file": str(target), **done.model_dump(mode="json")}


def _short(text: str | None) -> str:
    """A cell in one line of a table."""
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"
