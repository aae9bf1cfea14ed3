"""What a run's history says in words and figures. No widgets here: what a page shows can be read and tested as text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from fintune_gui.project.document import ModelChoice, Objective, Project
from fintune_gui.project.flow import Facts
from fintune_gui.project.history import RunHistory
from fintune_gui.project.memory import gigabytes
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import TrainSpec
from fintune_gui.ui.theme.tokens import Tone
from fintune_gui.ui.widgets.progress_strip import duration
from fintune_gui.ui.widgets.words import counted

SPEED_OVER = 20
"""Steps that the shown speed is a mean of."""


@dataclass(frozen=True)
class Figure:
    """What one figure card shows."""

    value: str = "–"
    note: str = ""
    brief: str = ""
    """The note where there is no room for it."""
    badge: str = ""
    tone: Tone = "neutral"


def number(value: float) -> str:
    """A loss or a metric with as many digits as are worth reading."""
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3f}"


def scientific(value: float) -> str:
    """ "2e-4", as people write a learning rate."""
    mantissa, _, exponent = f"{value:e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def model_words(model: ModelChoice, lora_rank: int) -> str:
    """ "Qwen3-0.6B · LoRA r16"."""
    method = {Method.LORA: f"LoRA r{lora_rank}", Method.QLORA: f"QLoRA r{lora_rank}", Method.FULL: "full fine-tuning"}
    return f"{model.short_name} · {method[model.method]}"


def run_line(spec: TrainSpec | None, history: RunHistory) -> str:
    """One line that tells a run from others: number, model, rows, and where it is."""
    if spec is None:
        return "This run cannot be read; the others are not affected."
    parts = [f"Run {spec.run}", model_words(spec.model, spec.training.lora_rank)]
    if history.plan is not None:
        parts.append(counted(history.plan.training_rows, "row"))
        if history.last_step is not None and not history.finished:
            epochs = math.ceil(spec.training.epochs)
            parts.append(f"epoch {min(epochs, int(history.last_step.epoch) + 1)} of {epochs}")
    return " · ".join(parts)


def where_it_is(history: RunHistory) -> str:
    """ "Step 842 of 1,260 · last saved at step 800 · 1.2 GB of memory", or what it does before the first step."""
    parts = []
    if history.last_step is not None and history.plan is not None:
        parts.append(f"Step {history.last_step.step:,} of {history.plan.total_steps:,}")
    elif history.progress is not None and history.ended is None:
        parts.append(history.progress.stage)
    elif history.ended is None:
        parts.append("Starting")
    if history.checkpoints:
        parts.append(f"last saved at step {history.checkpoints[-1].step:,}")
    if history.last_step is not None:
        parts.append(f"{gigabytes(history.last_step.memory_bytes)} of memory")
    return " · ".join(parts)


def validation_figure(history: RunHistory) -> Figure:
    """The newest validation loss, how it moved, and where the best was."""
    if not history.validations:
        return Figure(note="not measured yet")
    last, best = history.validations[-1], history.best
    note = f"best at step {best.step:,} · {number(best.loss)}" if best else ""
    brief = f"best {number(best.loss)}" if best else ""
    if len(history.validations) < 2:
        return Figure(number(last.loss), note, brief)
    before = history.validations[-2].loss
    change = (last.loss - before) / before * 100 if before else 0.0
    if abs(change) < 0.05:
        return Figure(number(last.loss), note, brief, "no change")
    sign, tone = ("↓", "good") if change < 0 else ("↑", "warn")
    return Figure(number(last.loss), note, brief, f"{sign} {abs(change):.1f} %", tone)  # type: ignore[arg-type]


def training_figure(smoothed: float | None, over: int) -> Figure:
    """The training loss, smoothed as the plot smooths it."""
    if smoothed is None:
        return Figure(note="no step yet")
    if over == 1:
        return Figure(number(smoothed), "of the last step")
    return Figure(number(smoothed), f"smoothed over {over:,} steps", f"{over:,} steps")


def speed_figure(history: RunHistory) -> Figure:
    """Useful tokens a second over the last steps, which differ in size, and how much of the computing is useful."""
    recent = slice(-SPEED_OVER, None)
    rates, shares = history.curves["tokens_per_second"][recent], history.curves["useful_share"][recent]
    known = history.curves["tokens"][-SPEED_OVER - 1 :]
    if not rates:
        return Figure(note="no step yet")
    before = [0.0, *known] if len(known) == len(rates) else known
    tokens = [after - earlier for earlier, after in pairwise(before)]
    seconds = sum(count / max(rate, 1e-9) for count, rate in zip(tokens, rates, strict=True))
    computed = sum(count / max(share, 1e-9) for count, share in zip(tokens, shares, strict=True))
    share = sum(tokens) / max(computed, 1e-9)
    return Figure(
        f"{sum(tokens) / max(seconds, 1e-9):,.0f} tok/s", useful_words(share), useful_words(share, brief=True)
    )


def useful_words(share: float, *, brief: bool = False) -> str:
    """How many of the computed tokens are useful; beginnings that rows share are computed once and useful often."""
    if share > 1.005:
        return f"{share:.1f} × the computed" if brief else f"{share:.1f} × as many tokens as were computed"
    return f"{share:.0%} {'useful' if brief else 'of tokens are useful'}".replace("%", " %")


def time_figure(history: RunHistory, now: datetime) -> Figure:
    """How long a run at work still takes, and when it ends."""
    if history.paused:
        return Figure("Paused", "continue whenever you like")
    left = history.last_step.seconds_left if history.last_step else None
    if left is None:
        return Figure(note="known after some steps")
    end = datetime.fromtimestamp(now.timestamp() + left)  # noqa: DTZ006 - the clock on the user's wall
    day = "" if end.date() == now.date() else f"{end:%A} "
    return Figure(duration(left), f"ends about {day}{end:%H:%M}", f"until {day}{end:%H:%M}")


def outcome_figure(history: RunHistory) -> Figure:
    """How a run that is not at work ended, and how long it took."""
    if history.ended is None:
        return Figure("Interrupted", "its process is gone")
    end = datetime.fromtimestamp(history.ended.time)  # noqa: DTZ006 - the clock on the user's wall
    word = history.ended.outcome.capitalize()
    if history.started is None:
        return Figure(word, f"{end:%d %B, %H:%M}")
    took = duration(history.ended.time - history.started.time)
    resumed = " since it was resumed" if history.started.resumed_from_step else ""
    return Figure(word, f"took {took}{resumed}, until {end:%H:%M}")


def metric_curve(history: RunHistory, objective: Objective) -> tuple[list[float], list[float]]:
    """Steps and values of the objective's metric on the validation rows; empty where it is not measured."""
    name = objective.metric.value
    told = [v for v in history.validations if name in v.metrics]
    return [float(v.step) for v in told], [v.metrics[name] for v in told]


def interruption(history: RunHistory) -> str:
    """Why a run that can go on was interrupted, and how much of it is saved."""
    why = history.ended.problem.why if history.ended and history.ended.problem else ""
    total = f" of {history.plan.total_steps:,}" if history.plan else ""
    upto = f"up to step {history.checkpoints[-1].step:,}{total}" if history.checkpoints else "that was done"
    return f"{why} Everything {upto} is saved; the run can go on from there.".strip()


def will_happen(project: Project, facts: Facts) -> str:
    """What a new run is going to do, in sentences."""
    if project.model is None or facts.split is None:
        return "Choose a model and make the split; then this says what the run will do."
    settings = project.training
    rows = facts.split.counts.get("train", 0)
    steps = settings.total_steps(rows)
    times = "once" if settings.epochs == 1 else f"{settings.epochs:g} times"
    if settings.max_steps:
        times = f"about {steps / settings.steps_per_epoch(rows):.2g} times"
    often = f"{counted(settings.evaluations_per_epoch, 'time')} in each pass"
    if settings.eval_steps:
        often = "after each step" if settings.eval_steps == 1 else f"every {settings.eval_steps:,} steps"
    if settings.eval_minutes:
        often = f"every {settings.eval_minutes:g} minutes"
    rate = scientific(settings.effective_learning_rate(project.model.method))
    patience = settings.early_stopping_patience
    early = f" It ends early after {counted(patience, 'evaluation')} without improvement." if patience else ""
    model = model_words(project.model, settings.lora_rank).replace(" · ", " with ")
    return (
        f"{model} sees {counted(rows, 'training row')} {times}, "
        f"{counted(settings.batch_size, 'row')} at a time: {counted(steps, 'step')} at a learning rate of {rate}. "
        f"The {counted(facts.split.counts.get('validation', 0), 'validation row')} are measured "
        f"{often}, and the {'best' if settings.load_best else 'last'} state is kept.{early} "
        f"The {counted(facts.split.counts.get('test', 0), 'test row')} stay locked until Evaluate."
    )
