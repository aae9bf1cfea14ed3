"""The parts of a report on a page: the baselines, the figures, and the rows with their answers."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHeaderView, QWidget

from fintune_gui.project.report import Report
from fintune_gui.ui.itemmodels.confusion_model import ConfusionModel
from fintune_gui.ui.itemmodels.results_model import Result, ResultsModel, Shown
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, ComboBox, Label
from fintune_gui.ui.widgets.data_table import DataTable
from fintune_gui.ui.widgets.report_words import label_lines, metric_lines
from fintune_gui.ui.widgets.segmented import Segmented
from fintune_gui.ui.widgets.small_table import SmallTable

_LINES = 5
_SHORT_COLUMN, _LONG_COLUMN, _CHANGE_COLUMN = 120, 210, 90
_LONGEST_DETAIL = 4000


class FiguresCard(Card):
    """All metrics of all contenders; for labels also the weakest of them, and which was taken for which."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("All figures", parent=parent)
        choices = [("Labels", "labels"), ("Mix-ups", "confusion"), ("Metrics", "metrics")]
        self.choice = Segmented("What to show", choices)
        self.add_action(self.choice)
        self.metrics = SmallTable("Metrics", ("metric", "most frequent", "untuned", "tuned"), most_lines=_LINES)
        self.labels = SmallTable("Labels", ("label", "rows", "precision", "recall", "F1"), most_lines=_LINES)
        self.confusion = DataTable("Mix-ups: expected labels as rows, answers as columns")
        self._confusion = ConfusionModel(self)
        self.confusion.setModel(self._confusion)
        self.confusion.setMinimumHeight(170)
        self.confusion.horizontalHeader().setStretchLastSection(False)
        for table in (self.labels, self.confusion, self.metrics):
            self.add(table)
        self.body.addStretch(1)
        self.choice.chosen.connect(self._show)

    def show_report(self, report: Report) -> None:
        """Show the figures of a report."""
        self.metrics.show_lines(metric_lines(report))
        lines, tones = label_lines(report)
        self.labels.show_lines(lines, tones)
        self._confusion.show_confusion(report.labels if report.confusion else (), report.confusion)
        self.choice.set_choice_shown("confusion", shown=bool(report.confusion))
        self.confusion.set_column_widths({})
        self.choice.setVisible(bool(report.labels))
        self.set_title("All figures" if report.labels else "All metrics")
        self.choice.set_value("labels" if report.labels else "metrics")
        self._show(self.choice.value())

    @Slot(object)
    def _show(self, value: object) -> None:
        self.labels.setVisible(value == "labels")
        self.confusion.setVisible(value == "confusion")
        self.metrics.setVisible(value == "metrics")


class ResultsCard(Card):
    """The rows with what was expected and what was answered; the whole row stands below the table.

    Signals:
        copied: A sentence about what was copied.
    """

    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Rows", padding=metrics.CARD_PADDING, parent=parent)
        self.model = ResultsModel(self)
        self.filter = ComboBox("Which rows to show")
        self.copy_button = Button("Copy rows", self._copy)
        self.add_action(self.filter, self.copy_button)
        self.table = DataTable("Rows of the evaluation")
        self.table.setModel(self.model)
        self.table.setMinimumHeight(150)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._nothing = Label("", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setMinimumHeight(80)
        self.detail = RowDetail()
        self.add(self.table, 1)
        self.add(self._nothing, 1)
        self.add(self.detail)
        self.filter.chosen.connect(self._filter)
        self.table.current_changed.connect(self._show_detail)
        self.table.sort_requested.connect(self._sort)
        self.table.copied.connect(self.copied)

    def wait(self, words: str = "Reading the rows …") -> None:
        """Show words instead of rows: they are being read, or cannot be."""
        self.model.show_results((), "tuned")
        self.filter.hide()
        self._filter("all")
        self._nothing.setText(words)

    def show_results(self, rows: Sequence[Result], report: Report) -> None:
        """Show the rows of a report, at first those that got worse."""
        self.filter.show()
        self.model.show_results(rows, f"run {report.run}")
        labelled = bool(report.labels)
        kinds: list[tuple[str, Shown]] = [("Got worse", "worse"), ("Got better", "better"), ("All rows", "all")]
        if labelled:
            kinds.insert(1, ("Wrong", "wrong"))
        self.filter.set_choices([(f"{words} ({self.model.count(kind):,})", kind) for words, kind in kinds])
        first: Shown = "worse" if self.model.count("worse") else "all"
        self.filter.set_value(first)
        self._filter(first)
        for section in (1, 2, 3):
            self.table.setColumnWidth(section, _SHORT_COLUMN if labelled else _LONG_COLUMN)
        self.table.setColumnWidth(4, _CHANGE_COLUMN)

    @Slot(object)
    def _filter(self, shown: Shown) -> None:
        self.model.show_only(shown)
        empty = not self.model.rowCount()
        words = {"worse": "No row got worse.", "better": "No row got better.", "wrong": "No row is wrong."}
        self._nothing.setText(words.get(shown, "There are no rows."))
        self._nothing.setVisible(empty)
        self.table.setVisible(not empty)
        self.copy_button.setEnabled(not empty)
        self.detail.hide()

    @Slot(int)
    def _show_detail(self, row: int) -> None:
        self.detail.setVisible(row >= 0)
        if row >= 0:
            tuned = str(self.model.headerData(3, Qt.Orientation.Horizontal))
            self.detail.show_result(self.model.result(row), tuned)

    @Slot(int, bool)
    def _sort(self, section: int, descending: bool) -> None:
        self.model.sort_by(section, descending=descending)
        self.table.show_sort(section, descending=descending)

    def _copy(self) -> None:
        """The chosen rows, or all that are shown."""
        if not self.table.selected():
            self.table.select_everything()
        self.table.copy()


class RowDetail(QWidget):
    """One row in full: what was asked, and the three answers below one another; all of it can be selected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, metrics.TINY_GAP, 0, 0)
        grid.setHorizontalSpacing(metrics.GAP)
        grid.setVerticalSpacing(metrics.TINY_GAP)
        grid.setColumnStretch(1, 1)
        self._names = [Label("", "small") for _ in range(4)]
        self._texts = [Label("", wrap=True, selectable=True) for _ in range(4)]
        for place, (name, text) in enumerate(zip(self._names, self._texts, strict=True)):
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            grid.addWidget(name, place, 0)
            grid.addWidget(text, place, 1)
        self.hide()

    def show_result(self, result: Result, tuned_name: str) -> None:
        """Show a row of `ResultsModel`."""
        names = (f"Row {result.row_id + 1:,}", "expected", "untuned", tuned_name)
        values = (result.prompt, result.expected, result.untuned, result.tuned)
        for label, text, name, value in zip(self._names, self._texts, names, values, strict=True):
            label.setText(name)
            shown = value or "(nothing)"
            text.setText(shown if len(shown) <= _LONGEST_DETAIL else shown[:_LONGEST_DETAIL] + " …")
            text.setAccessibleName(f"{name}: {shown[:_LONGEST_DETAIL]}")
