"""Find and replace between the bar, the table and the rows: previews, next match, and what shall be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Slot

from fintune_gui.project.errors import DataError
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.conditions import quoted
from fintune_gui.ui.widgets.find_bar import Wanted
from fintune_gui.ui.widgets.rows_panel import RowIds, RowsPanel

if TYPE_CHECKING:
    from fintune_gui.dataset.query import Replace, ReplacePreview

_EXAMPLES = 4


class RowSearch(QObject):
    """Drives the `FindBar` of a panel of rows."""

    def __init__(self, session: ProjectSession, panel: RowsPanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._panel = panel
        self._bar = bar = panel.finder
        self._model = panel.model
        self._table = panel.table
        self._previewing: Task | None = None
        bar.changed.connect(self.preview)
        bar.find_next.connect(self.find_next)

    def replacement(self) -> tuple[Replace, RowIds] | None:
        """What to replace and in which rows; None if there is nothing to find."""
        from fintune_gui.dataset.query import Replace

        wanted = self._bar.wanted()
        if not wanted.find:
            return None
        spec = Replace(
            columns=(wanted.column,) if wanted.column else (),
            find=wanted.find,
            replacement=wanted.replacement,
            regex=wanted.regex,
            whole_word=wanted.whole_word,
            case_sensitive=wanted.case_sensitive,
        )
        return spec, self._panel.selected_ids() if wanted.selection else self._model.view_ids

    @Slot()
    def preview(self) -> None:
        """Show in the bar what a replacement would do."""
        if self._bar.isHidden():
            return
        if self._previewing is not None:
            self._previewing.abandon()
            self._previewing = None
        asked = self.replacement()
        if asked is None:
            self._bar.show_preview(0, 0, [])
            return
        spec, ids = asked
        session = self._session

        def work(_task: Task) -> ReplacePreview | None:
            dataset = session.dataset()
            return None if dataset is None else dataset.preview_replace(spec, ids, limit=_EXAMPLES)

        self._previewing = run_in_background(self, work, success=self._show, failure=self._wrong)

    def _show(self, preview: ReplacePreview | None) -> None:
        self._previewing = None
        if preview is not None:
            self._bar.show_preview(preview.cells, preview.rows, preview.examples)

    def _wrong(self, error: Exception) -> None:
        self._previewing = None
        if isinstance(error, DataError):
            self._bar.show_error(f"{error.problem.what} {error.problem.why}")
        else:
            notifications().show_error(error)

    @Slot()
    def find_next(self) -> None:
        """Go to the next row of the view that holds what is looked for; after the last comes the first."""
        wanted, session = self._bar.wanted(), self._session
        if not wanted.find:
            return
        view, at = self._model.view_ids, self._table.currentIndex().row()

        def work(_task: Task) -> int | None:
            from fintune_gui.dataset.query import Query

            dataset = session.dataset()
            if dataset is None:
                return None
            text = _as_filter(wanted, dataset.columns)
            found = dataset.view(Query(text=text, show="all", case_sensitive=wanted.case_sensitive))
            places = np.flatnonzero(np.isin(view, found))
            if not len(places):
                return -1
            following = int(np.searchsorted(places, at, side="right"))
            return int(places[following % len(places)])

        run_in_background(self, work, success=self._go, failure=self._wrong)

    def _go(self, place: int | None) -> None:
        if place is None or place >= self._model.rowCount():
            return
        if place < 0:
            self._bar.show_error("It is in none of these rows.")
        else:
            self._table.go_to(place)


def _as_filter(wanted: Wanted, columns: tuple[str, ...]) -> str:
    """The search as a filter: a pattern in each column where a pattern is needed, else plain words."""
    names = [wanted.column] if wanted.column else list(columns)
    if not wanted.regex and not wanted.whole_word:
        return " or ".join(f"{quoted(name)} contains {quoted(wanted.find)}" for name in names)
    pattern = wanted.find if wanted.regex else _literal(wanted.find)
    if wanted.whole_word:
        pattern = rf"(^|[^\pL\pN_])(?:{pattern})($|[^\pL\pN_])"
    return " or ".join(f"{quoted(name)} ~ {quoted(pattern)}" for name in names)


def _literal(text: str) -> str:
    """`text` as an RE2 pattern that finds just it."""
    return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in text)
