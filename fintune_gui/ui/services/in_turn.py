"""Several questions, answered one after the other in the background; outdated ones are dropped before they begin."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from fintune_gui.ui.services.background import Task, run_in_background

Question = tuple[Hashable, Callable[[Task], Any]]
"""What tells this question from others, and the work that answers it."""


class InTurn(QObject):
    """Keeps one thread of the pool busy at most, so that ten facets do not push the table's own query aside.

    Signals:
        answered: (question, answer).
        failed: (question, exception).
    """

    answered = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: list[Question] = []
        self._asked: Hashable = None
        self._task: Task | None = None

    @property
    def busy(self) -> bool:
        """Whether anything is not answered yet."""
        return self._task is not None or bool(self._waiting)

    def ask(self, questions: Sequence[Question]) -> None:
        """Answer these in their order. They take the place of those before; the one at work goes on if wanted."""
        self._waiting = [question for question in questions if question[0] != self._asked]
        if self._task is not None and len(self._waiting) == len(questions):
            self._task.abandon()
            self._task, self._asked = None, None
        if self._task is None:
            self._next()

    def forget(self) -> None:
        """Answer nothing more."""
        self.ask([])

    def _next(self) -> None:
        while self._waiting and self._task is None:
            self._asked, work = self._waiting.pop(0)
            asked = self._asked
            task = run_in_background(
                self,
                work,
                success=partial(self._succeed, asked),
                failure=partial(self._fail, asked),
            )
            if self._asked is asked:  # and it was not answered at once
                self._task = task
                return

    def _succeed(self, asked: Hashable, answer: object) -> None:
        self._task, self._asked = None, None
        self.answered.emit(asked, answer)
        if self._task is None:
            self._next()

    def _fail(self, asked: Hashable, error: Exception) -> None:
        self._task, self._asked = None, None
        self.failed.emit(asked, error)
        if self._task is None:
            self._next()
