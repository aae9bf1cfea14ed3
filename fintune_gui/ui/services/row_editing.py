"""What a person does to rows by hand: each thing is one operation of the history, with a sentence and counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import FintuneError
from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset, Operation
    from fintune_gui.ui.widgets.data_table import Selected

_UNDO_NEWS = "undo"
"""Key of the notification that says what was taken back or done again."""
MOST_AT_ONCE = 2_000
"""Changes of more rows than this are made off the window's thread."""


class RowEditing(QObject):
    """Changes rows as the table, its menu and the detail pane ask.

    Attributes:
        session, rows: Whose rows are changed, and the table in which they are chosen.

    Signals:
        edited: Something small was changed and is on disk already; large changes are told by `RowWork.done`.
        added: The id of a row that was added.
    """

    edited = Signal()
    added = Signal(object)

    def __init__(self, session: ProjectSession, rows: RowsPanel, work: RowWork, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.rows = rows
        self._work = work
        rows.model.edit_requested.connect(self.edit)
        rows.table.remove_requested.connect(self.remove)

    @property
    def free(self) -> bool:
        """Whether anything can be changed now."""
        return self.session.is_open and not self._work.busy and not self.session.read_only

    @property
    def dataset(self) -> Dataset | None:
        """The open rows."""
        return self.session.dataset() if self.session.is_open else None

    def chosen(self) -> RowIds:
        """Ids of the chosen rows; of the row at the cursor if none is chosen."""
        ids = self.rows.selected_ids()
        at = self.rows.table.currentIndex()
        return self.rows.model.row_ids([at.row()]) if not len(ids) and at.isValid() else ids

    # Cells

    @Slot(object, str, str)
    def edit(self, row_id: int, column: str, text: str) -> bool:
        """One cell: on disk when this returns, which takes milliseconds. False if that could not be done."""
        return self._at_once(lambda dataset: dataset.edit(row_id, column, text))

    @Slot(object, str)
    def bring_back_original(self, row_id: int, column: str = "") -> None:
        """Give a cell, or all cells of a row, the text that was imported."""

        def work(dataset: Dataset) -> Operation | None:
            columns = [column] if column else dataset.columns
            cells = {name: ([row_id], [dataset.original(row_id, name)]) for name in columns}
            what = f"“{column}” in row {row_id + 1:,}" if column else f"row {row_id + 1:,}"
            return dataset.set_cells(
                cells, kind="edit", label=lambda _cells, _rows: f"Brought back the original of {what}"
            )

        self._at_once(work)

    def set_cells(
        self,
        cells: dict[str, tuple[Sequence[int] | RowIds, Sequence[str | None]]],
        *,
        kind: str,
        verb: str,
        new_rows: Sequence[dict[str, str | None]] = (),
    ) -> None:
        """Give cells new values, and add rows behind all others.

        Args:
            kind: What the history calls it: "paste" or "fill".
            verb: How its sentence begins: "Pasted".
        """

        def label(count: int, rows: int) -> str:
            new = f", {len(new_rows):,} of them new" if new_rows else ""
            return f"{verb} {counted(count, 'cell')} in {counted(rows, 'row')}{new}"

        def work(dataset: Dataset, _task: Task | None = None) -> Operation | None:
            return dataset.set_cells(cells, kind=kind, label=label, new_rows=new_rows)

        count = sum(len(values) for _, values in cells.values()) + len(new_rows)
        self._do(f"{verb} {counted(count, 'cell')}", count, work)

    def set_value(self, column: str, ids: RowIds, value: str) -> None:
        """The same value in all these rows."""
        self._work.start(
            f"Setting “{column}” in {counted(len(ids), 'row')}",
            lambda dataset, task: dataset.set_value(
                column, ids, value, report=task.report, check_cancelled=task.check_cancelled
            ),
            self.say_done,
            can_cancel=True,
        )

    # Rows

    @Slot(object)
    def remove(self, _chosen: Selected | None = None, *, reason: str = "Removed by hand") -> None:
        """Take the chosen rows out; they can come back."""
        ids = self.chosen()
        self._work.start(f"Removing {counted(len(ids), 'row')}", lambda dataset, _task: dataset.remove(ids, reason))

    @Slot()
    def restore(self) -> None:
        """Bring the chosen rows back."""
        ids = self.chosen()
        self._work.start(f"Bringing back {counted(len(ids), 'row')}", lambda dataset, _task: dataset.restore(ids))

    @Slot(object)
    def restore_one(self, row_id: int) -> None:
        """Bring one row back."""
        self._at_once(lambda dataset: dataset.restore([row_id]))

    @Slot()
    def add_row(self) -> None:
        """Add an empty row behind all others."""
        done = self._at_once(lambda dataset: dataset.append_rows([{}], label="Added a row"))
        if done and (dataset := self.dataset) is not None:
            self.added.emit(dataset.total_rows - 1)

    def rename(self, column: str, name: str) -> None:
        """Give a column another name; the roles of the project follow."""
        self._at_once(lambda dataset: dataset.rename(column, name))

    # Marks

    @Slot(object)
    def flag(self, _chosen: Selected | None = None) -> None:
        """Flag the chosen rows; if all of them are flagged, take the flags off."""
        ids = self.chosen()
        dataset = self.dataset
        if self.free and dataset is not None and len(ids):
            self.mark(ids, flag=not bool(dataset.flagged_mask[ids].all()))

    @Slot(object)
    def star(self, _chosen: Selected | None = None) -> None:
        """Give the chosen rows a star; if all of them have one, take it off."""
        ids = self.chosen()
        dataset = self.dataset
        if self.free and dataset is not None and len(ids):
            self.mark(ids, star=not bool(dataset.starred_mask[ids].all()))

    def mark(self, ids: Sequence[int] | RowIds, *, flag: bool | None = None, star: bool | None = None) -> None:
        """Set or take off flags and stars; None leaves them."""
        rows = np.asarray(ids, np.int64)
        self._do(
            f"Marking {counted(len(rows), 'row')}",
            len(rows),
            lambda dataset, _task=None: dataset.mark(rows, flag=flag, star=star),
        )

    @Slot(object, str)
    def set_note(self, row_id: int, text: str) -> None:
        """Write a note on a row; "" takes it off."""
        self._at_once(lambda dataset: dataset.set_note(row_id, text))

    # Back and forth

    @Slot()
    def undo(self) -> None:
        """Take the last operation back."""
        self._work.start("Undoing", lambda dataset, _task: dataset.undo(), self._say_undone)

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back last."""
        self._work.start("Doing it again", lambda dataset, _task: dataset.redo(), self._say_redone)

    @Slot(int)
    def go_to(self, seq: int) -> None:
        """Go to the state right after operation `seq`; 0 is the import."""
        self._work.start("Going there", lambda dataset, _task: dataset.go_to(seq))

    def withdraw_news(self) -> None:
        """What was said of an undo speaks of rows that are not on screen any more."""
        notifications().withdraw(_UNDO_NEWS)

    def say_done(self, operation: Operation | None) -> None:
        """What a change of many cells came to."""
        if operation is not None:
            notifications().say(operation.label, "Ctrl+Z takes it back.", "good", key=_UNDO_NEWS)

    def _say_undone(self, operation: Operation | None) -> None:
        if operation is not None:
            notifications().say("Undone:", operation.label, key=_UNDO_NEWS)

    def _say_redone(self, operation: Operation | None) -> None:
        if operation is not None:
            notifications().say("Done again:", operation.label, key=_UNDO_NEWS)

    # Inside

    def _do(self, what: str, rows: int, work: Callable[..., Operation | None]) -> None:
        """A few rows at once, many of them off the window's thread."""
        if rows > MOST_AT_ONCE:
            self._work.start(what, work)
        else:
            self._at_once(work)

    def _at_once(self, work: Callable[[Dataset], Operation | None]) -> bool:
        """Change something small. False if it could not be done; that is said, unless something else is at work."""
        if not self.free:
            return False
        try:
            dataset = self.session.dataset()
            if dataset is None:
                return False
            if work(dataset) is not None:
                self.edited.emit()
        except FintuneError as error:
            notifications().show_error(error)
            return False
        return True
