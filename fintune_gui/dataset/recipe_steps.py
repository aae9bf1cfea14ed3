"""The steps of a recipe, as data. The title of each says what it does, in a few words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fintune_gui.dataset.findings import CleaningStep
from fintune_gui.dataset.query import Replace
from fintune_gui.project.settings import Frozen


class RowMark(Frozen):
    """A row and the hash of what was imported into it. -1, -2, … are the rows that came after the import, in order."""

    row_id: int
    contents: str


Rows = tuple[RowMark, ...]


class StepDone(Frozen):
    kind: Literal["step"] = "step"
    step: CleaningStep

    @property
    def title(self) -> str:
        return f"Step {self.step.name}"


class ReplaceDone(Frozen):
    kind: Literal["replace"] = "replace"
    replace: Replace
    rows: Rows | None = None
    """The rows that it changed, if it was limited to some; None: all."""

    @property
    def title(self) -> str:
        return f"Replaced “{self.replace.find}”"


class SetDone(Frozen):
    """One value in many rows."""

    kind: Literal["set"] = "set"
    column: str
    value: str | None
    rows: Rows | None = None

    @property
    def title(self) -> str:
        return f"Set “{self.column}”"


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

    @property
    def title(self) -> str:
        return self.label


class RemoveDone(Frozen):
    kind: Literal["remove"] = "remove"
    rows: Rows
    reason: str

    @property
    def title(self) -> str:
        return f"Removed rows ({self.reason})"


class RestoreDone(Frozen):
    kind: Literal["restore"] = "restore"
    rows: Rows

    @property
    def title(self) -> str:
        return "Brought back rows"


class AddDone(Frozen):
    """New rows; `mended` are the rejected rows of which they were made."""

    kind: Literal["add"] = "add"
    work: str
    label: str
    rows: tuple[dict[str, str], ...]
    mended: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        return self.label


class RenameDone(Frozen):
    kind: Literal["rename"] = "rename"
    before: str
    after: str

    @property
    def title(self) -> str:
        return f"Renamed “{self.before}”"


class MarkDone(Frozen):
    kind: Literal["mark"] = "mark"
    rows: Rows
    flag: bool | None = None
    star: bool | None = None

    @property
    def title(self) -> str:
        return "Marked rows"


class NoteDone(Frozen):
    kind: Literal["note"] = "note"
    row: RowMark
    text: str

    @property
    def title(self) -> str:
        return "Wrote a note"


class NotRepeated(Frozen):
    """What cannot be done again, and how many rows came by it."""

    kind: Literal["not_repeated"] = "not_repeated"
    label: str
    reason: str
    rows: int = 0

    @property
    def title(self) -> str:
        return self.label


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
