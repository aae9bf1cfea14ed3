"""The recipe: all operations in force, hand edits included, as a file that can be done again on these or other rows.

What was done by hand is tied to a row and to what stood there; where something else stands, it is left out and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from fintune_gui.dataset import row_sets
from fintune_gui.dataset.changes import FLAG, STAR, CellChange, Change, Operation
from fintune_gui.dataset.column import RowIds, distinct
from fintune_gui.dataset.findings import CleaningStep
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.recipe_steps import (
    AddDone,
    Cells,
    CellsDone,
    Done,
    MarkDone,
    NoteDone,
    NotRepeated,
    Recipe,
    RemoveDone,
    RenameDone,
    ReplaceDone,
    RestoreDone,
    RowMark,
    Rows,
    SetDone,
    StepDone,
)
from fintune_gui.dataset.row_sets import MARKED
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.summary import read_source
from fintune_gui.dataset.wording import counted
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import fingerprint

__all__ = ["Recipe", "Replayed", "apply_recipe", "apply_recipe_file", "read_recipe", "recipe_of", "replay"]

_DOES_NOT_FIT = ("data.no_column", "data.bad_column_name", "data.no_step")


def recipe_of(dataset: Dataset) -> Recipe:
    """Everything that is in force, in order."""
    reader = _Reader(dataset)
    steps = [step for operation in dataset.history() if operation.in_force for step in reader.steps(operation)]
    return Recipe(base=_base_of(dataset), steps=tuple(steps))


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


def _base_of(dataset: Dataset) -> str:
    """Hash of the rows that were imported."""
    return str(read_source(dataset.folder)["base_sha256"])


def _row_marks(dataset: Dataset, rows: list[int]) -> Rows:
    """The rows as a recipe names them: by what was imported into which column, whatever became of it."""
    picture = dataset.picture
    # files that were added later bring columns that a new import of the first ones lacks
    columns = [(key, picture.column_of(picture.keys[key])) for key in picture.originals.imported]
    first = _first_added(dataset)

    def mark(row: int) -> RowMark:
        imported = [[key, value] for key, column in columns if (value := column.original(row)) is not None]
        return RowMark(row_id=row if row < first else first - row - 1, contents=fingerprint(imported))

    return tuple(mark(row) for row in rows)


def _first_added(dataset: Dataset) -> int:
    """The id that the first row after the import has, or would have."""
    return dataset.total_rows - int(np.count_nonzero(dataset.added_mask()))


class _Reader:
    """Turns the operations of a history, taken in order, into steps."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._first_added = _first_added(dataset)
        self._names: dict[str, str] = {}
        """Key of each renamed column -> its name at this point of the history."""

    def steps(self, operation: Operation) -> list[Done]:
        """What an operation did. A block that was pasted beyond the last row set cells, and added rows."""
        change = self._dataset.change(operation.seq)
        try:
            asked = self._asked(operation, change)
        except (KeyError, ValidationError):  # written by a version that asked in another way
            asked = None
        if asked is not None:
            return [asked]
        there: dict[str, CellChange] = {}
        if change.segment is not None:
            for key, part in change.cells.items():
                if old := sum(row < change.segment.start for row in part.rows):  # they stand before the new ones
                    there[key] = part.first_cells(old)
        return [*([self._typed(operation, there)] if there else []), self._seen(operation, change)]

    def _asked(self, operation: Operation, change: Change) -> Done | None:
        """The step by what was asked for."""
        params = self._dataset.parameters(operation.seq)
        if operation.kind == "step":
            return StepDone(step=CleaningStep.model_validate(params["step"]))
        if operation.kind not in ("replace", "set"):
            return None
        in_cells = [np.array(part.rows, np.int64) for part in change.cells.values()]
        touched = distinct(np.concatenate([*in_cells, row_sets.from_json(params.get("rows", ()))]))
        rows = _row_marks(self._dataset, touched.tolist()) if params["limited"] else None
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
        if change.note is not None:
            (row,) = _row_marks(self._dataset, [change.note.row])
            return NoteDone(row=row, text=change.note.after or "")
        if change.sets:
            return self._joined_or_left(change)
        if change.cells and not change.generations:
            return self._typed(operation, change.cells)
        return NotRepeated(label=operation.label, reason="It is not known how it was made.")

    def _typed(self, operation: Operation, cells: Mapping[str, CellChange]) -> Done:
        columns = {
            self._names.get(key, key): Cells(
                rows=tuple(map(self._number, part.rows)), before=tuple(part.before), after=tuple(part.after)
            )
            for key, part in cells.items()
        }
        return CellsDone(work=operation.kind, label=operation.label, columns=columns)

    def _joined_or_left(self, change: Change) -> Done:
        """The rows that were marked, taken out or brought back."""
        first = change.sets[0]
        rows = _row_marks(self._dataset, change.rows_in(first.kind).tolist())
        if first.kind == MARKED:
            given = {part.name: part.join for part in change.sets}
            return MarkDone(rows=rows, flag=given.get(FLAG), star=given.get(STAR))
        return RemoveDone(rows=rows, reason=first.name) if first.join else RestoreDone(rows=rows)

    def _number(self, row: int) -> int:
        return row if row < self._first_added else self._first_added - row - 1

    def _added(self, operation: Operation, change: Change) -> Done:
        segment = change.segment
        assert segment is not None
        if segment.file is not None:
            self._names |= {key: name for key, (_, name) in change.renamed.items()}
            files = ", ".join(Path(source["path"]).name for source in segment.sources)
            return NotRepeated(label=operation.label, reason=f"Add the files yourself: {files}.", rows=segment.rows)
        rows: list[dict[str, str]] = [{} for _ in range(segment.rows)]
        for key, part in change.cells.items():
            for row, value in zip(part.rows, part.after, strict=True):
                if row >= segment.start and value is not None:
                    rows[row - segment.start][self._names.get(key, key)] = value
        return AddDone(work=operation.kind, label=operation.label, rows=tuple(rows), mended=tuple(segment.mended))


@dataclass
class Replayed:
    """What came of a recipe.

    Attributes:
        operations: Those that changed something.
        left_out: Sentences about what was left out, wholly or in part, and why.
    """

    operations: list[Operation] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def apply_recipe(dataset: Dataset, recipe: Recipe) -> list[Operation]:
    """Do the steps of a recipe in order. Returns the operations that changed something."""
    return replay(dataset, recipe).operations


def apply_recipe_file(dataset: Dataset, path: Path) -> list[Operation]:
    """As `apply_recipe`, with the recipe in a file.

    Raises:
        DataError: if the file is missing or is no recipe.
    """
    return apply_recipe(dataset, read_recipe(path))


def replay(dataset: Dataset, recipe: Recipe) -> Replayed:
    """Do the steps of a recipe in order, as far as they fit."""
    player = _Player(dataset, same_rows=recipe.base == _base_of(dataset))
    for done in recipe.steps:
        try:
            operation = player.do(done)
        except DataError as error:
            if error.problem.code not in _DOES_NOT_FIT:
                raise
            player.leave_out(done, error.problem.what)
            continue
        if operation is not None:
            player.replayed.operations.append(operation)
    return player.replayed


class _Player:
    def __init__(self, dataset: Dataset, *, same_rows: bool) -> None:
        self.replayed = Replayed()
        self._dataset = dataset
        self._same_rows = same_rows
        self._added: list[int | None] = []
        """The row that each added row of the recipe has become here; None if it was left out."""

    def leave_out(self, done: Done, why: str) -> None:
        self.replayed.left_out.append(f"{done.title}: {why}")

    def do(self, done: Done) -> Operation | None:
        dataset = self._dataset
        operation: Operation | None = None
        match done:
            case StepDone():
                from fintune_gui.dataset.cleaning import apply_step

                operation = apply_step(dataset, done.step)
            case ReplaceDone():
                operation = dataset.replace(done.replace, self._ids(done, done.rows))
            case SetDone():
                operation = dataset.set_value(done.column, self._ids(done, done.rows), done.value)
            case CellsDone():
                operation = self._set_cells(done)
            case RemoveDone():
                operation = dataset.remove(self._found(done, done.rows), done.reason)
            case RestoreDone():
                operation = dataset.restore(self._found(done, done.rows))
            case AddDone():
                operation = self._add(done)
            case RenameDone():
                operation = dataset.rename(done.before, done.after)
            case MarkDone():
                operation = dataset.mark(self._found(done, done.rows), flag=done.flag, star=done.star)
            case NoteDone():
                for row in self._found(done, [done.row]):
                    operation = dataset.set_note(row, done.text)
            case NotRepeated():
                self._added += [None] * done.rows
                self.leave_out(done, done.reason)
        return operation

    def _set_cells(self, done: CellsDone) -> Operation | None:
        """Set the cells in which the same stands as before."""
        dataset = self._dataset
        cells: dict[str, tuple[list[int], list[str | None]]] = {}
        for name, part in done.columns.items():
            if name not in dataset.columns:
                continue
            column = dataset.picture.column_of(name)
            places = [self._row(number) for number in part.rows]
            fits = [row is not None and column.get(row) == old for row, old in zip(places, part.before, strict=True)]
            rows = [row for row, fit in zip(places, fits, strict=True) if row is not None and fit]
            if rows:
                cells[name] = rows, [new for new, fit in zip(part.after, fits, strict=True) if fit]
        found, wanted = sum(len(rows) for rows, _ in cells.values()), sum(len(c.rows) for c in done.columns.values())
        if found < wanted:
            self.leave_out(done, f"In {counted(wanted - found, 'cell')} of {wanted:,} something else stands.")
        if not found:
            return None
        if done.work == "edit" and found == 1:
            ((name, (rows, values)),) = cells.items()
            return dataset.edit(rows[0], name, values[0])
        return dataset.set_cells(cells, kind=done.work, label=lambda _cells, _rows: done.label)

    def _add(self, done: AddDone) -> Operation | None:
        if done.mended and not self._same_rows:
            self._added += [None] * len(done.rows)
            self.leave_out(done, "These rows were mended in another import.")
            return None
        start = self._dataset.total_rows
        rows = [{name: value for name, value in row.items() if name in self._dataset.columns} for row in done.rows]
        operation = self._dataset.append_rows(rows, kind=done.work, label=done.label, mended=done.mended)
        self._added += range(start, start + len(rows))
        return operation

    def _row(self, number: int) -> int | None:
        """The row that a recipe's number means here."""
        if number < 0:
            place = -number - 1
            return self._added[place] if place < len(self._added) else None
        return number if number < self._dataset.total_rows else None

    def _ids(self, done: Done, marks: Sequence[RowMark] | None) -> RowIds | None:
        return None if marks is None else np.array(self._found(done, marks), np.int64)

    def _found(self, done: Done, marks: Sequence[RowMark]) -> list[int]:
        """The rows of `marks` that came with the same contents."""
        known = [(row, mark) for mark in marks if (row := self._row(mark.row_id)) is not None]
        now = _row_marks(self._dataset, [row for row, _ in known])
        found = [row for (row, mark), here in zip(known, now, strict=True) if mark.contents == here.contents]
        if len(found) < len(marks):
            lost = counted(len(marks) - len(found), "row")
            self.leave_out(done, f"{lost} of {len(marks):,} {'is' if len(marks) == 1 else 'are'} not here.")
        return found
