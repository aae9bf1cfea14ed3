"""What happens between the steps of a run: events, evaluations, checkpoints, and the user's commands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import torch
from transformers import TrainerCallback

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import checkpoints
from fintune_gui.engine.awake import Wakefulness
from fintune_gui.engine.battery import LOW_PERCENT, Battery
from fintune_gui.engine.checkpoints import CheckpointState, random_states, restore_random_states
from fintune_gui.engine.data import Example, Row
from fintune_gui.engine.device import Device
from fintune_gui.engine.generate import Answerer
from fintune_gui.engine.job import Job
from fintune_gui.engine.measuring import measure
from fintune_gui.engine.model import Model, base_of, trainable_state
from fintune_gui.engine.pausing import MovedAside, hold
from fintune_gui.engine.trainer import StepTrainer, not_finite
from fintune_gui.engine.work_clock import WorkClock
from fintune_gui.project.channel import HANGUP
from fintune_gui.project.errors import CancelledError, DiskFullError
from fintune_gui.project.events import (
    CheckpointSaved,
    Event,
    Outcome,
    Paused,
    SampleAnswer,
    TrainStep,
    Validated,
)
from fintune_gui.project.files import disk_problem
from fintune_gui.project.settings import Scheduler
from fintune_gui.project.spec import EVENTS_FILE, TrainSpec

SAMPLE_ROWS = 3
SAMPLE_TOKENS = 48
_PLATEAU_FACTOR = 0.5
_LOW_BATTERY = (
    f"The battery has at most {LOW_PERCENT} % left. Everything is saved; the run goes on when the computer is charged."
)


class RunInterrupted(Exception):  # not an error: the user's wish on its way up
    """The user stopped the run, or the parent has gone."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class RunLoop(TrainerCallback):
    """Watches one run. The trainer calls `on_log` after each step.

    Attributes:
        best_step: Step of the best validation so far, None before the first.
        stopped_early: Whether patience ran out.
    """

    def __init__(
        self,
        job: Job,
        spec: TrainSpec,
        *,
        device: Device,
        tokenizer: ModelTokenizer,
        validation: Sequence[Example],
        sample_rows: Sequence[tuple[int, Row]],
        resumed: CheckpointState | None,
    ) -> None:
        self.job = job
        self.spec = spec
        self.device = device
        self.tokenizer = tokenizer
        self.validation = validation
        self.sample_rows = sample_rows
        self.resumed = resumed
        self.trainer: StepTrainer
        self.best_step = resumed.best_step if resumed else None
        self.best_score = resumed.best_score if resumed else None
        self.best_loss = resumed.best_loss if resumed else None
        self.best_metrics = dict(resumed.best_metrics) if resumed else {}
        self.evaluations_without_gain = resumed.evaluations_without_gain if resumed else 0
        self.stopped_early = False
        self._battery = Battery()
        self.awake = Wakefulness()
        self._save_wanted = self._stop_wanted = False
        self._saved_step = resumed.step if resumed else None
        self._before_evaluation: dict[str, Any] | None = None
        """Random states that the next step begins with, while an evaluation is under way."""
        self._clock = WorkClock()
        self._began = self._step_began = self._saved_at = self._evaluated_at = self._clock.now()

    @property
    def step(self) -> int:
        """Optimizer steps done since the beginning of the run."""
        return self.trainer.first_step + self.trainer.state.global_step

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Everything random before this point must not matter: begin from the seed, or where the checkpoint was."""
        names = {parameter: name for name, parameter in kwargs["model"].named_parameters()}
        if self.resumed is not None:
            folder = checkpoints.find_checkpoint(self.job.folder, "latest")
            assert folder is not None
            checkpoints.load_optimizer_tensors(folder, _plain(self.trainer.optimizer), names)
            self.trainer.facts.useful_total = self.resumed.tokens
            restore_random_states(self.resumed.random_states)
        else:
            torch.manual_seed(self.spec.training.seed)
        self._began = self._step_began = self._saved_at = self._evaluated_at = self._clock.now()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """One step is done."""
        if not logs or "grad_norm" not in logs:
            return  # the trainer's summary at the end
        self._tell_step(logs)
        if not math.isfinite(logs["grad_norm"]):
            raise not_finite(self.step, "gradient")
        training = self.spec.training
        if self._evaluation_is_due():
            gained = self.evaluate()
            self._draw_consequences(gained=gained)
            self.save("evaluation", best=gained)
            if self._stop_wanted:
                raise RunInterrupted("stopped")
        elif self._save_wanted:
            self.save("asked for")
        elif training.checkpoint_steps and self.step % training.checkpoint_steps == 0:
            self.save("steps")
        elif self._clock.now() - self._saved_at >= training.checkpoint_minutes * 60 > 0:
            self.save("time")
        if self.stopped_early:
            control.should_training_stop = True
        self._step_began = self._clock.now()

    def _evaluation_is_due(self) -> bool:
        minutes = self.spec.training.eval_minutes
        by_time = minutes is not None and self._clock.now() - self._evaluated_at >= minutes * 60
        return by_time or self.trainer.schedule.evaluates_after(self.step)

    def _tell_step(self, logs: dict[str, Any]) -> None:
        facts, schedule = self.trainer.facts, self.trainer.schedule
        now = self._clock.now()
        done_here = self.trainer.state.global_step
        self._tell(
            TrainStep(
                step=self.step,
                epoch=self.step / schedule.steps_per_epoch,
                loss=facts.loss,
                learning_rate=logs["learning_rate"],
                grad_norm=logs["grad_norm"],
                tokens=facts.useful_total,
                tokens_per_second=facts.useful_tokens / max(now - self._step_began, 1e-9),
                useful_share=facts.useful_tokens / max(facts.computed_tokens, 1),
                memory_bytes=self.device.memory_bytes(),
                seconds_left=(now - self._began) / done_here * (schedule.total_steps - self.step),
            )
        )

    def _draw_consequences(self, *, gained: bool) -> None:
        """Lower the rate, or end the run, when an evaluation brought nothing."""
        training, last = self.spec.training, self.step >= self.trainer.schedule.total_steps
        if not gained and not last and training.scheduler is Scheduler.REDUCE_LR_ON_PLATEAU:
            self._lower_rate()
        patience = training.early_stopping_patience
        self.stopped_early = not last and 0 < patience <= self.evaluations_without_gain
        if self.stopped_early:
            self.job.decided("early stop", f"step {self.step}", f"No gain in {patience} evaluations.")

    def _lower_rate(self) -> None:
        if self.trainer.lr_scheduler is None:  # an evaluation that is made up for, before the first step
            self.trainer.rate_factor *= _PLATEAU_FACTOR
            return
        rate = self.trainer.lower_rate(_PLATEAU_FACTOR)
        self.job.decided("learning rate", f"{rate:.2g}", f"Halved at step {self.step}: the evaluation brought no gain.")

    def evaluate(self) -> bool:
        """Measure the validation rows, tell it, and say whether this is the best so far.

        Raises:
            RunInterrupted: in its middle; then it counts as not done, and a checkpoint says that it is due.
        """
        self._before_evaluation = states = random_states()
        model, labels = self.trainer.model, len(self.spec.labels)
        self.job.progress("Measuring the validation rows", 0, len(self.validation), "rows")
        loss, metrics = measure(
            model,
            self.trainer.layout,
            self.validation,
            self.trainer.budget,
            labels,
            check=self.obey,
            team=self.trainer.team,
        )
        if not math.isfinite(loss):
            raise not_finite(self.step, "validation loss")
        answers = self._answers(model)
        restore_random_states(states)
        self._before_evaluation = None
        self._evaluated_at = self._clock.now()
        # Classes: the metric that the user wants, ties decided by the loss. Texts: the loss, which is their perplexity.
        wanted = metrics[self.spec.objective.metric.value] if labels else -loss
        score = (wanted, -loss)
        gained = self.best_score is None or score > tuple(self.best_score)
        if gained:
            self.best_step, self.best_score, self.best_loss, self.best_metrics = self.step, score, loss, metrics
            self.evaluations_without_gain = 0
        else:
            self.evaluations_without_gain += 1
        epoch = self.step / self.trainer.schedule.steps_per_epoch
        self._tell(Validated(step=self.step, epoch=epoch, loss=loss, metrics=metrics, best=gained))
        for answer in answers:
            self._tell(answer)
        return gained

    def _answers(self, model: Any) -> list[SampleAnswer]:
        if not self.sample_rows:
            return []
        answerer = Answerer(
            model, self.tokenizer, self.spec, self.device, max_new_tokens=SAMPLE_TOKENS, check=self.obey
        )
        return [
            SampleAnswer(
                step=self.step, row_id=row_id, prompt=answer.prompt, expected=answer.expected, answer=answer.text
            )
            for (row_id, _), answer in zip(self.sample_rows, answerer.answer_rows(self.sample_rows), strict=True)
        ]

    def make_up_evaluation(self) -> None:
        """Do the evaluation in whose middle the run was interrupted; its checkpoint learns what it would have known."""
        folder = checkpoints.find_checkpoint(self.job.folder, "latest")
        if self.resumed is None or folder is None or not self.resumed.evaluation_due:
            return
        gained = self.evaluate()
        self._draw_consequences(gained=gained)
        checkpoints.rewrite_state(folder, self.resumed.model_copy(update=self._findings()))
        if gained:
            checkpoints.point(self.job.folder, "best", folder)
        if self._stop_wanted:
            raise RunInterrupted("stopped")

    def keep_last(self) -> None:
        """Make the state after the last step the result, in place of the best one."""
        last = checkpoints.find_checkpoint(self.job.folder, "latest")
        assert last is not None  # after the last step the rows are measured, and that saves
        checkpoints.point(self.job.folder, "best", last)

    def _findings(self) -> dict[str, Any]:
        """What evaluations found so far, as a checkpoint keeps it."""
        return {
            "best_step": self.best_step,
            "best_score": self.best_score,
            "best_loss": self.best_loss,
            "best_metrics": self.best_metrics,
            "evaluations_without_gain": self.evaluations_without_gain,
            "rate_factor": self.trainer.rate_factor,
            "evaluation_due": self._before_evaluation is not None,
        }

    def wind_up(self, outcome: Outcome) -> Outcome:
        """Save after an interruption; a stopped run is measured once if it never was, so that there is a best.

        Raises:
            DiskFullError: if there is no room, unless the run was stopped and its best is on disk already.
        """
        states, gained = self._before_evaluation or self.trainer.random_states_before, False
        if outcome == "stopped" and self.best_step is None:
            try:
                gained = self.evaluate()
            except RunInterrupted:
                outcome = "interrupted"
        if self._saved_step == self.step and not gained:
            return outcome
        try:
            self._write_checkpoint("stopped" if outcome == "stopped" else "interrupted", states, best=gained)
        except DiskFullError:
            if outcome != "stopped" or checkpoints.find_checkpoint(self.job.folder, "best") is None:
                raise
        return outcome

    def save(self, reason: str, *, best: bool = False, states: dict[str, Any] | None = None) -> None:
        """Write a checkpoint of the present step; on a full disk, wait until there is room.

        Args:
            states: The random states that its next step begins with; by default the present ones.
        """
        states = states or self._before_evaluation or random_states()
        full: list[DiskFullError] = []

        def written() -> bool:
            try:
                self._write_checkpoint(reason, states, best=best)
            except DiskFullError as error:
                full.append(error)
                return False
            return True

        while not written():
            why = f"{full[-1].problem.what} The checkpoint could not be saved; the run goes on when there is room."
            word = self._hold(why, written)
            if word is None:
                return
            self._do(word)

    def _write_checkpoint(self, reason: str, states: dict[str, Any], *, best: bool) -> None:
        began = self._clock.now()
        model: Model = self.trainer.model
        names = {parameter: name for name, parameter in model.named_parameters()}
        state = CheckpointState(
            step=self.step,
            tokens=self.trainer.facts.useful_total,
            budget=self.trainer.budget,
            gradient_checkpointing=base_of(model).is_activation_checkpointing,
            half=self.device.half,
            threads=torch.get_num_threads(),
            processes=self.trainer.team.size if self.trainer.team else 1,
            side_by_side=self.trainer.side_by_side is not None,
            versions={name: metadata.version(name) for name in ("torch", "transformers", "peft")},
            random_states=states,
            **self._findings(),
        )
        optimizer = checkpoints.optimizer_tensors(_plain(self.trainer.optimizer), names)
        folder = checkpoints.save_checkpoint(self.job.folder, state, trainable_state(model), optimizer)
        if best:
            checkpoints.point(self.job.folder, "best", folder)
        checkpoints.remove_superseded(self.job.folder)
        self._saved_at, self._saved_step, self._save_wanted = self._clock.now(), self.step, False
        seconds = self._saved_at - began
        self._tell(CheckpointSaved(step=self.step, folder=folder.name, best=best, reason=reason, seconds=seconds))

    def obey(self) -> None:
        """Do what the user asked meanwhile; called before each part of a step and of an evaluation.

        Raises:
            RunInterrupted: on "stop", or when the parent has gone.
            CancelledError: on "cancel".
        """
        self._clock.look()
        if self._battery.is_low():
            self._save_here("low battery")
            self._do(self._hold(_LOW_BATTERY, self._battery.recovered))
            if not self._battery.recovered():
                self._battery.overrule()
        word = self.job.commands.poll()
        self._do(self._hold() if word == "pause" else word)

    def _do(self, word: str | None) -> None:
        match word:
            case "stop" if self._before_evaluation is not None and self.best_step is None:
                self._stop_wanted = True  # this evaluation is the only one there will be
            case "stop":
                raise RunInterrupted("stopped")
            case "cancel":
                raise CancelledError
            case "save" if self._before_evaluation is not None:
                self._save_here("asked for")
            case "save":
                self._save_wanted = True
            case word if word == HANGUP:
                raise RunInterrupted("interrupted")

    def _save_here(self, reason: str) -> None:
        """Save in the middle of a step or an evaluation, which is then done again from its beginning."""
        if self._saved_step != self.step:
            self.save(reason, states=self._before_evaluation or self.trainer.random_states_before)

    def _hold(self, why: str = "", over: Callable[[], bool] | None = None) -> str | None:
        """Pause. Returns the word that ended it, or None."""
        self.awake.release()
        team = self.trainer.team
        if team:
            team.step_aside(aside=True)
        with self._clock.stopped():
            word = hold(
                self.job,
                Paused(step=self.step, why=why),
                lambda: MovedAside(self.trainer.model, _plain(self.trainer.optimizer), self.device),
                lambda: self._save_here("asked for"),
                over,
            )
        if team:
            team.step_aside(aside=False)
        self.awake.hold()
        return word

    def _tell(self, event: Event) -> None:
        """Emit an event; on a full disk, wait until it can be written down."""
        try:
            self.job.emit(event)
        except OSError as error:
            full = disk_problem(error.errno, self.job.folder / EVENTS_FILE)
            if not isinstance(full, DiskFullError):
                raise
            self._do(self._hold(f"{full.problem.what} The run goes on when there is room.", self._events_fit))

    def _events_fit(self) -> bool:
        try:
            self.job.flush()
        except OSError:
            return False
        return True


def _plain(optimizer: Any) -> Any:
    """The optimizer inside the accelerator's wrapper, whose parameters are the keys of its state; None before it is."""
    return getattr(optimizer, "optimizer", optimizer)
