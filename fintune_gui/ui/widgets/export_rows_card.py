"""A card that asks which rows go into which file, in words; nothing is written before a place is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.check_menu import CheckMenu
from fintune_gui.ui.widgets.controls import Button, ComboBox
from fintune_gui.ui.widgets.feedback import ErrorPanel
from fintune_gui.ui.widgets.labelled import labelled
from fintune_gui.ui.widgets.progress_strip import ProgressStrip

KINDS: tuple[tuple[str, object], ...] = (
    ("JSON lines", "jsonl"),
    ("CSV", "csv"),
    ("TSV", "tsv"),
    ("Parquet", "parquet"),
    ("Excel", "xlsx"),
)


@dataclass(frozen=True)
class RowScope:
    """Rows that can be exported: "matching", "kept" or "chosen", and how they are called with their number."""

    key: str
    words: str


class ExportRowsCard(Card):
    """Which rows, which columns, which format.

    Signals:
        wanted: The user wants to choose where, and then export.
        cancelled: Stop the export that is at work.
        closed: The user does not want one.
    """

    wanted = Signal()
    cancelled = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Export rows", parent=parent)
        self.scope = ComboBox("Which rows")
        self.columns = CheckMenu("Which columns", "columns")
        self.kind = ComboBox("Format", KINDS)
        self.start = Button("Choose where…", self.wanted.emit)
        self.columns.changed.connect(self._on_columns)
        self.add_action(Button("Close", self.closed.emit, kind="link", tool_tip="Esc"))
        fields = row(spacing=metrics.GAP)
        for words, field in (("Rows", self.scope), ("Columns", self.columns), ("Format", self.kind)):
            fields.addWidget(labelled(words, field))
        fields.addStretch(1)
        fields.addWidget(self.start, 0, Qt.AlignmentFlag.AlignBottom)
        self.add(fields)
        self.progress = ProgressStrip()
        self.progress.cancelled.connect(self.cancelled)
        self.error = ErrorPanel()
        self.add(self.progress)
        self.add(self.error)
        close = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        close.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        close.activated.connect(self.closed)

    def offer(self, scopes: Sequence[RowScope], columns: Sequence[str]) -> None:
        """Say what can be exported now."""
        self.scope.set_choices([(scope.words, scope.key) for scope in scopes])
        self.columns.set_names(columns)

    def show_busy(self, *, busy: bool) -> None:
        """Nothing can be chosen while rows are written."""
        for widget in (self.scope, self.columns, self.kind, self.start):
            widget.setEnabled(not busy)
        if not busy:
            self.progress.finish()
            self._on_columns(self.columns.ticked())

    @Slot(object)
    def _on_columns(self, ticked: list[str]) -> None:
        self.start.setEnabled(bool(ticked))
        self.start.setToolTip("" if ticked else "Choose at least one column.")
