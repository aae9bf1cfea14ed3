"""The stock trainer with our own step: rows are laid out by us, the mathematics stays the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import Trainer, TrainerCallback, TrainingArguments, get_scheduler

from fintune_gui.engine.checkpoints import random_states, restore_random_states
from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device, give_memory_back
from fintune_gui.engine.job import Job
from fintune_gui.engine.model import Model, base_of, count_parameters
from fintune_gui.engine.side_by_side import SideBySide, why_not
from fintune_gui.engine.stepping import Layout, Sums
from fintune_gui.engine.team import Team
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.events import Plan
from fintune_gui.project.memory import TOKENS_AT_ONCE_CPU, TOKENS_AT_ONCE_GPU
from fintune_gui.project.settings import Optimizer, Scheduler, TrainingSettings

_SMALLEST_BUDGET = 16
_OPTIMIZERS = {
    Optimizer.ADAMW: "adamw_torch_fused",
    Optimizer.ADAFACTOR: "adafactor",
    Optimizer.ADAMW_8BIT: "adamw_bnb_8bit",
}


@dataclass(frozen=True)
class Schedule:
    """Which rows belong to which step: a pure function of the settings, so that a run can go on anywhere.

    Attributes:
        rows: Number of training rows.
    """

    rows: int
    training: TrainingSettings

    @property
    def steps_per_epoch(self) -> int:
        return self.training.steps_per_epoch(self.rows)

    @property
    def total_steps(self) -> int:
        return self.training.total_steps(self.rows)

    @property
    def warmup_steps(self) -> int:
        return math.ceil(self.total_steps * self.training.warmup_ratio)

    def rows_of_step(self, step: int) -> list[int]:
        """Indices of the rows of a step, counted from 0: a new order in each epoch, each row once."""
        epoch, position = divmod(step, self.steps_per_epoch)
        generator = torch.Generator().manual_seed(self.training.seed * 1_000_003 + epoch)
        order: list[int] = torch.randperm(self.rows, generator=generator).tolist()
        size = self.training.batch_size
        return order[position * size : (position + 1) * size]

    def evaluates_after(self, step: int) -> bool:
        """Whether the validation rows are measured after so many steps."""
        return self.training.evaluates_after(step, self.rows)


def plan_of(schedule: Schedule, model: Model, training_rows: int, validation_rows: int) -> Plan:
    """What a run is going to do."""
    trainable, total = count_parameters(model)
    return Plan(
        total_steps=schedule.total_steps,
        steps_per_epoch=schedule.steps_per_epoch,
        training_rows=training_rows,
        validation_rows=validation_rows,
        trainable_parameters=trainable,
        total_parameters=total,
    )


class _StepLoader:
    """Hands the trainer the rows of one step at a time, beginning after the steps that are done."""

    def __init__(self, schedule: Schedule, examples: Sequence[Example], first_step: int) -> None:
        self._schedule = schedule
        self._examples = examples
        self._first_step = first_step

    def __len__(self) -> int:
        return self._schedule.total_steps - self._first_step

    def __iter__(self) -> Iterator[list[Example]]:
        for step in range(self._first_step, self._schedule.total_steps):
            yield [self._examples[index] for index in self._schedule.rows_of_step(step)]


@dataclass
class StepFacts:
    """What the last step did."""

    loss: float = 0.0
    useful_tokens: int = 0
    computed_tokens: int = 0
    useful_total: int = 0


class StepTrainer(Trainer):
    """`transformers.Trainer` whose step arranges its rows itself, survives a lack of memory, and can be interrupted.

    Attributes:
        budget: Tokens computed at once; halved when memory runs out, because that changes nothing but the speed.
        rate_factor: What the scheduled learning rate is multiplied by; lowered on a plateau.
        random_states_before: States of the random generators before the step that is being computed.
        facts: What the last step did.
        side_by_side: Threads that compute parts of a step at the same time; None where one part follows another.
    """

    def __init__(
        self,
        model: Model,
        job: Job,
        *,
        device: Device,
        layout: Layout,
        schedule: Schedule,
        examples: Sequence[Example],
        learning_rate: float,
        first_step: int = 0,
        rate_factor: float = 1.0,
        budget: int | None = None,
        team: Team | None = None,
        side_by_side: bool = True,
        check: Callable[[], None] = lambda: None,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self.job = job
        self.layout = layout
        self.schedule = schedule
        self.examples = examples
        self.first_step = first_step
        self.rate_factor = rate_factor
        self.team = team
        self.check = check
        self.budget = budget or (TOKENS_AT_ONCE_CPU if device.torch.type == "cpu" else TOKENS_AT_ONCE_GPU)
        self.facts = StepFacts()
        self.random_states_before = random_states()
        training = schedule.training
        self._regularize(layout)
        self.side_by_side = self._side_by_side(model, layout) if side_by_side and not team else None
        arguments = TrainingArguments(
            output_dir=str(job.folder / "checkpoints"),
            per_device_train_batch_size=training.batch_size,
            max_steps=schedule.total_steps - first_step,
            learning_rate=learning_rate,
            optim=_OPTIMIZERS[training.optimizer],
            weight_decay=training.weight_decay,
            max_grad_norm=training.max_grad_norm,
            seed=training.seed,
            use_cpu=device.torch.type == "cpu",
            bf16=device.half,
            logging_strategy="steps",
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        arguments._n_gpu = min(1, arguments.n_gpu)  # the stock trainer would spread over all cards in its own way
        super().__init__(model=model, args=arguments, callbacks=callbacks)

    def get_train_dataloader(self) -> Any:
        return _StepLoader(self.schedule, self.examples, self.first_step)

    def _regularize(self, layout: Layout) -> None:
        training = self.schedule.training
        layout.label_smoothing, layout.noise = training.label_smoothing, training.neftune_noise_alpha
        if layout.noise and getattr(layout, "share", False):
            layout.share = False  # type: ignore[attr-defined]
            reason = "With NEFTune each row has noise of its own, also on a beginning that others have too."
            self.job.decided("shared beginnings", "computed for each row", reason)

    def _side_by_side(self, model: Model, layout: Layout) -> SideBySide | None:
        if why_not(model, layout):
            return None
        self.job.decided("parts of a step", "two at a time", "Each half of the cores computes rows of its own.")
        return SideBySide(model, layout)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        """The learning rate as a closed formula of the step, so that a resumed run needs no scheduler state."""
        optimizer = optimizer or self.optimizer
        scheduler, options = self.schedule.training.scheduler, {}
        if scheduler is Scheduler.COSINE_WITH_RESTARTS:
            options = {"num_cycles": self.schedule.training.num_cycles}
        elif scheduler is Scheduler.REDUCE_LR_ON_PLATEAU:
            scheduler = Scheduler.CONSTANT_WITH_WARMUP  # reduced by `lower_rate`
        whole_run = get_scheduler(
            scheduler.value,
            optimizer,
            num_warmup_steps=self.schedule.warmup_steps,
            num_training_steps=self.schedule.total_steps,
            scheduler_specific_kwargs=options,
        )
        factor = whole_run.lr_lambdas[0]
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.lr_scheduler = LambdaLR(optimizer, lambda step: self.rate_factor * factor(step + self.first_step))
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def lower_rate(self, factor: float) -> float:
        """Multiply the learning rate of all steps from now on. Returns that of the next step."""
        scheduler, optimizer = self.lr_scheduler, self.optimizer
        assert scheduler is not None
        assert optimizer is not None
        self.rate_factor *= factor
        rates = [rate * factor for rate in scheduler.get_last_lr()]
        scheduler._last_lr = rates  # what the trainer tells as the rate of the next step
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        return float(rates[0])

    def floating_point_ops(self, inputs: Any) -> int:
        return 0

    def training_step(  # type: ignore[override]
        self, model: Any, inputs: list[Example], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Gradients of one step's loss: the sum over what carries loss, divided by its number.

        Raises:
            TrainingError: if one row alone does not fit into memory, or the loss is not a number.
        """
        self.random_states_before = random_states()
        while True:
            try:
                loss = self._gradients_of(model, inputs)
                break
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                largest = inputs[max(range(len(inputs)), key=lambda i: len(inputs[i]))]
                message = str(error)
            # Outside the handler: the traceback holds the tensors that must be freed first.
            self._use_less_memory(model, largest, message)
        if not math.isfinite(loss):
            raise not_finite(self.first_step + self.state.global_step + 1, "loss")
        return torch.tensor(loss, device=self.args.device)

    def _gradients_of(self, model: Any, rows: list[Example]) -> float:
        model.train()
        weight = self.layout.weight(rows)
        mine = self._hand_out(rows, 1 / weight) if self.team else rows
        loss, computed = 0.0, 0
        for sums in self._parts_of(mine, 1 / weight):
            loss += sums.loss / weight
            computed += sums.computed
        for _, sums in self.team.collect(gradients=True, check=self.check) if self.team else ():
            loss += sums.loss / weight
            computed += sums.computed
        useful = sum(len(row) for row in rows)
        self.facts = StepFacts(loss, useful, computed, self.facts.useful_total + useful)
        return loss

    def _parts_of(self, rows: list[Example], scale: float) -> Iterator[Sums]:
        """What each part of a step adds up to; the gradients are added to the model's."""
        if self.side_by_side:
            plan = self.side_by_side.plan(rows, self.budget)
            parts = [[rows[index] for index in part] for part in plan]
            yield from self.side_by_side.compute(parts, scale, self.budget, self.check)
            return
        for part in self.layout.plan(rows, self.budget):
            self.check()
            yield self.layout.compute([rows[index] for index in part], scale)

    def _hand_out(self, rows: list[Example], scale: float) -> list[Example]:
        """Let the team compute some of a step's rows. Returns those that are left for this process."""
        assert self.team is not None
        seed = self.schedule.training.seed * 1_000_003 + (self.first_step + self.state.global_step) * self.team.size
        checkpointing = base_of(self.model).is_activation_checkpointing
        return self.team.hand_out(self.layout, rows, self.budget, scale=scale, seed=seed, checkpointing=checkpointing)

    def _use_less_memory(self, model: Any, largest: Example, message: str) -> None:
        """Prepare to try the step again with less memory: smaller parts first, then gradient checkpointing."""
        model.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        restore_random_states(self.random_states_before)
        if self.side_by_side:
            self.side_by_side = None
            self.job.decided("parts of a step", "one at a time", "Memory ran out; the step is tried again.")
        elif self.budget > max(len(largest), _SMALLEST_BUDGET):
            self.budget = max(_SMALLEST_BUDGET, self.budget // 2)
            self.job.decided("budget", f"{self.budget} tokens at once", "Memory ran out; the step is tried again.")
        elif not base_of(model).is_activation_checkpointing and base_of(model).supports_gradient_checkpointing:
            enable_gradient_checkpointing(model)
            self.job.decided("gradient checkpointing", "on", "Memory ran out; the step is tried again.")
        else:
            raise TrainingError(
                "training.out_of_memory",
                f"Row {largest.row_id} does not fit into memory.",
                f"It has {len(largest)} tokens, and the step already computes one row at a time.",
                "Lower the greatest length on the page Format, remove the row, or choose a smaller model.",
                details=message,
            )


def enable_gradient_checkpointing(model: Model) -> None:
    """Compute activations again in the backward pass instead of keeping them."""
    give_memory_back()
    base = base_of(model)
    base.enable_input_require_grads()
    base.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; the CPU's allocator says it only in words."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return "can't allocate memory" in text or "not enough memory" in text or "out of memory" in text


def not_finite(step: int, what: str) -> TrainingError:
    """The error of a run whose numbers are no numbers any more."""
    saw = f"The {what} of step {step} is not a number."
    if step <= 1 and what != "validation loss":
        return TrainingError(
            "training.not_finite_at_once",
            saw,
            "No weight was moved before it, so it is not the learning rate: the model cannot compute these rows.",
            "Fetch the model again, choose another one, or look for unusual rows.",
        )
    return TrainingError(
        "training.not_finite",
        saw,
        "The weights were moved too far in one step. Checkpoints from before are intact.",
        "Start a new run with a tenth of the learning rate.",
    )
