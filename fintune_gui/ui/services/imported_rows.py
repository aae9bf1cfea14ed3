"""What an import brought: the rows on the bench, the files they came from, and what was rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from fintune_gui.ui.services.row_bench import RowBench
from fintune_gui.ui.services.row_snapshot import RowSnapshot
from fintune_gui.ui.services.rows_export import RowsExport
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, MenuButton
from fintune_gui.ui.widgets.export_rows_card import ExportRowsCard
from fintune_gui.ui.widgets.recipe_card import RecipeCard
from fintune_gui.ui.widgets.rejects_view import RejectsView
from fintune_gui.ui.widgets.segmented import Segmented
from fintune_gui.ui.widgets.sources_view import SourcesView
from fintune_gui.ui.widgets.words import counted, size_in_words

if TYPE_CHECKING:
    from fintune_gui.project.document import SourceFile

ROWS, HISTORY, SOURCES, REJECTS = "rows", "history", "sources", "rejects"


@dataclass(frozen=True)
class Imported:
    """What the import of the present rows said in the end, and what has become of its files since."""

    rows: int
    bytes: int
    seconds: float
    shape: str
    sources: tuple[SourceFile, ...]
    states: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def sentence(self, rejected: int) -> str:
        """ "1,500 rows read, 3 rejected, 312 KB, 0.4 s"."""
        parts = [f"{counted(self.rows, 'row')} read", f"{rejected:,} rejected" if rejected else "none rejected"]
        return ", ".join([*parts, size_in_words(self.bytes), f"{max(self.seconds, 0.1):,.1f} s"])


class ImportedRows(QWidget):
    """Views of one import, chosen above them.

    Attributes:
        bench: The rows, which can be edited here as on Clean.
        history: Every change of them; further steps are added on Clean.
        sources: The files.
        rejects: What could not be read.

    Signals:
        add_wanted: More files shall be added.
        again_wanted: The files shall be read again.
        paste_wanted: Rows shall be pasted.
        hub_wanted: A data set of the hub shall be added.
    """

    add_wanted = Signal()
    again_wanted = Signal()
    paste_wanted = Signal()
    hub_wanted = Signal()

    def __init__(self, session: ProjectSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bench = RowBench(session)
        self.sources = SourcesView()
        self.rejects = RejectsView()
        self.history = RecipeCard(adds_steps=False)
        self.history.go_to_requested.connect(self.bench.editing.go_to)
        self.bench.snapshot_taken.connect(self._show_history)
        self.bench.free_changed.connect(lambda free: self.history.set_enabled(enabled=free))
        choices: list[tuple[str, object]] = [
            ("Rows", ROWS),
            ("History", HISTORY),
            ("Files", SOURCES),
            ("Rejected", REJECTS),
        ]
        self.views = Segmented("What is shown", choices)
        self.views.chosen.connect(self.show_view)
        self._ways_in: list[tuple[str, Callable[[], object]]] = [
            ("Add files…", self.add_wanted.emit),
            ("Paste rows", self.paste_wanted.emit),
            ("Add a data set of the hub…", self.hub_wanted.emit),
        ]
        self.add = MenuButton("Add rows", self._ways_in)
        self.again = Button("Import again…", self.again_wanted.emit)
        self.export_button = Button("Export rows…", tool_tip="All rows or the matching ones, into a file")
        self.export_card = ExportRowsCard()
        self.export_card.hide()
        self.export = RowsExport(session, self.bench, self.export_card, self)
        self.export_button.clicked.connect(self._open_export)
        self.bench.finder.opened.connect(self.export_card.hide)
        self._stack = QStackedWidget()
        for view in (self.bench, self.history, self.sources, self.rejects):
            self._stack.addWidget(view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addLayout(row(self.views, None, self.add, self.again, self.export_button))
        layout.addWidget(self.export_card)
        layout.addWidget(self._stack, 1)
        self.show_rejected(0)

    @Slot(object)
    def show_view(self, name: object) -> None:
        """Show the rows, their history, the files or what was rejected."""
        self.views.set_value(name)
        self._stack.setCurrentIndex((ROWS, HISTORY, SOURCES, REJECTS).index(str(name)))
        if name != ROWS:
            self.export_card.hide()

    def enter(self) -> None:
        """Show the rows, with the keyboard in them."""
        self.show_view(ROWS)
        self.bench.table.setFocus()

    @Slot(object)
    def _show_history(self, snapshot: RowSnapshot | None) -> None:
        if snapshot is None:
            self.history.show_operations([], 0, 0)
        else:
            self.history.show_operations(snapshot.operations, snapshot.head, snapshot.tip)

    def show_imported(self, imported: Imported) -> None:
        """Say where the rows came from."""
        self.sources.show_sources(imported.sources, imported.shape, imported.notes)
        self.sources.show_states(imported.states)

    def show_rejected(self, count: int) -> None:
        """Say how many rows are rejected; their view is there only while there are some."""
        self._rejected = count
        self.views.set_text(REJECTS, f"Rejected {count:,}")
        self.views.set_choice_shown(REJECTS, shown=count > 0)
        if not count and self.views.value() == REJECTS:
            self.show_view(ROWS)

    def set_writable(self, read_only: str) -> None:
        """Whether rows may come; `read_only` says why not, or is ""."""
        for button in (self.add, self.again):
            button.setEnabled(not read_only)
            button.setToolTip(read_only)
        if read_only:
            self.rejects.set_enabled(enabled=False)

    @Slot()
    def _open_export(self) -> None:
        self.show_view(ROWS)
        self.bench.finder.hide()  # there is no room for both
        self.export.open()

    def commands(self) -> list[Command]:
        """What the command palette offers."""
        no_adding = "" if self.add.isEnabled() else self.add.toolTip()
        views = [
            ("Show the rows", ROWS),
            ("Show the history of changes", HISTORY),
            ("Show the imported files", SOURCES),
        ]
        if self._rejected:
            views.append(("Show the rejected rows", REJECTS))
        return [
            *(Command(words, act, group="Data", reason=no_adding) for words, act in self._ways_in),
            Command(self.again.text(), self.again.click, group="Data", reason=no_adding),
            Command(self.export_button.text(), self.export_button.click, group="Data"),
            *(Command(words, partial(self.show_view, view), group="Data") for words, view in views),
            *self.bench.commands(),
        ]
