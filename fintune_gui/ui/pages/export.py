"""Export: put a run's result into a folder of the user's, verified, with the code that loads it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from fintune_gui.project.errors import ProjectError
from fintune_gui.project.events import Ended
from fintune_gui.project.flow import Step
from fintune_gui.project.history import read_history
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import ExportSpec, TrainSpec, read_spec
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.page_job import PageJob
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.export_parts import ExportChoice, Exported, ExportedCard
from fintune_gui.ui.widgets.export_words import What, default_folder, python_lines, verified_sentence
from fintune_gui.ui.widgets.run_picker import RunPicker

_Told = tuple[Path, TrainSpec | None, list[Exported]]


class ExportPage(Page):
    """Exports one finished run; shows what was exported of it before."""

    step = Step.EXPORT
    title = "Export"

    def build(self) -> None:
        self._spec: TrainSpec | None = None
        self._told_of: Path | None = None
        self.job = PageJob(self.session, ("Try again", self._export), self)
        self.picker = RunPicker()
        self.header.add_widget(self.picker)
        self.exported = ExportedCard()
        self.choice = ExportChoice()
        for widget in (self.job.progress, self.job.failure, self.exported, self.choice):
            self.body.addWidget(widget)
        self.body.addStretch(1)
        self.exported.hide()
        self.choice.hide()
        self.picker.chosen.connect(self._choose)
        self.choice.changed.connect(self._on_choice)
        self.exported.open_wanted.connect(self._open_folder)
        self.exported.copied.connect(self._say)
        self.job.changed.connect(self._on_job)
        self.job.ended.connect(self._on_ended)
        self.session.closed.connect(self._on_closed)

    # What is true

    def load(self, session: ProjectSession) -> None:
        if not session.is_open:
            return
        self.picker.show_runs(session.facts.runs)
        if self.picker.run is not None:
            self._look_at(session.folder.run_folder(self.picker.run.number))
        self._show()

    def _look_at(self, run_folder: Path) -> None:
        """Read the run's specification and its earlier exports, and follow one that is at work."""
        if self._told_of != run_folder:
            self._told_of, self._spec = run_folder, None
            self.choice.forget_folder()
            at_work = (job.folder for job in self.session.jobs.running)
            ours = (job for job in at_work if job.parent == run_folder and job.name.startswith("export-"))
            self.job.feed.watch(next(ours, None))
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
        run = self.picker.run
        working = self.job.busy
        self.choice.setVisible(self._spec is not None)
        self.choice.setEnabled(not working)
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

    # What the user does

    @Slot(object)
    def _choose(self, _number: object) -> None:
        self.job.dismiss()
        self.load(self.session)

    @Slot()
    def _on_choice(self) -> None:
        self._propose_folder()
        self._show()

    def _export(self) -> None:
        run, folder = self.picker.run, self.session.folder
        if run is None:
            return
        number, what, target = run.number, self.choice.what, Path(self.choice.folder)

        def write() -> Path:
            from fintune_gui.dataset.runs import create_export

            return create_export(folder, number, what, target)

        self.job.start(write)

    @Slot(str)
    def _open_folder(self, folder: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(folder))

    @Slot(str)
    def _say(self, sentence: str) -> None:
        notifications().say(sentence)

    # What happens

    @Slot()
    def _on_job(self) -> None:
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
        self._spec, self._told_of = None, None
        self.picker.forget()
        self.choice.forget_folder()
        self.exported.show_exports([])
        self.exported.hide()


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
