"""Changes that need an answer first: asked in words above the table, and done by `RowEditing`."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_editing import RowEditing
from fintune_gui.ui.services.row_view import places_of
from fintune_gui.ui.widgets.ask_bar import Answer, AskBar, Question
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.data_table import Selected

Block = list[list[str]]
_FILLED_AS_ONE = 20_000
"""Filling down over more rows than this sets one value instead of many."""


class RowAsking(QObject):
    """Paste, fill down, set a value everywhere, remove with a reason, rename, go to a row.

    Signals:
        row_wanted: The id of a row that shall be shown.
    """

    row_wanted = Signal(object)

    def __init__(self, rows: RowsPanel, editing: RowEditing, bar: AskBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._table, self._model = rows.table, rows.model
        self._editing = editing
        self._bar = bar

    # Where

    def column_at(self, section: int = -1) -> str:
        """The column of a section, or of the cursor; "" where there is no column of the data."""
        section = section if section >= 0 else self._table.currentIndex().column()
        return self._model.columns[section - 1] if 1 <= section <= len(self._model.columns) else ""

    def _columns_from(self, section: int) -> list[str]:
        """The columns that are shown, from a section to the right, as they lie on the screen."""
        shown = self._table.columns.shown()
        start = shown.index(section) if section in shown else 0
        return [name for at in shown[start:] if (name := self.column_at(at))]

    def _scopes(self) -> list[tuple[str, object]]:
        """Which rows a change can be about, in words."""
        total = self._model.rowCount()
        chosen = self._table.selected().count(total)
        matching = "matching rows" if self._rows.filter.is_filtered else "shown rows"
        everything = (f"in all {total:,} {matching}" if total != 1 else "in the only row", False)
        some = (f"in the {chosen:,} chosen rows" if chosen != 1 else "in the chosen row", True)
        return [some, everything] if 1 < chosen < total else [everything, some] if 0 < chosen < total else [everything]

    # Setting

    @Slot()
    def ask_value(self, section: int = -1) -> None:
        """Edit the same value in many rows."""
        column = self.column_at(section)
        if not column or not self._editing.free:
            return
        at = self._table.currentIndex()
        now = self._model.cell(at.row(), column) or "" if at.isValid() else ""
        view, chosen = self._model.view_ids, self._editing.chosen()

        def then(answer: Answer) -> None:
            self._editing.set_value(column, chosen if answer.choice else view, answer.text)

        text = now if "\n" not in now and len(now) <= 200 else ""
        words = f"Set “{column}” to"
        self._bar.ask(
            Question(words, "Set", then, text, "empty", self._scopes(), "It is one change, and can be undone.")
        )

    @Slot(object)
    def fill_down(self, chosen: Selected) -> None:
        """The chosen cells get what stands in the topmost of them; one row alone gets what stands above it."""
        if not self._editing.free or not chosen:
            return
        places = np.arange(self._model.rowCount()) if chosen.everything else np.array(chosen.rows, np.int64)
        first = int(places[0])
        targets = places[1:] if len(places) > 1 else places
        source = first if len(places) > 1 else first - 1
        columns = [name for section in chosen.columns if (name := self.column_at(section))]
        columns = columns or [name for name in [self.column_at()] if name]
        if source < 0 or not columns:
            return
        ids = self._model.view_ids[targets]
        values = {name: self._model.cell(source, name) for name in columns}
        if len(ids) > _FILLED_AS_ONE and len(columns) == 1:
            self._editing.set_value(columns[0], ids, values[columns[0]] or "")
            return
        cells = {name: (ids, [value] * len(ids)) for name, value in values.items()}
        self._editing.set_cells(dict(cells), kind="fill", verb="Filled")

    # Pasting

    @Slot(str)
    def paste(self, text: str) -> None:
        """Put a block from a spreadsheet at the cursor. What does not fit is asked about before anything is done."""
        at = self._table.currentIndex()
        block = block_of(text)
        if not block or not at.isValid() or not self._editing.free:
            return
        chosen = self._table.selected()
        if len(block) == len(block[0]) == 1 and chosen.count(self._model.rowCount()) > 1 and not chosen.everything:
            self._paste_everywhere(block[0][0], chosen)
            return
        top = chosen.ranges[0][0] if chosen.ranges else at.row()
        section = min(chosen.columns) if chosen.columns else at.column()
        columns = self._columns_from(max(1, section))
        named = _named_columns(block[0], self._model.columns) if len(block) > 1 else None
        if named is not None:
            block = [[line[number] for number in named] for line in block[1:]]
            columns = list(named.values())
        self._ask_paste(block, columns, top)

    def _paste_everywhere(self, value: str, chosen: Selected) -> None:
        ids = self._model.row_ids(chosen.rows)
        columns = [name for section in chosen.columns if (name := self.column_at(section))] or [self.column_at()]
        cells = {name: (ids, [value] * len(ids)) for name in columns if name}
        self._editing.set_cells(dict(cells), kind="paste", verb="Pasted into")

    def _ask_paste(self, block: Block, columns: list[str], top: int) -> None:
        room = self._model.rowCount() - top
        wide = max(len(line) for line in block)
        too_many, too_wide = max(0, len(block) - room), max(0, wide - len(columns))
        if not columns:
            return
        act = partial(self._paste_block, block, columns, top)
        if not too_many and not too_wide:
            act(add=False)
            return
        words = f"Paste {counted(len(block), 'row')} and {counted(wide, 'column')}"
        note = ""
        if too_wide:
            rest = f"the last {too_wide:,} would be left out"
            note = f"From here there is room for {counted(len(columns), 'column')}: {rest}. "
        choices: list[tuple[str, object]] = []
        if too_many:
            note += f"{counted(too_many, 'row')} would go beyond the last row."
            choices = [(f"Add {counted(too_many, 'row')}", True), ("Leave them out", False)]
        self._bar.ask(
            Question(words, "Paste", lambda answer: act(add=bool(answer.choice)), None, "", choices, note.strip())
        )

    def _paste_block(self, block: Block, columns: list[str], top: int, *, add: bool) -> None:
        room = self._model.rowCount() - top
        inside, beyond = block[:room], block[room:]
        cells: dict[str, tuple[RowIds, list[str | None]]] = {}
        for number, name in enumerate(columns):
            places = [place for place, line in enumerate(inside) if number < len(line)]
            if places:
                ids = self._model.row_ids([top + place for place in places])
                cells[name] = (ids, [inside[place][number] for place in places])
        new = [dict(zip(columns, line, strict=False)) for line in beyond] if add else []
        self._editing.set_cells(dict(cells), kind="paste", verb="Pasted", new_rows=[dict(row) for row in new])

    # Removing, renaming, going

    @Slot()
    def ask_reason(self) -> None:
        """Remove the chosen rows and say why."""
        count = counted(len(self._editing.chosen()), "row")
        if self._editing.free:
            self._bar.ask(
                Question(
                    f"Remove {count} because",
                    "Remove",
                    lambda answer: self._editing.remove(reason=answer.text.strip() or "Removed by hand"),
                    "",
                    "the reason, for your own memory",
                    note="Removed rows are kept aside with their reason, and can come back.",
                )
            )

    @Slot(int)
    def ask_name(self, section: int) -> None:
        """Rename a column."""
        column = self.column_at(section)
        if not column or not self._editing.free:
            return
        others = set(self._model.columns) - {column}

        def check(answer: Answer) -> str:
            name = answer.text.strip()
            return (
                "A column needs a name."
                if not name
                else f"There is a column “{name}” already."
                if name in others
                else ""
            )

        self._bar.ask(
            Question(
                f"Rename “{column}” to",
                "Rename",
                lambda answer: self._editing.rename(column, answer.text),
                column,
                note="What the column is used for stays the same.",
                check=check,
            )
        )

    @Slot()
    def ask_row(self) -> None:
        """Go to a row by its number."""

        def number(answer: Answer) -> int | None:
            digits = "".join(c for c in answer.text if c.isdigit())
            return int(digits) - 1 if digits and len(digits) <= 12 else None

        def check(answer: Answer) -> str:
            return "" if number(answer) is not None or not answer.text else "A row's number has only digits."

        def then(answer: Answer) -> None:
            if (row_id := number(answer)) is not None:
                self.row_wanted.emit(row_id)

        self._bar.ask(Question("Go to row", "Go", then, "", "for example 1,204", check=check))

    @Slot(bool)
    def go_to_flagged(self, backwards: bool = False) -> None:
        """Go to the next flagged row of the view; after the last comes the first."""
        dataset = self._editing.dataset
        if dataset is None:
            return
        places = places_of(self._model.view_ids, dataset.flagged_mask)
        if not len(places):
            notifications().say("None of these rows is flagged.", "F flags the chosen rows.", key="flagged")
            return
        at = self._table.currentIndex().row()
        if backwards:
            before = places[places < at]
            place = int(before[-1] if len(before) else places[-1])
        else:
            after = places[places > at]
            place = int(after[0] if len(after) else places[0])
        self._table.go_to(place)


def block_of(text: str) -> Block:
    """The cells of a block as spreadsheets put it on the clipboard: tabs and lines, quoted where a cell holds them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    if not text:
        return []
    if '"' not in text:
        return [line.split("\t") for line in text.split("\n")]
    return [line or [""] for line in csv.reader(io.StringIO(text, newline=""), delimiter="\t")]


def _named_columns(head: list[str], columns: tuple[str, ...]) -> dict[int, str] | None:
    """Place in the block -> column, if the first line of the block names columns of the table; else None."""
    if not all(name in columns or name in ("#", "note") for name in head) or len(set(head)) < len(head):
        return None
    return {number: name for number, name in enumerate(head) if name in columns} or None
