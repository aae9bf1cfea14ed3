"""Everything that a page with a table of rows needs, put together once: Clean and Data show the same bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.services.draft_offer import DraftOffer
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_asking import RowAsking
from fintune_gui.ui.services.row_commands import row_commands
from fintune_gui.ui.services.row_dock import RowDock
from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.services.row_menu import RowMenu
from fintune_gui.ui.services.row_narrowing import RowNarrowing
from fintune_gui.ui.services.row_reading import RowReading
from fintune_gui.ui.services.row_search import RowSearch
from fintune_gui.ui.services.row_snapshot import RowSnapshot, RowSnapshots
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.services.row_work import RowWork
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.ask_bar import AskBar
from fintune_gui.ui.widgets.controls import Button
from fintune_gui.ui.widgets.progress_strip import ProgressStrip
from fintune_gui.ui.widgets.row_detail import RowDetail
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.ui.widgets.page_header import PageHeader


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

    and passes `undo`, `redo` and `page_hidden` on to `editing.undo`, `editing.redo` and `leave`.
    Work of the page's own on many rows goes through `work.start`, so that one thing is done at a time.

    Attributes:
        rows: The widgets: filter, find and replace, table.
        detail: The whole text of the row at the cursor.
        view: Which rows the table shows.
        work: Changes off the window's thread, one at a time.
        editing: Every change that a person makes by hand.
        asking: Those of them that need an answer first.

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
        self._shown_as = -1
        """Revision of the rows as they are shown; -1 while that is not known."""
        self._wanted: tuple[int, bool] | None = None
        """A row to go to once it is in the view, and whether it shall be edited then."""
        self.progress = ProgressStrip()
        self._draft: tuple[int, str, str, int] | None = None
        """A text to go on with once its row is in the view."""
        self.bar = AskBar()
        self.rows = RowsPanel()
        self.table, self.model = self.rows.table, self.rows.model
        self.filter, self.finder = self.rows.filter, self.rows.finder
        self.detail = RowDetail()
        self.dock = RowDock(self.rows, self.detail)
        self.undo_button: Button | None = None
        self.redo_button: Button | None = None
        self.view = RowView(self.rows, self)
        self.search = RowSearch(session, self.rows, self)
        self.narrowing = RowNarrowing(self.rows, self.view, self)
        self.work = RowWork.of(session)
        self.editing = RowEditing(session, self.rows, self.work, self)
        self.asking = RowAsking(self.rows, self.editing, self.bar, self)
        self.reading = RowReading(self.detail, self.view, self.editing, self)
        self.offer = DraftOffer(self.reading.drafts, self)
        self.menu = RowMenu(self.rows, self.editing, self.asking, self)
        self.menu.note_requested.connect(self.edit_note)
        self.menu.pane_requested.connect(self.edit_in_pane)
        self._snapshots = RowSnapshots(session, self._take_snapshot, self._cannot_open, self)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        for widget in (self.progress, self.offer.banner, self.bar):
            layout.addWidget(widget)
        layout.addWidget(self.dock, 1)

    def _connect(self) -> None:
        self.session.closing.connect(self._commit)
        self.work.busy_changed.connect(self._show_busy)
        self.work.progress.connect(self._on_progress)
        self.progress.cancelled.connect(self.work.cancel)
        self.editing.edited.connect(self._on_edited)
        self.editing.added.connect(lambda row_id: self.go_to_row(row_id, edit=True))
        self.asking.row_wanted.connect(self.go_to_row)
        self.bar.closed.connect(self.table.setFocus)
        self.offer.taken_up.connect(self._take_up)
        self.reading.kept_aside.connect(self.offer.offer)
        self.dock.open_changed.connect(lambda is_open: self.reading.set_open(is_open=is_open))
        self.detail.move_requested.connect(self._move)
        self.detail.left.connect(self.table.setFocus)
        self.detail.closed.connect(self.table.setFocus)
        self.model.modelReset.connect(self._go_on)
        self.finder.apply_requested.connect(self._replace)
        self.finder.closed.connect(self.table.setFocus)
        self.filter.left.connect(self._enter_table)
        self.narrowing.rename_requested.connect(self.editing.set_value)
        self.search.flag_requested.connect(lambda ids: self.editing.mark(ids, flag=True))
        for keys, act in (("Ctrl+F", self.focus_search), ("Ctrl+H", self.open_find), ("Shift+F2", self.edit_in_pane)):
            shortcut = QShortcut(QKeySequence(keys), self.rows)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        self._connect_table()

    def _connect_table(self) -> None:
        table, editing, asking = self.table, self.editing, self.asking
        table.find_requested.connect(self.focus_search)
        table.replace_requested.connect(self.open_find)
        table.copied.connect(self._say_copied)
        table.detail_requested.connect(self.dock.toggle)
        table.flag_requested.connect(editing.flag)
        table.star_requested.connect(editing.star)
        table.edit_refused.connect(self._edit_elsewhere)
        table.add_row_requested.connect(editing.add_row)
        table.paste_requested.connect(asking.paste)
        table.fill_down_requested.connect(asking.fill_down)
        table.rename_requested.connect(asking.ask_name)
        table.go_to_row_requested.connect(asking.ask_row)
        table.next_flagged.connect(asking.go_to_flagged)

    def add_undo_buttons(self, header: PageHeader) -> None:
        """Put Undo and Redo into a page's header."""
        self.undo_button = header.add_action("Undo", self.editing.undo, tool_tip="Ctrl+Z")
        self.redo_button = header.add_action("Redo", self.editing.redo, tool_tip="Ctrl+Shift+Z")

    # What is true

    @property
    def free(self) -> bool:
        """Whether anything can be changed now."""
        return self.snapshot is not None and not self.work.busy and not self.session.read_only

    def commands(self) -> list[Command]:
        """What the command palette offers here."""
        return row_commands(self)

    def load(self) -> None:
        """Look at the rows in the background and show what is true. Cheap: pages call it from `load`."""
        self._snapshots.want()

    def leave(self) -> None:
        """The page is not on screen any more: what is typed is committed."""
        self._commit()
        self.view.remember()
        self.editing.withdraw_news()

    @Slot()
    def _commit(self) -> None:
        """Make a change of what is typed, in the pane or over a cell."""
        self.detail.commit()
        editor = self.table.indexWidget(self.table.currentIndex())
        if editor is not None:
            self.table.commitData(editor)

    def _take_snapshot(self, snapshot: RowSnapshot | None) -> None:
        before, self.snapshot = self.snapshot, snapshot
        if snapshot is None:
            self._forget()
        else:
            self._show_rows(snapshot, before)
            self.offer.look_again()
            self.filter.set_labels(snapshot.label_column, snapshot.labels)
        self._show_what_can_be_done()
        self.snapshot_taken.emit(snapshot)

    def _show_rows(self, snapshot: RowSnapshot, before: RowSnapshot | None) -> None:
        columns = self._columns(snapshot.dataset)
        if snapshot.dataset is not self.view.dataset or columns != self.view.columns:
            if snapshot.dataset is not self.view.dataset:
                self.reading.drafts.look()
            self.view.open(snapshot.dataset, columns, self.session.project.id)
        elif snapshot.revision != self._shown_as:
            if before is None or snapshot.kept > before.kept:
                self.view.ask()  # rows came back: they have no place in the view yet
            self.view.show_change()
            self.search.preview()
        self._shown_as = snapshot.revision

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
        self._shown_as = -1
        self.offer.banner.hide()
        self.view.close()

    def _show_what_can_be_done(self) -> None:
        free, snapshot = self.free, self.snapshot
        self.model.editable = free
        self.narrowing.set_free(free=free)
        self.detail.set_editable(editable=free)
        if self.undo_button is not None and self.redo_button is not None:
            self.undo_button.setEnabled(free and snapshot is not None and snapshot.can_undo)
            self.redo_button.setEnabled(free and snapshot is not None and snapshot.can_redo)
        self.free_changed.emit(free)

    @Slot(str)
    def _show_busy(self, what: str) -> None:
        self._show_what_can_be_done()
        if what:
            self.progress.start(what, can_cancel=self.work.can_cancel)
            return
        self._shown_as = -1
        self.progress.finish()

    @Slot(object)
    def _on_progress(self, report: tuple[str, float, float | None]) -> None:
        self.progress.report(*report)

    @Slot()
    def _on_edited(self) -> None:
        """A cell was changed at once: show it, and let everybody look again."""
        self.view.show_change()
        self._shown_as = -1  # taken back at once, the rows would seem never to have changed
        self.session.rows_were_changed()

    # Going

    @Slot(object)
    def go_to_row(self, row_id: int, *, edit: bool = False) -> None:
        """Bring a row to the cursor. One that the filter keeps out is said to be so, with a way there."""
        dataset = self.view.dataset
        if dataset is None or not 0 <= row_id < dataset.total_rows:
            rows = counted(dataset.total_rows, "row") if dataset is not None else "no rows"
            notifications().say(f"There is no row {row_id + 1:,}.", f"The data has {rows}.", key="row")
            return
        place = self.model.place_of(row_id)
        if place is not None:
            self._arrive(place, edit=edit)
        elif edit or not self.filter.is_filtered:
            self._wanted = (row_id, edit)  # a new row: it comes with the next view
            self.show_all_of(row_id)
        else:
            notifications().say(
                f"Row {row_id + 1:,} is not among the shown rows.",
                actions=[("Show all rows and go there", lambda: self._go_among_all(row_id))],
                key="row",
            )

    def show_all_of(self, row_id: int) -> None:
        """Take every filter off, so that a row is in the view; a removed one shows removed rows too."""
        removed = self.view.dataset is not None and self.view.dataset.is_removed(row_id)
        self.filter.clear()
        if removed:
            self.filter.shown.set_value("all")
        self.view.show_all() if not removed else self.view.ask()

    def _go_among_all(self, row_id: int) -> None:
        self._wanted = (row_id, False)
        self.show_all_of(row_id)

    @Slot()
    def _go_on(self) -> None:
        """The view is another one: go to the row that was waited for."""
        waited = self._wanted or self._draft
        if waited is not None and self.model.place_of(waited[0]) is not None:
            QTimer.singleShot(0, self, self._arrive_there)

    def _arrive_there(self) -> None:
        if self._draft is not None and self.model.place_of(self._draft[0]) is not None:
            draft, self._draft = self._draft, None
            self._take_up(*draft)
        if self._wanted is None:
            return
        (row_id, edit) = self._wanted
        place = self.model.place_of(row_id)
        if place is not None:
            self._wanted = None
            self._arrive(place, edit=edit)

    def _arrive(self, place: int, *, edit: bool) -> None:
        self.table.go_to(place)
        self.table.setFocus()
        if edit:
            self.table.setCurrentIndex(self.model.index(place, 1))
            self.table.edit(self.model.index(place, 1))

    @Slot(int)
    def _move(self, by: int) -> None:
        """To the next row or the one before, with the focus left in the pane."""
        place = self.table.currentIndex().row() + by
        if 0 <= place < self.model.rowCount():
            self.detail.commit()
            self.table.go_to(place)

    # The pane

    @Slot(object, str, str, int)
    def _take_up(self, row_id: int, column: str, text: str, cursor: int) -> None:
        """Go on with a text that never became a change, in the pane."""
        self.dock.open()
        if self.model.place_of(row_id) is None:
            self.show_all_of(row_id)
            self._draft = (row_id, column, text, cursor)
            return
        self._arrive(self.model.place_of(row_id) or 0, edit=False)
        self.detail.take_up(column, text, cursor)

    @Slot()
    def edit_in_pane(self) -> None:
        """Shift+F2: put the cursor into the whole text of the cell."""
        self.dock.open()
        self.detail.edit(self.asking.column_at())

    @Slot()
    def _edit_elsewhere(self) -> None:
        """F2 on what cannot be edited in the table: the turns of a conversation, or the note."""
        if not self.free:
            return
        if self.asking.column_at():
            self.edit_in_pane()
        elif self.table.currentIndex().column() > len(self.model.columns):
            self.edit_note()

    def edit_note(self) -> None:
        """Put the cursor into the note of the row at the table's cursor."""
        self.dock.open()
        self.detail.note.setFocus()

    # Finding

    @Slot()
    def _enter_table(self) -> None:
        if self.table.isVisible():
            self.table.setFocus()

    @Slot()
    def focus_search(self) -> None:
        """Ctrl+F."""
        self.filter.focus()

    @Slot()
    def open_find(self) -> None:
        """Ctrl+H."""
        self.finder.open(replace=True)

    @Slot()
    def _replace(self) -> None:
        if (wanted := self.search.replacement()) is not None:
            spec, ids = wanted
            self.work.start(
                f"Replacing “{spec.find}”",
                lambda dataset, task: dataset.replace(
                    spec, ids, report=task.report, check_cancelled=task.check_cancelled
                ),
                self.editing.say_done,
                can_cancel=True,
            )

    @Slot(str)
    def _say_copied(self, sentence: str) -> None:
        notifications().say(sentence, key="copied")
