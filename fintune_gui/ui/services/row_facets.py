"""Fills the facets beside a table: counts under the other conditions of the filter, off the window's thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from fintune_gui.project.errors import DataError
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.in_turn import InTurn, Question
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.widgets.conditions import Subject, joined
from fintune_gui.ui.widgets.facet_list import FacetLine
from fintune_gui.ui.widgets.facet_panel import FacetSpec
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.facets import Facet, FacetValue, Histogram
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.store import Dataset

_PAUSE_MS = 250
_MOST_VALUES = 50
_BINS = 24
_SOURCE = "source"
_REMOVED = "is removed"
_LONGEST_RENAMED = 200
"""Longer values come cut."""


class RowFacets(QObject):
    """Between a `FacetPanel` and the rows. The filter's text is all that it changes.

    Signals:
        rename_requested: (column, ids of the rows that hold the value, new value): to be set by who changes rows.
    """

    rename_requested = Signal(str, object, str)

    def __init__(self, panel: RowsPanel, view: RowView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._view = panel, view
        self._facets, self._filter = panel.facets, panel.filter
        self._shown: dict[FacetSpec, object] = {}
        """What the counts on screen are the answer to."""
        self._offered = False
        """Whether there have been facets for these rows; the user may have removed them all."""
        self._work = InTurn(self)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._ask)
        self._work.answered.connect(self._show)
        self._work.failed.connect(self._cannot)
        view.asked.connect(self.refresh)
        view.columns_known.connect(self._open_columns)
        facets = self._facets
        facets.narrowed.connect(self._narrow)
        facets.specs_changed.connect(self.refresh)
        facets.wanted.connect(self.refresh)
        facets.rename_requested.connect(self._rename)
        facets.copied.connect(self._panel.table.copied)
        panel.facets_shown.connect(self.refresh)
        self._filter.search.textChanged.connect(self._mark)

    @property
    def busy(self) -> bool:
        """Whether counts are on their way."""
        return self._pause.isActive() or self._work.busy

    @Slot()
    def refresh(self) -> None:
        """Count again soon, if the facets are open and anything has changed."""
        if self._facets.isVisible():
            self._pause.start()

    @Slot(object)
    def _open_columns(self, columns: list[str]) -> None:
        self._facets.set_columns(columns)
        self._offered = bool(self._facets.specs)
        self.refresh()

    def _offer_first(self) -> None:
        """The facets that are opened first on LLM data: labels and sources, how long texts are, and states."""
        columns, label = self._view.columns, self._filter.label_column
        values = [name for name in dict.fromkeys((label, _SOURCE)) if name in columns]
        text = next((name for name in columns if name not in values), columns[0])
        specs = [FacetSpec("value", name) for name in values]
        self._facets.set_specs([*self._facets.specs, *specs, FacetSpec("length", text), FacetSpec("state")])
        self._offered = True

    # Counting

    @Slot()
    def _ask(self) -> None:
        dataset = self._view.dataset
        if dataset is None or not self._facets.isVisible():
            self._work.forget()
            return
        if self._view.busy:
            self._pause.start()  # the table comes first
            return
        if not self._offered:
            self._offer_first()
        self._mark()
        limited = self._view.limited_to_rows
        self._facets.show_note("Counts are of all rows, not only of the finding's." if limited else "")
        filter_, show, revision = self._filter.query_text(), self._filter.show_what, dataset.revision
        view = self._panel.model.view_ids
        questions: list[Question] = []
        for section in self._facets.sections:
            spec = section.spec
            text = self._filter.without(spec.subject)
            # what the table shows is what a facet without a condition of its own counts: no need to look again
            rows = view if text == filter_ and spec.kind != "state" and not limited else None
            question = (spec, text, show, revision, id(dataset), None if rows is None else id(view))
            if not section.folded and self._shown.get(spec) != question:
                questions.append((question, partial(_count, dataset, spec, _query(text, show), rows)))
        self._work.ask(questions)

    @Slot(object, object)
    def _show(self, question: tuple[FacetSpec, Any], answer: Facet | Histogram) -> None:
        spec = question[0]
        section = self._facets.section(spec)
        if section is None:
            return
        self._shown[spec] = question
        if spec.kind == "length":
            section.show_lengths(answer.edges, answer.counts)  # type: ignore[union-attr]
        else:
            lines = [_line(value, states=spec.kind == "state") for value in answer.values]  # type: ignore[union-attr]
            section.show_values(lines, answer.distinct)  # type: ignore[union-attr]
        section.show_conditions(self._filter.conditions())

    @Slot(object, object)
    def _cannot(self, question: tuple[FacetSpec, Any], error: Exception) -> None:
        section = self._facets.section(question[0])
        if isinstance(error, DataError) and error.problem.code == "data.bad_filter":
            return  # it is said below the field
        if section is not None and isinstance(error, DataError):
            section.show_error(f"{error.problem.what} {error.problem.why}")
        else:
            notifications().show_error(error)

    # What the user does

    @Slot()
    def _mark(self) -> None:
        self._facets.show_conditions(self._filter.conditions())

    @Slot(object, object)
    def _narrow(self, about: Subject, parts: list[str]) -> None:
        if any(_REMOVED in part for part in parts):
            self._filter.shown.set_value("all")  # among the kept rows there are none
        self._filter.put_about(about, parts)

    @Slot(str, str, str)
    def _rename(self, column: str, condition: str, new: str) -> None:
        """Find the rows that the count speaks of: those with just this value, under the other conditions."""
        dataset = self._view.dataset
        if dataset is None:
            return
        others = self._filter.without(Subject("value", column.lower()))
        text, show = joined([part for part in (others, condition) if part]), self._filter.show_what
        run_in_background(
            self,
            lambda task: dataset.view(_query(text, show), check_cancelled=task.check_cancelled),
            success=lambda ids: self.rename_requested.emit(column, ids, new),
        )


def _query(text: str, show: str) -> Query:
    from fintune_gui.dataset.query import Query

    return Query.model_validate({"text": text, "show": show})


def _count(dataset: Dataset, spec: FacetSpec, query: Query, rows: RowIds | None, task: Task) -> Facet | Histogram:
    """Count in the given rows, or in those that the query lets through."""
    from fintune_gui.dataset.facets import histogram_of, state_facet, values_among
    from fintune_gui.dataset.measures import lengths_of
    from fintune_gui.dataset.query import select

    check = task.check_cancelled
    if spec.kind == "state":
        return state_facet(dataset, query, check_cancelled=check)
    picture = dataset.picture
    rows = select(picture, query, check) if rows is None else rows[rows < picture.total_rows]
    check()
    if spec.kind == "length":
        return histogram_of(lengths_of(picture.column_of(spec.column), check)[rows], _BINS)
    return values_among(picture, spec.column, rows, _MOST_VALUES, check)


def _line(found: FacetValue, *, states: bool) -> FacetLine:
    value = found.value
    words = value or ("(no value)" if value is None else "(empty)")
    whole = value is not None and len(value) <= _LONGEST_RENAMED and not states
    return FacetLine(words, found.count, found.filter, value if whole else None)
