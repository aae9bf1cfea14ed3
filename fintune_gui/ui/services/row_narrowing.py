"""The ways to narrow and to look over the rows of a table, put together: facets, filters, saved views, figures."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from fintune_gui.ui.services.column_filters import ColumnFilters
from fintune_gui.ui.services.row_facets import RowFacets
from fintune_gui.ui.services.row_statistics import RowStatistics
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.services.row_views import RowViews
from fintune_gui.ui.widgets.rows_panel import RowsPanel


class RowNarrowing(QObject):
    """Everything beside a table that says which rows to show, over one `RowView`.

    Signals:
        rename_requested: (column, row ids, new value): a value was renamed in the facets.
    """

    rename_requested = Signal(str, object, str)

    def __init__(self, panel: RowsPanel, view: RowView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._view = panel, view
        self.facets = RowFacets(panel, view, self)
        self.filters = ColumnFilters(panel, view, self)
        self.views = RowViews(panel, view, self)
        self.statistics = RowStatistics(panel, view, self)
        self.facets.rename_requested.connect(self.rename_requested)

    def set_free(self, *, free: bool) -> None:
        """Whether values can be renamed now."""
        self._panel.facets.set_can_rename(can_rename=free)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What the command palette can do here, by the names of `fintune_gui.ui.shortcuts`."""
        return {
            "facets": self._panel.filter.facets.toggle,
            "views": self.views.open,
            "show_all": self._view.show_all,
            "unsort": self._view.unsort,
        }
