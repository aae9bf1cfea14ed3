"""The figures in the header of the table: counted in the background, those on screen first, and kept while true."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.in_turn import InTurn
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_view import RowView
from fintune_gui.ui.widgets.data_table import HeaderStatistics
from fintune_gui.ui.widgets.rows_panel import RowsPanel
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.picture import Picture
    from fintune_gui.dataset.statistics import ColumnStatistics

_PAUSE_MS = 700
"""After a change: typing into ten cells shall not count a million rows ten times."""


class _Counted:
    """What figures were counted of: a column and the rows that are out. Both never change, so that they are told by
    which objects they are, and an edit in one column leaves the figures of the others true."""

    def __init__(self, column: object, removed: object) -> None:
        self._column, self._removed = column, removed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Counted) and self._column is other._column and self._removed is other._removed

    def __hash__(self) -> int:
        return hash((id(self._column), id(self._removed)))


class RowStatistics(QObject):
    """Gives the header of a table its second line, for all kept rows whatever the filter."""

    def __init__(self, panel: RowsPanel, view: RowView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table, self._view = panel.table, view
        self._known: dict[str, tuple[_Counted, HeaderStatistics]] = {}
        """By column: what it was counted of, and the figures."""
        self._work = InTurn(self)
        self._work.answered.connect(self._show)
        self._work.failed.connect(self._cannot)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._ask)
        view.columns_known.connect(self._open)
        view.asked.connect(self.refresh)

    @property
    def busy(self) -> bool:
        """Whether figures are on their way."""
        return self._pause.isActive() or self._work.busy

    @Slot()
    def refresh(self) -> None:
        """Count again soon what has changed."""
        if self._view.dataset is None:
            self._pause.stop()
            self._work.forget()
        else:
            self._pause.start()

    @Slot()
    def _open(self) -> None:
        self._known.clear()
        self._table.set_statistics({})
        self.refresh()

    @Slot()
    def _ask(self) -> None:
        dataset = self._view.dataset
        if dataset is None or not self._table.isVisible():
            return
        picture = dataset.picture
        wanted = [(name, _Counted(picture.column_of(name), picture.removed_mask)) for name in self._columns()]
        outdated = [(name, now) for name, now in wanted if name not in self._known or self._known[name][0] != now]
        self._work.ask([((name, now), partial(_figures, picture, name)) for name, now in outdated])

    def _columns(self) -> list[str]:
        """Those that can be seen first; hidden ones not at all."""
        hidden = set(self._table.hidden_columns())
        header, width = self._table.horizontalHeader(), self._table.viewport().width()
        model = self._table.model()

        def is_seen(name: str) -> bool:
            section = 1 + self._view.columns.index(name)
            return section < model.columnCount() and 0 <= header.sectionViewportPosition(section) < width

        shown = [name for name in self._view.columns if name not in hidden]
        return sorted(shown, key=lambda name: not is_seen(name))

    @Slot(object, object)
    def _show(self, question: tuple[str, _Counted], figures: HeaderStatistics) -> None:
        name, content = question
        self._known[name] = (content, figures)
        self._table.set_statistics({name: known for name, (_, known) in self._known.items()})

    @Slot(object, object)
    def _cannot(self, _question: object, error: Exception) -> None:
        notifications().show_error(error)


def _figures(picture: Picture, column: str, task: Task) -> HeaderStatistics:
    from fintune_gui.dataset.statistics import column_statistics

    return _in_words(column_statistics(picture, column, check_cancelled=task.check_cancelled))


def _in_words(figures: ColumnStatistics) -> HeaderStatistics:
    values = counted(figures.distinct, "value")
    without = figures.missing + figures.empty
    share = without / figures.rows if figures.rows else 0.0
    sentences = [f"{figures.column}: {values} in {counted(figures.rows, 'row')}."]
    if without:
        sentences.append(f"{counted(without, 'row')} without a value ({share:.1%}).".replace("%", " %"))
    if figures.longest:
        sentences.append(
            f"{figures.shortest:,} to {figures.longest:,} characters long, {figures.mean_length:,.0f} on average."
        )
    frequent = [value for value in figures.top if value.value and value.count > 1][:3]
    if frequent:
        most = ", ".join(f"{value.value[:30]} ({value.count:,})" for value in frequent if value.value)
        sentences.append(f"Most frequent: {most}.")
    return HeaderStatistics(share, values, figures.lengths.counts, "\n".join(sentences))
