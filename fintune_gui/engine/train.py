"""One training run, top to bottom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import checkpoints
from fintune_gui.engine.checkpoints import CheckpointState
from fintune_gui.engine.data import Example, load_examples, read_rows
from fintune_gui.engine.device import Device, choose_device
from fintune_gui.engine.job import Job, Result
from fintune_gui.engine.loop import SAMPLE_ROWS, RunInterrupted, RunLoop
from fintune_gui.engine.measuring import measure
from fintune_gui.engine.model import Model, load_for_training, load_trainable_state, padding_id
from fintune_gui.engine.precision import settle_precision
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.engine.team import MemberLostError, Team, assembled
from fintune_gui.engine.trainer import Schedule, StepTrainer, enable_gradient_checkpointing, plan_of
from fintune_gui.project.errors import ModelError, TrainingError
from fintune_gui.project.events import Outcome
from fintune_gui.project.files import remove_leftovers
from fintune_gui.project.spec import TrainSpec

_SANITY_ROWS = 4


def run(spec: TrainSpec, job: Job) -> Result:
    """Train until the plan is fulfilled, patience runs out, or the user stops; go on from the latest checkpoint if any.

    Raises:
        FintuneError: whatever makes the run impossible; checkpoints that were written stay.
    """
    resumed = _latest_state(job)
    device = choose_device(job, half=resumed.half if resumed else None)
    tokenizer = ModelTokenizer.load(Path(spec.model.folder), spec.format.added_tokens)
    with assembled(job, spec, device, padding_id(tokenizer)) as team:
        return _run(spec, job, tokenizer, device=device, team=team, resumed=resumed)


def _run(
    spec: TrainSpec,
    job: Job,
    tokenizer: ModelTokenizer,
    *,
    device: Device,
    team: Team | None,
    resumed: CheckpointState | None,
) -> Result:
    job.progress("Reading the rows", 0)
    training = load_examples(job, job.folder, "train", spec, tokenizer)
    validation = load_examples(job, job.folder, "validation", spec, tokenizer)

    job.progress("Loading the model", 0)
    pad_id = padding_id(tokenizer)
    model = load_for_training(spec, device, pad_id)
    _check_vocabulary(model, training)
    layout, reason = choose_layout(model, device, pad_id, training, generates=spec.objective.task.generates)
    job.decided("layout", f"{layout.name} rows", reason)
    if resumed is None:
        device = settle_precision(job, device, model, layout, training)
    if resumed is not None:
        _continue_from(job, model, resumed, processes=team.size if team else 1)
    elif spec.start_from_run is not None:
        _begin_with_best_of(job, model, spec.start_from_run)
    if spec.training.gradient_checkpointing or (resumed is not None and resumed.gradient_checkpointing):
        enable_gradient_checkpointing(model)
    if team:
        team.join(model, layout)

    schedule = Schedule(len(training), spec.training)
    samples = read_rows(job.folder, "validation")[:SAMPLE_ROWS] if spec.objective.task.generates else []
    loop = RunLoop(
        job, spec, device=device, tokenizer=tokenizer, validation=validation, sample_rows=samples, resumed=resumed
    )
    trainer = StepTrainer(
        model,
        job,
        device=device,
        layout=layout,
        schedule=schedule,
        examples=training,
        learning_rate=spec.training.effective_learning_rate(spec.model.method),
        first_step=resumed.step if resumed else 0,
        rate_factor=resumed.rate_factor if resumed else 1.0,
        budget=resumed.budget if resumed else None,
        team=team,
        side_by_side=resumed.side_by_side if resumed else True,
        check=loop.obey,
        callbacks=[loop],
    )
    loop.trainer = trainer
    # Better a failure now than after an epoch: measure a few validation rows before the first step.
    loss, _ = measure(model, layout, validation[:_SANITY_ROWS], trainer.budget, len(spec.labels))
    if not math.isfinite(loss):
        raise ModelError(
            "model.not_finite",
            f"The model {spec.model.name} answers with values that are not numbers.",
            "No weight was moved yet, so it is not the learning rate: the model's files are damaged.",
            "Fetch the model again, or choose another one.",
        )
    job.emit(plan_of(schedule, model, len(training), len(validation)))
    outcome = _train(loop)
    keeps_last = outcome == "completed" and not spec.training.load_best
    if keeps_last:
        loop.keep_last()
    return outcome, {
        "best_step": loop.best_step,
        "kept_step": loop.step if keeps_last else loop.best_step,
        "best_loss": loop.best_loss,
        "steps": loop.step,
        "best_metrics": loop.best_metrics,
    }


def _train(loop: RunLoop) -> Outcome:
    """Run the steps that are left, with the computer kept awake."""
    loop.awake.hold()
    try:
        loop.make_up_evaluation()
        if not _is_finished(loop):
            loop.trainer.train()
    except RunInterrupted as interrupted:
        return loop.wind_up(interrupted.outcome)
    except MemberLostError:
        loop.wind_up("interrupted")
        raise
    finally:
        loop.awake.release()
    return "completed"


def _latest_state(job: Job) -> CheckpointState | None:
    """Where the run goes on, after what a kill in the middle of a save left undone was done or removed."""
    remove_leftovers(job.folder / checkpoints.FOLDER)
    latest = checkpoints.find_checkpoint(job.folder, "latest")
    if latest is None:
        return None
    state = checkpoints.read_state(latest)
    if state.best_step == state.step:
        checkpoints.point(job.folder, "best", latest)
    checkpoints.remove_superseded(job.folder)
    return state


def _continue_from(job: Job, model: Model, resumed: CheckpointState, *, processes: int) -> None:
    """Put the latest checkpoint's weights in place, and say where exactness ends."""
    folder = checkpoints.find_checkpoint(job.folder, "latest")
    assert folder is not None
    load_trainable_state(model, folder / checkpoints.WEIGHTS_FILE)
    job.log(f"Going on after step {resumed.step}.")
    if resumed.processes != processes:
        job.log(
            f"The run computed in {_processes(resumed.processes)} before, and now in {_processes(processes)}: "
            "the last digits of the losses may differ from an uninterrupted run.",
            "warning",
        )
    elif resumed.threads != torch.get_num_threads():
        job.log(
            f"The run used {resumed.threads} threads before and uses {torch.get_num_threads()} now: "
            "the last digits of the losses may differ from an uninterrupted run.",
            "warning",
        )


def _processes(number: int) -> str:
    return "one process" if number == 1 else f"{number} processes"


def _begin_with_best_of(job: Job, model: Model, run: int) -> None:
    """Put the weights of another run's best checkpoint in place; everything else begins anew.

    Raises:
        TrainingError: if that run, or its best checkpoint, is gone.
    """
    folder = checkpoints.find_checkpoint(job.folder.parent / f"{run:04d}", "best")
    if folder is None:
        raise TrainingError(
            "training.no_best",
            f"The best checkpoint of run {run} is gone.",
            "This run was to begin with its weights.",
            "Start a new run.",
        )
    load_trainable_state(model, folder / checkpoints.WEIGHTS_FILE)
    step = checkpoints.read_state(folder).step
    job.decided("weights", f"those of run {run} after step {step:,}", "This run goes on from that run's best.")


def _is_finished(loop: RunLoop) -> bool:
    """Whether the latest checkpoint is already the end of the run: the process was killed just before it said so."""
    if loop.resumed is None:
        return False
    patience = loop.spec.training.early_stopping_patience
    return loop.step >= loop.trainer.schedule.total_steps or 0 < patience <= loop.evaluations_without_gain


def _check_vocabulary(model: Model, examples: Sequence[Example]) -> None:
    places = model.get_input_embeddings().weight.shape[0]
    largest = max(max((*example.prompt, *example.ids)) for example in examples)
    if largest >= places:
        raise ModelError(
            "model.tokenizer_too_large",
            "The tokenizer does not belong to this model.",
            f"The rows contain token number {largest}, and the model has places for {places}.",
            "Get tokenizer and weights from the same place.",
        )
