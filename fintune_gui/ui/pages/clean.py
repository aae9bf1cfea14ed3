"""Clean: the rows themselves, what was found in them, and everything that was done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from fintune_gui.project.errors import FintuneError
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.cleaning import Cleaning
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.row_search import RowSearch
from fintune_gui.ui.services.row_snapshot import RowSnapshot, RowSnapshots
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.data_table import Selected
from fintune_gui.ui.widgets.feedback import ErrorPanel
from fintune_gui.ui.widgets.findings_card import FindingsCard
from fintune_gui.ui.widgets.progress_strip import ProgressStrip
from fintune_gui.ui.widgets.recipe_card import RecipeCard
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset, Operation

_SIDE_WIDTH = 320
_SIDE_WIDTH_NARROW = 272
_NARROW = 860

_UNDO_NEWS = "undo"
"""Key of the notification that says what was taken back or done again."""


class CleanPage(Page):
    """A table over the rows on disk; each change is an operation that can be undone."""

    step = Step.CLEAN
    title = "Clean"
    scrolls = False

    def build(self) -> None:
        self._fingerprint = ""
        """Of the rows as they are shown; "" while that is not known."""
        self._kept = 0
        self._undo_button = self.header.add_action("Undo", self.undo, tool_tip="Ctrl+Z")
        self._redo_button = self.header.add_action("Redo", self.redo, tool_tip="Ctrl+Shift+Z")
        self.error = ErrorPanel()
        self.progress = ProgressStrip(can_cancel=False)
        self.rows = RowsPanel()
        self.table, self.model = self.rows.table, self.rows.model
        self.filter, self.finder = self.rows.filter, self.rows.finder
        self.detail = self.rows.detail
        self.findings = FindingsCard()
        self.recipe = RecipeCard()
        self._lay_out()
        self.view = RowView(self.rows, self)
        self.search = RowSearch(self.session, self.rows, self)
        self.work = RowWork(self.session, self)
        self.cleaning = Cleaning(self.session, self.findings, self.recipe, self.model, self)
        self._snapshots = RowSnapshots(self.session, self._take_snapshot, self._cannot_open, self)
        self._connect()
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
        content.addWidget(self.rows, 1)
        content.addWidget(self._side)
        self.body.addWidget(self.error)
        self.body.addWidget(self.progress)
        self.body.addWidget(self._content, 1)
        self.body.addStretch()

    def _connect(self) -> None:
        self.work.busy_changed.connect(self._show_busy)
        self.work.progress.connect(self._on_progress)
        self.model.edit_requested.connect(self._edit)
        self.table.remove_requested.connect(self._remove)
        self.table.find_requested.connect(self.focus_search)
        self.table.replace_requested.connect(self.open_find)
        self.table.copied.connect(self._say_copied)
        self.table.customContextMenuRequested.connect(self._open_menu)
        self.finder.apply_requested.connect(self._replace)
        self.finder.closed.connect(self.table.setFocus)
        self.detail.restore_requested.connect(self._restore_one)
        self.detail.original_requested.connect(self._bring_back_original)
        self.recipe.go_to_requested.connect(self._go_to)
        self.cleaning.apply_requested.connect(self._change)
        self.cleaning.review_requested.connect(self.view.review)
        for keys, act in (("Ctrl+F", self.focus_search), ("Ctrl+H", self.open_find)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._side.setFixedWidth(_SIDE_WIDTH_NARROW if self.width() < _NARROW else _SIDE_WIDTH)

    # What is true

    def load(self, session: ProjectSession) -> None:
        self._snapshots.want()

    def _take_snapshot(self, snapshot: RowSnapshot | None) -> None:
        self.error.show_problem(None)
        self._content.show()
        if snapshot is None:
            self._forget()
            return
        columns = self._columns(snapshot.dataset)
        if snapshot.dataset is not self.view.dataset or columns != self.view.columns:
            self.cleaning.forget()
            self.view.open(snapshot.dataset, columns)
        elif snapshot.fingerprint != self._fingerprint:
            if snapshot.kept > self._kept:
                self.view.ask()  # rows came back: they have no place in the view yet
            self.view.show_change()
            self.search.preview()
        self._fingerprint, self._kept = snapshot.fingerprint, snapshot.kept
        self.filter.set_labels(snapshot.label_column, snapshot.labels)
        self.cleaning.show_snapshot(snapshot)
        self._show_what_can_be_done(snapshot)

    def _columns(self, dataset: Dataset) -> list[str]:
        """The columns with a role first, in the order of the roles."""
        roles = [column for column in self.session.project.format.roles.values() if column in dataset.columns]
        return list(dict.fromkeys([*roles, *dataset.columns]))

    def _show_what_can_be_done(self, snapshot: RowSnapshot) -> None:
        total = snapshot.dataset.total_rows
        self.header.set_status(f"{snapshot.kept:,} of {counted(total, 'row')} kept · every change can be undone")
        free = not self.work.busy and not self.session.read_only
        self._undo_button.setEnabled(free and snapshot.can_undo)
        self._redo_button.setEnabled(free and snapshot.can_redo)
        self.model.editable = free
        self.cleaning.set_enabled(enabled=free)
        reason = "" if snapshot.kept else "No row is kept: bring some back first."
        self.continue_to(Step.FORMAT, enabled=snapshot.kept > 0, reason=reason)

    def _cannot_open(self, error: Exception) -> None:
        self._forget()
        self._content.hide()
        self.header.set_status("The rows cannot be read")
        self.header.set_primary("")
        self._undo_button.setEnabled(False)
        self._redo_button.setEnabled(False)
        self.error.show_problem(problem_of(error), [("Go to Data", lambda: self.go_to.emit(Step.DATA))])

    def _forget(self) -> None:
        """Let go of the rows: they are closed, or other ones come."""
        self._fingerprint, self._kept = "", 0
        self.view.close()
        self.cleaning.forget()

    # Finding

    @Slot()
    def focus_search(self) -> None:
        """Ctrl+F."""
        self.filter.search.setFocus()
        self.filter.search.selectAll()

    @Slot()
    def open_find(self) -> None:
        """Ctrl+H."""
        self.finder.open(replace=True)

    @Slot(QPoint)
    def _open_menu(self, at: QPoint) -> None:
        chosen = self.table.selected()
        if not chosen:
            return
        count = counted(chosen.count(self.model.rowCount()), "row")
        free, show = self.model.editable, self.filter.show_what
        menu = QMenu(self.table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entries: list[tuple[str, Callable[[], object], bool]] = [
            ("Edit the cell", lambda: self.table.edit(self.table.currentIndex()), free),
            (f"Copy {count}", self.table.copy, True),
            (f"Remove {count}", lambda: self._remove(chosen), free and show != "removed"),
            (f"Bring {count} back", self._restore_chosen, free and show in ("removed", "all")),
        ]
        for words, act, possible in entries:
            action = menu.addAction(words)
            action.triggered.connect(lambda _checked=False, act=act: act())
            action.setEnabled(possible)
        menu.popup(self.table.viewport().mapToGlobal(at))

    # Changing rows

    @Slot(object, str, str)
    def _edit(self, row_id: int, column: str, text: str) -> None:
        """One cell: on disk when this returns, which takes milliseconds."""
        dataset = self.view.dataset
        if dataset is None or self.work.busy or self.session.read_only:
            return
        try:
            dataset.edit(row_id, column, text)
        except FintuneError as error:
            notifications().show_error(error)
            return
        self.view.show_change()
        self._fingerprint = ""  # taken back at once, the rows would seem never to have changed
        self.session.rows_were_changed()

    @Slot(str, object)
    def _change(self, what: str, work: Callable[[Dataset], object]) -> None:
        """Do something to many rows off the window's thread; `load` then shows what is true."""
        self.work.start(what, lambda dataset, _task: work(dataset))

    @Slot(object)
    def _remove(self, _chosen: Selected) -> None:
        ids = self.rows.selected_ids()
        self._change(f"Removing {counted(len(ids), 'row')}", lambda dataset: dataset.remove(ids))

    def _restore_chosen(self) -> None:
        ids = self.rows.selected_ids()
        self._change(f"Bringing back {counted(len(ids), 'row')}", lambda dataset: dataset.restore(ids))

    @Slot(object)
    def _restore_one(self, row_id: int) -> None:
        self._change("Bringing the row back", lambda dataset: dataset.restore([row_id]))

    @Slot(object)
    def _bring_back_original(self, row_id: int) -> None:
        def work(dataset: Dataset) -> None:
            for column in dataset.columns:
                dataset.edit(row_id, column, dataset.original(row_id, column))

        self._change("Bringing the original back", work)

    @Slot()
    def _replace(self) -> None:
        if (wanted := self.search.replacement()) is not None:
            spec, ids = wanted
            self._change(f"Replacing “{spec.find}”", lambda dataset: dataset.replace(spec, ids))

    @Slot(int)
    def _go_to(self, seq: int) -> None:
        self._change("Going there", lambda dataset: dataset.go_to(seq))

    def undo(self) -> None:
        self.work.start("Undoing", lambda dataset, _task: dataset.undo(), self._say_undone)

    def redo(self) -> None:
        self.work.start("Doing it again", lambda dataset, _task: dataset.redo(), self._say_redone)

    def page_hidden(self) -> None:
        notifications().withdraw(_UNDO_NEWS)  # it speaks of rows that are not on screen any more

    # Saying

    def _say_undone(self, operation: Operation | None) -> None:
        if operation is not None:
            notifications().say("Undone:", operation.label, key=_UNDO_NEWS)

    def _say_redone(self, operation: Operation | None) -> None:
        if operation is not None:
            notifications().say("Done again:", operation.label, key=_UNDO_NEWS)

    @Slot(str)
    def _show_busy(self, what: str) -> None:
        self.model.editable = not what and not self.session.read_only
        for button in (self._undo_button, self._redo_button):
            button.setEnabled(False)
        self.cleaning.set_enabled(enabled=not what)
        if what:
            self.progress.start(what)
        else:
            self._fingerprint = ""
            self.progress.finish()

    @Slot(object)
    def _on_progress(self, report: tuple[str, float, float | None]) -> None:
        self.progress.report(*report)

    @Slot(str)
    def _say_copied(self, sentence: str) -> None:
        notifications().say(sentence, key="copied")
