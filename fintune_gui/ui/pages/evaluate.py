"""Evaluate: measure a run on the locked test rows, and say honestly whether it got better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout

from fintune_gui.project.events import Ended
from fintune_gui.project.flow import RunFacts, Step
from fintune_gui.project.report import Report
from fintune_gui.ui.itemmodels.results_model import Result
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.page_job import PageJob
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.charts import IntervalPlot
from fintune_gui.ui.widgets.controls import Label, MenuButton
from fintune_gui.ui.widgets.feedback import EmptyState, VerdictBanner
from fintune_gui.ui.widgets.report_cards import FiguresCard, ResultsCard
from fintune_gui.ui.widgets.report_words import baseline_rows, notes_of, report_text, verdict_tone, what_is_measured
from fintune_gui.ui.widgets.run_picker import RunPicker
from fintune_gui.ui.widgets.words import counted

_PLOT_HEIGHT = 240


class EvaluatePage(Page):
    """Shows the report of one finished run, or offers to make it."""

    step = Step.EVALUATE
    title = "Evaluate"

    def build(self) -> None:
        self._shown_report: tuple[Report | None, tuple[Report, ...]] | None = None
        self.job = PageJob(self.session, ("Try again", self._measure), self)
        self._build_header()
        self.intro = EmptyState("")
        self.verdict = VerdictBanner()
        self.baselines = IntervalPlot("Against the baselines")
        self.figures = FiguresCard()
        self.results = ResultsCard()
        self.results.copied.connect(self._say)
        self._baselines_card = Card("Against the baselines")
        self._baselines_card.add(self.baselines, 1)
        self._baselines_card.setMinimumHeight(_PLOT_HEIGHT)
        pair = QHBoxLayout()
        pair.setSpacing(metrics.GAP)
        pair.addWidget(self._baselines_card, 3)
        pair.addWidget(self.figures, 2)
        for widget in (self.job.progress, self.job.failure, self.verdict):
            self.body.addWidget(widget)
        self.body.addWidget(self.intro, 1)
        self.body.addLayout(pair)
        self.notes = Label("", "small", wrap=True, selectable=True)
        self.body.addWidget(self.notes)
        self.body.addWidget(self.results, 1)
        self._of_report = (self.verdict, self._baselines_card, self.figures, self.notes, self.results)
        for part in (*self._of_report, self.intro):
            part.hide()
        self.job.changed.connect(self._on_job)
        self.job.ended.connect(self._on_ended)
        self.session.closed.connect(self._on_closed)

    def _build_header(self) -> None:
        self.picker = RunPicker()
        self.picker.chosen.connect(self._choose)
        self.header.add_widget(self.picker)
        self.more_button = MenuButton(
            "Report", [("Copy the report", self._copy_report), ("Measure again", self._measure)]
        )
        self.header.add_widget(self.more_button)
        self.train_button = self.header.add_action(
            "Train again", lambda: self.go_to.emit(Step.TRAIN), tool_tip="Change the settings and start another run"
        )

    # What is true

    def load(self, session: ProjectSession) -> None:
        if not session.is_open:
            return
        self.picker.show_runs(session.facts.runs)
        self.job.feed.watch(self._job_folder(self.picker.run))
        self._show()

    def _job_folder(self, run: RunFacts | None) -> Path | None:
        """Where the run is, or was last, measured."""
        if run is None:
            return None
        run_folder = self.session.folder.run_folder(run.number)
        watched = self.job.feed.folder
        if watched is not None and watched.parent == run_folder:
            return watched
        folder = run_folder / "evaluation"
        return folder if folder.is_dir() else None

    # Showing it

    def _show(self) -> None:
        run = self.picker.run
        working = self.job.busy
        report = run.report if run else None
        self.train_button.setVisible(not working)
        self.more_button.setVisible(report is not None and not working)
        self._show_header(run, report, working=working)
        self.intro.setVisible(report is None and run is not None)
        if run is not None:
            what = "is being measured" if working else "is not measured yet"
            self.intro.set(f"Run {run.number} {what}.", what_is_measured(self._test_rows()))
        for part in self._of_report:
            part.setVisible(report is not None)
        if run is not None and report is not None:
            self._show_report(report)

    def _show_header(self, run: RunFacts | None, report: Report | None, *, working: bool) -> None:
        if run is None:
            self.header.set_status("")
            self.header.set_primary("")
            return
        if report is None:
            self.header.set_status(f"Run {run.number} is not measured yet")
        else:
            self.header.set_status(f"Run {run.number} on the locked test split · {counted(report.rows, 'row')}")
        if working:
            self.header.set_primary("")
        elif report is not None:
            self.continue_to(Step.EXPORT)
        else:
            reason = self.session.read_only
            self.header.set_primary("Measure on the test rows", self._measure, enabled=not reason, reason=reason)

    def _test_rows(self) -> int | None:
        split = self.session.facts.split
        return split.counts.get("test") if split else None

    def _show_report(self, report: Report) -> None:
        earlier = tuple(
            other.report for other in self.picker.runs if other.report is not None and other.number < report.run
        )
        if (report, earlier) == self._shown_report:
            return
        self._shown_report = (report, earlier)
        self.verdict.show_verdict(report.verdict.headline, report.verdict.explanation, verdict_tone(report))
        self._baselines_card.set_title(f"Against the baselines: {report.verdict.metric.display_name}")
        self.baselines.show_rows(baseline_rows(report, earlier), report.objective.target)
        self.figures.show_report(report)
        self.notes.setText(" ".join(notes_of(report)))
        self._read_results(report)

    def _read_results(self, report: Report) -> None:
        run_folder = self.session.folder.run_folder(report.run)
        self.results.wait()

        def work(_task: Task) -> tuple[Report, Sequence[Result]]:
            from fintune_gui.dataset.results import read_results

            return report, read_results(run_folder)

        run_in_background(self, work, success=self._take_results, failure=self._results_failed)

    def _take_results(self, told: tuple[Report, Sequence[Result]]) -> None:
        report, rows = told
        if self._shown_report is not None and self._shown_report[0] == report:
            self.results.show_results(rows, report)

    def _results_failed(self, error: Exception) -> None:
        self.results.wait("The rows cannot be shown.")
        notifications().show_error(error)

    # What the user does

    @Slot(object)
    def _choose(self, _number: object) -> None:
        self.job.dismiss()
        self.load(self.session)

    def _measure(self) -> None:
        run, folder = self.picker.run, self.session.folder
        if run is None:
            return
        number = run.number

        def write() -> Path:
            from fintune_gui.dataset.runs import create_evaluation

            return create_evaluation(folder, number)

        self.job.start(write)

    def _copy_report(self) -> None:
        run = self.picker.run
        if run is not None and run.report is not None:
            QGuiApplication.clipboard().setText(report_text(run.report))
            self._say("The report was copied.")

    @Slot(str)
    def _say(self, sentence: str) -> None:
        notifications().say(sentence)

    # What happens

    @Slot()
    def _on_job(self) -> None:
        if self.session.is_open and self.isVisible():
            self._show()

    @Slot(object)
    def _on_ended(self, _ended: Ended) -> None:
        self._shown_report = None  # measured again: the rows are other ones even if the report says the same
        self.session.refresh_facts()

    @Slot()
    def _on_closed(self) -> None:
        self._shown_report = None
        self.picker.forget()
