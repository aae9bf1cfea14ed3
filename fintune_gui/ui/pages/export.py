"""Export: put a run's result into a folder of the user's, verified, with the code that loads it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from fintune_gui.project.errors import Problem, ProjectError
from fintune_gui.project.events import Ended
from fintune_gui.project.flow import RunFacts, Step
from fintune_gui.project.history import read_history
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import ExportSpec, TrainSpec, read_spec
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.run_feed import RunFeed
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.controls import ComboBox
from fintune_gui.ui.widgets.export_parts import ExportChoice, Exported, ExportedCard
from fintune_gui.ui.widgets.export_words import What, default_folder, python_lines, verified_sentence
from fintune_gui.ui.widgets.feedback import ErrorPanel
from fintune_gui.ui.widgets.progress_strip import ProgressStrip

_Told = tuple[Path, TrainSpec | None, list[Exported]]


class ExportPage(Page):
    """Exports one finished run; shows what was exported of it before."""

    step = Step.EXPORT
    title = "Export"

    def build(self) -> None:
        self._choice: int | None = None
        """The run that the user wants to export; None: the newest finished one."""
        self._spec: TrainSpec | None = None
        self._told_of: Path | None = None
        self._starting = False
        self._problem: Problem | None = None
        self.feed = RunFeed(self.session.jobs, self)
        self.picker = ComboBox("Run")
        self.header.add_widget(self.picker)
        self.progress = ProgressStrip()
        self.failure = ErrorPanel()
        self.exported = ExportedCard()
        self.choice = ExportChoice()
        for widget in (self.progress, self.failure, self.exported, self.choice):
            self.body.addWidget(widget)
        self.body.addStretch(1)
        self.exported.hide()
        self.choice.hide()
        self.picker.chosen.connect(self._choose)
        self.progress.cancelled.connect(self._cancel)
        self.choice.changed.connect(self._on_choice)
        self.exported.open_wanted.connect(self._open_folder)
        self.exported.copied.connect(self._say)
        self.feed.changed.connect(self._on_feed)
        self.feed.ended.connect(self._on_ended)
        self.session.closed.connect(self._on_closed)

    # What is true

    def load(self, session: ProjectSession) -> None:
        if not session.is_open:
            return
        runs = self._finished_runs()
        run = self._run()
        self.picker.set_choices([(f"Run {other.number}", other.number) for other in reversed(runs)])
        self.picker.set_value(run.number if run else None)
        self.picker.setVisible(len(runs) > 1)
        if run is not None:
            self._look_at(session.folder.run_folder(run.number))
        self._show()

    def _finished_runs(self) -> list[RunFacts]:
        return [run for run in self.session.facts.runs if run.status in ("completed", "stopped")]

    def _run(self) -> RunFacts | None:
        runs = self._finished_runs()
        return next((run for run in runs if run.number == self._choice), runs[-1] if runs else None)

    def _look_at(self, run_folder: Path) -> None:
        """Read the run's specification and its earlier exports, and follow one that is at work."""
        if self._told_of != run_folder:
            self._told_of, self._spec = run_folder, None
            self.choice.forget_folder()
            at_work = (job.folder for job in self.session.jobs.running)
            self.feed.watch(next((f for f in at_work if f.parent == run_folder and f.name.startswith("export-")), None))
        run_in_background(self, lambda _task: _read_exports(run_folder), success=self._take)

    def _take(self, told: _Told) -> None:
        run_folder, spec, exports = told
        if run_folder != self._told_of or not self.session.is_open:
            return
        self._spec = spec
        self.exported.show_exports(exports)
        self.exported.setVisible(bool(exports))
        if spec is not None:
            self.choice.show_spec(spec)
            self._propose_folder()
        self._show()

    def _propose_folder(self) -> None:
        if self._spec is None:
            return
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        project = self.session.project
        folder = default_folder(Path(documents), project.name, self._spec.run, self.choice.what)
        self.choice.propose_folder(folder)

    # Showing it

    def _show(self) -> None:
        run = self._run()
        working = self._starting or self.feed.thread_at_work is not None
        self.choice.setVisible(self._spec is not None)
        self.choice.setEnabled(not working)
        self._show_progress(working=working)
        self.failure.show_problem(None if working else self._failure(), [("Try again", self._export)])
        if run is None or self._spec is None:
            self.header.set_status("")
            self.header.set_primary("")
            return
        verdict = f" · {run.report.verdict.headline}" if run.report else " · not measured yet"
        self.header.set_status(f"Run {run.number} · {self._spec.model.short_name}{verdict}")
        if working:
            self.header.set_primary("")
            return
        usable = self.choice.check_folder()
        reason = self.session.read_only or ("" if usable else "Choose an empty folder first.")
        words = "Export the adapter" if self.choice.what == "adapter" else "Export the model"
        self.header.set_primary(words, self._export, enabled=not reason, reason=reason)

    def _show_progress(self, *, working: bool) -> None:
        if not working:
            self.progress.finish()
            return
        if self.progress.isHidden():
            self.progress.start("Starting")
        told = self.feed.history.progress
        if told is not None and self.feed.history.ended is None:
            self.progress.report(told.stage, told.done, told.total, told.unit)

    def _failure(self) -> Problem | None:
        if self._problem is not None:
            return self._problem
        ended = self.feed.history.ended
        return ended.problem if ended and ended.outcome in ("failed", "interrupted") else None

    # What the user does

    @Slot(object)
    def _choose(self, number: object) -> None:
        self._choice = number if isinstance(number, int) else None
        self._problem = None
        self.load(self.session)

    @Slot()
    def _on_choice(self) -> None:
        self._propose_folder()
        self._show()

    def _export(self) -> None:
        run = self._run()
        if run is None or self._starting or self.feed.thread_at_work is not None:
            return
        folder, number, what, target = self.session.folder, run.number, self.choice.what, Path(self.choice.folder)
        self._starting, self._problem = True, None

        def work(_task: Task) -> Path:
            from fintune_gui.dataset.runs import create_export

            return create_export(folder, number, what, target)

        run_in_background(self, work, success=self._created, failure=self._failed)
        if self._starting:
            self._show()

    def _created(self, job_folder: Path) -> None:
        self._starting = False
        if not self.session.is_open or not job_folder.is_relative_to(self.session.folder.folder):
            return
        self.session.jobs.start(job_folder)
        self.feed.watch(job_folder)
        self._show()

    def _failed(self, error: Exception) -> None:
        self._starting = False
        self._problem = problem_of(error)
        self._show()

    @Slot()
    def _cancel(self) -> None:
        if (thread := self.feed.thread_at_work) is not None:
            thread.cancel()

    @Slot(str)
    def _open_folder(self, folder: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(folder))

    @Slot(str)
    def _say(self, sentence: str) -> None:
        notifications().say(sentence)

    # What happens

    @Slot()
    def _on_feed(self) -> None:
        if self.session.is_open and self.isVisible():
            self._show()

    @Slot(object)
    def _on_ended(self, ended: Ended) -> None:
        if ended.outcome == "completed":
            self.choice.forget_folder()
        if self._told_of is not None:
            self._look_at(self._told_of)
        self.session.refresh_facts()

    @Slot()
    def _on_closed(self) -> None:
        self._choice, self._spec, self._told_of, self._problem = None, None, None, None
        self.choice.forget_folder()
        self.exported.show_exports([])
        self.exported.hide()
        self.feed.watch(None)


def _read_exports(run_folder: Path) -> _Told:
    """The run's specification (None if it cannot be read) and its finished exports that are still there."""
    try:
        spec = read_spec(run_folder)
    except ProjectError:
        return run_folder, None, []
    if not isinstance(spec, TrainSpec):
        return run_folder, None, []
    exports = []
    for job in sorted(run_folder.glob("export-*")):
        try:
            asked = read_spec(job)
        except ProjectError:
            continue
        ended = read_history(job).ended
        if isinstance(asked, ExportSpec) and ended is not None and ended.outcome == "completed":
            folder = str(ended.result.get("folder") or asked.target)
            if Path(folder).is_dir():
                exports.append(_exported(asked, folder, ended, spec))
    return run_folder, spec, exports


def _exported(asked: ExportSpec, folder: str, ended: Ended, spec: TrainSpec) -> Exported:
    adapter = asked.what == "adapter" and spec.model.method is not Method.FULL
    what: What = "adapter" if adapter else "merged"
    verified = verified_sentence(what, ended.result, method=spec.model.method)
    return Exported(what, folder, ended.time, verified, python_lines(what, folder, spec))
