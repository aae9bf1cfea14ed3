"""The card "Memory for training": the estimate, the measured dry run, and the cheaper settings that it tried."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout

from fintune_gui.project.catalogue import catalogue
from fintune_gui.project.computer import Computer, free_memory, this_computer
from fintune_gui.project.document import ModelChoice, Project
from fintune_gui.project.errors import DataError
from fintune_gui.project.fitting import Fit, Outlook, look_ahead
from fintune_gui.project.flow import Step, input_fingerprints
from fintune_gui.project.measured import last_measured
from fintune_gui.project.memory import MemoryEstimate, gigabytes
from fintune_gui.project.model_shape import ModelShape, read_shape
from fintune_gui.project.settings import Method
from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.model_words import measured_facts
from fintune_gui.ui.services.page_job import PageJob
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.cheaper_view import CheaperCard
from fintune_gui.ui.widgets.controls import Button, CheckBox, HorizontalLine, Label
from fintune_gui.ui.widgets.facts import FactGrid
from fintune_gui.ui.widgets.memory_view import FIT_TONES, MemoryView, fitting

_ESTIMATED = "Estimated by arithmetic, for rows as long as the page Format lets them be. A dry run measures it."
_ROUGH = "The layers of this kind of model were not counted: the estimate is rough. A dry run measures it."
_MEASURING = "Runs three steps on your longest rows: real memory, real speed, hours for the whole run."


class MemoryBench(QObject):
    """Everything that the Model page says about memory, put together once.

    Attributes:
        card: The card.
        cheaper: Another one, below it: the cheaper settings that were measured.
        measuring: The dry run.

    Signals:
        changed: Something was found out; the page shows itself again.
        way_wanted: The `CheaperWay` that the user takes.
    """

    changed = Signal()
    way_wanted = Signal(object)

    def __init__(self, session: ProjectSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._computer: Computer | None = None
        self._free_memory = 0
        self._judged_for: object = None
        self._outlooks: dict[str, Outlook] = {}
        self._shape: ModelShape | None = None
        self._shape_of = ""
        self.measuring = PageJob(session, ("Try again", self.measure), self)
        self.measuring.changed.connect(self.changed)
        self.card = self._build_card()
        self.cheaper = CheaperCard()
        self.cheaper.wanted.connect(self.way_wanted)

    def _build_card(self) -> Card:
        card = Card("Memory for training")
        self.badge = Badge()
        card.add_action(self.badge)
        self.view = MemoryView()
        card.add(self.view)
        self._note = card.add_note(_ESTIMATED)
        card.add(HorizontalLine())
        self.measured = FactGrid("Measured")
        card.add(self.measured)
        card.add(self.measuring.progress)
        card.add(self.measuring.failure)
        self.measure_button = Button("Measure it", self.measure)
        self._measure_note = Label("", "small", wrap=True)
        line = QHBoxLayout()
        line.setSpacing(metrics.GAP)
        line.addWidget(self.measure_button)
        line.addWidget(self._measure_note, 1)
        card.add(line)
        self.with_cheaper = CheckBox("Also try cheaper settings")
        self.with_cheaper.setChecked(True)
        self.with_cheaper.setToolTip("Takes about as long again for each of them")
        card.add(self.with_cheaper)
        card.body.addStretch(1)
        return card

    def look(self) -> None:
        """Ask what computer this is, and how much of its memory is free now."""
        run_in_background(self, lambda _task: _computer_and_free_memory(), success=self._take_computer)

    @Slot(object)
    def _take_computer(self, found: tuple[Computer, int]) -> None:
        self._computer, self._free_memory = found
        self.changed.emit()

    def judged_models(self, project: Project) -> dict[str, Outlook]:
        """How each model of the catalogue would fit; reckoned again only when something that counts has changed."""
        method = project.model and project.model.method
        counts = (self._computer, self._free_memory, method, project.training, project.format, project.objective.task)
        if self._computer is not None and counts != self._judged_for:
            self._judged_for = counts
            self._outlooks = {
                known.id: self._outlook(known.memory_shape, project, known.context_length)
                for known in catalogue().models
            }
        return self._outlooks

    def show_model(self, project: Project, model: ModelChoice, *, obstacle: str) -> MemoryEstimate | None:
        """Show what is known of a model's memory. `obstacle`: why nothing can be measured just now, or "".

        Returns the estimate, None while there is none.
        """
        self._look_at(model)
        estimate = self._show_estimate(project, model)
        self._show_measured(project, model, obstacle or self._obstacle())
        return estimate

    def _look_at(self, model: ModelChoice) -> None:
        """Read the headers of a model that was not looked at yet, off the window's thread."""
        if self._shape_of == model.folder:
            return
        self._shape, self._shape_of = None, model.folder
        folder = model.folder

        def take(shape: ModelShape | None) -> None:
            if self._shape_of == folder:
                self._shape = shape
                self.changed.emit()

        run_in_background(self, lambda _task: read_shape(Path(folder)), success=take)

    def method_words(self, project: Project, model: ModelChoice) -> dict[Method, str]:
        """What each method would need of this model, and whether that fits; nothing while it is not known."""
        if self._shape is None or self._shape_of != model.folder or self._computer is None:
            return {}
        words = {}
        for method in Method:
            outlook = self._outlook(self._shape, project, model.context_length, method)
            words[method] = f"About {gigabytes(outlook.estimate.total)}: {outlook.fit.value}."
        return words

    def _outlook(
        self, shape: ModelShape, project: Project, context_length: int, method: Method | None = None
    ) -> Outlook:
        """The judgement with one method, by default the chosen one."""
        assert self._computer is not None
        chosen = project.model.method if project.model is not None else Method.LORA
        return look_ahead(
            shape,
            method or chosen,
            project.training,
            self._computer,
            self._free_memory,
            max_length=min(project.format.max_length, context_length),
            task=project.objective.task,
        )

    def _show_estimate(self, project: Project, model: ModelChoice) -> MemoryEstimate | None:
        known = self._shape is not None and self._computer is not None
        for widget in (self.view, self.badge, self._note):
            widget.setVisible(known)
        if self._shape is None or self._computer is None:
            return None
        outlook = self._outlook(self._shape, project, model.context_length)
        self.view.show_estimate(outlook.estimate, self._computer.memory_bytes, self._computer.name)
        self._show_badge(outlook.fit, outlook.sentences)
        note = _ROUGH if outlook.estimate.rough else _ESTIMATED
        self._note.setText(f"{outlook.advice} {note}".strip())
        return outlook.estimate

    def _show_badge(self, fit: Fit, sentences: str) -> None:
        self.badge.set(fit.value, FIT_TONES[fit])
        self.badge.setToolTip(sentences)
        self.badge.setAccessibleDescription(sentences)

    def _show_measured(self, project: Project, model: ModelChoice, obstacle: str) -> None:
        inputs = input_fingerprints(project, self._session.facts)
        found = last_measured(self._session.folder.jobs, model, project.training, inputs)
        busy = self.measuring.busy
        self.measured.setVisible(found is not None)
        self.cheaper.show_ways(found, enabled=not self._session.read_only and not busy)
        if found is not None:
            self.measured.show_facts(measured_facts(found))
        if found is not None and self._computer is not None:
            available = self._computer.memory_bytes
            word = fitting(found.peak_memory_bytes, available) if found.fits else (Fit.TOO_LARGE.value, "bad")
            self.badge.set(*word)
        self.measure_button.setText("Measure again" if found is not None else "Measure it")
        for widget in (self.measure_button, self._measure_note, self.with_cheaper):
            widget.setVisible(not busy)
            widget.setEnabled(not obstacle)
        self._measure_note.setText(obstacle or _MEASURING)

    def _obstacle(self) -> str:
        session = self._session
        if session.read_only:
            return session.read_only
        states = {state.step: state for state in session.states}
        for step in (Step.DATA, Step.FORMAT, Step.SPLIT):
            if states[step].state in ("todo", "failed", "stale"):
                return f"Measuring needs your rows: finish {step.display_name} first."
        return ""

    @Slot()
    def measure(self) -> None:
        """Run a few real steps in a process of its own."""
        session, folder, cheaper = self._session, self._session.folder, self.with_cheaper.isChecked()

        def write() -> Path:
            from fintune_gui.dataset.runs import create_fit

            dataset = session.dataset()
            if dataset is None:
                raise DataError("data.no_dataset", "There are no rows yet.", "", "Import a file first.")
            return create_fit(folder, dataset, cheaper=cheaper)

        self.measuring.start(write, "Writing the rows")


def _computer_and_free_memory() -> tuple[Computer, int]:
    computer = this_computer()
    return computer, free_memory(computer)
