"""A filter, find and replace, a table of rows and the whole text of one of them: the left side of the Clean page."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from fintune_gui.ui.itemmodels.rows_model import RowsModel
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.feedback import EmptyState
from fintune_gui.ui.widgets.filter_bar import FilterBar
from fintune_gui.ui.widgets.find_bar import FindBar
from fintune_gui.ui.widgets.row_detail import RowDetail

RowIds = np.ndarray[Any, np.dtype[np.int64]]


class RowsPanel(Card):
    """Only the widgets: who owns the panel fills it.

    Attributes:
        filter, finder, table, detail: From top to bottom.
        model: What the table shows.
        nothing: Takes the table's place while there is no row to show.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(padding=1, parent=parent)
        self.setAccessibleName("Rows")
        self.filter = FilterBar()
        self.finder = FindBar()
        self.model = RowsModel(show_notes=True, parent=self)
        self.table = DataTable("Rows")
        self.table.setModel(self.model)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.nothing = EmptyState("")
        self.nothing.hide()
        self.detail = RowDetail()
        upper = QWidget()
        layout = QVBoxLayout(upper)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.filter)
        layout.addWidget(self.finder)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.nothing, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(upper)
        splitter.addWidget(self.detail)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([560, 110])
        self.body.setSpacing(0)
        self.add(splitter, 1)

    def selected_ids(self) -> RowIds:
        """Ids of the chosen rows."""
        chosen = self.table.selected()
        return self.model.view_ids if chosen.everything else self.model.row_ids(chosen.rows)
