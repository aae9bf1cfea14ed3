"""A filter, find and replace, and a table of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from fintune_gui.ui.itemmodels.rows_model import RowsModel
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.feedback import EmptyState
from fintune_gui.ui.widgets.filter_bar import FilterBar
from fintune_gui.ui.widgets.find_bar import FindBar

RowIds = np.ndarray[Any, np.dtype[np.int64]]


class RowsPanel(Card):
    """Only the widgets: who owns the panel fills it.

    Attributes:
        filter, finder, table: From top to bottom.
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
        self.body.setSpacing(0)
        self.add(self.filter)
        self.add(self.finder)
        self.add(self.table, 1)
        self.add(self.nothing, 1)

    def selected_ids(self) -> RowIds:
        """Ids of the chosen rows."""
        chosen = self.table.selected()
        return self.model.view_ids if chosen.everything else self.model.row_ids(chosen.rows)
