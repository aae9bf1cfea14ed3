"""Which rows a panel shows and in which order: filters, sorting, findings, and what stays put after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from fintune_gui.project.errors import DataError
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.widgets.conditions import columns_of
from fintune_gui.ui.widgets.data_table import Selected
from fintune_gui.ui.widgets.facet_panel import FacetSpec
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.column import Mask
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.store import Dataset

_FIRST_WIDTHS = {"#": 56, "note": 150}
_TEXT_WIDTH = 340
_MOST_TEXT_WIDTH = 720
"""The first column takes what the others leave, but a longer line is hard to read."""
_TABLE = "clean"

SortKey = tuple[str, bool]
"""What a `Sort` calls the column, and whether it is descending."""


class RowView(QObject):
    """Fills a `RowsPanel` from the rows, all work over many of them off the window's thread.

    Attributes:
        dataset: The rows that are shown, or None.
        columns: Their columns in the order of the table.
        sorts: The sort keys, the first one first. The order is only how the rows are shown.

    Signals:
        row_shown: The id of the row at the cursor, or None; told again when its cells may have changed.
        columns_known: The names of the columns: other rows, or columns with other names, are shown.
        asked: The filter, the order or the rows themselves are other ones.
    """

    row_shown = Signal(object)
    columns_known = Signal(object)
    asked = Signal()

    def __init__(self, panel: RowsPanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.columns: list[str] = []
        self._panel = panel
        self._model, self._table, self._filter = panel.model, panel.table, panel.filter
        self.sorts: list[SortKey] = []
        self._only: RowIds | str = ""
        self._query: Task | None = None
        self._project_id = ""
        self._columns_state: dict[str, Any] = {}
        self._top = 0
        """The row to scroll to once the rows are there."""
        self._seen_removed: Mask | None = None
        """What was out when the view last left removed rows out."""
        self._filter.changed.connect(self._filter_changed)
        self._filter.all_requested.connect(self.show_all)
        self._table.current_changed.connect(self.show_current)
        self._table.selected_changed.connect(self._selection_changed)
        self._table.sorts_requested.connect(self.sort_by)
        self._table.columns_changed.connect(self._keep_widths)

    # What the page says

    def open(self, dataset: Dataset, columns: list[str], project_id: str = "") -> None:
        """Show other rows, those with a role in `columns` first.

        Args:
            project_id: Whose last view comes back, and whose view is remembered from now on.
        """
        again = self.dataset is dataset and self._project_id == project_id
        before = self.state() if again else WindowSettings().last_view(project_id) if project_id else {}
        self.close()
        self.dataset, self.columns, self._project_id = dataset, columns, project_id
        self._panel.finder.set_columns(columns)
        self._filter.set_example(columns[0])
        self._take_state(before)
        self.columns_known.emit(columns)
        self.ask(first=True)

    def close(self) -> None:
        """Let go of the rows."""
        self.remember()
        if self._query is not None:
            self._query.abandon()
            self._query = None
        self.dataset, self._only = None, ""
        self._model.show_rows(None)
        self.row_shown.emit(None)
        self.asked.emit()

    # Views that can be kept

    def state(self) -> dict[str, Any]:
        """How the rows are shown, as JSON: filter, order, columns, facets and the row at the top."""
        facets = [[spec.kind, spec.column] for spec in self._panel.facets.specs]
        return {
            "filter": self._filter.query_text(),
            "show": self._filter.show_what,
            "sort": [list(key) for key in self.sorts],
            "columns": self._table.column_state(),
            "facets": facets,
            "facets_open": self._panel.facets.isVisibleTo(self._panel),
            "row": max(0, self._table.verticalScrollBar().value()),
        }

    def show_state(self, state: dict[str, Any]) -> None:
        """Show the rows as `state` gave it; what is damaged or of other columns is passed over."""
        self._only = ""
        self._filter.show_only("")
        self._take_state(state)
        self._table.set_column_state(self._columns_state)
        self.ask()

    def _take_state(self, state: dict[str, Any]) -> None:
        self._filter.clear()
        self._filter.search.setText(str(state.get("filter") or ""))
        self._filter.shown.set_value(state.get("show", "kept"))
        known = {"#", *self.columns, *(f"length:{name}" for name in self.columns)}
        self.sorts = [
            (str(key), bool(descending)) for key, descending in _pairs(state.get("sort")) if str(key) in known
        ]
        kinds = {"value", "length", "state"}
        specs = [FacetSpec(kind, str(column)) for kind, column in _pairs(state.get("facets")) if kind in kinds]
        if specs:
            self._panel.facets.set_specs([spec for spec in specs if not spec.column or spec.column in self.columns])
        if "facets_open" in state:
            self._panel.show_facets(bool(state["facets_open"]))
        self._top = int(state["row"]) if isinstance(state.get("row"), int) else 0
        columns = state.get("columns")
        self._columns_state = columns if isinstance(columns, dict) else {}

    def remember(self) -> None:
        """Keep how the rows are shown for the next start: asked for when the page goes, since a disk may be slow."""
        if self._project_id and self.dataset is not None:
            WindowSettings().remember_view(self._project_id, self.state())

    # Asking

    @property
    def busy(self) -> bool:
        """Whether rows are being looked for."""
        return self._query is not None

    @property
    def limited_to_rows(self) -> bool:
        """Whether a finding's rows are shown, which no filter can tell."""
        return bool(len(self._only))

    def ask(self, *, first: bool = False) -> None:
        """Find the rows that the filter asks for."""
        dataset = self.dataset
        if dataset is None:
            return
        if self._query is not None:
            self._query.abandon()
        text, show, sorts, only = self._filter.query_text(), self._filter.show_what, list(self.sorts), self._only
        self.asked.emit()

        def work(task: Task) -> RowIds:
            if isinstance(only, str):
                return dataset.view(_query(only or text, show, sorts), check_cancelled=task.check_cancelled)
            removed = dataset.removed_mask
            there = only[only < len(removed)]  # added rows may have been taken back since they were found
            return there[~removed[there]]

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
            self._leave_removed(self.dataset.removed_mask)
        self._model.refresh()
        self.asked.emit()
        self.show_current(self._table.currentIndex().row())

    def _leave_removed(self, removed: Mask) -> None:
        if removed is self._seen_removed:
            return  # the same picture of what is out: a million rows need not be looked at for an edit
        self._seen_removed = removed
        view = self._model.view_ids[self._model.view_ids < len(removed)]  # added rows may be taken back
        stays = ~removed[view]
        if len(view) < self._model.rowCount() or not stays.all():
            self._show(view[stays])

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
        self._seen_removed = None  # rows may have been removed while they were looked for
        self._show(ids)
        self._show_marks()
        if first:
            self._show_columns()
        QTimer.singleShot(0, self, self._choose_first)  # the window breathes before the whole row is laid out
        if self._top:
            self._table.verticalScrollBar().setValue(self._top)
            self._top = 0

    @Slot()
    def _choose_first(self) -> None:
        """A table with rows has a row at the cursor: the one at the top."""
        if self._model.rowCount() and not self._table.currentIndex().isValid():
            top = self._table.verticalScrollBar().value()
            self._table.setCurrentIndex(self._model.index(min(top, self._model.rowCount() - 1), 1))
            self._table.horizontalScrollBar().setValue(0)
            self._table.verticalScrollBar().setValue(top)

    def _show_columns(self) -> None:
        if self._columns_state:
            self._table.set_column_state(self._columns_state)
        else:
            widths = WindowSettings().table_state(_TABLE).get("widths", {})
            others = {name: width for name, width in self._table.column_widths().items() if name != self.columns[0]}
            room = self._table.viewport().width() - sum({**others, **_FIRST_WIDTHS, **widths}.values())
            first = max(_TEXT_WIDTH, min(room, _MOST_TEXT_WIDTH))
            self._table.set_column_widths({**_FIRST_WIDTHS, self.columns[0]: first, **widths})

    def _show_marks(self) -> None:
        """Say in the header by which columns the rows are ordered and filtered."""
        filtered = columns_of(self._filter.query_text())
        self._table.show_sorts(self.sorts)
        self._table.set_filtered({name for name in self.columns if name.lower() in filtered})

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
        if not rows and self._table.hasFocus():
            self._filter.search.setFocus()  # a hidden table would hand it to whatever comes next
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

    @Slot(object)
    def sort_by(self, sorts: list[SortKey]) -> None:
        """Order the rows by other keys, the first one first."""
        self.sorts = [(str(column), bool(descending)) for column, descending in sorts]
        self._show_marks()
        self.ask()

    @Slot()
    def unsort(self) -> None:
        """The order of the import again."""
        self.sort_by([])

    @Slot(int)
    def show_current(self, place: int) -> None:
        """Tell which row is at a place of the view."""
        there = self.dataset is not None and 0 <= place < self._model.rowCount()
        self.row_shown.emit(self._model.row_id(place) if there else None)

    @Slot(object)
    def _selection_changed(self, chosen: Selected) -> None:
        total = self._model.rowCount()
        filtered = self._filter.is_filtered or bool(len(self._only))
        kept = self.dataset.kept_rows() if self.dataset is not None else 0
        self._panel.finder.set_scope(total, chosen.count(total), kept, matching=filtered)
        self._filter.show_count(total, self.dataset.total_rows if self.dataset is not None else 0, chosen.count(total))

    @Slot()
    def _keep_widths(self) -> None:
        WindowSettings().remember_table(_TABLE, {"widths": self._table.column_widths()})


def places_of(view: RowIds, mask: Mask) -> RowIds:
    """Where in a view the rows of `mask` are. Rows of the view that an undo has taken away since are nowhere."""
    there = np.flatnonzero(view < len(mask))
    return there[mask[view[there]]]


def _query(text: str, show: str, sorts: list[SortKey]) -> Query:
    from fintune_gui.dataset.query import Query, Sort

    order = tuple(Sort(column=column, descending=descending) for column, descending in sorts)
    return Query.model_validate({"text": text, "show": show, "sort": order})


def _pairs(value: object) -> list[tuple[Any, Any]]:
    """The pairs of a list that was read from a file; anything else is passed over."""
    return (
        [(pair[0], pair[1]) for pair in value if isinstance(pair, list) and len(pair) == 2]
        if isinstance(value, list)
        else []
    )
