"""Rows into a file of the user's: which ones, in words, and the work off the window's thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from fintune_gui.project.errors import CancelledError
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.row_bench import RowBench
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.controls import set_shown
from fintune_gui.ui.widgets.export_rows_card import KINDS, ExportRowsCard, RowScope
from fintune_gui.ui.widgets.words import counted, size_in_words

if TYPE_CHECKING:
    from fintune_gui.dataset.row_export import ExportedRows
    from fintune_gui.dataset.store import Dataset


class RowsExport(QObject):
    """Fills an `ExportRowsCard` from what the bench shows, and writes the file."""

    def __init__(self, session: ProjectSession, bench: RowBench, card: ExportRowsCard, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._bench, self._card = session, bench, card
        self._task: Task | None = None
        self._words = ""
        card.wanted.connect(self._choose_where)
        card.cancelled.connect(self._cancel)
        card.closed.connect(self.close)

    @Slot()
    def open(self) -> None:
        """Show the card."""
        self.refresh()
        self._card.scope.setCurrentIndex(0)
        self._card.error.show_problem(None)
        set_shown(self._card, shown=True)
        self._card.scope.setFocus()

    @Slot()
    def close(self) -> None:
        """Hide the card; an export that is at work goes on."""
        self._card.hide()
        self._bench.table.setFocus()

    @Slot()
    def refresh(self) -> None:
        """Offer what the bench shows now."""
        dataset = self._bench.view.dataset
        if dataset is not None and self._task is None:
            self._card.offer(self._scopes(), list(dataset.columns))

    def _scopes(self) -> list[RowScope]:
        table, total = self._bench.table, len(self._bench.model.view_ids)
        kept = self._bench.snapshot.kept if self._bench.snapshot else 0
        chosen = table.selected()
        scopes = [RowScope("kept", f"All {counted(kept, 'row')}")]
        if self._bench.filter.is_filtered or total != kept:
            scopes.insert(0, RowScope("matching", f"{total:,} matching row{'' if total == 1 else 's'}"))
        if chosen and not chosen.everything and 1 < chosen.count(total) < total:
            scopes.append(RowScope("chosen", f"{chosen.count(total):,} chosen rows"))
        return scopes

    @Slot()
    def _choose_where(self) -> None:
        dataset = self._bench.view.dataset
        if dataset is None or self._task is not None:
            return
        kind = str(self._card.kind.value())
        name = next(words for words, value in KINDS if value == kind)
        start = f"{self._session.project.name}.{kind}"
        path, _ = QFileDialog.getSaveFileName(self._card, "Export rows", start, f"{name} (*.{kind});;All files (*)")
        if path:
            self.write(Path(path) if Path(path).suffix else Path(f"{path}.{kind}"))

    def write(self, target: Path) -> None:
        """Write what the card says into `target`."""
        dataset = self._bench.view.dataset
        if dataset is None or self._task is not None:
            return
        card = self._card
        scope, columns, kind = str(card.scope.value()), card.columns.ticked(), card.kind.value()
        ids = self._ids(scope)
        self._words = card.scope.currentText()
        card.error.show_problem(None)
        card.show_busy(busy=True)
        card.progress.start(f"Writing {target.name}")
        self._task = run_in_background(
            self,
            lambda task: _write(dataset, ids, columns, (target, kind), task),
            success=lambda written: self._written(target, written),
            failure=self._failed,
            progress=lambda told: card.progress.report(told[0], told[1], told[2], "rows"),
        )

    def _ids(self, scope: str) -> Any:
        """The row ids; None for all that are kept."""
        if scope == "kept":
            return None
        return self._bench.rows.selected_ids() if scope == "chosen" else self._bench.model.view_ids.copy()

    def _written(self, target: Path, written: ExportedRows) -> None:
        self._task = None
        self._card.show_busy(busy=False)
        self._card.hide()
        notes = " ".join(written.warnings)
        text = f"{counted(written.rows, 'row')}, {size_in_words(written.bytes)}, into {target}. {notes}".strip()
        folder = QUrl.fromLocalFile(str(target.parent))
        notifications().say(
            "The rows were exported.",
            text,
            "warn" if written.warnings else "good",
            actions=[("Show the folder", lambda: QDesktopServices.openUrl(folder))],
            key="export rows",
        )

    def _failed(self, error: Exception) -> None:
        self._task = None
        self._card.show_busy(busy=False)
        if not isinstance(error, CancelledError):
            self._card.show()
            self._card.error.show_problem(problem_of(error))

    @Slot()
    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _write(dataset: Dataset, ids: Any, columns: list[str], where: tuple[Path, Any], task: Task) -> ExportedRows:
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.row_export import export_rows

    wanted = dataset.view(Query()) if ids is None else ids
    return export_rows(dataset, wanted, columns, *where, report=task.report, check_cancelled=task.check_cancelled)
