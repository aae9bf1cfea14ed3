"""The filter of one column: opens the form below the header, counts, and writes the condition into the one filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Slot

from fintune_gui.project.errors import DataError
from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.latest import Latest
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.widgets.column_filter import ColumnFilter
from fintune_gui.ui.widgets.conditions import columns_of, joined
from fintune_gui.ui.widgets.facet_panel import FacetSpec
from fintune_gui.ui.widgets.rows_panel import RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset


class ColumnFilters(QObject):
    """What the menu of a column asks for: a filter, or a facet."""

    def __init__(self, panel: RowsPanel, view: RowView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._view = panel, view
        self._form: ColumnFilter | None = None
        self._count = Latest(self)
        self._count.found.connect(self._show_count)
        self._count.failed.connect(self._cannot)
        panel.table.filter_requested.connect(self.open)
        panel.table.facet_requested.connect(self.add_facet)

    @property
    def form(self) -> ColumnFilter:
        """The form, made at its first use."""
        if self._form is None:
            self._form = ColumnFilter(self._panel)
            self._form.changed.connect(self._ask)
            self._form.applied.connect(self._apply)
            self._form.removed.connect(self._remove)
        return self._form

    @Slot(int)
    def open(self, section: int) -> None:
        """Show the form for the column of a section."""
        column = self._column(section)
        if column:
            header = self._panel.table.horizontalHeader()
            at = QPoint(max(0, header.sectionViewportPosition(section)), header.height())
            self.form.open_for(column, self._in_force(column), header.mapToGlobal(at))

    @Slot(int)
    def add_facet(self, section: int) -> None:
        """Open the facets with one for the values of a column."""
        if column := self._column(section):
            self._panel.show_facets(True)
            self._panel.facets.add_facet(FacetSpec("value", column))

    def _column(self, section: int) -> str:
        columns = self._view.columns
        return columns[section - 1] if 1 <= section <= len(columns) else ""

    def _in_force(self, column: str) -> list[str]:
        return [part for part in self._panel.filter.conditions() if column.lower() in columns_of(part)]

    def _text(self) -> str:
        """The condition of the form; "" while it is not complete."""
        from fintune_gui.dataset.filters import filter_text

        said = self.form.condition()
        return filter_text(self.form.column, said.operator, said.value, said.value2) if said.complete else ""

    # Counting

    @Slot()
    def _ask(self) -> None:
        dataset, condition = self._view.dataset, self._text()
        if dataset is None or not condition:
            self._count.forget()
            return
        before, show = self._panel.filter.query_text(), self._panel.filter.show_what
        text = joined([part for part in (before, condition) if part])
        question = (text, show, dataset.revision)
        self._count.ask(question, lambda _task: _matching(dataset, text, show, before, _task))

    @Slot(object)
    def _show_count(self, counts: tuple[int, int]) -> None:
        self.form.show_count(*counts)

    @Slot(object)
    def _cannot(self, error: Exception) -> None:
        if isinstance(error, DataError):
            self.form.show_error(error.problem.why or error.problem.what)
        else:
            notifications().show_error(error)

    # Doing

    @Slot()
    def _apply(self) -> None:
        if condition := self._text():
            self._count.forget()
            self.form.close()
            self._panel.filter.add(condition)

    @Slot(int)
    def _remove(self, number: int) -> None:
        in_force = self._in_force(self.form.column)
        if number < len(in_force):
            self._panel.filter.put(in_force[number], "")
            self.form.show_in_force(self._in_force(self.form.column))
            self._ask()


def _matching(dataset: Dataset, text: str, show: str, before: str, task: Task) -> tuple[int, int]:
    """How many rows a filter lets through, of how many that the filter before it does."""
    from fintune_gui.dataset.query import Query

    counts = [
        len(dataset.view(Query.model_validate({"text": asked, "show": show}), check_cancelled=task.check_cancelled))
        for asked in (text, before)
    ]
    return counts[0], counts[1]
