"""Model: choose a base model, how it is tuned, and see whether this computer can do it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout

from fintune_gui.project.cheaper import CheaperWay
from fintune_gui.project.combinations import find_abilities, qlora_problem
from fintune_gui.project.document import ModelChoice, Project
from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Ended
from fintune_gui.project.flow import Step
from fintune_gui.project.hub_token import forget_token, keep_token
from fintune_gui.project.memory import gigabytes
from fintune_gui.project.seq2seq import WHY_NO_QLORA
from fintune_gui.project.settings import Method
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.hub_search import HubModel, search_hub
from fintune_gui.ui.services.memory_bench import MemoryBench
from fintune_gui.ui.services.model_words import (
    METHOD_NAMES,
    display_name,
    model_facts,
    recent_models,
    source_of,
)
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.page_job import PageJob
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.choice import Choice, ChoiceCards
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.facts import FactGrid
from fintune_gui.ui.widgets.model_access import ModelAccess
from fintune_gui.ui.widgets.model_catalogue import CatalogueCard
from fintune_gui.ui.widgets.model_sources import ModelSources

_HUB = "https://huggingface.co"

METHODS = (
    Choice(Method.LORA, "LoRA", "Trains a small adapter beside the model. The usual choice."),
    Choice(Method.FULL, "Full", "Trains every weight. For small models and much data."),
)
_QLORA_TEXT = "LoRA beside weights that are held in 4 bits: for models that would not fit otherwise."


class ModelPage(Page):
    """Sources, progress, and for the chosen model its facts, its method and its memory."""

    step = Step.MODEL
    title = "Model"

    def build(self) -> None:
        self.preparing = PageJob(self.session, ("Try again", self._prepare_again), self)
        self.preparing.ended.connect(self._on_prepared)
        self.preparing.changed.connect(self._reload)
        self.bench = MemoryBench(self.session, self)
        self.bench.changed.connect(self._reload)
        self.bench.way_wanted.connect(self._take_way)
        self._wanted = ""
        self.sources = ModelSources()
        self.sources.wanted.connect(self.prepare)
        self.sources.folder_wanted.connect(self._choose_folder)
        self.sources.file_wanted.connect(self._choose_file)
        self._progress_card = Card()
        self._progress_card.add(self.preparing.progress)
        self._progress_card.hide()
        self._chosen = self._chosen_card()
        columns = QHBoxLayout()
        columns.setSpacing(metrics.GAP)
        columns.addWidget(self._chosen, 1)
        columns.addWidget(self.bench.card, 1)
        self.access = ModelAccess(_HUB)
        self.access.page_wanted.connect(self._open_page)
        self.access.token_given.connect(self._keep_token)
        self.access.forget_wanted.connect(self._forget_token)
        for item in (self.sources, self._progress_card, self.preparing.failure, self.access):
            self.body.addWidget(item)
        self.body.addLayout(columns)
        self.body.addWidget(self.bench.cheaper)
        self.catalogue = CatalogueCard()
        self.catalogue.wanted.connect(self.prepare)
        self.catalogue.hub.search_wanted.connect(self._search_hub)
        self.body.addWidget(self.catalogue)
        self.body.addStretch(1)

    def _chosen_card(self) -> Card:
        card = Card("The chosen model")
        self.facts = FactGrid("The chosen model")
        self.open_folder = Button("Open its folder", self._open_folder, kind="link")
        card.add_action(self.open_folder)
        card.add(self.facts)
        card.body.addSpacing(metrics.TINY_GAP)
        card.add(Label("Method", "card_title"))
        self.methods = ChoiceCards("Method", METHODS)
        self.methods.chosen.connect(self._choose_method)
        card.add(self.methods)
        card.body.addStretch(1)
        return card

    # What is true

    def load(self, session: ProjectSession) -> None:
        project = session.project
        model = project.model
        self.sources.setEnabled(not session.read_only and not self.preparing.busy)
        self.sources.mark(source_of(model))
        self._progress_card.setVisible(self.preparing.busy)
        self.catalogue.setEnabled(self.sources.isEnabled())
        self.catalogue.show_models(
            self.bench.judged_models(project), project.objective.task, model.name if model else None
        )
        self._chosen.setVisible(model is not None)
        self.bench.card.setVisible(model is not None)
        if model is None:
            self.bench.cheaper.hide()
            self.header.set_status("Choose the model that yours is made from.")
            self.header.set_primary("")
            return
        self._chosen.set_title(display_name(model.name))
        self.facts.show_facts(model_facts(model))
        self.methods.setEnabled(not session.read_only)
        obstacle = _qlora_obstacle(model)
        self.methods.set_choices(self._method_choices(project, model, obstacle))
        self.methods.set_value(model.method)
        self.methods.card(Method.QLORA).setEnabled(not obstacle)
        self._show_memory(project, model)
        self.continue_to(Step.TRAIN, enabled=not self.preparing.busy, reason="Wait until the model is ready.")

    def _method_choices(self, project: Project, model: ModelChoice, qlora_obstacle: str) -> list[Choice]:
        """The methods, each with what it would need of the model."""
        needs = self.bench.method_words(project, model)
        if qlora_obstacle:
            needs.pop(Method.QLORA, None)
        choices = [*METHODS, Choice(Method.QLORA, "QLoRA", qlora_obstacle or _QLORA_TEXT)]
        return [
            Choice(choice.value, choice.title, f"{choice.text} {needs.get(Method(str(choice.value)), '')}".strip())
            for choice in choices
        ]

    def page_shown(self) -> None:
        self.bench.look()
        run_in_background(self, lambda _task: recent_models(self.session.folder.folder), success=self._take_recent)

    def check(self) -> list[Problem]:
        if self.session.project.model is not None:
            return []
        return [Problem(code="model.none", what="No model is chosen yet.", todo="Choose one of the four.")]

    @Slot(object)
    def _take_recent(self, models: list[tuple[str, str]]) -> None:
        self.sources.set_recent(models)

    @Slot()
    def _reload(self) -> None:
        if self.session.is_open:
            self.load(self.session)

    # Choosing

    @Slot(str)
    def prepare(self, name: str) -> None:
        """Make the model `name` ready in a process of its own, and take it when it is."""
        if self.preparing.busy:
            return
        folder = self.session.folder

        def write() -> Path:
            from fintune_gui.dataset.runs import create_prepare

            return create_prepare(folder, name)

        self._wanted = name
        self.access.show_model("")
        self.preparing.start(write, f"Looking for {display_name(name)}")

    def _prepare_again(self) -> None:
        self.prepare(self._wanted)

    @Slot(str)
    def _search_hub(self, words: str) -> None:
        task, results = self.session.project.objective.task, self.catalogue.hub

        def show(found: list[HubModel]) -> None:
            results.show_found(words, [(model.id, model.known) for model in found])

        def fail(error: Exception) -> None:
            results.show_failure(words, str(problem_of(error)))

        run_in_background(self, lambda _task: search_hub(words, task), success=show, failure=fail)

    @Slot()
    def _choose_folder(self) -> None:
        dialog = self._file_dialog("Choose the folder of a model")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.open()

    @Slot()
    def _choose_file(self) -> None:
        dialog = self._file_dialog("Choose a GGUF file")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["GGUF models (*.gguf)", "All files (*)"])
        dialog.open()

    def _file_dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self, title)
        dialog.fileSelected.connect(self.prepare)
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    @Slot(str)
    def _open_page(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))

    @Slot(str)
    def _keep_token(self, token: str) -> None:
        run_in_background(self, lambda _task: keep_token(token), success=self._token_kept, failure=self._token_refused)

    def _token_kept(self, in_keyring: bool) -> None:
        place = "in this computer’s keyring" if in_keyring else "until Fintune closes, as this computer has no keyring"
        self.access.show_note(f"The token is kept {place}.")
        self._prepare_again()

    def _token_refused(self, error: Exception) -> None:
        self.access.show_note(str(problem_of(error)))

    @Slot()
    def _forget_token(self) -> None:
        run_in_background(self, lambda _task: forget_token(), success=self._token_forgotten)

    def _token_forgotten(self, _nothing: None) -> None:
        self.access.show_note("No token is kept any more.")

    @Slot(object)
    def _on_prepared(self, ended: Ended) -> None:
        gated = ended.problem is not None and ended.problem.code == "model.gated"
        self.access.show_model(self._wanted if gated else "")
        if ended.outcome == "completed":
            before = self.session.project.model
            method = before.method if before is not None else Method.LORA
            choice = ModelChoice.model_validate({**ended.result, "method": method})
            self.changed.emit(self.session.project.with_(model=choice))

    @Slot(object)
    def _choose_method(self, method: Method) -> None:
        model = self.session.project.model
        if model is not None:
            changed = model.model_copy(update={"method": method})
            self.changed.emit(self.session.project.with_(model=changed))

    @Slot()
    def _open_folder(self) -> None:
        if (model := self.session.project.model) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(model.folder))

    # Memory

    def _show_memory(self, project: Project, model: ModelChoice) -> None:
        busy = "Wait until the model is ready." if self.preparing.busy else ""
        estimate = self.bench.show_model(project, model, obstacle=busy)
        words = [display_name(model.name), METHOD_NAMES[model.method]]
        if estimate is not None:
            words.append(f"about {gigabytes(estimate.total)} of memory")
        self.header.set_status(" · ".join(words))

    @Slot(object)
    def _take_way(self, way: CheaperWay) -> None:
        self.changed.emit(way.applied_to(self.session.project))


def _qlora_obstacle(model: ModelChoice) -> str:
    """Why QLoRA cannot be used with this model on this computer, or ""."""
    if model.seq2seq:
        return f"Not with this model: {WHY_NO_QLORA[0].lower()}{WHY_NO_QLORA[1:]}"
    problem = qlora_problem(find_abilities())
    return f"Not on this computer: {problem.why[0].lower()}{problem.why[1:]}" if problem is not None else ""
