"""Everything that a page with a table of rows needs, put together once: Clean and Data show the same bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.services.row_menu import RowMenu
from fintune_gui.ui.services.row_narrowing import RowNarrowing
from fintune_gui.ui.services.row_reading import RowReading
from fintune_gui.ui.services.row_search import RowSearch
from fintune_gui.ui.services.row_snapshot import RowSnapshot, RowSnapshots
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import Button
from fintune_gui.ui.widgets.progress_strip import ProgressStrip
from fintune_gui.ui.widgets.row_detail import RowDetail
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.ui.pages.page import PageHeader


class RowBench(QWidget):
    """A table of the session's rows with search, the whole text of one row, and every change that can be made.

    A page uses it like this::

        def build(self) -> None:
            self.bench = RowBench(self.session)
            self.bench.add_undo_buttons(self.header)
            self.bench.snapshot_taken.connect(self._show_snapshot)   # counts, history, labels
            self.bench.unreadable.connect(self._cannot_open)         # an exception: say it in the page's own place
            self.body.addWidget(self.bench, 1)

        def load(self, session: ProjectSession) -> None:
            self.bench.load()

        def undo(self) -> None:
            self.bench.editing.undo()

        def redo(self) -> None:
            self.bench.editing.redo()

        def page_hidden(self) -> None:
            self.bench.leave()

    Work of the page's own on many rows goes through `work.start`, so that one thing is done at a time.

    Attributes:
        rows: The widgets: filter, find and replace, table.
        detail: The whole text of the row at the cursor.
        view: Which rows the table shows.
        work: Changes off the window's thread, one at a time.
        editing: Every change that a person makes by hand.

    Signals:
        snapshot_taken: What is true now, a `RowSnapshot`; None while there are no rows.
        unreadable: The exception that keeps the rows from being opened.
        free_changed: Whether anything can be changed now.
    """

    snapshot_taken = Signal(object)
    unreadable = Signal(object)
    free_changed = Signal(bool)

    def __init__(self, session: ProjectSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.snapshot: RowSnapshot | None = None
        self._shown_as = ""
        """Fingerprint of the rows as they are shown; "" while that is not known."""
        self.progress = ProgressStrip(can_cancel=False)
        self.rows = RowsPanel()
        self.table, self.model = self.rows.table, self.rows.model
        self.filter, self.finder = self.rows.filter, self.rows.finder
        self.detail = RowDetail()
        self.undo_button: Button | None = None
        self.redo_button: Button | None = None
        self._lay_out()
        self.view = RowView(self.rows, self)
        self.search = RowSearch(session, self.rows, self)
        self.narrowing = RowNarrowing(self.rows, self.view, self)
        self.work = RowWork(session, self)
        self.editing = RowEditing(session, self.rows, self.work, self)
        self.reading = RowReading(self.detail, self.view, self.editing, self)
        self.menu = RowMenu(self.rows, self.editing, self)
        self._snapshots = RowSnapshots(session, self._take_snapshot, self._cannot_open, self)
        self._connect()

    def _lay_out(self) -> None:
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.rows)
        self._splitter.addWidget(self.detail)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setSizes([560, 110])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addWidget(self.progress)
        layout.addWidget(self._splitter, 1)

    def _connect(self) -> None:
        self.work.busy_changed.connect(self._show_busy)
        self.work.progress.connect(self._on_progress)
        self.editing.edited.connect(self._on_edited)
        self.table.find_requested.connect(self.focus_search)
        self.table.replace_requested.connect(self.open_find)
        self.table.copied.connect(self._say_copied)
        self.finder.apply_requested.connect(self._replace)
        self.finder.closed.connect(self.table.setFocus)
        self.narrowing.rename_requested.connect(self._set_value)
        self.search.flag_requested.connect(self._flag_found)
        for keys, act in (("Ctrl+F", self.focus_search), ("Ctrl+H", self.open_find)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def add_undo_buttons(self, header: PageHeader) -> None:
        """Put Undo and Redo into a page's header."""
        self.undo_button = header.add_action("Undo", self.editing.undo, tool_tip="Ctrl+Z")
        self.redo_button = header.add_action("Redo", self.editing.redo, tool_tip="Ctrl+Shift+Z")

    # What is true

    @property
    def free(self) -> bool:
        """Whether anything can be changed now."""
        return self.snapshot is not None and not self.work.busy and not self.session.read_only

    def load(self) -> None:
        """Look at the rows in the background and show what is true. Cheap: pages call it from `load`."""
        self._snapshots.want()

    def leave(self) -> None:
        """The page is not on screen any more."""
        self.editing.withdraw_news()

    def _take_snapshot(self, snapshot: RowSnapshot | None) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if snapshot is None:
            self._forget()
        else:
            self._show_rows(snapshot, before)
            self.filter.set_labels(snapshot.label_column, snapshot.labels)
        self._show_what_can_be_done()
        self.snapshot_taken.emit(snapshot)

    def _show_rows(self, snapshot: RowSnapshot, before: RowSnapshot | None) -> None:
        columns = self._columns(snapshot.dataset)
        if snapshot.dataset is not self.view.dataset or columns != self.view.columns:
            self.view.open(snapshot.dataset, columns, self.session.project.id)
        elif snapshot.fingerprint != self._shown_as:
            if before is None or snapshot.kept > before.kept:
                self.view.ask()  # rows came back: they have no place in the view yet
            self.view.show_change()
            self.search.preview()
        self._shown_as = snapshot.fingerprint

    def _columns(self, dataset: Dataset) -> list[str]:
        """The columns with a role first, in the order of the roles."""
        roles = [column for column in self.session.project.format.roles.values() if column in dataset.columns]
        return list(dict.fromkeys([*roles, *dataset.columns]))

    def _cannot_open(self, error: Exception) -> None:
        self.snapshot = None
        self._forget()
        self._show_what_can_be_done()
        self.unreadable.emit(error)

    def _forget(self) -> None:
        """Let go of the rows: they are closed, or other ones come."""
        self._shown_as = ""
        self.view.close()

    def _show_what_can_be_done(self) -> None:
        free, snapshot = self.free, self.snapshot
        self.model.editable = free
        self.narrowing.set_free(free=free)
        if self.undo_button is not None and self.redo_button is not None:
            self.undo_button.setEnabled(free and snapshot is not None and snapshot.can_undo)
            self.redo_button.setEnabled(free and snapshot is not None and snapshot.can_redo)
        self.free_changed.emit(free)

    @Slot(str)
    def _show_busy(self, what: str) -> None:
        self._show_what_can_be_done()
        if what:
            self.progress.start(what)
            return
        self._shown_as = ""
        self.progress.finish()

    @Slot(object)
    def _on_progress(self, report: tuple[str, float, float | None]) -> None:
        self.progress.report(*report)

    @Slot()
    def _on_edited(self) -> None:
        """A cell was changed at once: show it, and let everybody look again."""
        self.view.show_change()
        self._shown_as = ""  # taken back at once, the rows would seem never to have changed
        self.session.rows_were_changed()

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

    @Slot()
    def _replace(self) -> None:
        if (wanted := self.search.replacement()) is not None:
            spec, ids = wanted
            self.work.start(f"Replacing “{spec.find}”", lambda dataset, _task: dataset.replace(spec, ids))

    @Slot(str, object, str)
    def _set_value(self, column: str, ids: RowIds, value: str) -> None:
        """A value was renamed in the facets."""
        rows = f"{len(ids):,} row{'' if len(ids) == 1 else 's'}"
        self.work.start(f"Changing {rows}", lambda dataset, _task: dataset.set_value(column, ids, value))

    @Slot(object)
    def _flag_found(self, ids: RowIds) -> None:
        """All rows that hold what is looked for."""
        self.work.start("Flagging rows", lambda dataset, _task: dataset.mark(ids, flag=True))

    @Slot(str)
    def _say_copied(self, sentence: str) -> None:
        notifications().say(sentence, key="copied")
