"""Rejected rows between their list and the dataset: what is still rejected, whether a text can be read, mending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import FintuneError
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.latest import Latest
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.rejects_view import RejectsView
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.mending import OpenReject, Tried
    from fintune_gui.dataset.store import Dataset

_SHOWN_CHARACTERS = 160


class RejectMending(QObject):
    """Fills a `RejectsView`.

    Texts that the user is mending belong to a reject's number: they stay whatever happens to others.

    Signals:
        counted: How many rows are still rejected.
    """

    counted = Signal(int)

    def __init__(self, session: ProjectSession, view: RejectsView, work: RowWork, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._view, self._work = session, view, work
        self._rejects: list[OpenReject] = []
        self._shown: tuple[object, ...] = ()
        self._reading: Task | None = None
        self._trying = Latest(self)
        self._trying.found.connect(self._show_tried)
        self._trying.failed.connect(self._cannot_try)
        view.try_wanted.connect(self._try)
        view.bring_in.connect(self.mend)

    def load(self) -> None:
        """Read in the background what is rejected now."""
        if self._reading is not None:
            self._reading.abandon()
        session, shown = self._session, self._shown
        self._reading = run_in_background(
            self, lambda _task: _read(session, shown), success=self._take, failure=_say_defects
        )

    def _take(self, found: tuple[tuple[object, ...], list[OpenReject]] | None) -> None:
        self._reading = None
        if found is None or not self._session.is_open:
            return
        self._shown, rejects = found
        texts = self._texts_by_number()
        self._rejects = rejects
        places = {reject.number: place for place, reject in enumerate(rejects)}
        self._trying.forget()
        self._view.show_rejects(
            [reject.rejected for reject in rejects],
            {places[number]: text for number, text in texts.items() if number in places},
        )
        self.counted.emit(len(rejects))

    def _texts_by_number(self) -> dict[int, str]:
        return {self._rejects[place].number: text for place, text in self._view.texts.items()}

    # Trying

    @Slot(int, str)
    def _try(self, place: int, text: str) -> None:
        session, reject = self._session, self._rejects[place]
        self._trying.ask((reject.number, text), lambda _task: (place, _tried(session, reject, text)))

    @Slot(object)
    def _show_tried(self, answer: tuple[int, Tried | None]) -> None:
        place, tried = answer
        if tried is None:
            return
        if tried.row is not None:
            cells = [f"{name}: {_short(value)}" for name, value in tried.row.items() if value is not None]
            self._view.show_verdict(place, "This can be read.", "good", " · ".join(cells), None)
        else:
            where = f"Line {tried.line:,}, column {tried.column:,}: " if tried.column is not None else ""
            self._view.show_verdict(place, f"{where}{tried.reason}.", "bad", "", tried.offset)

    @Slot(object)
    def _cannot_try(self, error: Exception) -> None:
        self._view.show_verdict(self._view.place, problem_of(error).what, "bad", "", None)

    # Mending

    @Slot(object)
    def mend(self, places: list[int]) -> None:
        """Bring the rows at these places in; those that still cannot be read stay where they are."""
        texts = {self._rejects[place].number: self._view.texts.get(place, self._text(place)) for place in places}

        def work(dataset: Dataset, _task: Task) -> tuple[int, int]:
            from fintune_gui.dataset.mending import mend

            return mend(dataset, texts), len(texts)

        self._work.start(f"Bringing in {counted(len(texts), 'row')}", work, self._say_mended)

    def _text(self, place: int) -> str:
        return self._rejects[place].rejected.text

    def _say_mended(self, done: tuple[int, int] | None) -> None:
        if done is None:
            return
        came, asked = done
        rest = f"{counted(asked - came, 'row')} still cannot be read." if came < asked else "Undo takes it back."
        title = f"{counted(came, 'row')} came in." if came else "No row came in."
        notifications().say(title, rest, "good" if came == asked else "warn", key="mended")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARACTERS else f"{flat[:_SHOWN_CHARACTERS]}…"


def _read(session: ProjectSession, shown: tuple[object, ...]) -> tuple[tuple[object, ...], list[OpenReject]] | None:
    """What is rejected, with what that depends on; None if it is what is shown already."""
    from fintune_gui.dataset.importing import REJECTED_FILE
    from fintune_gui.dataset.mending import open_rejects

    dataset = session.dataset()
    if dataset is None:
        return ("no rows",), []
    path = dataset.folder / REJECTED_FILE
    state = path.stat().st_mtime_ns if path.exists() else 0
    key = (dataset, state, frozenset(dataset.mended()), frozenset(dataset.added_files()))
    return None if key == shown else (key, open_rejects(dataset))


def _tried(session: ProjectSession, reject: OpenReject, text: str) -> Tried | None:
    from fintune_gui.dataset.mending import try_text

    dataset = session.dataset()
    return None if dataset is None else try_text(dataset, reject, text)


def _say_defects(error: Exception) -> None:
    """Whoever opens the rows says why they cannot be read; anything else is said here."""
    if not isinstance(error, FintuneError):
        notifications().show_error(error)
