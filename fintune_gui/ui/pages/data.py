"""Data: bring files, look before anything is written, import them in a child process, and see what came in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from fintune_gui.project.errors import FintuneError
from fintune_gui.project.events import Ended
from fintune_gui.project.files import write_text
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.page_job import PageJob
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.drop_zone import DropZone
from fintune_gui.ui.widgets.feedback import ErrorPanel
from fintune_gui.ui.widgets.import_sheet import ImportSheet, Looked, Reading
from fintune_gui.ui.widgets.imported_rows import Imported, ImportedRows
from fintune_gui.ui.widgets.words import counted, size_in_words

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import ImportOptions

_FILES = "Texts (*.csv *.tsv *.txt *.json *.jsonl *.ndjson);;All files (*)"
_NOTHING, _SHEET, _ROWS, _UNREADABLE = range(4)
"""The views."""


class DataPage(Page):
    """Four views: nothing yet, the import sheet, the rows that were imported, and why they cannot be read."""

    step = Step.DATA
    title = "Data"
    scrolls = False

    def build(self) -> None:
        self._paths: list[str] = []
        self._reading = Reading()
        self._looking: Task | None = None
        self.job = PageJob(self.session, ("Choose other files…", self.choose_files), self)
        self.job.changed.connect(self._on_job)
        self.job.ended.connect(self._on_ended)
        self._shown: tuple[object, ...] | None = None
        self._paste_button = self.header.add_action("Paste rows", self.paste, tool_tip="Rows copied from a spreadsheet")
        self._choose_button = self.header.add_action("Import again…", self.choose_files)
        self._cancel_button = self.header.add_action("Cancel", self.leave_sheet)
        self.sheet = ImportSheet()
        self.sheet.reading_changed.connect(self._read_otherwise)
        self.sheet.leave_out.connect(self._leave_out)
        self.rows = ImportedRows()
        self.error = ErrorPanel()
        self.unreadable = ErrorPanel()
        self._views = QStackedWidget()
        for view in (self._empty_view(), self.sheet, self.rows, self._unreadable_view()):
            self._views.addWidget(view)
        for widget in (self.error, self.job.failure, self.job.progress):
            self.body.addWidget(widget)
        self.body.addWidget(self._views, 1)
        paste = QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), self)
        paste.activated.connect(self.paste)

    def _empty_view(self) -> QWidget:
        return DropZone(
            "Drop your file here.",
            "CSV, TSV, JSON or JSON lines, with one row for each example.\n"
            "You see what was found before anything is written; the file itself is only ever read.",
            [("Choose files…", self.choose_files), ("Paste rows", self.paste)],
        )

    def _unreadable_view(self) -> QWidget:
        view = QWidget()
        layout = QVBoxLayout(view)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.unreadable)
        layout.addStretch(1)
        return view

    # What is true

    def load(self, session: ProjectSession) -> None:
        read_only = bool(session.read_only)
        self._choose_button.setEnabled(not read_only)
        self._paste_button.setEnabled(not read_only)
        if self._paths or self.job.busy:
            return  # the sheet is open: what the user is doing there is not disturbed
        if not session.folder.dataset.is_dir():
            self._show_empty()
        else:
            self._show_rows()

    def _show_empty(self) -> None:
        self._shown = None
        self._views.setCurrentIndex(_NOTHING)
        self._show_buttons(sheet=False, rows=False)
        self.header.set_status("Nothing has been imported yet")
        self.header.set_primary("Choose files…", self.choose_files, enabled=not self.session.read_only)

    def _show_rows(self) -> None:
        session = self.session
        key = (session.project.id, session.facts.dataset_fingerprint, session.folder.dataset.stat().st_ino)
        if key == self._shown:
            return
        self._shown = key
        self._views.setCurrentIndex(_ROWS)
        self._show_buttons(sheet=False, rows=True)
        self.continue_to(Step.CLEAN)
        run_in_background(
            self, lambda _task: _read_imported(session), success=self._take_imported, failure=self._rows_failed
        )

    @Slot(object)
    def _take_imported(self, imported: Imported | None) -> None:
        if imported is None or not self.session.is_open:
            return
        self.error.show_problem(None)
        self.rows.show_imported(imported)
        if self._views.currentIndex() == _ROWS:
            self.header.set_status(_sentence(imported))

    def _rows_failed(self, error: Exception) -> None:
        if self._views.currentIndex() != _ROWS:
            return
        again = [] if self.session.read_only else [("Import again…", self.choose_files)]
        self.unreadable.show_problem(problem_of(error), again)
        self._views.setCurrentIndex(_UNREADABLE)
        self._show_buttons(sheet=False, rows=False)
        self.header.set_status("The rows cannot be read")
        self.header.set_primary("")

    def _show_buttons(self, *, sheet: bool, rows: bool) -> None:
        self._cancel_button.setVisible(sheet)
        self._choose_button.setVisible(rows)
        self._paste_button.setVisible(rows)
        if not sheet:
            self.hide_banner()

    def page_hidden(self) -> None:
        if self._views.currentIndex() == _ROWS:
            self.error.show_problem(None)

    # Choosing

    @Slot()
    def choose_files(self) -> None:
        """Ask for files."""
        if self.session.read_only:
            return
        names, _ = QFileDialog.getOpenFileNames(self, "Choose files to import", "", _FILES)
        if names:
            self.import_files(names)

    @Slot()
    def paste(self) -> None:
        """Rows from the clipboard become a file in the project, which is imported like any other."""
        text = QGuiApplication.clipboard().text()
        if self.session.read_only or self.job.busy:
            return
        if "\n" not in text.strip():
            notifications().say(
                "There are no rows on the clipboard.",
                "Copy a table with its heading line in your spreadsheet, then paste it here.",
                "warn",
            )
            return
        folder = self.session.folder.folder / "pasted"
        number = 1 + len(list(folder.glob("rows-*"))) if folder.is_dir() else 1
        ending = "tsv" if "\t" in text.splitlines()[0] else "csv"
        path = folder / f"rows-{number}.{ending}"
        try:
            folder.mkdir(exist_ok=True)
            write_text(path, text)
        except (OSError, FintuneError) as error:
            notifications().show_error(error)
            return
        self.import_files([str(path)])

    def import_files(self, paths: list[str]) -> None:
        """Open the import sheet for these files; more files join those that are there already."""
        if self.session.read_only or self.job.busy:
            return
        on_sheet = self._views.currentIndex() == _SHEET
        self._paths = list(dict.fromkeys([*(self._paths if on_sheet else []), *paths]))
        self._reading = self._reading if on_sheet else Reading()
        self.error.show_problem(None)
        self.job.dismiss()
        self._views.setCurrentIndex(_SHEET)
        self._show_buttons(sheet=True, rows=False)
        self.header.set_status("Looking at the first rows …")
        self.header.set_primary("Import", self.start_import, enabled=False, reason="The files are being looked at.")
        self._warn_about_present_rows()
        self._look()

    def _warn_about_present_rows(self) -> None:
        facts = self.session.facts
        if facts.rows is None:
            return
        changes = f" and your {counted(facts.operations, 'change')}" if facts.operations else ""
        self.show_banner(
            "These rows will take the place of the present ones.",
            f"The present {counted(facts.rows, 'row')}{changes} are kept aside in the project's folder, not deleted.",
            "warn",
        )

    def _look(self) -> None:
        if self._looking is not None:
            self._looking.abandon()
        paths, reading = list(self._paths), self._reading
        self._looking = run_in_background(
            self, lambda task: _look_at(paths, reading, task), success=self._take_looked, failure=self._look_failed
        )

    def _take_looked(self, looked: list[Looked]) -> None:
        self._looking = None
        self.sheet.show_files(looked, self._reading)
        good = sum(file.found is not None for file in looked)
        what = "Import" if len(looked) == 1 else f"Import {len(looked)} files"
        usable = good == len(looked) and good > 0
        reason = "" if usable else "A file cannot be used: leave it out, or choose how it is read."
        self.header.set_status("Nothing is written before you press Import" if usable else reason)
        self.header.set_primary(what, self.start_import, enabled=usable, reason=reason)

    def _look_failed(self, error: Exception) -> None:
        self._looking = None
        self.leave_sheet()
        self.error.show_problem(problem_of(error))

    @Slot(object)
    def _read_otherwise(self, reading: Reading) -> None:
        self._reading = reading
        self._look()

    @Slot(str)
    def _leave_out(self, path: str) -> None:
        self._paths.remove(path)
        if self._paths:
            self._look()
        else:
            self.leave_sheet()

    @Slot()
    def leave_sheet(self) -> None:
        """Forget the files; nothing has been written."""
        if self._looking is not None:
            self._looking.abandon()
            self._looking = None
        self._paths, self._shown = [], None
        self.error.show_problem(None)
        self.job.dismiss()
        self.load(self.session)

    # Importing

    @Slot()
    def start_import(self) -> None:
        """Read the files in a child process."""
        folder, paths, reading = self.session.folder, [Path(path) for path in self._paths], self._reading

        def write() -> Path:
            from fintune_gui.dataset.runs import create_import

            return create_import(folder, paths, _options(reading))

        self.rows.show_imported(None)
        self.session.close_dataset()
        self.job.start(write, "Starting to read")

    @Slot()
    def _on_job(self) -> None:
        """The sheet waits while its files are read, and is there again when that failed."""
        if self._views.currentIndex() != _SHEET:
            return
        importing = self.job.busy
        self.sheet.setEnabled(not importing)
        self._cancel_button.setVisible(not importing)
        self.header.primary.setEnabled(not importing)
        self.header.set_status(
            "Reading your files; you can go on elsewhere meanwhile"
            if importing
            else "Nothing was imported; what was there before is unchanged"
        )

    @Slot(object)
    def _on_ended(self, ended: Ended) -> None:
        if ended.outcome == "completed":
            self._finish_import(ended)

    def _finish_import(self, ended: Ended) -> None:
        self._paths, self._shown = [], None
        self.session.close_dataset()
        folder = self.session.folder

        def record(_task: Task) -> bool:
            from fintune_gui.dataset.apply import record_import
            from fintune_gui.dataset.importing import ImportResult

            record_import(folder, ImportResult.model_validate(ended.result))
            return True

        run_in_background(self, record, success=self._imported, failure=self._imported_but)
        self.load(self.session)

    def _imported_but(self, error: Exception) -> None:
        """The rows are there, only the document could not be changed."""
        notifications().show_error(error)
        self._imported()

    def _imported(self, _recorded: object = None) -> None:
        if self.session.is_open:
            self.session.project_changed.emit(self.session.project)
            self.session.rows_were_changed()


def _options(reading: Reading) -> ImportOptions:
    from fintune_gui.dataset.importing import ImportOptions

    return ImportOptions.model_validate(
        {"format": reading.format or "auto", "encoding": reading.encoding, "delimiter": reading.delimiter}
    )


def _look_at(paths: list[str], reading: Reading, task: Task) -> list[Looked]:
    """Sniff every file; what is wrong with one does not keep the others from being shown."""
    from fintune_gui.dataset.importing import sniff

    looked = []
    for path in paths:
        task.check_cancelled()
        name = os.path.basename(path)
        try:
            size = os.path.getsize(path) if os.path.isfile(path) else 0
            looked.append(Looked(path, name, size, found=sniff(Path(path), _options(reading))))
        except FintuneError as error:
            looked.append(Looked(path, name, 0, problem=error.problem))
    return looked


def _read_imported(session: ProjectSession) -> Imported | None:
    """What the last import brought; read off the window's thread."""
    import json

    from fintune_gui.dataset.importing import SOURCE_FILE, ImportResult, read_rejected
    from fintune_gui.dataset.query import Query

    dataset = session.dataset()
    if dataset is None:
        return None
    folder = session.folder.dataset
    document = json.loads((folder / SOURCE_FILE).read_bytes())
    result = ImportResult.model_validate({name: document[name] for name in ImportResult.model_fields})
    return Imported(result, read_rejected(folder), dataset, dataset.view(Query(show="all")))


def _sentence(imported: Imported) -> str:
    """ "1,500 rows read, 3 rejected, 312 KB, 0.4 s"."""
    result = imported.result
    parts = [f"{counted(result.rows, 'row')} read"]
    if result.rejected:
        parts.append(f"{result.rejected:,} rejected")
    return ", ".join([*parts, size_in_words(result.bytes), f"{max(result.seconds, 0.1):,.1f} s"])
