"""Errors made for people: what happened, why, and what to do.

Every failure that Fintune foresees is a `FintuneError`. The window shows the three sentences; the command line prints
them on standard error and exits with 1; the engine puts them into its end event. Anything else is a defect.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """A failure as data, so that it can cross a process boundary and be kept in an event file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """Stable name of the kind of failure, for example ``data.empty_file``; what tests and buttons go by."""
    what: str
    """One sentence: what happened."""
    why: str = ""
    """One sentence: the cause, as far as it is known."""
    todo: str = ""
    """One sentence: what the user can do."""
    details: str = ""
    """Technical text behind the button "Details": a traceback or the last lines of a log."""

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.todo) if part)


class FintuneError(Exception):
    """Base of all foreseen failures. Subclasses only choose the family; `code` names the kind."""

    def __init__(self, code: str, what: str, why: str = "", todo: str = "", details: str = "") -> None:
        self.problem = Problem(code=code, what=what, why=why, todo=todo, details=details)
        super().__init__(str(self.problem))


class ProjectError(FintuneError):
    """The project folder: missing, locked, too new, damaged, read-only."""


class DataError(FintuneError):
    """The user's rows: files, columns, labels, splits."""


class ModelError(FintuneError):
    """The base model: not found, no usable weights, wrong kind, no network."""


class TrainingError(FintuneError):
    """A run: settings that cannot work, memory, numbers that are not finite."""


class DiskFullError(FintuneError):
    """There is no room left where something had to be written."""


class CancelledError(FintuneError):
    """The user asked to stop. Not a failure, but it travels the same way."""

    def __init__(self, what: str = "Cancelled.") -> None:
        super().__init__("cancelled", what)


def raise_for_problem(problem: Problem) -> None:
    """Raise what another process reported, as the family its code belongs to."""
    families: dict[str, type[FintuneError]] = {
        "project": ProjectError,
        "data": DataError,
        "model": ModelError,
        "training": TrainingError,
        "disk": DiskFullError,
    }
    if problem.code == "cancelled":
        raise CancelledError(problem.what)
    family = families.get(problem.code.split(".")[0], FintuneError)
    raise family(problem.code, problem.what, problem.why, problem.todo, problem.details)
