"""How one file is read: every guess of the program in a field of its own, to be changed by the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import ComboBox, set_shown
from fintune_gui.ui.widgets.incoming_file import Incoming
from fintune_gui.ui.widgets.labelled import labelled

FORMATS: tuple[tuple[str, object], ...] = (
    ("CSV or TSV", "csv"),
    ("JSON lines", "jsonl"),
    ("JSON", "json"),
    ("Parquet", "parquet"),
    ("Arrow or Feather", "arrow"),
    ("Spreadsheet", "excel"),
    ("SQLite database", "sqlite"),
    ("Plain text", "text"),
    ("Saved data set", "datasets"),
)
DELIMITERS: tuple[tuple[str, object], ...] = (("Comma", ","), ("Semicolon", ";"), ("Tab", "\t"), ("Vertical bar", "|"))
QUOTES: tuple[tuple[str, object], ...] = (("Double", '"'), ("Single", "'"), ("None", ""))
HEADERS: tuple[tuple[str, object], ...] = (("In the first line", True), ("There are none", False))
UNITS: tuple[tuple[str, object], ...] = (("Each file", "file"), ("Each line", "line"), ("Each paragraph", "paragraph"))
ENCODINGS: tuple[tuple[str, object], ...] = (
    ("UTF-8", "utf-8"),
    ("Windows-1252 (Western)", "cp1252"),
    ("Latin-1 (Western)", "latin-1"),
    ("Windows-1250 (Central European)", "cp1250"),
    ("Windows-1251 (Cyrillic)", "cp1251"),
    ("Windows-1254 (Turkish)", "cp1254"),
    ("UTF-16", "utf-16"),
    ("Chinese (GB 18030)", "gb18030"),
    ("Japanese (Shift JIS)", "shift_jis"),
    ("Korean (EUC-KR)", "euc_kr"),
)

_TEXT_FORMATS = ("csv", "jsonl", "json", "text")
_ONLY_FOR: dict[str, tuple[str, ...]] = {
    "encoding": _TEXT_FORMATS,
    "delimiter": ("csv",),
    "quote": ("csv",),
    "header": ("csv", "excel"),
    "text_unit": ("text",),
}
_NAMED = {"table": "tables", "member": "members"}
"""Options whose choices are names that were found: the option, and where they are told."""
_NARROWEST_FIELD = 168


@dataclass(frozen=True)
class Guess:
    """One option: its name in `ImportOptions`, the words beside it, and what can be chosen."""

    option: str
    words: str
    choices: tuple[tuple[str, object], ...] = ()


GUESSES = (
    Guess("format", "Format", FORMATS),
    Guess("member", "File inside"),
    Guess("table", "Table"),
    Guess("encoding", "Encoding", ENCODINGS),
    Guess("delimiter", "Columns are separated by", DELIMITERS),
    Guess("quote", "Quotes around texts", QUOTES),
    Guess("header", "Names of the columns", HEADERS),
    Guess("text_unit", "One row for", UNITS),
)


class ReadingForm(QWidget):
    """Shows the options that mean something for the file; a list with what was found first.

    Signals:
        chosen: (name of the option, value or None for "as found").
    """

    chosen = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields = {guess.option: ComboBox(guess.words) for guess in GUESSES}
        for field in self.fields.values():
            field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._boxes = {guess.option: labelled(guess.words, self.fields[guess.option]) for guess in GUESSES}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(metrics.GAP)
        self._grid.setVerticalSpacing(metrics.SMALL_GAP)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._shown: tuple[str, ...] = ()
        self._columns = 0
        for box in self._boxes.values():
            box.setParent(self)
            box.hide()
        for option, field in self.fields.items():
            field.chosen.connect(lambda value, option=option: self.chosen.emit(option, value))

    def show_file(self, file: Incoming) -> None:
        """Show how `file` is read."""
        shown = []
        for guess in GUESSES:
            found, chosen = _found(file, guess.option), file.choices.get(guess.option)
            choices = _choices(file, guess)
            if _means_something(file, guess.option, choices):
                shown.append(guess.option)
                self._fill(guess.option, choices, found, chosen)
        if tuple(shown) != self._shown:
            self._shown = tuple(shown)
            self._lay_out()

    def _fill(self, option: str, choices: Sequence[tuple[str, object]], found: object, chosen: object) -> None:
        seen = name_of(found, choices) if found is not None and chosen is None else ""
        field = self.fields[option]
        automatic = f"All {len(choices)}" if option in _NAMED and choices else "Find out"
        field.set_choices([(f"Found: {seen}" if seen else automatic, None), *choices])
        if chosen is not None and field.findData(chosen) < 0:
            field.set_choices(
                [
                    *[(field.itemText(n), field.itemData(n)) for n in range(field.count())],
                    (name_of(chosen, choices), chosen),
                ]
            )
        field.set_value(chosen)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._columns != self._fitting_columns():
            self._lay_out()

    def _fitting_columns(self) -> int:
        return max(2, min(max(4, len(self._shown)), (self.width() + metrics.GAP) // (_NARROWEST_FIELD + metrics.GAP)))

    def _lay_out(self) -> None:
        self._columns = self._fitting_columns()
        for option, box in self._boxes.items():
            self._grid.removeWidget(box)
            set_shown(box, shown=option in self._shown)
        for place, option in enumerate(self._shown):
            self._grid.addWidget(self._boxes[option], place // self._columns, place % self._columns)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < self._columns else 0)


def name_of(value: object, choices: Sequence[tuple[str, object]]) -> str:
    """How a value is called: "Windows-1252" for cp1252, a table by its own name."""
    for name, known in choices:
        if known == value and type(known) is type(value):
            return name
    normal = str(value).lower().replace("_", "-")
    alias = {"utf-8-sig": "utf-8", "ascii": "utf-8", "utf8": "utf-8"}.get(normal, normal)
    return next((name for name, known in choices if str(known).replace("_", "-") == alias), str(value))


def _found(file: Incoming, option: str) -> Any:
    return getattr(file.found, option, None)


def _format_of(file: Incoming) -> str:
    return str(file.choices.get("format") or _found(file, "format") or "")


def _choices(file: Incoming, guess: Guess) -> tuple[tuple[str, object], ...]:
    if guess.option in _NAMED:
        return tuple((name, name) for name in getattr(file.found, _NAMED[guess.option], ()))
    return guess.choices


def _means_something(file: Incoming, option: str, choices: Sequence[object]) -> bool:
    if option == "format":
        return not file.is_hub
    if option in _NAMED:
        return len(choices) > 1 or option in file.choices
    kind = _format_of(file)
    return kind in _ONLY_FOR[option] if kind else option in ("encoding", "delimiter")
