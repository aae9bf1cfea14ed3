"""A card in which a new project is made: its name, the task in words, the goal. No dialog, no steps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from fintune_gui.project.document import Objective, Project, Task, metrics_for, parse_goal
from fintune_gui.project.errors import ProjectError
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.choice import ChoiceCards
from fintune_gui.ui.widgets.controls import Button, Label, LineEdit
from fintune_gui.ui.widgets.labelled import labelled
from fintune_gui.ui.widgets.task_choices import TASKS

_EXAMPLE_GOALS = {
    Task.CLASSIFICATION: "F1 >= 0.90",
    Task.MULTI_LABEL: "micro F1 >= 0.80",
    Task.INSTRUCTION: "perplexity <= 12",
    Task.CHAT: "perplexity <= 12",
    Task.TEXT: "perplexity <= 12",
}


class NewProjectCard(Card):
    """Asks for what a project cannot do without; everything can be changed later.

    Signals:
        accepted: The new `Project`; it is nowhere on disk yet.
        closed: The user does not want one after all.
    """

    accepted = Signal(object)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New project", parent=parent)
        self.body.setSpacing(metrics.GAP)
        self.name = LineEdit("Name", placeholder="For example: Support routing")
        self.goal = LineEdit("Goal")
        for field in (self.name, self.goal):
            field.setMaximumWidth(420)
            field.returnPressed.connect(self._accept)
        self.tasks = ChoiceCards("What the model shall learn", TASKS, columns=2)
        self.tasks.set_value(Task.CLASSIFICATION)
        self.tasks.chosen.connect(self._show_example)
        self._error = Label("", "small", tone="bad", wrap=True)
        self._files = Label("", "small", wrap=True)
        self.add(labelled("Name", self.name))
        self.add(labelled("What shall the model learn?", self.tasks))
        self.add(labelled("Goal, if you have one", self.goal))
        self.add(self._error)
        self.add(self._files)
        self.make = Button("Make the project", self._accept, kind="primary")
        self.add(row(self.make, Button("Cancel", self.closed.emit, kind="link"), None))
        self._show_error("")
        self._show_example(Task.CLASSIFICATION)

    def begin(self, name: str, files: Sequence[str] = ()) -> None:
        """Empty the fields for a new project; `files` will be imported into it."""
        self.name.setText(name)
        self.goal.setText("")
        self._show_error("")
        self._files.setText("Then imports " + ", ".join(files) if files else "")
        self._files.setVisible(bool(files))
        self.name.setFocus()

    @Slot(object)
    def _show_example(self, task: Task) -> None:
        self.goal.setPlaceholderText(f"For example: {_EXAMPLE_GOALS[task]}")

    def _show_error(self, sentence: str) -> None:
        self._error.setText(sentence)
        self._error.setVisible(bool(sentence))

    @Slot()
    def _accept(self) -> None:
        name = self.name.text().strip()
        self.name.mark_invalid(invalid=not name)
        if not name:
            self._show_error("Give the project a name.")
            self.name.setFocus()
            return
        task = Task(str(self.tasks.value()))
        try:
            goal = self.goal.text().strip()
            metric, target = parse_goal(goal, task) if goal else (metrics_for(task)[0], None)
        except ProjectError as error:
            self.goal.mark_invalid(invalid=True)
            self._show_error(str(error.problem))
            self.goal.setFocus()
            return
        self.goal.mark_invalid(invalid=False)
        self._show_error("")
        self.accepted.emit(Project(name=name, objective=Objective(task=task, metric=metric, target=target)))
