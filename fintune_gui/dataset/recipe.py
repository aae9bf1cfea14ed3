"""The recipe: all operations in force, hand edits included, as a file that can be done again on these or other rows.

What was done by hand is tied to a row and to what stood there; where something else stands, it is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from fintune_gui.dataset.changes import Operation
from fintune_gui.dataset.findings import CleaningStep
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import fingerprint
from fintune_gui.project.settings import Frozen


class RowMark(Frozen):
    """A row and the hash of what stood in it."""

    row_id: int
    contents: str


class StepDone(Frozen):
    kind: Literal["step"] = "step"
    step: CleaningStep


class ReplaceDone(Frozen):
    kind: Literal["replace"] = "replace"
    replace: Replace
    rows: tuple[RowMark, ...] | None = None
    """The rows that it changed, if it was limited to some; None: all."""


class EditDone(Frozen):
    kind: Literal["edit"] = "edit"
    row_id: int
    column: str
    before: str | None
    after: str | None


class RemoveDone(Frozen):
    kind: Literal["remove"] = "remove"
    rows: tuple[RowMark, ...]
    reason: str


class RestoreDone(Frozen):
    kind: Literal["restore"] = "restore"
    rows: tuple[RowMark, ...]


Done = Annotated[StepDone | ReplaceDone | EditDone | RemoveDone | RestoreDone, Field(discriminator="kind")]


class Recipe(Frozen):
    """Ordered steps. The file is this as JSON."""

    version: Literal[1] = 1
    steps: tuple[Done, ...] = ()


def recipe_of(dataset: Dataset) -> Recipe:
    """Everything that is in force, in order."""
    return Recipe(steps=tuple(_done(dataset, operation) for operation in dataset.history() if operation.in_force))


def apply_recipe_file(dataset: Dataset, path: Path) -> list[Operation]:
    """Do the steps of a recipe file in order. Returns the operations that changed something.

    Raises:
        DataError: if the file is missing or is no recipe, or a step names a column that is not there.
    """
    try:
        recipe = Recipe.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            "data.bad_recipe",
            f"{path.name} cannot be used as a recipe.",
            "It is missing, or is no recipe of this version." if path.exists() else f"There is no {path}.",
            "Choose a file that was saved as a recipe.",
            details=str(error),
        ) from error
    return [operation for done in recipe.steps if (operation := _do(dataset, done)) is not None]


def _done(dataset: Dataset, operation: Operation) -> Done:
    params = dataset.parameters(operation.seq)
    if operation.kind == "step":
        return StepDone(step=CleaningStep.model_validate(params["step"]))
    change = dataset.change(operation.seq)
    if operation.kind == "replace":
        rows = {row for part in change.cells.values() for row in part.rows}.union(params.get("rows", ()))
        marks = _marks(dataset, sorted(rows)) if params["limited"] else None
        return ReplaceDone(replace=Replace.model_validate(params["replace"]), rows=marks)
    if operation.kind == "edit":
        (column, cells), *_ = change.cells.items()
        return EditDone(row_id=cells.rows[0], column=column, before=cells.before[0], after=cells.after[0])
    marks = _marks(dataset, change.removed_rows)
    if operation.kind == "restore":
        return RestoreDone(rows=marks)
    return RemoveDone(rows=marks, reason=change.reasons_after[0] or "")


def _do(dataset: Dataset, done: Done) -> Operation | None:
    match done:
        case StepDone():
            from fintune_gui.dataset.cleaning import apply_step

            return apply_step(dataset, done.step)
        case ReplaceDone():
            import numpy as np

            rows = None if done.rows is None else np.array(_still_there(dataset, done.rows), np.int64)
            return dataset.replace(done.replace, rows)
        case EditDone():
            there = done.row_id < dataset.total_rows and dataset.row(done.row_id).get(done.column) == done.before
            return dataset.edit(done.row_id, done.column, done.after) if there else None
        case RemoveDone():
            return dataset.remove(_still_there(dataset, done.rows), done.reason)
        case RestoreDone():
            return dataset.restore(_still_there(dataset, done.rows))


def _marks(dataset: Dataset, rows: list[int]) -> tuple[RowMark, ...]:
    contents = ([dataset.original(row, column) for column in dataset.columns] for row in rows)
    return tuple(RowMark(row_id=row, contents=fingerprint(values)) for row, values in zip(rows, contents, strict=True))


def _still_there(dataset: Dataset, marks: tuple[RowMark, ...]) -> list[int]:
    """The rows of `marks` that were imported with the same contents."""
    known = [mark for mark in marks if mark.row_id < dataset.total_rows]
    now = _marks(dataset, [mark.row_id for mark in known])
    return [mark.row_id for mark, found in zip(known, now, strict=True) if mark.contents == found.contents]
