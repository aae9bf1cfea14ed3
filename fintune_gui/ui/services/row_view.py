"""Which rows a panel shows and in which order: filters, sorting, findings, and what stays put after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, Slot

from fintune_gui.project.errors import DataError
from fintune_gui.ui.itemmodels.rows_model import SORT_KEY_ROLE
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.widgets.data_table import Selected
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.store import Dataset

_FIRST_WIDTHS = {"#": 56, "note": 150}
_TEXT_WIDTH = 340
_TABLE = "clean"


class RowView(QObject):
    """Fills a `RowsPanel` from the rows, all work over many of them off the window's thread.

    Attributes:
        dataset: The rows that are shown, or None.
        columns: Their columns in the order of the table.

    Signals:
        row_shown: The id of the row at the cursor, or None; told again when its cells may have changed.
    """

    row_shown = Signal(object)

    def __init__(self, panel: RowsPanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.columns: list[str] = []
        self._panel = panel
        self._model, self._table, self._filter = panel.model, panel.table, panel.filter
        self._sort: tuple[str, bool] | None = None
        self._only: RowIds | str = ""
        self._query: Task | None = None
        self._filter.changed.connect(self._filter_changed)
        self._filter.all_requested.connect(self.show_all)
        self._table.current_changed.connect(self.show_current)
        self._table.selected_changed.connect(self._selection_changed)
        self._table.sort_requested.connect(self._sort_by)
        self._table.columns_changed.connect(self._keep_widths)

    # What the page says

    def open(self, dataset: Dataset, columns: list[str]) -> None:
        """Show other rows, those with a role in `columns` first."""
        self.close()
        self.dataset, self.columns = dataset, columns
        self._panel.finder.set_columns(columns)
        self._filter.set_example(columns[0])
        self.ask(first=True)

    def close(self) -> None:
        """Let go of the rows."""
        if self._query is not None:
            self._query.abandon()
            self._query = None
        self.dataset, self._only = None, ""
        self._model.show_rows(None)
        self.row_shown.emit(None)

    def ask(self, *, first: bool = False) -> None:
        """Find the rows that the filter asks for."""
        dataset = self.dataset
        if dataset is None:
            return
        if self._query is not None:
            self._query.abandon()
        text, show, sort, only = self._filter.query_text(), self._filter.show_what, self._sort, self._only

        def work(_task: Task) -> RowIds:
            if isinstance(only, str):
                return dataset.view(_query(only or text, show, sort))
            return only[~dataset.removed_mask[only]]

        self._query = run_in_background(
            self, work, success=lambda ids: self._take(dataset, ids, first=first), failure=self._cannot_filter
        )

    def show_change(self) -> None:
        """After a change: edited rows stay where they are, removed ones leave the view."""
        if self.dataset is None:
            return
        if self._filter.show_what == "removed":
            self.ask()
        elif self._filter.show_what == "kept":
            view = self._model.view_ids
            stays = ~self.dataset.removed_mask[view]
            if not stays.all():
                self._show(view[stays])
        self._model.refresh()
        self.show_current(self._table.currentIndex().row())

    def review(self, title: str, query: str, row_ids: list[int]) -> None:
        """Show the rows of a finding. A filter that people can read goes into the field, any other stays inside."""
        self._filter.clear()
        if query and "~" not in query:
            self._filter.set_text(query)
            return
        self._only = query or np.array(row_ids, np.int64)
        self._filter.show_only(f"{title}.")
        self.ask()

    @Slot()
    def show_all(self) -> None:
        """No filter any more."""
        self._filter.clear()
        self._filter_changed()

    # Inside

    def _take(self, dataset: Dataset, ids: RowIds, *, first: bool) -> None:
        self._query = None
        if dataset is not self.dataset:
            return
        self._filter.show_error("")
        self._show(ids)
        if first:
            widths = WindowSettings().table_state(_TABLE).get("widths", {})
            self._table.set_column_widths({**_FIRST_WIDTHS, self.columns[0]: _TEXT_WIDTH, **widths})
        if len(ids) and not self._table.currentIndex().isValid():
            self._table.setCurrentIndex(self._model.index(0, 1))
            self._table.horizontalScrollBar().setValue(0)

    def _show(self, ids: RowIds) -> None:
        """Show these rows; the row at the cursor stays there if it is among them, else the next one takes its place."""
        current = self._table.currentIndex()
        before = self._model.row_id(current.row()) if current.isValid() else None
        above = self._model.view_ids[: current.row()] if current.isValid() else ids[:0]
        top = self._table.verticalScrollBar().value()
        self._model.show_rows(self.dataset, ids, self.columns)
        self._show_emptiness(len(ids))
        if before is None or not len(ids):
            self.row_shown.emit(None)
        else:
            place = self._model.place_of(before)
            if place is None:
                place = min(int(np.isin(above, ids).sum()), len(ids) - 1)
            self._table.verticalScrollBar().setValue(top)
            self._table.setCurrentIndex(self._model.index(place, max(1, current.column())))
            self._table.scrollTo(self._model.index(place, max(1, current.column())))
        self._selection_changed(self._table.selected())

    def _show_emptiness(self, rows: int) -> None:
        self._panel.nothing.setVisible(rows == 0)
        self._table.setVisible(rows > 0)
        if rows:
            return
        if self._filter.is_filtered:
            self._panel.nothing.set("No row matches.", "", [("Show all rows", self.show_all)])
        else:
            words = {"removed": "No row was removed.", "edited": "No row was edited."}
            self._panel.nothing.set(words.get(self._filter.show_what, "No row is kept."))

    def _cannot_filter(self, error: Exception) -> None:
        self._query = None
        if isinstance(error, DataError) and error.problem.code == "data.bad_filter":
            self._filter.show_error(error.problem.why)
        else:
            notifications().show_error(error)

    @Slot()
    def _filter_changed(self) -> None:
        self._only = ""
        self._filter.show_only("")
        self.ask()

    @Slot(int, bool)
    def _sort_by(self, section: int, descending: bool) -> None:
        key = self._model.headerData(section, Qt.Orientation.Horizontal, SORT_KEY_ROLE)
        if key is not None:
            self._sort = (str(key), descending)
            self._table.show_sort(section, descending=descending)
            self.ask()

    @Slot(int)
    def show_current(self, place: int) -> None:
        """Tell which row is at a place of the view."""
        there = self.dataset is not None and 0 <= place < self._model.rowCount()
        self.row_shown.emit(self._model.row_id(place) if there else None)

    @Slot(object)
    def _selection_changed(self, chosen: Selected) -> None:
        total = self._model.rowCount()
        filtered = self._filter.is_filtered or bool(len(self._only))
        self._panel.finder.set_scope(total, chosen.count(total), matching=filtered)

    @Slot()
    def _keep_widths(self) -> None:
        WindowSettings().remember_table(_TABLE, {"widths": self._table.column_widths()})


def _query(text: str, show: str, sort: tuple[str, bool] | None) -> Query:
    from fintune_gui.dataset.query import Query, Sort

    order = (Sort(column=sort[0], descending=sort[1]),) if sort else ()
    return Query.model_validate({"text": text, "show": show, "sort": order})
