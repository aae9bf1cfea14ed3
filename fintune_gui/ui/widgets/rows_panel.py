"""A filter, find and replace, and a table of rows with facets beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from fintune_gui.ui.itemmodels.rows_model import RowsModel
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import HorizontalLine
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.facet_panel import FacetPanel
from fintune_gui.ui.widgets.feedback import EmptyState
from fintune_gui.ui.widgets.filter_bar import FilterBar
from fintune_gui.ui.widgets.find_bar import FindBar

RowIds = np.ndarray[Any, np.dtype[np.int64]]


class RowsPanel(Card):
    """Only the widgets: who owns the panel fills it.

    Attributes:
        filter, finder, table: From top to bottom.
        facets: To the left of the table; hidden at first.
        model: What the table shows.
        nothing: Takes the table's place while there is no row to show.

    Signals:
        facets_shown: The facets were opened or closed.
    """

    facets_shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(padding=1, parent=parent)
        self.setAccessibleName("Rows")
        self.filter = FilterBar()
        self.filter.facets.toggled.connect(self.show_facets)
        self.facets = FacetPanel()
        self.finder = FindBar()
        self.model = RowsModel(show_notes=True, parent=self)
        self.table = DataTable("Rows")
        self.table.setModel(self.model)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.nothing = EmptyState("")
        self.nothing.hide()
        self.body.setSpacing(0)
        self.add(self.filter)
        self.add(self.finder)
        self.add(HorizontalLine())
        self._line = QFrame()
        self._line.setProperty("kind", "upright")
        self._line.hide()
        beside = QHBoxLayout()
        beside.setSpacing(0)
        beside.addWidget(self.facets)
        beside.addWidget(self._line)
        beside.addWidget(self.table, 1)
        beside.addWidget(self.nothing, 1)
        self.add(beside, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.facets.fit_into(self.width())

    @Slot(bool)
    def show_facets(self, shown: bool) -> None:
        """Open or close the facets."""
        self.filter.facets.setChecked(shown)
        if self.facets.isHidden() != shown:
            return
        self.facets.setVisible(shown)
        self._line.setVisible(shown)
        self.facets_shown.emit(shown)

    def selected_ids(self) -> RowIds:
        """Ids of the chosen rows."""
        chosen = self.table.selected()
        return self.model.view_ids if chosen.everything else self.model.row_ids(chosen.rows)
