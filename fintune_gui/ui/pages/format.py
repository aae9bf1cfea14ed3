"""Format: which column plays which role, how a row is written, and what the model then sees, token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from fintune_gui.project.document import ROLES_OF_TASK, Project, Role, Task
from fintune_gui.project.errors import Problem
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services import format_work
from fintune_gui.ui.services.background import Report
from fintune_gui.ui.services.format_check import FormatCheck
from fintune_gui.ui.services.format_work import PROPOSED_FROM, CountedLabels, ShownRow
from fintune_gui.ui.services.latest import Latest
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.check_list import CheckList
from fintune_gui.ui.widgets.controls import HorizontalLine
from fintune_gui.ui.widgets.feedback import Action, ProblemList
from fintune_gui.ui.widgets.format_words import check_lines, sample_sentence, status_words
from fintune_gui.ui.widgets.labels_card import LabelsCard
from fintune_gui.ui.widgets.lengths_card import LengthsCard
from fintune_gui.ui.widgets.roles_card import ROLE_NAMES, RolesCard
from fintune_gui.ui.widgets.template_card import TemplateCard
from fintune_gui.ui.widgets.token_browser import TokenBrowser
from fintune_gui.ui.widgets.tokens_card import TokensCard
from fintune_gui.ui.widgets.words import counted, joined

if TYPE_CHECKING:
    from fintune_gui.dataset.measuring import FormatMeasure
    from fintune_gui.dataset.token_use import TokenUses

_NARROWEST_LEFT, _WIDEST_LEFT = 304, 330
_SCROLL_BAR = 12


class FormatPage(Page):
    """Settings on the left; on the right the tokens of one row, and what was checked on many."""

    step = Step.FORMAT
    title = "Format"
    scrolls = False

    def build(self) -> None:
        self._place: int | None = 0
        self._row_id = 0
        self._total = 0
        self._measure: FormatMeasure | None = None
        self._proposal = self._asks(self._take_proposal)
        self._labels = self._asks(self._take_labels)
        self._tokens = self._asks(self._take_row, self._row_failed)
        self._measuring = self._asks(self._take_measure, self._measuring_failed)
        self._uses = self._asks(self._take_uses, self._uses_failed)
        self._measuring.progress.connect(self._on_progress)
        self._check = FormatCheck(self.session, self)
        self._check.changed.connect(self._show_problems)
        self.session.closed.connect(self._forget)

        self.problems = ProblemList()
        self.roles = RolesCard()
        self.roles.chosen.connect(self._choose_roles)
        self.template = TemplateCard()
        self.template.chosen.connect(self._choose)
        self.labels = LabelsCard()
        self.labels.chosen.connect(self._choose)
        self.tokens_card = TokensCard()
        self.tokens_card.chosen.connect(self._choose)
        self.lengths = LengthsCard()
        self.lengths.chosen.connect(self._choose_length)
        self.browser = TokenBrowser()
        self.browser.wanted.connect(self.show_place)
        self.checks = CheckList("Checked before anything is loaded")
        self.checks.row_wanted.connect(self._show_row_id)
        self._line = HorizontalLine()
        for widget in (self._line, self.checks):
            self.browser.add(widget)
            widget.hide()
        columns = QHBoxLayout()
        columns.setSpacing(metrics.GAP - 2)
        columns.addWidget(self._left(), 1)
        columns.addWidget(self.browser, 2)
        self.body.addWidget(self.problems)
        self.body.addLayout(columns, 1)

    def _asks(self, found: object, failed: object = None) -> Latest:
        latest = Latest(self)
        latest.found.connect(found)
        latest.failed.connect(failed or self._lookup_failed)
        return latest

    def _left(self) -> QScrollArea:
        content = QWidget()
        content.setObjectName("content")
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 2, 0)
        layout.setSpacing(metrics.GAP)
        for card in (self.roles, self.template, self.labels, self.lengths, self.tokens_card):
            layout.addWidget(card)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumWidth(_NARROWEST_LEFT + _SCROLL_BAR)
        area.setMaximumWidth(_WIDEST_LEFT + _SCROLL_BAR)
        return area

    # What is true

    def load(self, session: ProjectSession) -> None:
        if self.waiting or session.facts.rows is None:
            return
        project, facts = session.project, session.facts
        task, format_, model = project.objective.task, project.format, project.model
        editable = not session.read_only
        self._check.look()
        self.roles.show_roles(facts.columns, format_.roles, task, editable=editable)
        self.template.setVisible(task in (Task.INSTRUCTION, Task.CHAT))
        self.tokens_card.show_tokens(format_.added_tokens, editable=editable)
        name = model.short_name if model else ""
        self.template.show_format(
            format_,
            name,
            model.has_chat_template if model else None,
            editable=editable,
            two_halves=model is not None and model.seq2seq,
        )
        self.lengths.show_limit(format_.max_length, model.context_length if model else None, editable=editable)
        rows = (session.folder.folder, facts.dataset_fingerprint)
        self._proposal.ask((rows, task), lambda _task: format_work.propose(session, task))
        self._load_labels(project, rows)
        if obstacle := self._obstacle(project):
            self._show_obstacle(*obstacle)
        else:
            self._ask_tokens(project, rows)
        self._show_status()

    def _load_labels(self, project: Project, rows: object) -> None:
        column, task = project.format.roles.get(Role.LABEL), project.objective.task
        if not task.generates and column in self.session.facts.columns:
            session, format_ = self.session, project.format
            question = (rows, task, column, format_.label_separator)
            self._labels.ask(question, lambda _task: format_work.count_labels(session, format_, task))
        else:
            self._labels.forget()
            self.labels.hide()

    def _obstacle(self, project: Project) -> tuple[str, str, list[Action]] | None:
        """Why there are no tokens to show: title, sentence, buttons; None if there are."""
        missing = project.format.missing_roles(project.objective.task)
        if missing:
            names = joined([ROLE_NAMES[role].lower() for role in missing])
            return f"The {names} is still to be chosen.", "Say on the left which column it is.", []
        used = [
            column for role, column in project.format.roles.items() if role in ROLES_OF_TASK[project.objective.task]
        ]
        if gone := [column for column in used if column not in self.session.facts.columns]:
            return f"The column “{gone[0]}” is not there any more.", "Choose another one on the left.", []
        if project.model is None:
            return (
                "Tokens need a model.",
                "Every model cuts text in its own way. Once one is chosen, each row is shown here token by token, "
                "exactly as it will be learned. The roles can be set now.",
                [("Go to Model", lambda: self.go_to.emit(Step.MODEL))],
            )
        return None

    def _show_obstacle(self, title: str, text: str, actions: list[Action]) -> None:
        for latest in (self._tokens, self._measuring, self._uses):
            latest.forget()
        self.tokens_card.show_uses(None, editable=False)
        self._measure = None
        self.browser.show_empty(title, text, actions)
        self.lengths.progress.finish()
        self.lengths.show_note("Lengths need the roles and a model.")
        for widget in (self._line, self.checks):
            widget.hide()

    def _ask_tokens(self, project: Project, rows: object) -> None:
        session, model = self.session, project.model
        assert model is not None
        # as the engine does: nothing is longer than what the model can read
        longest = min(project.format.max_length, model.context_length)
        format_, task = project.format.model_copy(update={"max_length": longest}), project.objective.task
        place, row_id = self._place, self._row_id
        question = (rows, format_, task, model.folder, model.fingerprint)
        self._tokens.ask(
            (*question, place, row_id),
            lambda _task: format_work.show_row(session, format_, task, model, place=place, row_id=row_id),
        )
        self._measuring.ask(question, lambda work: format_work.measure(session, work, format_, task, model))
        read = (rows, format_.roles, format_.system_prompt, format_.added_tokens, task, model.folder, model.fingerprint)
        self._uses.ask(read, lambda work: format_work.token_uses(session, work, format_, task, model))
        if self._measuring.busy:
            self._measure = None
            self.lengths.progress.start("Measuring rows")

    @Slot()
    def _show_problems(self) -> None:
        # what the roles lack is said beside them
        said = ("data.missing_role", "data.no_column")
        self.problems.show_problems([p for p in self._check.problems if p.code not in said])

    def _show_status(self) -> None:
        session = self.session
        words = [counted(session.facts.rows_kept, "row")]
        if self._measure is not None:
            words += status_words(self._measure, session.project.objective.task)
        self.header.set_status(" · ".join(words))
        missing = session.project.format.missing_roles(session.project.objective.task)
        names = joined([ROLE_NAMES[role].lower() for role in missing])
        self.continue_to(Step.SPLIT, enabled=not missing, reason=f"Choose the {names} first.")

    def check(self) -> list[Problem]:
        self._check.look()
        return self._check.problems

    # Answers

    @Slot(object)
    def _take_proposal(self, roles: dict[Role, str]) -> None:
        self.roles.set_proposal(roles, PROPOSED_FROM)

    @Slot(object)
    def _take_labels(self, labels: CountedLabels) -> None:
        self.labels.show()
        self.labels.show_labels(labels.rows)
        chosen = self.session.project.format.label_separator
        self.labels.show_separator(labels.found, chosen, labels.without, editable=not self.session.read_only)

    @Slot(object)
    def _take_row(self, row: ShownRow) -> None:
        self._place, self._total = row.place, row.total
        several = self.session.project.objective.task is Task.MULTI_LABEL
        self.browser.show_row(row.place, row.total, row.spans, row.label, several=several)

    @Slot(object)
    def _row_failed(self, error: Exception) -> None:
        total = self._total or self.session.facts.rows_kept
        self.browser.show_problem(problem_of(error), self._place or 0, total)

    @Slot(object)
    def _take_measure(self, measure: FormatMeasure) -> None:
        self._measure = measure
        task = self.session.project.objective.task
        self.lengths.progress.finish()
        self.lengths.show_lengths(measure.lengths, measure.max_length, measure.usable)
        self.checks.show_lines(check_lines(measure, task), sample_sentence(measure))
        for widget in (self._line, self.checks):
            widget.show()
        self._show_status()

    @Slot(object)
    def _measuring_failed(self, error: Exception) -> None:
        self.lengths.progress.finish()
        self.lengths.show_note(str(problem_of(error)))

    @Slot(object)
    def _take_uses(self, uses: TokenUses) -> None:
        self.tokens_card.show_uses(uses, editable=not self.session.read_only)

    @Slot(object)
    def _uses_failed(self, _error: Exception) -> None:
        self.tokens_card.show_uses(None, editable=False)  # why is told where the row's tokens would be

    @Slot(object)
    def _lookup_failed(self, error: Exception) -> None:
        self.problems.show_problems([problem_of(error)])

    @Slot(object)
    def _on_progress(self, report: Report) -> None:
        self.lengths.progress.report(*report, "rows")

    @Slot()
    def _forget(self) -> None:
        for latest in (self._proposal, self._labels, self._tokens, self._measuring, self._uses):
            latest.forget()
        self._place, self._row_id, self._total, self._measure = 0, 0, 0, None

    # Changing

    @Slot(int)
    def show_place(self, place: int) -> None:
        """Show the row at `place` among the kept rows."""
        self._place = place
        self.load(self.session)

    @Slot(int)
    def _show_row_id(self, row_id: int) -> None:
        self._place, self._row_id = None, row_id
        self.load(self.session)

    @Slot(object)
    def _choose_roles(self, roles: dict[Role, str]) -> None:
        self._choose({"roles": roles})

    @Slot(int)
    def _choose_length(self, max_length: int) -> None:
        self._choose({"max_length": max_length})

    @Slot(object)
    def _choose(self, changes: dict[str, object]) -> None:
        project = self.session.project
        self.changed.emit(project.with_(format=project.format.model_copy(update=changes)))
