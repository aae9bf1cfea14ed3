"""What is true of the rows at one moment, gathered off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from fintune_gui.project.document import Role
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.session import ProjectSession

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset, Operation


@dataclass(frozen=True)
class RowSnapshot:
    """The open rows, their history, and the values of the label column with their counts (empty without one)."""

    dataset: Dataset
    fingerprint: str
    revision: int
    kept: int
    operations: list[Operation]
    """Everything that was ever done, on all branches, oldest first; `in_force` may be out of date: see `head`."""
    head: int
    tip: int
    """The last operation in force, and the last one that can be reached by redo; 0 for none."""
    can_undo: bool
    can_redo: bool
    label_column: str
    labels: dict[str, int]


class RowSnapshots(QObject):
    """Takes snapshots; many wishes in a row cost two of them.

    Args:
        tell: Gets each `RowSnapshot`, or None while there are no rows.
        failed: Gets what keeps the rows from being opened.
    """

    def __init__(
        self,
        session: ProjectSession,
        tell: Callable[[RowSnapshot | None], object],
        failed: Callable[[Exception], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._tell = tell
        self._failed = failed
        self._last: RowSnapshot | None = None
        self._taking: Task | None = None
        self._again = False

    def want(self) -> None:
        """Take one soon."""
        if self._taking is not None:
            self._again = True
            return
        session, last = self._session, self._last
        column = session.project.format.roles.get(Role.LABEL, "")
        self._again = False
        self._taking = run_in_background(
            self, lambda _task: _take(session, last, column), success=self._took, failure=self._could_not
        )

    def _took(self, snapshot: RowSnapshot | None) -> None:
        self._taking = None
        if not self._session.is_open:
            return
        self._last = snapshot
        self._tell(snapshot)
        if self._again:
            self.want()

    def _could_not(self, error: Exception) -> None:
        self._taking = None
        if self._session.is_open and self._again:
            self.want()  # the rows were closed or exchanged meanwhile
        elif self._session.is_open:
            self._failed(error)


def _take(session: ProjectSession, last: RowSnapshot | None, column: str) -> RowSnapshot | None:
    from fintune_gui.dataset.formatting import label_values

    dataset = session.dataset()
    if dataset is None:
        return None
    revision, fingerprint = dataset.revision, dataset.fingerprint
    column = column if column in dataset.columns else ""
    same = last is not None and (last.dataset, last.fingerprint, last.label_column) == (dataset, fingerprint, column)
    # only the labels are dear, and what can be redone may differ for the same rows
    counted = last.labels if last is not None and same else None
    return RowSnapshot(
        dataset=dataset,
        fingerprint=fingerprint,
        revision=revision,
        kept=dataset.kept_rows(),
        operations=_operations(dataset, last),
        head=dataset.head,
        tip=dataset.tip,
        can_undo=dataset.can_undo,
        can_redo=dataset.can_redo,
        label_column=column,
        labels=counted if counted is not None else label_values(dataset, column) if column else {},
    )


def _operations(dataset: Dataset, last: RowSnapshot | None) -> list[Operation]:
    """The log only grows: what was read once is not read again, so that the ten-thousandth edit is as quick as the
    first."""
    if last is None or last.dataset is not dataset or not last.operations:
        return dataset.all_operations()
    return [*last.operations, *dataset.all_operations(last.operations[-1].seq)]
