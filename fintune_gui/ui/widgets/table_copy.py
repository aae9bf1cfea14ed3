"""Copies many cells without a stall: in slices between the events of the window."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication

from fintune_gui.ui.itemmodels.cell_look import LooksModel
from fintune_gui.ui.widgets.table_text import block_text

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.table_view import TableView

_ROWS_AT_ONCE = 100
_SLICE_S = 0.02


class TableCopy(QObject):
    """Puts rows of a table on the clipboard as tab-separated text. Few rows are there when `start` returns.

    Signals:
        done: Everything is on the clipboard. Not told when the rows changed meanwhile, or another copy began.
    """

    done = Signal()

    def __init__(self, table: TableView) -> None:
        super().__init__(table)
        self._table = table
        self._parts: list[str] = []
        self._blocks: Iterator[str] | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._work)

    def start(self, rows: Sequence[int], sections: Sequence[int], head: Sequence[str]) -> None:
        """Copy these sections of `rows` below the line `head`, if it is not empty."""
        self._parts = [block_text([head])] if head else []
        self._blocks = self._read(rows, sections)
        self._work()
        if self._blocks is not None:
            self._timer.start(0)

    @Slot()
    def stop(self) -> None:
        """Forget the copy: the rows are other ones now."""
        self._timer.stop()
        self._blocks, self._parts = None, []

    @Slot()
    def _work(self) -> None:
        end = time.perf_counter() + _SLICE_S
        while self._blocks is not None and time.perf_counter() < end:
            part = next(self._blocks, None)
            if part is not None:
                self._parts.append(part)
                continue
            text = "\n".join(self._parts)
            self.stop()
            QGuiApplication.clipboard().setText(text)
            self.done.emit()

    def _read(self, rows: Sequence[int], sections: Sequence[int]) -> Iterator[str]:
        model = self._table.model()
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE]
            if isinstance(model, LooksModel):
                yield block_text(model.texts(part, sections))
                continue
            role = Qt.ItemDataRole.EditRole
            cells = [[model.index(row, section).data(role) for section in sections] for row in part]
            yield block_text([["" if cell is None else str(cell) for cell in line] for line in cells])
