"""What the import of the present rows said in the end, and whether its files are still there; read off the window."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.imported_rows import Imported
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.sources_view import states_of


class SourceWatch(QObject):
    """Looks when asked.

    Signals:
        found: The `Imported`; nothing comes where there are no rows that can be read.
    """

    found = Signal(object)

    def __init__(self, session: ProjectSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._task: Task | None = None

    @Slot()
    def look(self) -> None:
        """Look again."""
        if self._task is not None:
            self._task.abandon()
        session = self._session
        if session.is_open and session.folder.dataset.is_dir():
            self._task = run_in_background(
                self, lambda _task: _read_imported(session), success=self._take, failure=self._cannot
            )

    def _take(self, imported: Imported | None) -> None:
        self._task = None
        if imported is not None and self._session.is_open:
            self.found.emit(imported)

    def _cannot(self, _error: Exception) -> None:
        """Whoever opens the rows says why they cannot be read."""
        self._task = None


def _read_imported(session: ProjectSession) -> Imported | None:
    from fintune_gui.dataset.importing import read_result

    dataset = session.dataset()
    if dataset is None:
        return None
    result = read_result(session.folder.dataset)
    sources = tuple(dataset.sources)
    return Imported(
        rows=sum(source.rows for source in sources),
        bytes=sum(source.bytes for source in sources),
        seconds=result.seconds,
        shape=result.shape or "",
        sources=sources,
        states=states_of(sources),
        notes=result.notes,
    )
