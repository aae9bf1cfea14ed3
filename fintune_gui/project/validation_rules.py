"""What the coach reads from the validation loss: rows learnt by heart, overfitting, swings and plateaus."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import median

from fintune_gui.project.document import Objective
from fintune_gui.project.events import Validated
from fintune_gui.project.finding import Finding, best_words, figure, rate_too_low, rate_words
from fintune_gui.project.history import RunHistory
from fintune_gui.project.stretches import Stretch, Stretches

_RISEN = 0.03
"""A validation loss that is higher by less than this share has not turned."""
_FLAT = 0.005
"""A validation loss that fell by less than this share has not moved."""
_FLAT_EVALUATIONS = 3
_SWING = 0.05
"""A validation loss that rises by more than this share, and falls by more than it at once, swings ..."""
_SWING_OF_ROWS = 2.5
"""... if it does so by more nats than this through the root of the number of rows, too: the loss of a single row
changes by about one nat from one evaluation to the next, also at the best of rates."""
_BY_HEART = 0.15
"""A training loss per token below which little is left to learn from the rows."""
_BLOCK = 20


@dataclass(frozen=True)
class TrainingCurve:
    """What the coach knows of the training loss.

    Attributes:
        losses: That of each step.
        peak_rate: The highest learning rate so far.
        peak_at: The place of the step that had it.
    """

    losses: Stretches
    peak_rate: float
    peak_at: int

    def until(self, history: RunHistory, step: int, steps: int) -> Stretch:
        """The training loss of about the last `steps` steps up to `step`."""
        end = bisect_right(history.steps, step)
        return self.losses.between(max(0, end - max(1, steps)), end)


@dataclass(frozen=True)
class ValidationRules:
    """Looks at the evaluations of one run, beside its training curve."""

    objective: Objective
    curve: TrainingCurve

    def look(self, history: RunHistory) -> list[Finding]:
        """What there is to say of the evaluations so far: at most one thing."""
        told = history.validations
        if len(told) < 2:
            return []
        lowest = min(told, key=lambda v: v.loss)
        later = [v for v in told if v.step > lowest.step]
        by_heart = self._by_heart(history, told[-1])
        turned = self._overfits(history, lowest, later) if by_heart is None else by_heart
        found = turned or self._swings(history) or self._flat(history)
        return [found] if found is not None else []

    def _swings(self, history: RunHistory) -> Finding | None:
        """The validation loss goes up and comes down at once: always on the same rows, so the weights swing.

        The training loss would not tell: its steps are of different rows, and swing with them.
        """
        told = history.validations
        rows = history.plan.validation_rows if history.plan else 0
        noise = _SWING_OF_ROWS / math.sqrt(max(rows, 1))
        for before, peak, after in zip(told, told[1:], told[2:], strict=False):
            rise, fall = peak.loss - before.loss, peak.loss - after.loss
            if rise > max(_SWING * before.loss, noise) and fall > max(_SWING * peak.loss, noise):
                return Finding(
                    "rate_too_high",
                    f"Validation loss swings: {figure(before.loss)} at step {before.step:,}, {figure(peak.loss)} at "
                    f"step {peak.step:,}, {figure(after.loss)} at step {after.step:,}.",
                    "The steps are too long to settle: the learning rate, at most "
                    f"{rate_words(self.curve.peak_rate)} here, is too high for these rows.",
                    "Half the rate learns more evenly; going on may work, as the rate falls.",
                    ("halve", "keep", "stop"),
                )
        return None

    def _by_heart(self, history: RunHistory, last: Validated) -> Finding | None:
        training = self.curve.until(history, last.step, max(_BLOCK, last.step // 10))
        far_apart = last.loss > max(4 * training.mean, training.mean + 0.3)
        if last.epoch < 1 or training.mean > _BY_HEART or training.count < _BLOCK or not far_apart:
            return None
        return Finding(
            "by_heart",
            f"Training loss is {figure(training.mean)}, validation loss {figure(last.loss)}.",
            "The model knows the training rows by heart, and that does not help it with rows it has not seen.",
            f"{best_words(history)} More rows, fewer epochs or a smaller rank help against it.",
            ("stop", "keep"),
        )

    def _overfits(self, history: RunHistory, lowest: Validated, later: list[Validated]) -> Finding | None:
        if len(later) < 2 or not all(v.loss > lowest.loss * (1 + _RISEN) for v in later[-2:]):
            return None
        last = later[-1]
        losses = [v.loss for v in history.validations]
        if min(v.loss for v in later[-2:]) - lowest.loss < (5 * _wobble(losses) or _RISEN * lowest.loss):
            return None
        steps = max(_BLOCK, (last.step - lowest.step) // 2)
        then = self.curve.until(history, lowest.step, steps)
        now = self.curve.until(history, last.step, steps)
        if now.mean > then.mean + 2 * math.hypot(then.error, now.error):
            return None  # both rise: that is no overfitting
        training = f" while training loss fell from {figure(then.mean)} to {figure(now.mean)}"
        return Finding(
            "overfitting",
            f"Validation loss has risen from {figure(lowest.loss)} at step {lowest.step:,} to {figure(last.loss)}"
            f"{training if now.mean < then.mean else ''}.",
            f"{self._met_words(history)} will mostly memorise the training rows.",
            best_words(history),
            ("stop", "halve", "keep"),
        )

    def _flat(self, history: RunHistory) -> Finding | None:
        told, plan = history.validations, history.plan
        since = _flat_since(told)
        if since is None or self._metric_gained(told, since):
            return None
        last = told[-1]
        if last.loss > since.loss * (1 + _RISEN):
            return None
        place = bisect_right(history.steps, last.step) - 1
        rate = history.curves["learning_rate"][place] if place >= 0 else 0.0
        nearly_over = plan is not None and last.step > 0.9 * plan.total_steps
        if nearly_over or self.curve.peak_at >= place or rate < 0.2 * self.curve.peak_rate:
            return None  # the end of a schedule is meant to be flat, and the warm-up says nothing yet
        first, now = self.curve.losses.between(0, min(_BLOCK, place)), self.curve.until(history, last.step, 2 * _BLOCK)
        if now.mean > 0.95 * first.mean:  # flat because nothing was learnt, not because all was
            return rate_too_low(last.step, first, now, rate) if since is told[0] and now.count > _BLOCK else None
        return Finding(
            "plateau",
            f"Validation loss has been flat for {last.step - since.step:,} steps: {figure(since.loss)} then, "
            f"{figure(last.loss)} now.",
            f"{self._met_words(history)} will mostly memorise.",
            best_words(history),
            ("stop", "halve", "keep"),
        )

    def _metric_gained(self, told: list[Validated], since: Validated) -> bool:
        """Whether the metric that the user wants still got better while the loss did not."""
        metric = self.objective.metric
        values = [v.metrics[metric.value] for v in told if v.step >= since.step and metric.value in v.metrics]
        if len(values) < 2:
            return False
        sign = 1 if metric.higher_is_better else -1
        return max(sign * value for value in values[1:]) > sign * values[0] + _FLAT * abs(values[0])

    def _met_words(self, history: RunHistory) -> str:
        values = [v.metrics[name] for v in history.validations if (name := self.objective.metric.value) in v.metrics]
        met = values and self.objective.met_by(values[-1])
        return "The target is already met; more steps" if met else "More steps"


def _wobble(losses: list[float]) -> float:
    """How much a validation loss swings from one evaluation to the next, its trend left out."""
    bends = [abs(d - 3 * c + 3 * b - a) for a, b, c, d in zip(losses, losses[1:], losses[2:], losses[3:], strict=False)]
    return median(bends) / 0.6745 / math.sqrt(20) if len(bends) > 1 else 0.0


def _flat_since(validations: list[Validated]) -> Validated | None:
    """The first evaluation after which none was clearly better, if there are enough after it."""
    lowest_after = math.inf
    since = None
    for place in range(len(validations) - 1, -1, -1):
        here = validations[place]
        if len(validations) - 1 - place >= _FLAT_EVALUATIONS and lowest_after > here.loss * (1 - _FLAT):
            since = here
        lowest_after = min(lowest_after, here.loss)
    return since
