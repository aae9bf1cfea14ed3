"""Objective: what the model shall learn, in words, and how success is measured."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout

from fintune_gui.project.document import Metric, Objective, Project, Role, Task, metrics_for
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task as BackgroundTask
from fintune_gui.ui.services.background import run_in_background
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.choice import Choice, ChoiceCards
from fintune_gui.ui.widgets.controls import HorizontalLine, Label, LineEdit
from fintune_gui.ui.widgets.form import parse_number
from fintune_gui.ui.widgets.notes import NotesField
from fintune_gui.ui.widgets.task_choices import TASKS

METRICS = {
    Metric.F1: "Every label counts the same, also the rare ones. The usual choice.",
    Metric.ACCURACY: "The share of texts that get the right label. Good when labels are about equally frequent.",
    Metric.PRECISION: "When it names a label, how often that is right. For when a wrong label is costly.",
    Metric.RECALL: "Of the texts that have a label, how many it finds. For when a missed one is costly.",
    Metric.MICRO_F1: "Every single label that is given or missed counts the same. The usual choice.",
    Metric.MACRO_F1: "Each label's own F1, then their mean: rare labels count as much as frequent ones.",
    Metric.EXACT_MATCH: "The share of texts that get all their labels and no other. The strictest measure.",
    Metric.PERPLEXITY: "How surprised it is by your answers; 1 would be not at all. The usual choice.",
    Metric.ROUGE_L: "How much of your answer's wording comes back in the same order, from 0 to 1.",
    Metric.SACREBLEU: "How closely the wording matches yours, from 0 to 100. Common for translations.",
}

_HIGHEST: dict[Metric, float] = {Metric.SACREBLEU: 100.0, Metric.PERPLEXITY: float("inf")}
"""The largest value of a metric; 1 for all others."""


class ObjectivePage(Page):
    """Task, words, metric and target; every change is stored at once."""

    step = Step.OBJECTIVE
    title = "Objective"

    def build(self) -> None:
        self._task_before: Task | None = None
        self._said = ""
        self._proposing: BackgroundTask | None = None
        self.tasks = ChoiceCards("What the model shall learn", TASKS, columns=2)
        self.tasks.chosen.connect(self._choose_task)
        self.description = NotesField(
            "What it is for, in your words", "For example: route support mail to the team that can answer it."
        )
        self.description.setFixedHeight(84)
        self.description.committed.connect(self._describe)
        self.metrics = ChoiceCards("The measure of success", [])
        self.metrics.chosen.connect(self._choose_metric)
        self.target = LineEdit("Target", placeholder="no target")
        self.target.setFixedWidth(metrics.FIELD_WIDTH)
        self.target.committed.connect(self._set_target)
        self._target_note = Label("", "small", wrap=True)
        self._goal = Label("", "strong", wrap=True)

        what = Card("What shall the model learn to do?")
        what.add(self.tasks)
        self.body.addWidget(what)
        columns = QHBoxLayout()
        columns.setSpacing(metrics.GAP)
        columns.addWidget(self._metric_card(), 3)
        right = QVBoxLayout()
        right.setSpacing(metrics.GAP)
        right.addWidget(self._words_card())
        right.addWidget(self._target_card())
        right.addStretch(1)
        columns.addLayout(right, 2)
        self.body.addLayout(columns)
        self.body.addStretch(1)
        self.continue_to(Step.DATA)

    def _metric_card(self) -> Card:
        card = Card("How is success measured?")
        card.add(self.metrics)
        card.add_note("Measured at the end on rows that the model has never seen, beside the same model untuned.")
        card.body.addStretch(1)
        card.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        return card

    def _words_card(self) -> Card:
        card = Card("In your own words")
        card.add(self.description)
        card.add_note("For you and the report; the model never sees it.")
        return card

    def _target_card(self) -> Card:
        card = Card("Target")
        line = QHBoxLayout()
        line.setSpacing(metrics.SMALL_GAP)
        self._sign = Label("at least", "body")
        line.addWidget(self._sign)
        line.addWidget(self.target)
        line.addStretch(1)
        card.add(line)
        card.add(self._target_note)
        card.add(HorizontalLine())
        card.add(self._goal)
        return card

    # What is true

    def load(self, session: ProjectSession) -> None:
        objective = session.project.objective
        self.tasks.set_value(objective.task)
        self.description.set_text(objective.description)
        self.metrics.set_choices([Choice(m, m.display_name, METRICS[m]) for m in metrics_for(objective.task)])
        self.metrics.set_value(objective.metric)
        self._sign.setText("at least" if objective.metric.higher_is_better else "at most")
        self.target.set_text("" if objective.target is None else f"{objective.target:g}")
        if not self.target.hasFocus():
            self._say_about_target("")
        self._goal.setText(_goal_sentence(objective))
        self.header.set_status(f"{_title(objective.task)} · {objective.goal}")
        for field in (self.tasks, self.metrics, self.target):
            field.setEnabled(not session.read_only)
        self.description.setReadOnly(bool(session.read_only))
        self._show_consequences(session)

    def _show_consequences(self, session: ProjectSession) -> None:
        """After the task was changed here: what was made for the old one."""
        before, now = self._task_before, session.project.objective.task
        if before is None or before is now:
            self._said = ""
            self.hide_banner()
            return
        text = "What each column is for was proposed again."
        if stale := _made_for_another_task(session):
            verb = "was" if len(stale) == 1 and not stale[0].endswith("runs") else "were"
            text += f" {_join(stale)} {verb} made for “{_title(before)}” and {'is' if verb == 'was' else 'are'} stale."
        if text != self._said:  # a button that is being pressed is not replaced
            self._said = text
            actions = [("Go to Format", lambda: self.go_to.emit(Step.FORMAT)), ("Take it back", self._take_back)]
            self.show_banner("The task is another one now.", text, "warn", actions)

    def page_hidden(self) -> None:
        self.description.commit()
        self._task_before = None

    # What the user does

    def _change(self, **changes: object) -> None:
        project = self.session.project
        objective = Objective.model_validate({**dict(project.objective), **changes})
        self.changed.emit(project.with_(objective=objective))

    @Slot(object)
    def _choose_task(self, task: Task) -> None:
        project = self.session.project
        if task is project.objective.task:
            return
        has_consequences = bool(project.format.roles or self.session.facts.split or self.session.facts.runs)
        if has_consequences and self._task_before is None:
            self._task_before = project.objective.task
        metric = project.objective.metric
        fits = metric in metrics_for(task)
        objective = Objective(
            task=task,
            description=project.objective.description,
            metric=metric if fits else metrics_for(task)[0],
            target=project.objective.target if fits else None,
        )
        changed = project.with_(objective=objective)
        if self.session.facts.rows is None:
            self.changed.emit(changed)
        else:
            self._propose_roles(changed)

    def _propose_roles(self, changed: Project) -> None:
        """Store the changed task together with columns that fit it, found off the window's thread."""
        session, task = self.session, changed.objective.task

        def work(_task: BackgroundTask) -> dict[Role, str]:
            from fintune_gui.dataset.formatting import propose_roles

            dataset = session.dataset()
            if dataset is None:
                return {}
            sample = dataset.cells(range(min(200, dataset.total_rows)))
            return propose_roles(
                dataset.columns, [dict(zip(dataset.columns, row, strict=True)) for row in sample], task
            )

        def found(roles: dict[Role, str]) -> None:
            self._proposing = None
            if session.is_open and session.project.id == changed.id:
                format_ = changed.format.model_copy(update={"roles": roles})
                self.changed.emit(session.project.with_(objective=changed.objective, format=format_))

        if self._proposing is not None:
            self._proposing.abandon()
        self._proposing = run_in_background(self, work, success=found)

    @Slot()
    def _take_back(self) -> None:
        self._task_before = None
        self.session.undo()

    @Slot(str)
    def _describe(self, text: str) -> None:
        if self.session.is_open and not self.session.read_only:
            self._change(description=text)

    @Slot(object)
    def _choose_metric(self, metric: Metric) -> None:
        objective = self.session.project.objective
        if metric is objective.metric:
            return
        keeps = _HIGHEST.get(metric, 1.0) == _HIGHEST.get(objective.metric, 1.0)
        self._say_about_target("")
        self._change(metric=metric, target=objective.target if keeps else None)

    @Slot(str)
    def _set_target(self, text: str) -> None:
        metric = self.session.project.objective.metric
        if not text.strip():
            self._say_about_target("")
            self._change(target=None)
            return
        value = parse_target(text, metric)
        if value is None:
            self._say_about_target(_range_sentence(metric))
            return
        self._say_about_target("")
        self._change(target=value)

    def _say_about_target(self, wrong: str) -> None:
        """Say what is wrong with the target; "" shows what it is good for."""
        self.target.mark_invalid(invalid=bool(wrong))
        self._target_note.setText(wrong or "Optional. The verdict then says whether it was reached.")
        self._target_note.set_tone("bad" if wrong else None)
        self.target.setAccessibleDescription(self._target_note.text())


def parse_target(text: str, metric: Metric) -> float | None:
    """A target as people write it ("0.9", "90 %"); None if the metric can never have that value."""
    percent = text.strip().endswith("%")
    value = parse_number(text.strip().removesuffix("%"))
    if value is None:
        return None
    highest = _HIGHEST.get(metric, 1.0)
    value = value / 100 if percent and highest == 1.0 else value
    lowest = 1.0 if metric is Metric.PERPLEXITY else 0.0
    return value if lowest <= value <= highest and value != float("inf") else None


def _range_sentence(metric: Metric) -> str:
    if metric is Metric.PERPLEXITY:
        return "Perplexity is a number from 1 upwards, for example 12."
    highest = _HIGHEST.get(metric, 1.0)
    return f"{metric.display_name} lies between 0 and {highest:g}, for example {'0.90' if highest == 1.0 else '30'}."


def _goal_sentence(objective: Objective) -> str:
    name = objective.metric.display_name
    if objective.target is None:
        return f"The goal: a better {name} than the untuned model."
    return f"The goal: {name} of at {'least' if objective.metric.higher_is_better else 'most'} {objective.target:g}."


def _title(task: Task) -> str:
    return next(choice.title for choice in TASKS if choice.value is task)


def _made_for_another_task(session: ProjectSession) -> list[str]:
    """What exists that was made from the format and so from the task."""
    facts = session.facts
    made = ["The split"] if facts.split else []
    runs = len(facts.runs)
    if runs:
        made.append(f"run {facts.runs[0].number}" if runs == 1 else f"{runs} runs")
    return [made[0][0].upper() + made[0][1:], *made[1:]] if made else []


def _join(names: list[str]) -> str:
    return " and ".join(names)
