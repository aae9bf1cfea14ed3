"""Before an import: what was found out about each file, its first rows, and the guesses that can be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from fintune_gui.project.errors import Problem
from fintune_gui.ui.itemmodels.texts_model import TextsModel
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Badge, Card, row
from fintune_gui.ui.widgets.controls import Button, ComboBox, ElidedLabel, Label
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.feedback import ProblemList
from fintune_gui.ui.widgets.words import size_in_words

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import Sniffed

FORMATS: tuple[tuple[str, object], ...] = (("CSV or TSV", "csv"), ("JSON lines", "jsonl"), ("JSON", "json"))
DELIMITERS: tuple[tuple[str, object], ...] = (("Comma", ","), ("Semicolon", ";"), ("Tab", "\t"), ("Vertical bar", "|"))
ENCODINGS: tuple[tuple[str, object], ...] = (
    ("UTF-8", "utf-8"),
    ("Western (Windows-1252)", "cp1252"),
    ("Western (Latin-1)", "latin-1"),
    ("Central European (Windows-1250)", "cp1250"),
    ("Cyrillic (Windows-1251)", "cp1251"),
    ("UTF-16", "utf-16"),
    ("Chinese (GB 18030)", "gb18030"),
    ("Japanese (Shift JIS)", "shift_jis"),
    ("Korean (EUC-KR)", "euc_kr"),
)

_MOST_FILES = 5
"""So many files are described one by one; the preview still shows each."""


@dataclass(frozen=True)
class Looked:
    """A file that was looked at: what was found, or why it cannot be used."""

    path: str
    name: str
    bytes: int
    found: Sniffed | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Reading:
    """How the files shall be read; None leaves it to the program."""

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


class ImportSheet(QWidget):
    """Shows `Looked` files. What is chosen here is for all of them.

    Signals:
        reading_changed: The `Reading` that the user wants now.
        leave_out: The path of a file that shall not be imported.
    """

    reading_changed = Signal(object)
    leave_out = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._looked: list[Looked] = []
        self.problems = ProblemList()
        self._files = Card("What was found")
        self._list = QVBoxLayout()
        self._list.setSpacing(metrics.TINY_GAP)
        self._files.add(self._list)
        self.format = ComboBox("Format")
        self.encoding = ComboBox("Encoding")
        self.delimiter = ComboBox("Delimiter")
        self._guesses = Card("Read as")
        self._build_guesses()
        self._preview = Card("First rows", padding=metrics.CARD_PADDING)
        self.chooser = ComboBox("File of the preview")
        self.chooser.chosen.connect(self._show_preview)
        self._preview.add_action(self.chooser)
        self.model = TextsModel(numbered=True, parent=self)
        self.table = DataTable("First rows")
        self.table.setModel(self.model)
        self.table.setEditTriggers(DataTable.EditTrigger.NoEditTriggers)
        self._preview.add(self.table, 1)
        self._nothing = Label("There is nothing to show yet.", "muted")
        self._preview.add(self._nothing)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addWidget(self.problems)
        top = row(self._files, self._guesses, spacing=metrics.GAP)
        top.setStretch(0, 1)
        layout.addLayout(top)
        layout.addWidget(self._preview, 1)

    def _build_guesses(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(metrics.GAP)
        grid.setVerticalSpacing(metrics.SMALL_GAP)
        grid.setColumnStretch(1, 1)
        for number, combo in enumerate((self.format, self.encoding, self.delimiter)):
            label = Label(combo.accessibleName())
            label.setBuddy(combo)
            combo.setMinimumWidth(220)
            combo.chosen.connect(self._tell)
            grid.addWidget(label, number, 0)
            grid.addWidget(combo, number, 1)
        self._guesses.add(grid)
        self._guesses.body.addStretch(1)

    # What the page says

    def show_files(self, looked: list[Looked], reading: Reading) -> None:
        """Show what was found out about the files."""
        self._looked = looked
        good = [file for file in looked if file.found is not None]
        bad = [file for file in looked if file.problem is not None]
        self.problems.show_problems(
            [file.problem for file in bad if file.problem],
            lambda problem: [
                ("Leave it out", lambda file=file: self.leave_out.emit(file.path))  # type: ignore[misc]
                for file in bad
                if file.problem is problem
            ],
        )
        self._files.setVisible(bool(good))
        self._guesses.setVisible(bool(looked))
        self._preview.setVisible(bool(good))
        self._fill_list(good)
        self._fill_guesses(good, reading)
        self.chooser.set_choices([(file.name, file.path) for file in good])
        self.chooser.setVisible(len(good) > 1)
        self._show_preview()

    def _fill_list(self, good: list[Looked]) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for file in good[:_MOST_FILES]:
            self._list.addWidget(_FileLine(file, self.leave_out.emit if len(self._looked) > 1 else None))
        if len(good) > _MOST_FILES:
            self._list.addWidget(Label(f"and {len(good) - _MOST_FILES:,} more files", "small"))
        self._list.addStretch(1)

    def _fill_guesses(self, good: list[Looked], reading: Reading) -> None:
        found = [file.found for file in good if file.found is not None]
        for combo, choices, values, chosen in (
            (self.format, FORMATS, {seen.format for seen in found}, reading.format),
            (self.encoding, ENCODINGS, {seen.encoding for seen in found}, reading.encoding),
            (self.delimiter, DELIMITERS, {seen.delimiter for seen in found}, reading.delimiter),
        ):
            seen_name = _name_of(next(iter(values)), choices) if len(values) == 1 and chosen is None else ""
            automatic = f"Found: {seen_name}" if seen_name else "Find out"
            combo.set_choices([(automatic, None), *choices])
            combo.set_value(chosen)
        is_csv = reading.format == "csv" or any(seen.format == "csv" for seen in found)
        self.delimiter.setEnabled(is_csv or not found)

    def reading(self) -> Reading:
        """What is chosen now."""
        return Reading(self.format.currentData(), self.encoding.currentData(), self.delimiter.currentData())

    @Slot(object)
    def _tell(self, _value: object) -> None:
        self.reading_changed.emit(self.reading())

    @Slot(object)
    def _show_preview(self, _path: object = None) -> None:
        path = self.chooser.currentData()
        found = next((file.found for file in self._looked if file.path == path and file.found is not None), None)
        columns = found.columns if found else ()
        rows = [[values.get(name) for name in columns] for values in found.first_rows] if found else []
        self.model.show_texts(columns, rows)
        self.table.set_column_widths({})
        self.table.setVisible(bool(rows))
        self._nothing.setVisible(not rows)


class _FileLine(QWidget):
    """One file: its name, what was found, the shape of its rows, and a way to leave it out."""

    def __init__(self, file: Looked, leave_out: object = None) -> None:
        super().__init__()
        found = file.found
        assert found is not None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 6)
        layout.setSpacing(2)
        name = ElidedLabel(file.name, "strong")
        name.setToolTip(file.path)
        head = row(name)
        head.setStretch(0, 1)
        if found.shape:
            head.addWidget(Badge(found.shape, "good"))
        if callable(leave_out):
            link = Button("Leave out", lambda: leave_out(file.path), kind="link")
            link.setAccessibleName(f"Leave out {file.name}")
            head.addWidget(link)
        layout.addLayout(head)
        layout.addWidget(ElidedLabel(describe(file), "small"))
        if found.encoding_note:
            guessed = "look at the preview" in found.encoding_note
            layout.addWidget(Label(found.encoding_note, "small", tone="warn" if guessed else None, wrap=True))
        self.setAccessibleName(f"{file.name}: {describe(file)}")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)


def describe(file: Looked) -> str:
    """What was found, in one line: "CSV, semicolons, UTF-8 · 4 columns · 396 KB"."""
    found = file.found
    assert found is not None
    parts = [_name_of(found.format, FORMATS).removesuffix(" or TSV")]
    if found.delimiter:
        parts.append(_name_of(found.delimiter, DELIMITERS).lower())
    parts.append(_name_of(found.encoding, ENCODINGS))
    columns = f"{len(found.columns)} column{'' if len(found.columns) == 1 else 's'}"
    return f"{', '.join(parts)} · {columns} · {size_in_words(file.bytes)}"


def _name_of(value: object, choices: tuple[tuple[str, object], ...]) -> str:
    normal = str(value).lower().replace("_", "-")
    alias = {"utf-8-sig": "utf-8", "ascii": "utf-8"}.get(normal, normal)
    return next((name for name, known in choices if str(known).replace("_", "-") == alias), str(value))
