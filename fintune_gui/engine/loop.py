"""What happens between the steps of a run: events, evaluations, checkpoints, and the user's commands."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import checkpoints
from fintune_gui.engine.checkpoints import CheckpointState, random_states, restore_random_states
from fintune_gui.engine.data import Example, Row
from fintune_gui.engine.device import Device
from fintune_gui.engine.generate import Answerer
from fintune_gui.engine.job import Job
from fintune_gui.engine.metrics import classification_metrics, confusion, perplexity
from fintune_gui.engine.model import Model, base_of, trainable_state
from fintune_gui.engine.stepping import Layout
from fintune_gui.engine.trainer import StepTrainer, not_finite
from fintune_gui.project.channel import HANGUP
from fintune_gui.project.document import Metric
from fintune_gui.project.errors import CancelledError
from fintune_gui.project.events import (
    CheckpointSaved,
    Continued,
    Outcome,
    Paused,
    SampleAnswer,
    TrainStep,
    Validated,
)
from fintune_gui.project.settings import Scheduler
from fintune_gui.project.spec import TrainSpec

SAMPLE_ROWS = 3
SAMPLE_TOKENS = 48
_PLATEAU_FACTOR = 0.5


class RunInterrupted(Exception):  # not an error: the user's wish on its way up
    """The user stopped the run, or the parent has gone."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def measure(
    model: Any, layout: Layout, examples: Sequence[Example], budget: int, labels: int
) -> tuple[float, dict[str, float]]:
    """Loss over `examples`, and the metrics that follow from the same computation."""
    model.eval()
    total, counts = 0.0, np.zeros((labels, labels), dtype=np.int64)
    for part in layout.plan(examples, budget):
        rows = [examples[index] for index in part]
        sums = layout.compute(rows)
        total += sums.loss
        if sums.logits is not None:
            answered = sums.logits.argmax(1).numpy()
            counts += confusion(np.array([row.label for row in rows]), answered, labels)
    loss = total / max(layout.weight(examples), 1)
    if labels:
        return loss, {name.value: float(value) for name, value in classification_metrics(counts).items()}
    return loss, {Metric.PERPLEXITY.value: perplexity(loss)}


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
        self._save_wanted = False
        self._saved_at = time.monotonic()
        self._step_began = self._began = time.monotonic()

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
        self._saved_at = self._step_began = self._began = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """One step is done."""
        if not logs or "grad_norm" not in logs:
            return  # the trainer's summary at the end
        self._tell_step(logs)
        if not math.isfinite(logs["grad_norm"]):
            raise not_finite(self.step, "gradient")
        last = self.step >= self.trainer.schedule.total_steps
        if self.trainer.schedule.evaluates_after(self.step):
            gained = self.evaluate()
            if not gained and not last and self.spec.training.scheduler is Scheduler.REDUCE_LR_ON_PLATEAU:
                self._lower_rate()
            patience = self.spec.training.early_stopping_patience
            self.stopped_early = not last and 0 < patience <= self.evaluations_without_gain
            self.save("evaluation", best=gained)
        elif self._save_wanted:
            self.save("asked for")
        elif time.monotonic() - self._saved_at >= self.spec.training.checkpoint_minutes * 60 > 0:
            self.save("time")
        if self.stopped_early:
            self.job.decided("early stop", f"step {self.step}", f"No gain in {patience} evaluations.")
            control.should_training_stop = True
        self._step_began = time.monotonic()

    def _tell_step(self, logs: dict[str, Any]) -> None:
        facts, schedule = self.trainer.facts, self.trainer.schedule
        now = time.monotonic()
        done_here = self.trainer.state.global_step
        self.job.emit(
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

    def _lower_rate(self) -> None:
        rate = self.trainer.lower_rate(_PLATEAU_FACTOR)
        self.job.decided("learning rate", f"{rate:.2g}", f"Halved at step {self.step}: the evaluation brought no gain.")

    def evaluate(self) -> bool:
        """Measure the validation rows, tell it, and say whether this is the best so far."""
        states = random_states()
        model = self.trainer.model
        self.job.progress("Measuring the validation rows", 0, len(self.validation), "rows")
        loss, metrics = measure(model, self.trainer.layout, self.validation, self.trainer.budget, len(self.spec.labels))
        if not math.isfinite(loss):
            raise not_finite(self.step, "validation loss")
        # Classes: the metric that the user wants, ties decided by the loss. Texts: the loss, which is their perplexity.
        wanted = metrics[self.spec.objective.metric.value] if self.spec.labels else -loss
        score = (wanted, -loss)
        gained = self.best_score is None or score > tuple(self.best_score)
        if gained:
            self.best_step, self.best_score, self.best_loss, self.best_metrics = self.step, score, loss, metrics
            self.evaluations_without_gain = 0
        else:
            self.evaluations_without_gain += 1
        epoch = self.step / self.trainer.schedule.steps_per_epoch
        self.job.emit(Validated(step=self.step, epoch=epoch, loss=loss, metrics=metrics, best=gained))
        if self.sample_rows:
            self._tell_answers(model)
        restore_random_states(states)
        return gained

    def _tell_answers(self, model: Any) -> None:
        answerer = Answerer(model, self.tokenizer, self.spec, self.device, max_new_tokens=SAMPLE_TOKENS)
        for (row_id, _), answer in zip(self.sample_rows, answerer.answer_rows(self.sample_rows), strict=True):
            self.job.emit(
                SampleAnswer(
                    step=self.step, row_id=row_id, prompt=answer.prompt, expected=answer.expected, answer=answer.text
                )
            )

    def save(self, reason: str, *, best: bool = False, states: dict[str, Any] | None = None) -> None:
        """Write a checkpoint of the present step; `states` are the random states that its next step begins with."""
        began = time.monotonic()
        model: Model = self.trainer.model
        names = {parameter: name for name, parameter in model.named_parameters()}
        state = CheckpointState(
            step=self.step,
            tokens=self.trainer.facts.useful_total,
            best_step=self.best_step,
            best_score=self.best_score,
            best_loss=self.best_loss,
            best_metrics=self.best_metrics,
            evaluations_without_gain=self.evaluations_without_gain,
            budget=self.trainer.budget,
            rate_factor=self.trainer.rate_factor,
            gradient_checkpointing=base_of(model).is_activation_checkpointing,
            half=self.device.half,
            threads=torch.get_num_threads(),
            versions={name: metadata.version(name) for name in ("torch", "transformers", "peft")},
            random_states=states or random_states(),
        )
        optimizer = checkpoints.optimizer_tensors(_plain(self.trainer.optimizer), names)
        folder = checkpoints.save_checkpoint(self.job.folder, state, trainable_state(model), optimizer)
        if best:
            checkpoints.point(self.job.folder, "best", folder)
        checkpoints.remove_superseded(self.job.folder)
        self._saved_at, self._save_wanted = time.monotonic(), False
        seconds = self._saved_at - began
        self.job.emit(CheckpointSaved(step=self.step, folder=folder.name, best=best, reason=reason, seconds=seconds))

    def obey(self) -> None:
        """Do what the user asked meanwhile; called before each part of a step.

        Raises:
            RunInterrupted: on "stop", or when the parent has gone.
            CancelledError: on "cancel".
        """
        command = self.job.commands.poll()
        if command == "pause":
            self.job.emit(Paused(step=self.step))
            while command in ("pause", "save"):
                if command == "save":
                    self._save_wanted = True
                command = self.job.commands.wait()
            if command == "continue":
                self.job.emit(Continued(step=self.step))
        match command:
            case "stop":
                raise RunInterrupted("stopped")
            case "cancel":
                raise CancelledError
            case "save":
                self._save_wanted = True
            case word if word == HANGUP:
                raise RunInterrupted("interrupted")


def _plain(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer inside the accelerator's wrapper, whose parameters are the keys of its state."""
    inner: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return inner
