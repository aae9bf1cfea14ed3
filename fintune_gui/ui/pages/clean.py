"""Clean: the rows themselves, what was found in them, and everything that was done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.cleaning import Cleaning
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.row_bench import RowBench
from fintune_gui.ui.services.row_snapshot import RowSnapshot
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.feedback import ErrorPanel
from fintune_gui.ui.widgets.findings_card import FindingsCard
from fintune_gui.ui.widgets.recipe_card import RecipeCard
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

_SIDE_WIDTH = 320
_SIDE_WIDTH_NARROW = 272
_NARROW = 860


class CleanPage(Page):
    """A table over the rows on disk; each change is an operation that can be undone."""

    step = Step.CLEAN
    title = "Clean"
    scrolls = False

    def build(self) -> None:
        self._shown: Dataset | None = None
        self.error = ErrorPanel()
        self.bench = RowBench(self.session)
        self.bench.add_undo_buttons(self.header)
        self.findings = FindingsCard()
        self.recipe = RecipeCard()
        self.cleaning = Cleaning(self.session, self.findings, self.recipe, self.bench.model, self)
        self._lay_out()
        self.bench.snapshot_taken.connect(self._show_snapshot)
        self.bench.unreadable.connect(self._cannot_open)
        self.bench.free_changed.connect(self._set_free)
        self.recipe.go_to_requested.connect(self.bench.editing.go_to)
        self.cleaning.apply_requested.connect(self._apply)
        self.cleaning.review_requested.connect(self.bench.view.review)
        self.continue_to(Step.FORMAT)

    def _lay_out(self) -> None:
        self._side = QWidget()
        self._side.setFixedWidth(_SIDE_WIDTH)
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(metrics.GAP)
        side.addWidget(self.findings)
        side.addWidget(self.recipe, 1)
        self._content = QWidget()
        content = QHBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(metrics.GAP)
        content.addWidget(self.bench, 1)
        content.addWidget(self._side)
        self.body.addWidget(self.error)
        self.body.addWidget(self._content, 1)
        self.body.addStretch()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._side.setFixedWidth(_SIDE_WIDTH_NARROW if self.width() < _NARROW else _SIDE_WIDTH)

    def load(self, session: ProjectSession) -> None:
        self.bench.load()

    @Slot(object)
    def _show_snapshot(self, snapshot: RowSnapshot | None) -> None:
        self.error.show_problem(None)
        self._content.show()
        if snapshot is None or snapshot.dataset is not self._shown:
            self.cleaning.forget()
        self._shown = snapshot.dataset if snapshot is not None else None
        if snapshot is None:
            return
        self.cleaning.show_snapshot(snapshot)
        total = snapshot.dataset.total_rows
        rest = self.session.read_only or "every change can be undone"
        self.header.set_status(f"{snapshot.kept:,} of {counted(total, 'row')} kept · {rest}")
        reason = "" if snapshot.kept else "No row is kept: bring some back first."
        self.continue_to(Step.FORMAT, enabled=snapshot.kept > 0, reason=reason)

    @Slot(object)
    def _cannot_open(self, error: Exception) -> None:
        self._shown = None
        self.cleaning.forget()
        self._content.hide()
        self.header.set_status("The rows cannot be read")
        self.header.set_primary("")
        self.error.show_problem(problem_of(error), [("Go to Data", lambda: self.go_to.emit(Step.DATA))])

    @Slot(bool)
    def _set_free(self, free: bool) -> None:
        self.cleaning.set_enabled(enabled=free)

    @Slot(str, object)
    def _apply(self, what: str, work: Callable[[Dataset, Task], object]) -> None:
        self.bench.work.start(what, work, can_cancel=True)

    def undo(self) -> None:
        self.bench.editing.undo()

    def redo(self) -> None:
        self.bench.editing.redo()

    def commands(self) -> list[Command]:
        return super().commands() if self.waiting else [*super().commands(), *self.bench.commands()]

    def page_hidden(self) -> None:
        self.bench.leave()
