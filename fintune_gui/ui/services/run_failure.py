"""Why a run failed: its problem, with the last lines of its log, which are read in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from fintune_gui.project.errors import Problem
from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.run_feed import RunFeed
from fintune_gui.ui.widgets.feedback import Action, ErrorPanel

_UNKNOWN_END = Problem(
    code="training.unknown_end",
    what="The run ended before its first checkpoint.",
    why="Its process is gone, and left no word.",
    todo="Start it again; if it ends the same way, the log says more.",
)


class RunFailure(QObject):
    """Fills an error panel for the run of a feed.

    Args:
        actions: The buttons for a problem.
    """

    def __init__(
        self, feed: RunFeed, panel: ErrorPanel, actions: Callable[[Problem], Sequence[Action]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._feed, self._panel, self._actions = feed, panel, actions
        self._told_of: Path | None = None

    def forget(self) -> None:
        """Another run is shown."""
        self._told_of = None

    def show(self, *, failed: bool) -> None:
        """Show why the run failed, if it did; a run that the user cancelled did not."""
        folder, ended = self._feed.folder, self._feed.history.ended
        cancelled = ended is not None and ended.outcome == "cancelled"
        if not failed or cancelled:
            self._told_of = None
            self._panel.show_problem(None)
        elif folder is not None and folder != self._told_of:
            self._told_of = folder
            problem = (ended.problem if ended else None) or _UNKNOWN_END
            self._show(problem)
            run_in_background(self, lambda _task: (problem, _log_lines(folder)), success=self._add_log)

    def _show(self, problem: Problem) -> None:
        self._panel.show_problem(problem, self._actions(problem))

    def _add_log(self, told: tuple[Problem, str]) -> None:
        problem, log = told
        if self._told_of is not None and log.strip() and log not in problem.details:
            details = "\n\n".join(part for part in (problem.details, "Last lines of the log:\n" + log) if part)
            self._show(problem.model_copy(update={"details": details}))


def _log_lines(folder: Path) -> str:
    from fintune_gui.jobs.aftermath import log_tail

    return log_tail(folder)
