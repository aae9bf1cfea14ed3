"""Where the detail pane lies: below the table or beside it, open or not; as it was left at the last start."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from fintune_gui.ui.services.settings import WindowSettings
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button
from fintune_gui.ui.widgets.row_detail import RowDetail

_NAME = "detail"
_SIZES = {"below": 176, "beside": 300}
_SMALLEST = {"below": 96, "beside": 280}
_FEW_ROWS = 100
"""Height for rows beyond the least that the table needs."""
_NARROW = 580
"""There is no room for a pane beside the table in less than this."""


class RowDock(QWidget):
    """A table with a `RowDetail` below or beside it.

    Signals:
        open_changed: Whether the pane is there now.
    """

    open_changed = Signal(bool)

    def __init__(self, rows: QWidget, detail: RowDetail, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows, self._detail = rows, detail
        rows.installEventFilter(self)
        self._state: dict[str, Any] = WindowSettings().table_state(_NAME)
        self.splitter = QSplitter()
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(12)
        self.splitter.addWidget(rows)
        self.splitter.addWidget(detail)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.reopen = Button("Show the whole row", self.open, kind="link", tool_tip="Space in the table")
        self._foot = QWidget()
        foot = row(None, self.reopen)
        foot.setContentsMargins(0, 2, 0, 0)
        self._foot.setLayout(foot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self._foot)
        self._keep = QTimer(self)
        self._keep.setSingleShot(True)
        self._keep.setInterval(500)
        self._keep.timeout.connect(self._remember)
        self.splitter.splitterMoved.connect(self._on_moved)
        detail.hidden = frozenset(str(name) for name in self._state.get("hidden", []))
        detail.place_requested.connect(self.set_beside)
        detail.columns_changed.connect(self._remember)
        detail.closed.connect(self.close_pane)
        self._wants_beside = self._state.get("place") == "beside"
        self._arrange()
        self._show(is_open=bool(self._state.get("open", True)))

    @property
    def is_open(self) -> bool:
        """Whether the pane is there."""
        return not self._detail.isHidden()

    @Slot()
    def toggle(self) -> None:
        """Space."""
        self.close_pane() if self.is_open else self.open()

    @Slot()
    def open(self) -> None:
        """Bring the pane back."""
        self._show(is_open=True)
        self._remember()

    @Slot()
    def close_pane(self) -> None:
        """Take the pane away; what is typed there is committed."""
        self._detail.commit()
        self._show(is_open=False)
        self._remember()

    @Slot(bool)
    def set_beside(self, beside: bool) -> None:
        """Beside the table, or below it."""
        self._wants_beside = beside
        self._arrange()
        self._remember()

    def _show(self, *, is_open: bool) -> None:
        self._detail.setVisible(is_open)
        self._foot.setVisible(not is_open)
        self.open_changed.emit(is_open)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._detail.dock.setEnabled(self.width() >= _NARROW)
        if self._detail.beside != self._beside():
            self._arrange()
        else:
            self._share()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Find and replace opens over the rows, or closes."""
        if watched is self._rows and event.type() is QEvent.Type.LayoutRequest:
            self._share()
        return super().eventFilter(watched, event)

    def _beside(self) -> bool:
        """Where the pane really goes: where there is no room beside the table it lies below, until there is."""
        return self._wants_beside and (self.width() >= _NARROW or not self.isVisible())

    def _arrange(self) -> None:
        beside = self._beside()
        self.splitter.setOrientation(Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical)
        self._detail.setMinimumSize(_SMALLEST["beside"] if beside else 0, 0 if beside else _SMALLEST["below"])
        self._detail.set_beside(beside=beside)
        self._share()

    def _share(self) -> None:
        """The pane has the size that the user gave it, but a few rows are always to be seen above it."""
        place = "beside" if self._detail.beside else "below"
        size = int(self._state.get(place, 0)) or _SIZES[place]
        if place == "below" and self.isVisible():
            rows = self._rows.minimumSizeHint().height() + _FEW_ROWS
            size = max(_SMALLEST[place], min(size, self.splitter.height() - self.splitter.handleWidth() - rows))
        if self.splitter.sizes()[1] != size:
            self.splitter.setSizes([10_000, size])

    @Slot()
    def _remember(self) -> None:
        place = "beside" if self._wants_beside else "below"
        self._state |= {"place": place, "open": self.is_open, "hidden": sorted(self._detail.hidden)}
        WindowSettings().remember_table(_NAME, self._state)

    @Slot()
    def _on_moved(self) -> None:
        """Only what the user has dragged counts, not what a small window made of it."""
        self._state["beside" if self._detail.beside else "below"] = self.splitter.sizes()[1]
        self._keep.start()
