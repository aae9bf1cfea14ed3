"""Find and replace between the bar, the table and the rows: previews, next match, and what shall be replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.errors import DataError
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_view import places_of
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.conditions import quoted
from fintune_gui.ui.widgets.find_bar import Wanted
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.query import Replace, ReplacePreview

_EXAMPLES = 4


class RowSearch(QObject):
    """Drives the `FindBar` of a panel of rows.

    Signals:
        flag_requested: Ids of all rows of the view that hold what is looked for.
    """

    flag_requested = Signal(object)

    def __init__(self, session: ProjectSession, panel: RowsPanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._panel = panel
        self._bar = bar = panel.finder
        self._model = panel.model
        self._table = panel.table
        self._previewing: Task | None = None
        self._finding: Task | None = None
        self._places: RowIds = np.empty(0, np.int64)
        """Where in the view the rows are that hold it."""
        self._found_for: tuple[object, ...] = ()
        bar.changed.connect(self.preview)
        bar.find_next.connect(self.find_next)
        bar.find_previous.connect(self.find_previous)
        bar.flag_requested.connect(self._flag)
        panel.table.find_next.connect(self._on_key)
        panel.table.current_changed.connect(self._show_position)
        panel.model.modelReset.connect(self._on_other_rows)

    def replacement(self) -> tuple[Replace, RowIds | None] | None:
        """What to replace and in which rows (None: all that are kept); None if there is nothing to find."""
        from fintune_gui.dataset.query import Replace

        wanted = self._bar.wanted()
        if not wanted.find:
            return None
        spec = Replace(
            columns=wanted.columns,
            find=wanted.find,
            replacement=wanted.replacement,
            regex=wanted.regex,
            whole_word=wanted.whole_word,
            case_sensitive=wanted.case_sensitive,
        )
        if wanted.scope == "all" or (wanted.scope == "matching" and self._shows_all()):
            return spec, None
        return spec, self._panel.selected_ids() if wanted.scope == "selected" else self._model.view_ids

    def _shows_all(self) -> bool:
        """Whether the view is just the kept rows: then a replacement is about all rows, also in a recipe."""
        rows = self._panel.filter
        return rows.show_what == "kept" and not rows.is_filtered and rows.only.isHidden()

    @Slot()
    def preview(self) -> None:
        """Show in the bar what a replacement would do, and where the matches are."""
        if self._bar.isHidden():
            return
        if self._previewing is not None:
            self._previewing.abandon()
            self._previewing = None
        asked = self.replacement()
        if asked is None:
            self._found_for = ()
            self._bar.show_preview(0, 0, [])
            self._bar.show_position(None, 0)
            return
        spec, ids = asked
        session = self._session

        def work(_task: Task) -> ReplacePreview | None:
            dataset = session.dataset()
            return None if dataset is None else dataset.preview_replace(spec, ids, limit=_EXAMPLES)

        self._find(None)
        self._bar.show_looking()
        self._previewing = run_in_background(self, work, success=self._show, failure=self._wrong)

    def _show(self, preview: ReplacePreview | None) -> None:
        self._previewing = None
        if preview is not None:
            self._bar.show_preview(preview.cells, preview.rows, preview.examples)

    def _wrong(self, error: Exception) -> None:
        self._previewing = self._finding = None
        if isinstance(error, DataError):
            self._found_for = ()
            self._bar.show_error(f"{error.problem.what} {error.problem.why}")
            self._bar.show_position(None, 0)
        else:
            notifications().show_error(error)

    # Going to matches

    @Slot()
    def find_next(self) -> None:
        """Go to the next row of the view that holds what is looked for; after the last comes the first."""
        self._find(self._go_on)

    @Slot()
    def find_previous(self) -> None:
        """Go to the row before; before the first comes the last."""
        self._find(self._go_back)

    @Slot(bool)
    def _on_key(self, backwards: bool) -> None:
        """F3 in the table; the first time it asks what to look for."""
        if not self._bar.what.text():
            self._bar.open()
        elif backwards:
            self.find_previous()
        else:
            self.find_next()

    def _find(self, then: Callable[[], object] | None) -> None:
        """Look where the matches are, unless that is known, and then do something with `_places`."""
        wanted, dataset = self._bar.wanted(), self._session.dataset()
        if not wanted.find or dataset is None:
            return
        view, table = self._model.view_ids, self._model
        sought = (wanted.find, wanted.regex, wanted.whole_word, wanted.case_sensitive, wanted.columns)
        question = (*sought, id(view), dataset.revision)
        if question == self._found_for:
            self._show_position()
            if then is not None:
                then()
            return
        if self._finding is not None:
            self._finding.abandon()

        def work(task: Task) -> RowIds:
            from fintune_gui.dataset.query import Query, matching

            rows = dataset.picture
            query = Query(text=_as_filter(wanted, rows.columns), show="all", case_sensitive=wanted.case_sensitive)
            return places_of(view, matching(rows, query, task.check_cancelled))

        def take(places: RowIds) -> None:
            self._finding = None
            if table.view_ids is not view:
                return
            self._places, self._found_for = places, question
            self._show_position()
            if then is not None:
                then()

        self._finding = run_in_background(self, work, success=take, failure=self._wrong)

    def _go_on(self) -> None:
        self._go(int(np.searchsorted(self._places, self._table.currentIndex().row(), side="right")))

    def _go_back(self) -> None:
        self._go(int(np.searchsorted(self._places, self._table.currentIndex().row(), side="left")) - 1)

    def _go(self, number: int) -> None:
        if not len(self._places):
            self._bar.show_error("It is in none of these rows.")
            return
        self._table.go_to(int(self._places[number % len(self._places)]))
        self._show_position()

    @Slot()
    def _show_position(self, _row: int = -1) -> None:
        if self._bar.isHidden() or not self._found_for:
            return
        at = int(np.searchsorted(self._places, self._table.currentIndex().row()))
        there = at < len(self._places) and self._places[at] == self._table.currentIndex().row()
        self._bar.show_position(at if there else None, len(self._places))

    @Slot()
    def _on_other_rows(self) -> None:
        self._found_for = ()
        if self._bar.isVisible() and self._bar.what.text():
            self._find(None)

    @Slot()
    def _flag(self) -> None:
        self._find(lambda: self.flag_requested.emit(self._model.view_ids[self._places]))


def _as_filter(wanted: Wanted, columns: tuple[str, ...]) -> str:
    """The search as a filter: a pattern in each column where a pattern is needed, else plain words."""
    names = wanted.columns or columns
    if not wanted.regex and not wanted.whole_word:
        return " or ".join(f"{quoted(name)} contains {quoted(wanted.find)}" for name in names)
    pattern = wanted.find if wanted.regex else _literal(wanted.find)
    if wanted.whole_word:
        pattern = rf"(^|[^\pL\pN_])(?:{pattern})($|[^\pL\pN_])"
    return " or ".join(f"{quoted(name)} ~ {quoted(pattern)}" for name in names)


def _literal(text: str) -> str:
    """`text` as an RE2 pattern that finds just it."""
    return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in text)
