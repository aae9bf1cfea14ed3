"""Train: settle the settings, watch a run learn, and look at earlier ones."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QApplication

from fintune_gui.project.errors import FintuneError, Problem
from fintune_gui.project.events import Command, Ended
from fintune_gui.project.flow import RunFacts, Step
from fintune_gui.project.spec import TrainSpec
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.format_check import FormatCheck
from fintune_gui.ui.services.notifications import notifications, problem_of
from fintune_gui.ui.services.run_coach import RunCoach
from fintune_gui.ui.services.run_failure import RunFailure
from fintune_gui.ui.services.run_feed import RunFeed
from fintune_gui.ui.services.run_queue import QueueView
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.shortcuts import IN_TRAINING, commands_of
from fintune_gui.ui.shortcuts import Command as Line
from fintune_gui.ui.widgets.coach_card import CoachCard
from fintune_gui.ui.widgets.controls import ComboBox
from fintune_gui.ui.widgets.feedback import Action, Banner, ErrorPanel, ProblemList
from fintune_gui.ui.widgets.run_controls import RunControls
from fintune_gui.ui.widgets.run_setup import RunSetup
from fintune_gui.ui.widgets.run_view import RunView
from fintune_gui.ui.widgets.run_words import interruption, run_line

Condition = Literal["reading", "running", "elsewhere", "interrupted", "failed", "finished"]
_NEW: Final = "new"
_STEPS_BEFORE = (Step.DATA, Step.FORMAT, Step.SPLIT, Step.MODEL)


class TrainPage(Page):
    """Shows either the settings of the next run, or one run: at work, or from its events."""

    step = Step.TRAIN
    title = "Train"

    def build(self) -> None:
        self._choice: int | Literal["new"] | None = None
        """What the user wants to see; None: the newest run."""
        self._starting = False
        self._start_problem: Problem | None = None
        self._told_facts: object = None
        self.feed = RunFeed(self.session.jobs, self)
        self.other = RunFeed(self.session.jobs, self)
        self.format = FormatCheck(self.session, self)
        self.format.changed.connect(self._on_format)
        self._build_header()
        self.top_banner = Banner()
        self.failure = ErrorPanel()
        self.failing = RunFailure(self.feed, self.failure, self._after_failure, self)
        self.problems = ProblemList()
        self.setup = RunSetup()
        self.run = RunView()
        self.coach_card = CoachCard()
        self.coach = RunCoach(self.session, self.feed, self.controls, self.coach_card, self)
        self.queue = QueueView(self.session.queue)
        for above in (self.top_banner, self.queue, self.failure, self.problems, self.setup):
            self.body.addWidget(above)
        self.body.addWidget(self.run, 1)
        self.body.addWidget(self.coach_card)
        for hidden in (self.top_banner, self.setup, self.run):
            hidden.hide()
        self.setup.form.changed.connect(self._change_settings)
        self.run.compare.chosen.connect(self._compare_with)
        self.run.copied.connect(self._say_copied)
        self.coach.created.connect(self._run_created)
        self.coach.rate_wanted.connect(self._set_up_with_rate)
        self.feed.changed.connect(self._on_feed)
        self.feed.ended.connect(self._on_ended)
        self.other.changed.connect(self._on_other)
        self.session.closed.connect(self._on_closed)

    def _build_header(self) -> None:
        self.picker = ComboBox("Run")
        self.picker.chosen.connect(self._choose)
        self.header.add_widget(self.picker)
        self.new_button = self.header.add_action("New run", self._set_up, tool_tip="Settle the settings of another run")
        self.controls = RunControls()
        self.header.add_widget(self.controls)
        self.controls.asked.connect(self._tell_run)
        self.controls.saved.connect(self._say_saved)
        self.controls.folder_wanted.connect(self._show_folder)
        for command in self._of_training():
            action = QAction(command.words, self)
            action.setShortcut(command.keys)
            action.triggered.connect(lambda _checked=False, act=command.act: act())
            self.addAction(action)

    def _of_training(self) -> list[Line]:
        handlers = {"pause": self.controls.pause_or_continue, "save": self.controls.save_now}
        reason = "" if self.feed.thread_at_work is not None else "No run is at work here."
        return commands_of(IN_TRAINING, handlers, group=self.title, reasons=dict.fromkeys(handlers, reason))

    def commands(self) -> list[Line]:
        return [*super().commands(), *([] if self.waiting else self._of_training())]

    # What is true

    def load(self, session: ProjectSession) -> None:
        if not session.is_open:
            return
        numbers = self._numbers()
        if isinstance(self._choice, int) and self._choice not in numbers:
            self._choice = None
        number = self._shown_number()
        self.picker.set_choices([*((f"Run {n}", n) for n in reversed(numbers)), ("New run", _NEW)])
        self.picker.set_value(_NEW if number is None else number)
        self.picker.setVisible(bool(numbers))
        self._watch(None if number is None else session.folder.run_folder(number))
        self._show()

    def check(self) -> list[Problem]:
        problems = [] if not self.session.read_only else [_READ_ONLY.model_copy(update={"why": self.session.read_only})]
        states = {state.step: state for state in self.session.states}
        for step in _STEPS_BEFORE:
            state = states[step]
            if state.state in ("stale", "failed"):
                what = f"{step.display_name} is not up to date."
                problems.append(Problem(code=f"training.step.{step.value}", what=what, why=state.reason))
        return problems + self.format.problems

    def _numbers(self) -> list[int]:
        numbers = {run.number for run in self.session.facts.runs}
        if isinstance(self._choice, int) and self.session.folder.run_folder(self._choice).is_dir():
            numbers.add(self._choice)
        return sorted(numbers)

    def _shown_number(self) -> int | None:
        if self._choice == _NEW:
            return None
        if isinstance(self._choice, int):
            return self._choice
        return max(self._numbers(), default=None)

    def _facts_of(self, number: int | None) -> RunFacts | None:
        return next((run for run in self.session.facts.runs if run.number == number), None)

    def condition(self) -> Condition:
        """What the shown run is at."""
        history, facts = self.feed.history, self._facts_of(self._shown_number())
        if self.feed.thread_at_work is not None:
            return "running"
        if not self.feed.ready:
            return "reading"
        if history.finished:
            return "finished"
        if facts is not None and facts.status == "running" and history.ended is None:
            return "elsewhere"
        return "interrupted" if history.resumable else "failed"

    def _watch(self, folder: Path | None) -> None:
        if folder == self.feed.folder:
            return
        self.failing.forget()
        self.controls.forget()
        self.run.clear()
        self.feed.watch(folder)
        earlier = [n for n in self._numbers() if folder is not None and n < int(folder.name)]
        self.run.offer_runs(earlier[::-1])
        self._compare_with(earlier[-1] if earlier else None)
        self.run.compare.set_value(earlier[-1] if earlier else None)

    # Showing it

    def _show(self) -> None:
        setting_up, focus = self.feed.folder is None, QApplication.focusWidget()
        focused = focus if focus is not None and self.isAncestorOf(focus) else None
        self.setup.setVisible(setting_up)
        self.run.setVisible(not setting_up)
        if setting_up:
            self._show_setup()
        else:
            self._show_run()
        if focused is not None and not focused.isVisible():
            self.header.setFocus()  # else it is where Qt gave it, mostly on the rail

    def _show_setup(self) -> None:
        session = self.session
        self.format.look()
        self.setup.show_project(session.project, session.facts)
        problems = self.check()
        self.problems.show_problems(problems, self._mend)
        self.failure.show_problem(self._start_problem)
        for widget in (self.top_banner, self.coach_card, self.controls, self.new_button):
            widget.hide()
        number = max([*self._numbers(), *(int(folder.name) for folder in self.session.queue.waiting)], default=0) + 1
        self.header.set_status(f"Run {number} · not started yet" if number > 1 else "Nothing is trained yet")
        self._offer_start(
            "Add to the queue" if self.session.queue.is_busy else "Start training", [*problems, *self.setup.conflicts]
        )

    def _offer_start(self, words: str, problems: list[Problem]) -> None:
        reason = problems[0].what if problems else ""
        self.header.set_primary(
            "Starting …" if self._starting else words,
            self._start,
            enabled=not problems and not self._starting,
            reason=reason,
        )

    def _mend(self, problem: Problem) -> list[Action]:
        if not problem.code.startswith("training.step."):
            step = Step.FORMAT if problem in self.format.problems else None
        else:
            step = Step(problem.code.rsplit(".", 1)[1])
        return [(f"Go to {step.display_name}", lambda: self.go_to.emit(step))] if step else []

    def _show_run(self) -> None:
        spec = self.feed.spec if isinstance(self.feed.spec, TrainSpec) else None
        condition = self.condition()
        history = self.feed.history
        self.problems.show_problems([])
        self.header.set_status("Reading the run …" if condition == "reading" else run_line(spec, history))
        working = condition in ("running", "elsewhere")
        self.run.show_history(history, spec.objective if spec else None, datetime.now().astimezone(), working=working)
        self.controls.show()
        self.controls.show_run(history, working=condition == "running")
        self.new_button.setVisible(condition in ("running", "finished", "interrupted", "failed"))
        if condition == "finished":
            self.continue_to(Step.EVALUATE)
        else:
            self.header.set_primary("")
        self._show_top(condition)
        self.failing.show(failed=condition == "failed")
        self.coach.show(condition)
        self.feed.read_again_while(working=condition == "elsewhere" and self.isVisible())

    def _show_top(self, condition: Condition) -> None:
        history, number = self.feed.history, self._shown_number()
        self.top_banner.hide()
        if condition == "elsewhere":
            self.top_banner.set(
                f"Run {number} is at work in another window or command.", "What it does is shown here as it goes."
            )
        elif condition == "running" and history.paused and history.paused_why:
            self.top_banner.set(f"Run {number} is paused.", history.paused_why, "warn")
        elif condition == "interrupted":
            actions: list[Action] = [("Resume", self._resume), ("Set up a new run", self._set_up)]
            self.top_banner.set(
                f"Run {number} was interrupted.",
                interruption(history),
                "warn",
                [] if self.session.read_only else actions,
                details=history.ended.problem.details if history.ended and history.ended.problem else "",
            )
        elif condition == "finished" and number == max(self._numbers(), default=0):
            state = next(s for s in self.session.states if s.step is Step.TRAIN)
            if state.state != "stale":
                return
            text = "This run was made from what was there before; a new one takes in the change."
            self.top_banner.set(state.reason, text, "info", [("Set up a new run", self._set_up)])
        else:
            return
        self.top_banner.show()

    def _after_failure(self, _problem: Problem) -> list[Action]:
        return [("Start again", self._start), ("Change the settings", self._set_up)]

    # What the user does

    @Slot(object)
    def _change_settings(self, change: dict[str, Any]) -> None:
        project = self.session.project
        self._start_problem = None
        self.changed.emit(project.with_(training={**dict(project.training), **change}))

    @Slot(object)
    def _choose(self, value: object) -> None:
        self._choice = value if isinstance(value, int) else _NEW
        self._start_problem = None
        self.load(self.session)

    def _set_up(self) -> None:
        self._choose(_NEW)

    @Slot(float)
    def _set_up_with_rate(self, rate: float) -> None:
        self._change_settings({"learning_rate": min(rate, 1.0)})
        self._set_up()

    def _start(self) -> None:
        if self._starting:
            return
        folder = self.session.folder
        try:
            dataset = self.session.dataset()
        except FintuneError as error:
            self._start_failed(error)
            return
        assert dataset is not None
        rows = dataset
        self._starting, self._start_problem = True, None

        def work(_task: Task) -> Path:
            from fintune_gui.dataset.runs import create_run

            return create_run(folder, rows)

        run_in_background(self, work, success=self._run_created, failure=self._start_failed)
        self._show()

    @Slot(object)
    def _run_created(self, folder: Path) -> None:
        self._starting = False
        if not self.session.is_open or folder.parent != self.session.folder.runs:
            return
        self._choice = int(folder.name)
        if self.queue.enqueue(folder):
            self._choice = None
        self.load(self.session)
        self.session.refresh_facts()

    def _start_failed(self, error: Exception) -> None:
        self._starting = False
        self._start_problem = problem_of(error)
        self._choice = _NEW
        self.load(self.session)

    def _resume(self) -> None:
        if self.session.queue.is_busy:
            notifications().say("Another run is at work.", "Resume this one when it has ended.", "warn")
        elif self.feed.folder is not None:
            self.session.jobs.start(self.feed.folder)
            self._show()
            self.session.refresh_facts()

    @Slot(str)
    def _tell_run(self, command: Command) -> None:
        if (thread := self.feed.thread_at_work) is not None:
            thread.send(command)
            self._show()

    @Slot(str)
    def _say_copied(self, words: str) -> None:
        notifications().say(words)

    @Slot(object)
    def _say_saved(self, step: int) -> None:
        notifications().say("Saved.", f"The checkpoint of step {step:,} is on disk.", "good")

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.feed.folder)))

    @Slot(object)
    def _compare_with(self, number: object) -> None:
        folder = self.session.folder.run_folder(number) if isinstance(number, int) else None
        self.other.watch(folder)
        if folder is None:
            self.run.show_other(None, "")

    # What happens

    @Slot()
    def _on_feed(self) -> None:
        if not self.session.is_open or self.feed.folder is None:
            return
        history = self.feed.history
        if self.feed.thread_at_work is not None:
            told = (self.feed.folder, history.plan, len(history.validations), len(history.checkpoints))
            if told != self._told_facts:  # the rail's line and Home follow
                self._told_facts = told
                self.session.refresh_facts()
        if self.isVisible():
            self._show()

    @Slot(object)
    def _on_ended(self, _ended: Ended) -> None:
        self.session.refresh_facts()

    @Slot()
    def _on_format(self) -> None:
        if self.isVisible():
            self._show()

    @Slot()
    def _on_other(self) -> None:
        if self.other.folder is not None and self.other.ready:
            self.run.show_other(self.other.history, f"run {int(self.other.folder.name)}")

    @Slot()
    def _on_closed(self) -> None:
        self._choice, self._start_problem = None, None
        self.run.clear()
        self.feed.watch(None)
        self.other.watch(None)

    def page_hidden(self) -> None:
        self.feed.read_again_while(working=False)


_READ_ONLY = Problem(code="project.locked", what="Nothing can be started here.", todo="Close the other one first.")
