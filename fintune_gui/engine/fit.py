"""Will it fit, and how long will it take? Measured, by a few real steps on the longest rows."""

from __future__ import annotations

import time
from pathlib import Path

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine.checkpoints import optimizer_tensors
from fintune_gui.engine.data import Example, load_examples
from fintune_gui.engine.device import choose_device
from fintune_gui.engine.job import Job, Result
from fintune_gui.engine.model import load_for_training, padding_id, trainable_state
from fintune_gui.engine.precision import settle_precision
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.engine.team import assembled
from fintune_gui.engine.trainer import Schedule, StepTrainer, enable_gradient_checkpointing, plan_of
from fintune_gui.project.spec import FitSpec


def run(spec: FitSpec, job: Job) -> Result:
    """Make a few steps on the longest rows, and reckon from them what the whole run needs.

    Raises:
        TrainingError: if a single row does not fit into memory.
    """
    train = spec.train
    device = choose_device(job)
    tokenizer = ModelTokenizer.load(Path(train.model.folder), train.format.added_tokens)
    rows_folder = Path(spec.rows_folder) if spec.rows_folder else job.folder
    examples = load_examples(job, rows_folder, "train", train, tokenizer)
    validation = load_examples(job, rows_folder, "validation", train, tokenizer)
    pad_id = padding_id(tokenizer)
    job.progress("Loading the model", 0)
    with assembled(job, train, device, pad_id) as team:
        model = load_for_training(train, device, pad_id)
        if train.training.gradient_checkpointing:
            enable_gradient_checkpointing(model)
        layout, reason = choose_layout(model, device, pad_id, examples, generates=train.objective.task.generates)
        job.decided("layout", f"{layout.name} rows", reason)
        device = settle_precision(job, device, model, layout, examples)
        if team:
            team.join(model, layout)
        schedule = Schedule(len(examples), train.training)
        job.emit(plan_of(schedule, model, len(examples), len(validation)))
        steps = _longest_steps(examples, train.training.batch_size, spec.steps)
        trainer = StepTrainer(
            model,
            job,
            device=device,
            layout=layout,
            schedule=schedule,
            examples=examples,
            learning_rate=train.training.effective_learning_rate(train.model.method),
            team=team,
            check=job.check_cancelled,
        )
        optimizer = trainer.create_optimizer()
        seconds, tokens = 0.0, 0
        for number, rows in enumerate(steps):
            job.progress("Trying steps on the longest rows", number, len(steps), "steps")
            began = time.monotonic()
            trainer.training_step(model, rows)
            optimizer.step()
            model.zero_grad()
            if number > 0 or len(steps) == 1:  # the first step also pays for allocating memory
                seconds += time.monotonic() - began
                tokens += sum(len(row) for row in rows)
        names = {parameter: name for name, parameter in model.named_parameters()}
        saved = [*trainable_state(model).values(), *optimizer_tensors(optimizer, names).values()]
    speed = tokens / max(seconds, 1e-9)
    evaluations = train.training.evaluations(len(examples))
    epochs = schedule.total_steps / schedule.steps_per_epoch
    # Measuring has no backward pass: about a third of the work for each row.
    work = epochs * sum(map(len, examples)) + evaluations * sum(map(len, validation)) / 3
    return "completed", {
        "peak_memory_bytes": device.peak_memory_bytes(),
        "tokens_per_second": speed,
        "hours": work / speed / 3600,
        "checkpoint_bytes": sum(tensor.nbytes for tensor in saved),
        "steps": len(steps),
        "longest_row": max(map(len, examples)),
    }


def _longest_steps(examples: list[Example], batch_size: int, steps: int) -> list[list[Example]]:
    """Steps made of the longest rows: what fits them fits all."""
    longest = sorted(examples, key=len, reverse=True)
    return [
        longest[start : start + batch_size] for start in range(0, min(len(longest), steps * batch_size), batch_size)
    ]
