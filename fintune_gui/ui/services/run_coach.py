"""The coach beside a run: shows what it has to say, and does what the user chooses."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.finding import RAISED_BY, Act
from fintune_gui.project.spec import TrainSpec
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.jobs import TrainerThread
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.run_feed import RunFeed
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.coach_card import CoachCard
from fintune_gui.ui.widgets.run_controls import RunControls


class RunCoach(QObject):
    """Between a `RunFeed`, which finds, and a `CoachCard`, which asks.

    Signals:
        created: The folder of a new run that goes on from the best of the present one, ready to be started.
        rate_wanted: A learning rate with which the user wants to set up another run.
    """

    created = Signal(object)
    rate_wanted = Signal(float)

    def __init__(
        self, session: ProjectSession, feed: RunFeed, controls: RunControls, card: CoachCard, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._feed, self._controls, self._card = session, feed, controls, card
        self._goes_on_after: Path | None = None
        card.asked.connect(self._do)
        session.jobs.finished.connect(self._on_finished)
        session.closed.connect(self._on_closed)

    def show(self, condition: str) -> None:
        """Bring the card up to date; `condition` is what the shown run is at, as the page calls it."""
        findings = self._feed.findings
        if condition == "failed":  # the failure says it already
            findings = [finding for finding in findings if finding.rule != "not_a_number"]
        can: set[Act] = {"keep"}
        if condition == "running":
            can |= {"stop", "halve", "raise"}
        elif condition != "elsewhere" and not self._session.read_only:
            can |= {"raise", "halve"} if self._feed.history.best is not None else {"raise"}
        if self._goes_on_after == self._feed.folder:
            can = set()
        shown = findings[0] if findings and condition != "reading" else None
        working = condition in ("running", "elsewhere")
        self._card.show_finding(shown, working=working, can=can, more=max(0, len(findings) - 1))

    @Slot(str)
    def _do(self, act: Act) -> None:
        finding, spec = self._card.finding, self._feed.spec
        if finding is None:
            return
        if act == "stop":
            self._controls.ask_to_stop()
        elif act == "keep":
            self._feed.silence(finding.rule)
        elif act == "halve":
            self._go_on_from_best()
        elif isinstance(spec, TrainSpec):
            self.rate_wanted.emit(spec.training.effective_learning_rate(spec.model.method) * RAISED_BY)

    def _go_on_from_best(self) -> None:
        """Make a run that goes on from the best with half the rate; one at work is stopped first."""
        folder = self._feed.folder
        if folder is None or self._goes_on_after is not None:
            return
        self._goes_on_after = folder
        if self._feed.thread_at_work is not None:
            self._controls.ask_to_stop()
        else:
            self._create(folder)

    @Slot(object, object)
    def _on_finished(self, thread: TrainerThread, _ended: object) -> None:
        if thread.folder == self._goes_on_after:
            self._create(thread.folder)

    def _create(self, folder: Path) -> None:
        project = self._session.folder

        def work(_task: Task) -> Path:
            from fintune_gui.dataset.runs import create_continuation

            return create_continuation(project, int(folder.name))

        run_in_background(self, work, success=self._created, failure=self._failed)

    def _created(self, folder: Path) -> None:
        self._goes_on_after = None
        self.created.emit(folder)

    def _failed(self, error: Exception) -> None:
        self._goes_on_after = None
        notifications().show_error(error)

    @Slot()
    def _on_closed(self) -> None:
        self._goes_on_after = None
