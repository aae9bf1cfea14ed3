"""The one bridge from "something happened" to the user's eyes: errors of any thread, infos, offers to act."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from fintune_gui.project.errors import CancelledError, FintuneError, Problem
from fintune_gui.ui.theme.tokens import Tone

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notification:
    """Something to tell.

    Attributes:
        key: A later notification with the same key replaces this one.
        seconds: How long it stays; None until it is closed.
        actions: (words, what to do) for each button.
        problem: Set for failures: cause, cure and details.
    """

    title: str
    text: str = ""
    tone: Tone = "info"
    key: str = ""
    seconds: float | None = 6.0
    actions: tuple[tuple[str, Callable[[], object]], ...] = ()
    problem: Problem | None = None


class Notifications(QObject):
    """Collects notifications from anywhere; the window shows them.

    Signals:
        posted: A `Notification`. Before the window listens they are kept.
        withdrawn: The key of a notification that is no longer true.
    """

    posted = Signal(object)
    withdrawn = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Notification] = []
        self._has_listener = False

    def listen(self, listener: Callable[[Notification], object]) -> None:
        """Send notifications to `listener` from now on (a bound slot), beginning with those that waited."""
        self.posted.connect(listener)
        self._has_listener = True
        waiting, self._waiting = self._waiting, []
        for notification in waiting:
            self.posted.emit(notification)

    def unlisten(self, listener: Callable[[Notification], object]) -> None:
        """Stop sending; notifications wait again."""
        self.posted.disconnect(listener)
        self._has_listener = False

    def post(self, notification: Notification) -> None:
        """Show a notification; may be called from any thread."""
        if self._has_listener:
            self.posted.emit(notification)
        else:
            self._waiting.append(notification)

    def say(
        self,
        title: str,
        text: str = "",
        tone: Tone = "info",
        *,
        key: str = "",
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> None:
        """Tell something that needs no answer; it goes by itself unless it has buttons."""
        self.post(Notification(title, text, tone, key or title, None if actions else 6.0, tuple(actions)))

    def show_error(self, error: BaseException) -> None:
        """Show a failure. A cancel is what the user wanted and is not shown."""
        if isinstance(error, CancelledError):
            return
        problem = problem_of(error)
        self.show_problem(problem)

    def show_problem(self, problem: Problem, actions: Sequence[tuple[str, Callable[[], object]]] = ()) -> None:
        """Show a failure that is already in words."""
        self.post(
            Notification(
                problem.what,
                " ".join(part for part in (problem.why, problem.todo) if part),
                "bad",
                problem.code,
                None,
                tuple(actions),
                problem,
            )
        )

    def withdraw(self, key: str) -> None:
        """Take a notification away: it is not true any more."""
        self._waiting = [waiting for waiting in self._waiting if waiting.key != key]
        self.withdrawn.emit(key)


def problem_of(error: BaseException) -> Problem:
    """Any exception as sentences; an unforeseen one is a defect, and says so."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, FintuneError):
        return error.problem if error.problem.details else error.problem.model_copy(update={"details": details})
    return Problem(
        code="defect",
        what="Something in the program failed.",
        why="This is a defect of Fintune, not of your data; what is saved is unharmed.",
        todo="Try again; if it comes back, copy the details into a report.",
        details=details,
    )


@lru_cache(maxsize=1)
def notifications() -> Notifications:
    """The one bridge of the program."""
    return Notifications()


def install_hooks() -> None:
    """Send unhandled exceptions of all threads to the notifications, and Qt's messages to the log."""
    sys.excepthook = _on_exception
    threading.excepthook = _on_thread_exception
    qInstallMessageHandler(_on_qt_message)


def _on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.error("Unhandled exception", exc_info=(kind, error, trace))
    notifications().show_error(error)


def _on_thread_exception(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        _log.error("Unhandled exception in a thread", exc_info=args.exc_value)
        notifications().show_error(args.exc_value)


_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    logging.getLogger("qt").log(_LEVELS.get(kind, logging.INFO), "%s", message)
