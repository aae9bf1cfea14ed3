"""Work whose answer is only wanted for the latest question: earlier questions are dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from fintune_gui.ui.services.background import Task, run_in_background


class Latest(QObject):
    """Asks in the background. The same question again costs nothing; another one takes the place of the one at work.

    Signals:
        found: The answer to the latest question.
        failed: The exception instead of an answer.
        progress: (stage, done, total or None) of the work.
    """

    found = Signal(object)
    failed = Signal(object)
    progress = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._question: object = None
        self._answered = False
        self._task: Task | None = None

    @property
    def busy(self) -> bool:
        """Whether the latest question is not answered yet."""
        return self._question is not None and not self._answered

    def ask(self, question: object, work: Callable[[Task], Any]) -> None:
        """Answer `question` by `work`, unless it is the question that was asked last."""
        if question == self._question:
            return
        self.forget()
        self._question = question
        task = run_in_background(self, work, success=self._succeed, failure=self._fail, progress=self.progress.emit)
        if self._question is question:  # and not another one, asked by whoever heard an answer that came at once
            self._task = task

    def forget(self) -> None:
        """Drop the question; the next one is asked whatever it is."""
        if self._task is not None:
            self._task.abandon()
        self._task, self._question, self._answered = None, None, False

    def _succeed(self, answer: object) -> None:
        self._answered = True
        self.found.emit(answer)

    def _fail(self, error: Exception) -> None:
        self._answered = True
        self.failed.emit(error)
