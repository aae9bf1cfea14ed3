"""What a person does to rows by hand: each thing is one operation of the history, with a sentence and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import FintuneError
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset, Operation
    from fintune_gui.ui.widgets.data_table import Selected

_UNDO_NEWS = "undo"
"""Key of the notification that says what was taken back or done again."""


class RowEditing(QObject):
    """Changes rows as the table, its menu and the detail pane ask.

    Signals:
        edited: Something small was changed and is on disk already; large changes are told by `RowWork.done`.
    """

    edited = Signal()

    def __init__(self, session: ProjectSession, rows: RowsPanel, work: RowWork, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._rows = rows
        self._work = work
        rows.model.edit_requested.connect(self.edit)
        rows.table.remove_requested.connect(self.remove)

    @property
    def free(self) -> bool:
        """Whether anything can be changed now."""
        return self._session.is_open and not self._work.busy and not self._session.read_only

    @Slot(object, str, str)
    def edit(self, row_id: int, column: str, text: str) -> None:
        """One cell: on disk when this returns, which takes milliseconds."""
        if not self.free:
            return
        try:
            dataset = self._session.dataset()
            if dataset is not None and dataset.edit(row_id, column, text) is not None:
                self.edited.emit()
        except FintuneError as error:
            notifications().show_error(error)

    @Slot(object)
    def remove(self, _chosen: Selected | None = None) -> None:
        """Take the chosen rows out; they can come back."""
        ids = self._rows.selected_ids()
        self._work.start(f"Removing {counted(len(ids), 'row')}", lambda dataset, _task: dataset.remove(ids))

    @Slot()
    def restore(self) -> None:
        """Bring the chosen rows back."""
        ids = self._rows.selected_ids()
        self._work.start(f"Bringing back {counted(len(ids), 'row')}", lambda dataset, _task: dataset.restore(ids))

    @Slot(object)
    def restore_one(self, row_id: int) -> None:
        """Bring one row back."""
        self._work.start("Bringing the row back", lambda dataset, _task: dataset.restore([row_id]))

    @Slot(object)
    def bring_back_original(self, row_id: int) -> None:
        """Give a row the texts that were imported."""

        def work(dataset: Dataset, _task: object) -> None:
            for column in dataset.columns:
                dataset.edit(row_id, column, dataset.original(row_id, column))

        self._work.start("Bringing the original back", work)

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

    def _say_undone(self, operation: Operation | None) -> None:
        if operation is not None:
            notifications().say("Undone:", operation.label, key=_UNDO_NEWS)

    def _say_redone(self, operation: Operation | None) -> None:
        if operation is not None:
            notifications().say("Done again:", operation.label, key=_UNDO_NEWS)
