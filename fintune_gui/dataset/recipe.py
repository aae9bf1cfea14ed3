"""The recipe: all operations in force, hand edits included, as a file that can be done again on these or other rows.

What was done by hand is tied to a row and to what stood there; where something else stands, it is left out and said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from fintune_gui.dataset.changes import FLAG, NOTE, STAR, Change, Operation
from fintune_gui.dataset.findings import CleaningStep
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.summary import read_source
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import fingerprint
from fintune_gui.project.settings import Frozen


class RowMark(Frozen):
    """A row and the hash of what was imported into it. -1, -2, … are the rows that came after the import, in order."""

    row_id: int
    contents: str


Rows = tuple[RowMark, ...]


class StepDone(Frozen):
    kind: Literal["step"] = "step"
    step: CleaningStep


class ReplaceDone(Frozen):
    kind: Literal["replace"] = "replace"
    replace: Replace
    rows: Rows | None = None
    """The rows that it changed, if it was limited to some; None: all."""


class SetDone(Frozen):
    """One value in many rows."""

    kind: Literal["set"] = "set"
    column: str
    value: str | None
    rows: Rows | None = None


class Cells(Frozen):
    """Cells of one column; rows are numbered as in `RowMark`."""

    rows: tuple[int, ...]
    before: tuple[str | None, ...]
    after: tuple[str | None, ...]


class CellsDone(Frozen):
    """Cells that were typed, pasted or filled; `work` is the kind of the operation."""

    kind: Literal["cells"] = "cells"
    work: str
    label: str
    columns: dict[str, Cells]


class RemoveDone(Frozen):
    kind: Literal["remove"] = "remove"
    rows: Rows
    reason: str


class RestoreDone(Frozen):
    kind: Literal["restore"] = "restore"
    rows: Rows


class AddDone(Frozen):
    """New rows; `mended` are the rejected rows of which they were made."""

    kind: Literal["add"] = "add"
    work: str
    label: str
    rows: tuple[dict[str, str], ...]
    mended: tuple[int, ...] = ()


class RenameDone(Frozen):
    kind: Literal["rename"] = "rename"
    before: str
    after: str


class MarkDone(Frozen):
    kind: Literal["mark"] = "mark"
    rows: Rows
    flag: bool | None = None
    star: bool | None = None


class NoteDone(Frozen):
    kind: Literal["note"] = "note"
    row: RowMark
    text: str


class NotRepeated(Frozen):
    """What cannot be done again, and how many rows came by it."""

    kind: Literal["not_repeated"] = "not_repeated"
    label: str
    reason: str
    rows: int = 0


Done = Annotated[
    StepDone | ReplaceDone | SetDone | CellsDone | RemoveDone | RestoreDone | AddDone | RenameDone | MarkDone
    | NoteDone | NotRepeated,
    Field(discriminator="kind"),
]  # fmt: skip


class Recipe(Frozen):
    """Ordered steps. The file is this as JSON."""

    version: Literal[2] = 2
    base: str = ""
    """Hash of the imported rows of which it was made."""
    steps: tuple[Done, ...] = ()


def recipe_of(dataset: Dataset) -> Recipe:
    """Everything that is in force, in order."""
    reader = _Reader(dataset)
    steps = [reader.done(operation) for operation in dataset.history() if operation.in_force]
    return Recipe(base=base_of(dataset), steps=tuple(steps))


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        DataError: if the file is missing or is no recipe.
    """
    try:
        return Recipe.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            "data.bad_recipe",
            f"{path.name} cannot be used as a recipe.",
            "It is missing, or is no recipe of this version." if path.exists() else f"There is no {path}.",
            "Choose a file that was saved as a recipe.",
            details=str(error),
        ) from error


def base_of(dataset: Dataset) -> str:
    """Hash of the rows that were imported."""
    return str(read_source(dataset.folder)["base_sha256"])


def row_marks(dataset: Dataset, rows: list[int]) -> Rows:
    """The rows as a recipe names them: by what was imported, under the names it had then, and not by what came later."""
    picture = dataset.picture
    columns = [(key, picture.column_of(name)) for key, name in picture.keys.items()]
    first = first_added(dataset)

    def mark(row: int) -> RowMark:
        imported = [[key, value] for key, column in columns if (value := column.original(row)) is not None]
        return RowMark(row_id=row if row < first else first - row - 1, contents=fingerprint(imported))

    return tuple(mark(row) for row in rows)


def first_added(dataset: Dataset) -> int:
    """The id that the first row after the import has, or would have."""
    return dataset.total_rows - int(dataset.added_mask().sum())


class _Reader:
    """Turns the operations of a history, taken in order, into steps."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._first_added = first_added(dataset)
        self._names: dict[str, str] = {}
        """Key of each renamed column -> its name at this point of the history."""

    def done(self, operation: Operation) -> Done:
        change = self._dataset.change(operation.seq)
        try:
            asked = self._asked(operation, change)
        except (KeyError, ValidationError):  # written by a version that asked in another way
            asked = None
        return asked or self._seen(operation, change)

    def _asked(self, operation: Operation, change: Change) -> Done | None:
        """The step by what was asked for."""
        params = self._dataset.parameters(operation.seq)
        if operation.kind == "step":
            return StepDone(step=CleaningStep.model_validate(params["step"]))
        if operation.kind not in ("replace", "set"):
            return None
        touched = {row for part in change.cells.values() for row in part.rows}.union(params.get("rows", ()))
        rows = row_marks(self._dataset, sorted(touched)) if params["limited"] else None
        if operation.kind == "set":
            return SetDone(column=params["column"], value=params["value"], rows=rows)
        return ReplaceDone(replace=Replace.model_validate(params["replace"]), rows=rows)

    def _seen(self, operation: Operation, change: Change) -> Done:
        """The step by what it did."""
        if change.segment is not None:
            return self._added(operation, change)
        if change.renamed:
            ((key, (before, after)),) = change.renamed.items()
            self._names[key] = after
            return RenameDone(before=before, after=after)
        if change.marks:
            return self._marked(change)
        if change.removed_rows:
            rows = row_marks(self._dataset, change.removed_rows)
            reason = change.reasons_after[0]
            return RestoreDone(rows=rows) if reason is None else RemoveDone(rows=rows, reason=reason)
        if change.cells and not change.generations:
            columns = {
                self._names.get(key, key): Cells(
                    rows=tuple(map(self._number, part.rows)), before=tuple(part.before), after=tuple(part.after)
                )
                for key, part in change.cells.items()
            }
            return CellsDone(work=operation.kind, label=operation.label, columns=columns)
        return NotRepeated(label=operation.label, reason="It is not known how it was made.")

    def _number(self, row: int) -> int:
        return row if row < self._first_added else self._first_added - row - 1

    def _added(self, operation: Operation, change: Change) -> Done:
        segment = change.segment
        assert segment is not None
        if segment.file is not None:
            files = ", ".join(Path(source["path"]).name for source in segment.sources)
            return NotRepeated(label=operation.label, reason=f"Add the files yourself: {files}.", rows=segment.rows)
        rows: list[dict[str, str]] = [{} for _ in range(segment.rows)]
        for key, part in change.cells.items():
            for row, value in zip(part.rows, part.after, strict=True):
                if value is not None:
                    rows[row - segment.start][self._names.get(key, key)] = value
        return AddDone(work=operation.kind, label=operation.label, rows=tuple(rows), mended=tuple(segment.mended))

    def _marked(self, change: Change) -> Done:
        if NOTE in change.marks:
            note = change.marks[NOTE]
            (row,) = row_marks(self._dataset, note.rows)
            return NoteDone(row=row, text=note.after[0] or "")
        rows = sorted({row for part in change.marks.values() for row in part.rows})
        given = {name: part.after[0] is not None for name, part in change.marks.items()}
        return MarkDone(rows=row_marks(self._dataset, rows), flag=given.get(FLAG), star=given.get(STAR))
