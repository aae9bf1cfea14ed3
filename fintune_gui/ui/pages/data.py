"""Data: bring rows from anywhere, look before anything is written, and see what came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from fintune_gui.project.errors import FintuneError
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.health_watch import HealthWatch
from fintune_gui.ui.services.imported_rows import Imported, ImportedRows
from fintune_gui.ui.services.importing_work import Importing, repeat_steps, say_repeated
from fintune_gui.ui.services.incoming import IncomingFiles
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.pasting import keep_pasted
from fintune_gui.ui.services.reject_mending import RejectMending
from fintune_gui.ui.services.row_snapshot import RowSnapshot
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.services.source_watch import SourceWatch
from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.widgets.damage_words import backup_words, damage_of
from fintune_gui.ui.widgets.drop_zone import DropZone
from fintune_gui.ui.widgets.feedback import Action, ErrorPanel
from fintune_gui.ui.widgets.import_sheet import ADD, REPLACE, ImportSheet
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.recipe import Recipe

_FILES = (
    "Rows and texts (*.csv *.tsv *.txt *.md *.json *.jsonl *.ndjson *.parquet *.arrow *.feather *.xlsx *.xls *.ods "
    "*.db *.sqlite *.sqlite3 *.gz *.zst *.zip);;All files (*)"
)
_NOTHING, _SHEET, _ROWS, _UNREADABLE = range(4)
"""The views."""


class DataPage(Page):
    """Four views: nothing yet, the import sheet, the rows that were imported, and why they cannot be read."""

    step = Step.DATA
    title = "Data"
    scrolls = False

    def build(self) -> None:
        self.incoming = IncomingFiles(self.session, self)
        self.incoming.changed.connect(self._show_sheet)
        self.importing = Importing(self.session, ("Choose other files…", self.choose_files), self)
        self.importing.changed.connect(self._on_importing)
        self.importing.imported.connect(self._on_imported)
        self.importing.repeatable.connect(self._offer_steps)
        self.sheet = ImportSheet()
        self.sheet.more_wanted.connect(self.choose_files)
        self.sheet.target_changed.connect(self._show_sheet)
        self.sheet.hub.closed.connect(self._show_sheet)
        self.incoming.obey(self.sheet)
        self.rows = ImportedRows(self.session)
        self.bench = self.rows.bench
        self.bench.snapshot_taken.connect(self._show_snapshot)
        self.bench.unreadable.connect(self._rows_failed)
        self.bench.free_changed.connect(self._on_free)
        self.rows.add_wanted.connect(self.choose_files)
        self.rows.again_wanted.connect(self.import_again)
        self.rows.paste_wanted.connect(self.paste)
        self.rows.hub_wanted.connect(self.from_hub)
        self.mending = RejectMending(self.session, self.rows.rejects, self.bench.work, self)
        self.mending.counted.connect(self._show_rejected)
        self.source_watch = SourceWatch(self.session, self)
        self.source_watch.found.connect(self._take_imported)
        self.health = HealthWatch.of(self.session)
        self.health.changed.connect(self._show_damage)
        self._imported: Imported | None = None
        self._rejected = 0
        self._tells_damage = False
        self._lay_out()

    def _lay_out(self) -> None:
        self._cancel_button = self.header.add_action("Cancel", self.leave_sheet)
        self.bench.add_undo_buttons(self.header)
        self.error, self.unreadable = ErrorPanel(), ErrorPanel()
        unreadable = QWidget()
        layout = QVBoxLayout(unreadable)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.unreadable)
        layout.addStretch(1)
        empty = DropZone(
            "Drop your files here.",
            "CSV, JSON, Parquet, Excel, SQLite, plain text, or a folder of them, packed or not.\n"
            "You see what was found before anything is written; the files themselves are only ever read.",
            [
                ("Choose files…", self.choose_files),
                ("Choose a folder…", self.choose_folder),
                ("Paste", self.paste),
                ("From the hub…", self.from_hub),
            ],
        )
        self._views = QStackedWidget()
        for view in (empty, self.sheet, self.rows, unreadable):
            self._views.addWidget(view)
        job = self.importing.job
        for widget in (self.error, job.failure, job.progress):
            self.body.addWidget(widget)
        self.body.addWidget(self._views, 1)
        self._paste_key = QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), self)
        self._paste_key.activated.connect(self.paste)

    # What is true

    def load(self, session: ProjectSession) -> None:
        self.rows.set_writable(session.read_only)
        if self._views.currentIndex() == _SHEET or self.importing.busy:
            return  # what the user is doing there is not disturbed
        if not session.folder.dataset.is_dir():
            self._show_empty()
        else:
            self._show_rows()

    def _show_view(self, view: int) -> None:
        self._views.setCurrentIndex(view)
        self._cancel_button.setVisible(view == _SHEET)
        self._paste_key.setEnabled(view in (_NOTHING, _SHEET))  # in a table it pastes cells
        for button in (self.bench.undo_button, self.bench.redo_button):
            if button is not None:
                button.setVisible(view == _ROWS)
        if view != _ROWS:
            self.rows.export_card.hide()
            self.hide_banner()

    def _show_empty(self) -> None:
        self._imported = None
        self._show_view(_NOTHING)
        self.header.set_status("Nothing has been imported yet")
        self.header.set_primary("Choose files…", self.choose_files, enabled=not self.session.read_only)

    def _show_rows(self) -> None:
        if self._views.currentIndex() != _ROWS:
            self._show_view(_ROWS)
            self._show_damage()
        self.bench.load()
        self.mending.load()
        self.source_watch.look()

    @Slot(object)
    def _show_snapshot(self, snapshot: RowSnapshot | None) -> None:
        if snapshot is None or self._views.currentIndex() == _SHEET:
            return
        if self._views.currentIndex() == _UNREADABLE:
            self._show_view(_ROWS)
            self._show_damage()
        self.rows.export.refresh()
        self._show_what_is_true()

    @Slot(object)
    def _take_imported(self, imported: Imported) -> None:
        self._imported = imported
        self.rows.show_imported(imported)
        self._show_what_is_true()

    @Slot(int)
    def _show_rejected(self, count: int) -> None:
        self._rejected = count
        self.rows.show_rejected(count)
        self._show_what_is_true()

    def _show_what_is_true(self) -> None:
        if self._views.currentIndex() != _ROWS or self._imported is None:
            return
        self.header.set_status(self.session.read_only or self._imported.sentence(self._rejected))
        kept = self.bench.snapshot.kept if self.bench.snapshot else 0
        reason = "" if kept else "No row is kept: bring some back first."
        self.continue_to(Step.CLEAN, enabled=kept > 0, reason=reason)

    @Slot(object)
    def _rows_failed(self, error: Exception) -> None:
        if self._views.currentIndex() == _SHEET:
            return
        again = [] if self.session.read_only else self._ways_out() or [("Import again…", self.import_again)]
        health = self.health.health
        known = damage_of(health) if health and health.problems else None
        self.unreadable.show_problem(known or problem_of(error), again)
        self._show_view(_UNREADABLE)
        self.header.set_status("The rows cannot be read")
        self.header.set_primary("")

    @Slot()
    def _show_damage(self) -> None:
        """Say above the rows what is damaged, with a button for each way out."""
        health = self.health.health
        if self._views.currentIndex() == _UNREADABLE:
            self.bench.load()  # says it again, with the ways out that are known now
        if self._views.currentIndex() != _ROWS:
            return
        if health is not None and health.problems:
            problem = damage_of(health)
            self.show_banner(problem.what, problem.why, "bad", self._ways_out())
        elif self._tells_damage:
            self.hide_banner()
        self._tells_damage = bool(health and health.problems)

    def _ways_out(self) -> list[Action]:
        health = self.health.health
        if health is None or not health.problems or self.session.read_only:
            return []
        ways: list[Action] = []
        if backup := backup_words(health):
            ways.append((backup, self.health.restore_backup))
        if health.change_is_bad:
            ways.append(("Go back to before the damaged change", self.health.step_back))
        if health.log_is_bad or health.change_is_bad:
            ways.append(("Start again from the import", self.health.start_from_import))
        else:
            ways.append(("Import again…", self.import_again))
        return ways

    @Slot(bool)
    def _on_free(self, free: bool) -> None:
        self.rows.rejects.set_enabled(enabled=free)

    def page_shown(self) -> None:
        self.source_watch.look()

    def commands(self) -> list[Command]:
        shows_rows = not self.waiting and self._views.currentIndex() == _ROWS
        return [*super().commands(), *(self.rows.commands() if shows_rows else [])]

    def page_hidden(self) -> None:
        self.bench.leave()
        if self._views.currentIndex() == _ROWS:
            self.error.show_problem(None)

    def undo(self) -> None:
        if self._views.currentIndex() == _ROWS:
            self.bench.editing.undo()
        else:
            super().undo()

    def redo(self) -> None:
        if self._views.currentIndex() == _ROWS:
            self.bench.editing.redo()
        else:
            super().redo()

    # Choosing

    @Slot()
    def choose_files(self) -> None:
        """Ask for files."""
        if not self.session.read_only:
            names, _ = QFileDialog.getOpenFileNames(self, "Choose files to import", "", _FILES)
            if names:
                self.import_files(names)

    @Slot()
    def choose_folder(self) -> None:
        """Ask for a folder."""
        if not self.session.read_only:
            name = QFileDialog.getExistingDirectory(self, "Choose a folder to import")
            if name:
                self.import_files([name])

    @Slot()
    def from_hub(self) -> None:
        """Open the sheet to name a data set of the hub."""
        if not self.session.read_only and not self.importing.busy:
            self._open_sheet(ADD)
            self.sheet.ask_for_hub()
            self._show_sheet()

    @Slot()
    def import_again(self) -> None:
        """Open the sheet with the files of the present rows, to read them in another way."""
        if self.session.read_only or self.importing.busy:
            return
        sources = self._imported.sources if self._imported else self.session.project.sources
        if not sources:
            self.choose_files()
            if self._views.currentIndex() == _SHEET:
                self.sheet.target.set_value(REPLACE)
            return
        self._open_sheet(REPLACE)
        for source in sources:
            self.incoming.add([source.path], source.options.model_dump(exclude_defaults=True))

    @Slot()
    def paste(self) -> None:
        """Text from the clipboard becomes a file in the project, which is imported like any other."""
        text = QGuiApplication.clipboard().text()
        if self.session.read_only or self.importing.busy:
            return
        if not text.strip():
            notifications().say(
                "There is no text on the clipboard.",
                "Copy a table with its heading line in your spreadsheet, JSON lines, or any text; then paste it here.",
                "warn",
            )
            return
        try:
            path = keep_pasted(self.session.folder.folder, text)
        except (OSError, FintuneError) as error:
            notifications().show_error(error)
            return
        self.import_files([str(path)])

    def import_files(self, paths: list[str]) -> None:
        """Open the import sheet for these files; more files join those that are there already."""
        if self.session.read_only or self.importing.busy:
            return
        if self._views.currentIndex() != _SHEET:
            self._open_sheet(ADD)
        self.incoming.add(paths)

    def _open_sheet(self, target: str) -> None:
        facts, dataset = self.session.facts, self.bench.view.dataset
        self.error.show_problem(None)
        self.importing.job.dismiss()
        usable = facts.rows is not None and dataset is not None
        columns = dataset.columns if dataset is not None else ()
        self.sheet.show_present(facts.rows if usable else None, facts.operations, columns, target)
        self.incoming.clear()
        self._show_view(_SHEET)

    @Slot()
    def _show_sheet(self, *_: object) -> None:
        if self._views.currentIndex() != _SHEET or self.importing.busy:
            return
        files = self.incoming.files
        self.sheet.show_files(files)
        if not files and self.sheet.hub.isHidden():
            self.leave_sheet()
            return
        verb = "Add" if self.sheet.adds else "Import"
        what = verb if len(files) <= 1 and not self.sheet.adds else f"{verb} {counted(len(files), 'file')}"
        reason = ""
        if self.incoming.busy:
            reason = "Looking at the first rows …"
        elif not files:
            reason = "Name a data set, or choose files"
        elif not self.incoming.usable:
            reason = "A file cannot be used: leave it out, or choose how it is read."
        self.header.set_status(reason or f"Nothing is written before you press {verb}")
        self.header.set_primary(what, self.start_import, enabled=not reason, reason=reason)

    @Slot()
    def leave_sheet(self) -> None:
        """Forget the files; nothing has been written."""
        self.incoming.clear()
        self.sheet.hub.hide()
        self.error.show_problem(None)
        self.importing.job.dismiss()
        self._views.setCurrentIndex(_NOTHING)
        self.load(self.session)

    # Importing

    @Slot()
    def start_import(self) -> None:
        """Read the files in a child process."""
        files = [file.as_choice() for file in self.incoming.files]
        self.importing.start(files, add=self.sheet.adds)

    @Slot()
    def _on_importing(self) -> None:
        """The sheet waits while its files are read, and is there again when that failed."""
        if self._views.currentIndex() != _SHEET:
            return
        busy = self.importing.busy
        self.sheet.setEnabled(not busy)
        self._cancel_button.setVisible(not busy)
        self.header.primary.setEnabled(not busy)
        self.header.set_status(
            "Reading your files; you can go on elsewhere meanwhile"
            if busy
            else "Nothing was imported; what was there before is unchanged"
        )

    @Slot(bool)
    def _on_imported(self, _added: bool) -> None:
        self.health.look()
        self.leave_sheet()
        if self.isVisible():
            self.rows.enter()

    @Slot(object)
    def _offer_steps(self, recipe: Recipe) -> None:
        steps = counted(len(recipe.steps), "step")
        self.show_banner(
            "Your rows were read again.",
            f"The rows from before had {steps}. What was done by hand is repeated where the same text stands.",
            "info",
            [(f"Repeat the {steps} on the new rows", lambda: self._repeat(recipe)), ("Not now", self.hide_banner)],
        )

    def _repeat(self, recipe: Recipe) -> None:
        self.hide_banner()
        self.bench.work.start("Repeating your steps", lambda rows, task: repeat_steps(rows, recipe, task), say_repeated)
