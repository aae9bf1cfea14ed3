"""Keeps what is being typed on disk, so that a crash does not lose it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.session import ProjectSession

PAUSE_MS = 2000
_LONGEST_S = 10.0


class Drafts(QObject):
    """Saves the text that is being typed after a pause, or every few seconds while there is no pause.

    Signals:
        found: A `Draft` of an earlier session, which ended before it became a change.
        gone: There is none, or none any more.
    """

    found = Signal(object)
    gone = Signal()

    def __init__(self, session: ProjectSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._typed: tuple[int, str, str, int] | None = None
        self._on_disk: tuple[int, str, str, int] | None = None
        self._saving: Task | None = None
        self._since = 0.0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.save)

    def look(self) -> None:
        """See whether something was being typed when the program ended."""
        session = self._session

        def work(_task: Task) -> object:
            dataset = session.dataset()
            draft = dataset.draft() if dataset is not None else None
            return draft if draft is not None and dataset is not None and draft.row_id < dataset.total_rows else None

        if not session.read_only:
            run_in_background(self, work, success=self._tell)

    def _tell(self, draft: object) -> None:
        if self._typed is None:
            self.found.emit(draft) if draft is not None else self.gone.emit()

    def typing(self, row_id: int, column: str, text: str, cursor: int) -> None:
        """This is how the text stands now."""
        now = time.monotonic()
        if self._typed is None or not self._pause.isActive():
            self._since = now
        self._typed = (row_id, column, text, cursor)
        if now - self._since < _LONGEST_S or not self._pause.isActive():
            self._pause.start()

    def forget(self) -> None:
        """What was typed is a change now, or was thrown away."""
        self._typed = None
        self._pause.stop()
        self.save()

    def throw_away(self) -> None:
        """Forget a draft that was found on disk."""
        self._on_disk = (-1, "", "", 0)  # something is there
        self.forget()

    def save(self) -> None:
        """Let the disk say what is being typed; one write at a time, so that the last word wins."""
        if self._saving is not None or self._typed == self._on_disk or self._session.read_only:
            return
        session, typed = self._session, self._typed

        def work(_task: Task) -> None:
            from fintune_gui.dataset.store import Draft

            dataset = session.dataset()
            if dataset is None:
                return
            if typed is None:
                dataset.save_draft(None)
            else:
                row_id, column, text, cursor = typed
                draft = Draft(row_id=row_id, column=column, text=text, cursor=cursor, time=time.time())
                dataset.save_draft(draft)

        self._on_disk = typed
        self._saving = run_in_background(self, work, success=self._saved, failure=self._failed)

    def _saved(self, _nothing: None) -> None:
        self._saving = None
        if self._typed != self._on_disk and not self._pause.isActive():
            self.save()

    def _failed(self, _error: Exception) -> None:
        """The text is still in its field, and the change itself will say what is wrong with the disk."""
        self._saving = self._on_disk = None
