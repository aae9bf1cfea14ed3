"""Before an import: what was found out about each file, its first rows, and the guesses that can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.itemmodels.cell_look import readable
from fintune_gui.ui.itemmodels.files_model import FileLine, FilesModel
from fintune_gui.ui.itemmodels.texts_model import TextsModel
from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import Badge, Card, row
from fintune_gui.ui.widgets.controls import Button, ElidedLabel, Label, set_shown
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.feedback import Banner
from fintune_gui.ui.widgets.file_table import FileTable
from fintune_gui.ui.widgets.hub_field import HubField
from fintune_gui.ui.widgets.incoming_file import Incoming
from fintune_gui.ui.widgets.reading_form import DELIMITERS, ENCODINGS, FORMATS, ReadingForm, name_of
from fintune_gui.ui.widgets.segmented import Segmented
from fintune_gui.ui.widgets.words import counted, joined, size_in_words

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import Sniffed

ADD, REPLACE = "add", "replace"
"""What becomes of the rows that are there: they stay and get more, or are kept aside."""
_MOST_LINES, _MOST_LINES_LOW, _LOW = 5, 3, 640
"""So many files are seen at once, and on a page lower than so many pixels; the list scrolls."""
_SURE, _PROBABLE = 0.9, 0.6
"""From how sure on a row format is named without, and with "probably"."""


class ImportSheet(QWidget):
    """Shows `Incoming` files: all of them in a list, and one of them with its options and its first rows.

    Attributes:
        target: `ADD` or `REPLACE`; asked only where there are rows already.

    Signals:
        more_wanted: The user wants to choose more files.
        hub_wanted: (name, options) of a data set of the hub that shall join the files.
        target_changed: `target` has another value now.
        left_out: The path of a file that shall not be imported.
        read_otherwise: (path, option, value or None for "as found").
        read_all_as: The path of the file whose options are wanted for all.
    """

    more_wanted = Signal()
    hub_wanted = Signal(str, object)
    target_changed = Signal(object)
    left_out = Signal(str)
    read_otherwise = Signal(str, str, object)
    read_all_as = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files: list[Incoming] = []
        self._path = ""
        self._present: tuple[str, ...] = ()
        self._rows = self._changes = 0
        self.hub = HubField()
        self.hub.hide()
        self.target = Segmented("Present rows", [("Add to the present rows", ADD), ("Take their place", REPLACE)])
        self.model = FilesModel(("File", "What was found", "Rows look like", "Size"), right=(3,), parent=self)
        self.list = FileTable("Files to import", self.model, wide=1, most_lines=_MOST_LINES)
        self.problem = Banner()
        self.form = ReadingForm()
        self.preview = TextsModel(numbered=True, parent=self)
        self.table = DataTable("First rows")
        self._build()
        self.list.chosen.connect(self.show_file)
        self.list.remove_requested.connect(self.left_out)
        self.form.chosen.connect(self._read_otherwise)
        self.target.chosen.connect(self._on_target)
        self.hub.wanted.connect(self._add_from_hub)
        self.hub.closed.connect(self._close_hub)

    def _build(self) -> None:
        self._list_card = Card("Files")
        self._list_card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.leave_out = Button("Leave it out", self._leave_out, kind="link", tool_tip="Del")
        more = Button("Add files…", self.more_wanted.emit, kind="link")
        self.from_hub = Button("From the hub…", self.ask_for_hub, kind="link")
        self._list_card.add_action(self.leave_out, more, self.from_hub)
        self._list_card.add(self.list)
        self._reading = Card("How it is read")
        self.for_all = Button("Read all files so", self._read_all, kind="link")
        self._reading.add_action(self.for_all)
        self._reading.add(self.form)
        self._reading.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._encoding_note = ElidedLabel("", "small")
        self._encoding_note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._reading.header.insertWidget(1, self._encoding_note, 100)
        self._preview = Card("First rows")
        self._shape = Badge("", "good")
        self._preview.add_action(self._shape)
        self._remarks = Label("", "small", wrap=True)
        self._preview.add(self._remarks)
        self._columns_note = Label("", "small", wrap=True)
        self._preview.add(self._columns_note)
        self.table.setModel(self.preview)
        self.table.setEditTriggers(DataTable.EditTrigger.NoEditTriggers)
        self._preview.add(self.table, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        self._fate = Label("", "muted", wrap=True)
        self._fate.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._target_line = QWidget()
        line = row(self.target, self._fate, spacing=metrics.GAP)
        line.setStretch(1, 1)
        line.setContentsMargins(0, 0, 0, 0)
        self._target_line.setLayout(line)
        self._target_line.hide()
        for widget in (self._target_line, self.hub, self._list_card, self.problem, self._reading):
            layout.addWidget(widget)
        layout.addWidget(self._preview, 1)
        layout.addStretch()

    def show_present(self, rows: int | None, changes: int, columns: Sequence[str], target: str) -> None:
        """Say what is there already, and what shall become of it; None: there is nothing."""
        self._path = ""
        self._present = tuple(columns)
        self._rows, self._changes = rows or 0, changes
        self._target_line.setVisible(rows is not None)
        self.target.set_value(target)
        self._show_fate()

    @property
    def adds(self) -> bool:
        """Whether the rows go into the present table."""
        return not self._target_line.isHidden() and self.target.value() == ADD

    @Slot()
    def ask_for_hub(self) -> None:
        """Let the user name a data set of the hub."""
        self.hub.ask()
        self._fit_list()

    @Slot()
    def _close_hub(self) -> None:
        self.hub.hide()
        self._fit_list()
        self.list.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_list()

    def _fit_list(self) -> None:
        """Leave room for the first rows, whatever else is open."""
        self._reading.setVisible(bool(self._files) and self.hub.isHidden())
        low = self.height() < _LOW or not self.hub.isHidden()
        self.list.set_most_lines(_MOST_LINES_LOW if low else _MOST_LINES)

    # What is true

    def show_files(self, files: Sequence[Incoming]) -> None:
        """Show the files as they are known now; the one at the cursor stays there."""
        self._files = list(files)
        self.model.show_lines([_line(file) for file in files])
        if self._chosen() is None:
            self._path = files[0].path if files else ""
        self.list.choose(self._path)
        for card in (self._list_card, self._preview):
            card.setVisible(bool(files))
        self._fit_list()
        self.leave_out.setEnabled(bool(files))
        set_shown(self.for_all, shown=len(files) > 1)
        self._show_chosen()

    def _chosen(self) -> Incoming | None:
        return next((file for file in self._files if file.path == self._path), None)

    @Slot(str)
    def show_file(self, path: str) -> None:
        """Show the options and first rows of one file."""
        if path and path != self._path:
            self._path = path
            self._show_chosen()

    def _show_chosen(self) -> None:
        file = self._chosen()
        if file is None:
            self.problem.hide()
            return
        self._show_problem(file)
        self._reading.set_title(f"How {file.name} is read")
        self.form.show_file(file)
        found = file.found
        note = found.encoding_note if found is not None else ""
        self._encoding_note.setText(note)
        self._encoding_note.set_tone("warn" if "look at the preview" in note else None)
        self._encoding_note.setVisible(bool(note))
        self._preview.setVisible(found is not None)
        if found is not None:
            self._show_rows(found)

    def _show_problem(self, file: Incoming) -> None:
        problem = file.problem
        set_shown(self.problem, shown=problem is not None)
        if problem is not None:
            text = " ".join(part for part in (problem.why, problem.todo) if part)
            ways = [("Leave it out", self._leave_out)]
            bad = [file.path for file in self._files if file.problem is not None]
            if len(bad) > 1:
                ways.append((f"Leave out all {len(bad)}", self._leave_out_bad))
            self.problem.set(problem.what, text, "bad", ways)

    def _show_rows(self, found: Sniffed) -> None:
        count = len(found.first_rows)
        self._preview.set_title("The first row" if count == 1 else f"The first {count} rows")
        words, tone = _shape_words(found)
        self._shape.set(words, tone)
        self._shape.setVisible(bool(words))
        fit = _fit(self._present, found.columns) if self.adds else ""
        for label, text in ((self._remarks, _remarks(found)), (self._columns_note, fit)):
            label.setText(text)
            label.setVisible(bool(text))
        self._remarks.set_tone("warn" if found.rejected else None)
        texts = [[readable(values.get(name)) for name in found.columns] for values in found.first_rows]
        before = [self.preview.headerData(s, Qt.Orientation.Horizontal) for s in range(self.preview.columnCount())]
        self.preview.show_texts(found.columns, texts)
        if before != ["#", *found.columns]:
            self.table.set_column_widths({})

    def _show_fate(self) -> None:
        rows = counted(self._rows, "row")
        if self.adds:
            self._fate.setText(f"The {rows} that are there stay as they are; this can be undone.")
        else:
            changes = f" and your {counted(self._changes, 'change')}" if self._changes else ""
            self._fate.setText(f"The present {rows}{changes} are kept aside, not deleted.")

    # What the user does

    @Slot(object)
    def _on_target(self, _target: object) -> None:
        self._show_fate()
        self._show_chosen()
        self.target_changed.emit(self.target.value())

    @Slot(str, object)
    def _add_from_hub(self, name: str, options: object) -> None:
        self._close_hub()
        self._path = name
        self.hub_wanted.emit(name, options)

    @Slot(str, object)
    def _read_otherwise(self, option: str, value: object) -> None:
        if self._chosen() is not None:
            self.read_otherwise.emit(self._path, option, value)

    @Slot()
    def _read_all(self) -> None:
        self.read_all_as.emit(self._path)

    @Slot()
    def _leave_out_bad(self) -> None:
        for file in self._files:
            if file.problem is not None:
                self.left_out.emit(file.path)

    @Slot()
    def _leave_out(self) -> None:
        self.left_out.emit(self._path)


def describe(file: Incoming) -> str:
    """What was found, in one line: "CSV, comma, UTF-8 · 4 columns"."""
    found = file.found
    if found is None:
        return ""
    parts = [name_of(found.format, FORMATS).removesuffix(" or TSV")]
    if found.delimiter:
        parts.append(name_of(found.delimiter, DELIMITERS).lower())
    if found.table:
        parts.append(f"“{found.table}”")
    if found.encoding:
        parts.append(name_of(found.encoding, ENCODINGS))
    if found.compressed:
        parts.append(found.compressed)
    amounts = [counted(len(found.columns), "column")]
    if found.rows is not None:
        amounts.insert(0, counted(found.rows, "row"))
    if len(found.members) > 1 and "member" not in file.choices:
        amounts.insert(0, counted(len(found.members), "file"))
    return " · ".join([", ".join(parts), *amounts])


def _line(file: Incoming) -> FileLine:
    size = size_in_words(file.bytes) if file.bytes else ""
    if file.problem is not None:
        return FileLine(file.path, (file.name, file.problem.what, "", size), str(file.problem), "bad")
    if file.found is None:
        return FileLine(file.path, (file.name, "Looking …", "", size), file.path)
    return FileLine(file.path, (file.name, describe(file), file.found.shape or "", size), file.path)


def _shape_words(found: Sniffed) -> tuple[str, Tone]:
    """The name of the row format, with how sure that is."""
    if not found.shape:
        return "", "neutral"
    if found.shape_sure >= _SURE:
        return found.shape, "good"
    return (f"Probably {found.shape}", "info") if found.shape_sure >= _PROBABLE else (f"Perhaps {found.shape}", "warn")


def _remarks(found: Sniffed) -> str:
    """What the user should know about the rows before they are imported."""
    remarks = [found.shape_why, found.shape_advice, *found.notes]
    if found.rejected:
        count = len(found.rejected)
        rows = "One of the first rows" if count == 1 else f"{count} of the first rows"
        remarks.append(f"{rows} cannot be read and would be kept in the rejected list. {found.rejected[0]}")
    return " ".join(remark for remark in remarks if remark)


def _fit(present: Sequence[str], columns: Sequence[str]) -> str:
    """How columns that come fit to those that are there."""
    if not present:
        return ""
    from fintune_gui.dataset.importing import SOURCE_COLUMN

    new = [f"“{name}”" for name in columns if name not in present]
    missing = [f"“{name}”" for name in present if name not in (*columns, SOURCE_COLUMN)]
    sentences = []
    if new:
        verb = "is a new column" if len(new) == 1 else "are new columns"
        sentences.append(f"{joined(new)} {verb}: the present rows stay empty there.")
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        sentences.append(f"{joined(missing)} {verb} not in this file: its rows stay empty there.")
    return " ".join(sentences) or "All columns are those of the present rows."
