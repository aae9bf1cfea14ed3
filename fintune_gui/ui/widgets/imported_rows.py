"""What an import brought: its rows, the files they came from, and what was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from fintune_gui.ui.itemmodels.rows_model import RowsModel
from fintune_gui.ui.itemmodels.texts_model import TextsModel
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import ElidedLabel
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.words import counted, size_in_words

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import ImportResult, Rejected
    from fintune_gui.dataset.store import Dataset

_SIDE_WIDTH = 248
_MOST_SOURCES = 20


@dataclass(frozen=True)
class Imported:
    """The result of an import with the open rows and the ids to show."""

    result: ImportResult
    rejected: list[Rejected]
    dataset: Dataset
    view: np.ndarray[Any, np.dtype[np.int64]]


class ImportedRows(QWidget):
    """A read-only table of the rows, the rejected ones below, and the sources beside."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = RowsModel(editable=False, parent=self)
        self.table = _table("Imported rows", self.model)
        self.rejected_model = TextsModel(parent=self)
        self.rejected_table = _table("Rejected rows", self.rejected_model)
        self._rows = _table_card("Rows", self.table)
        self._count = Badge("", "info")
        self._rows.add_action(self._count)
        self.rejected = _table_card("Rejected", self.rejected_table)
        self._rejected_count = Badge("", "warn")
        self.rejected.add_action(self._rejected_count)
        self.rejected.add_note("Kept as they stand in the file, not among your rows. Mend them there and import again.")
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setHandleWidth(metrics.GAP)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self._rows)
        self._splitter.addWidget(self.rejected)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setSizes([460, 200])
        self._sources = Card("Came from")
        self._sources.setFixedWidth(_SIDE_WIDTH)
        self._list = QVBoxLayout()
        self._list.setSpacing(metrics.SMALL_GAP)
        self._sources.add(self._list)
        self._sources.body.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addWidget(self._splitter, 1)
        layout.addWidget(self._sources)

    def show_imported(self, imported: Imported | None) -> None:
        """Show an import; None lets go of the rows, which are about to be replaced."""
        if imported is None:
            self.model.show_rows(None)
            return
        result = imported.result
        self.model.show_rows(imported.dataset, imported.view)
        self.table.set_column_widths({})
        self._count.set(counted(result.rows, "row"), "info")
        rejects = [(r.file, f"{r.line:,}", r.reason, r.text) for r in imported.rejected]
        self.rejected_model.show_texts(("file", "line", "reason", "text"), rejects)
        self.rejected_table.set_column_widths({})
        self._rejected_count.set(counted(len(rejects), "row"), "warn")
        self.rejected.setVisible(bool(rejects))
        self._show_sources(result)

    def _show_sources(self, result: ImportResult) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if result.shape:
            self._list.addWidget(Badge(result.shape, "good"), 0, Qt.AlignmentFlag.AlignLeft)
        for source in result.sources[:_MOST_SOURCES]:
            self._list.addWidget(_SourceLines(source))
        if len(result.sources) > _MOST_SOURCES:
            self._list.addWidget(ElidedLabel(f"and {len(result.sources) - _MOST_SOURCES} more files", "small"))


class _SourceLines(QWidget):
    """Name, place, format and count of one file."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        path = Path(source.path)
        rejected = f", {source.rejected:,} rejected" if source.rejected else ""
        lines = (
            (path.name, "strong"),
            (f"{counted(source.rows, 'row')}{rejected}", "small"),
            (f"{source.format.upper()}, {source.encoding.upper()}, {size_in_words(source.bytes)}", "small"),
            (str(path.parent), "small"),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for text, kind in lines:
            label = ElidedLabel(text, kind)  # type: ignore[arg-type]
            layout.addWidget(label)
        self.setToolTip(str(path))
        self.setAccessibleName(", ".join(text for text, _ in lines))


def _table(name: str, model: RowsModel | TextsModel) -> DataTable:
    table = DataTable(name)
    table.setModel(model)
    table.setEditTriggers(DataTable.EditTrigger.NoEditTriggers)
    table.horizontalHeader().setSectionsClickable(False)
    return table


def _table_card(title: str, table: DataTable) -> Card:
    card = Card(title)
    card.add(table, 1)
    return card
