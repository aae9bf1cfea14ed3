"""Saved views between the panel of their names, the table, and the rows' own store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.saved_views import SavedViews

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Dataset

Views = dict[str, dict[str, Any]]


class RowViews(QObject):
    """Keeps views in the project, so that they go where the project goes."""

    def __init__(self, panel: RowsPanel, view: RowView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._view = panel, view
        self._form: SavedViews | None = None
        self.views: Views = {}
        panel.filter.views.clicked.connect(self.open)

    @property
    def form(self) -> SavedViews:
        """The panel of names, made at its first use."""
        if self._form is None:
            self._form = form = SavedViews(self._panel)
            form.chosen.connect(self.show_view)
            form.saved.connect(self.save)
            form.renamed.connect(self.rename)
            form.deleted.connect(self.delete)
        return self._form

    @Slot()
    def open(self) -> None:
        """Show the panel below its button."""
        button = self._panel.filter.views
        at = button.mapToGlobal(button.rect().bottomRight())
        at.setX(at.x() - self.form.width())
        at.setY(at.y() + 4)
        self.form.open_at(at)
        self.form.name.setFocus()
        self._change(lambda _dataset: None)

    @Slot(str)
    def show_view(self, name: str) -> None:
        """Show the rows as they were when the view was saved."""
        if name in self.views:
            self._view.show_state(self.views[name])

    @Slot(str)
    def save(self, name: str) -> None:
        """Keep the present view."""
        state = {key: value for key, value in self._view.state().items() if key != "row"}
        self._change(lambda dataset: dataset.save_view(name, state))

    @Slot(str, str)
    def rename(self, old: str, new: str) -> None:
        """Keep a view under another name."""

        def work(dataset: Dataset) -> None:
            dataset.save_view(new, dataset.saved_views()[old])
            dataset.save_view(old, None)

        self._change(work)

    @Slot(str)
    def delete(self, name: str) -> None:
        """Keep a view no more."""
        self._change(lambda dataset: dataset.save_view(name, None))

    def _change(self, work: Callable[[Dataset], None]) -> None:
        """Off the window's thread: a long change of the rows may hold the store."""
        dataset = self._view.dataset
        if dataset is None:
            return

        def change(_task: Task) -> Views:
            work(dataset)
            return dataset.saved_views()

        run_in_background(self, change, success=self._take)

    def _take(self, views: Views) -> None:
        self.views = views
        self.form.show_names(sorted(views, key=str.lower))
