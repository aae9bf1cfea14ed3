"""The coach: looks over a run's shoulder, and says what it saw, what that means, and what can be done about it.

Pure and incremental: `Coach.look` reads only what a `RunHistory` has gained, and what it says depends on nothing else,
so that a run says the same while it works and when it is opened again. Every rule would rather be silent than cry wolf:
it asks for a difference that is large, and far beyond what the noise of the curve explains.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, Literal

from fintune_gui.project.document import Objective
from fintune_gui.project.events import Started, Validated
from fintune_gui.project.files import write_json
from fintune_gui.project.history import RunHistory
from fintune_gui.project.stretches import Stretch, Stretches

Rule = Literal["not_a_number", "divergence", "by_heart", "overfitting", "rate_too_high", "plateau", "rate_too_low"]
Act = Literal["stop", "halve", "raise", "keep"]
"""Stop at the best; a new run from the best with half the rate; a new run with three times the rate; keep going."""

RAISED_BY: Final = 3
SILENCED_FILE = "coach.json"

_RISEN = 0.03
"""A validation loss that is higher by less than this share has not turned."""
_FLAT = 0.005
"""A validation loss that fell by less than this share has not moved."""
_FLAT_EVALUATIONS = 3
_SWING = 0.05
"""A validation loss that rises by more than this share, and falls by more than it at once, swings."""
_BY_HEART = 0.15
"""A training loss per token below which little is left to learn from the rows."""
_JUMPS = 3
_STAYS = 4
_BLOCK = 20
_FIRST_LOOK = 3 * _BLOCK


@dataclass(frozen=True)
class Finding:
    """One thing that the coach saw.

    Attributes:
        rule: What kind of thing; a finding of the same rule can be silenced for a run.
        saw: A sentence with the figures.
        means: What that usually means.
        todo: What can be done.
        actions: What can be done by a button, the best first.
    """

    rule: Rule
    saw: str
    means: str
    todo: str
    actions: tuple[Act, ...]

    def __str__(self) -> str:
        return f"{self.saw} {self.means} {self.todo}"


class Coach:
    """Watches one run.

    Attributes:
        findings: What there is to say after the last `look`, the gravest first.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._forget(None)

    def _forget(self, started: Started | None) -> None:
        self.findings: list[Finding] = []
        self._started = started
        self._losses, self._norms = Stretches(), Stretches()
        self._peak_rate, self._peak_at = 0.0, 0
        self._not_finite: tuple[int, str] | None = None
        self._jumps: list[tuple[int, int]] = []  # the step, and after how many steps it could be known
        self._blocks = 0
        self._next_look = _FIRST_LOOK
        self._lowest: tuple[int, Stretch] | None = None
        self._of_curve: list[Finding] = []

    def look(self, history: RunHistory) -> list[Finding]:
        """Take in what is new in `history`, always that of the same run, and return `findings`."""
        if history.started != self._started or len(history.steps) < len(self._losses):
            self._forget(history.started)  # a resumed run repeats the steps that were lost
        self._take_in(history)
        while self._next_look <= len(self._losses):
            self._look_at_curve(history, self._next_look)
            self._next_look += max(_BLOCK // 2, self._next_look // 20)
        told = [*self._broken(history), *self._of_curve, *self._of_validations(history)]
        found = list({finding.rule: finding for finding in reversed(told)}.values())
        if history.finished:  # nothing is left to decide but for the next run
            found = [finding for finding in found if finding.rule in ("divergence", "rate_too_high", "rate_too_low")]
        self.findings = sorted(found, key=lambda finding: _GRAVEST_FIRST.index(finding.rule))
        return self.findings

    def _take_in(self, history: RunHistory) -> None:
        done = len(self._losses)
        losses, norms = history.curves["loss"][done:], history.curves["grad_norm"][done:]
        if self._not_finite is None:
            for what, values in (("loss", losses), ("gradient", norms)):
                place = next((i for i, value in enumerate(values) if not math.isfinite(value)), None)
                if place is not None:
                    self._not_finite = (history.steps[done + place], what)
                    break
        self._losses.extend(losses)
        self._norms.extend(norms)
        rates = history.curves["learning_rate"][done:]
        if rates and max(rates) > self._peak_rate:
            self._peak_rate = max(rates)
            self._peak_at = done + rates.index(self._peak_rate)
        while (self._blocks + 1) * _BLOCK + _STAYS <= len(self._losses):
            self._look_for_jump(history, self._blocks * _BLOCK)
            self._blocks += 1

    # The training curve

    def _look_for_jump(self, history: RunHistory, start: int) -> None:
        """A jump: the loss leaves its noise, stays out for some steps, and the gradient was long as well."""
        if start < 2 * _BLOCK:
            return
        losses, norms = history.curves["loss"], history.curves["grad_norm"]
        before = sorted(losses[start - 2 * _BLOCK : start])
        usual = before[_BLOCK]
        spread = (before[3 * _BLOCK // 2] - before[_BLOCK // 2]) / 1.35  # by quartiles: an earlier jump does not count
        block = losses[start : start + _BLOCK]
        highest = max(block)
        if not highest > usual + 6 * spread:
            return
        at = start + block.index(highest)
        stays = self._losses.between(at + 1, at + _STAYS).mean > usual + 3 * spread
        if stays and max(norms[at - 1 : at + 2]) > 4 * median(norms[start - 2 * _BLOCK : start]):
            self._jumps.append((history.steps[at], start + _BLOCK + _STAYS))

    def _look_at_curve(self, history: RunHistory, count: int) -> None:
        """What the first `count` steps of the training curve say."""
        width = max(_BLOCK // 2, count // 10)
        recent = self._losses.between(count - width, count)
        if self._lowest is None:
            self._lowest = (history.steps[width // 2], self._losses.between(0, width))
        if recent.mean < self._lowest[1].mean:
            self._lowest = (history.steps[count - width // 2 - 1], recent)
        rate = history.curves["learning_rate"][count - 1]
        found = [
            self._diverged(count, width, rate),
            self._jumped(history, count, rate),
            self._creeps(history, count, width, rate),
        ]
        self._of_curve = [finding for finding in found if finding is not None]

    def _diverged(self, count: int, width: int, rate: float) -> Finding | None:
        assert self._lowest is not None
        at, low = self._lowest
        first, recent = self._losses.between(0, width), self._losses.between(count - width, count)
        halves = (
            self._losses.between(count - width, count - width // 2),
            self._losses.between(count - width // 2, count),
        )
        risen = recent.mean - low.mean
        stays = all(half.mean > low.mean * 1.25 + 0.05 for half in halves)
        if not stays or risen < 0.2 * (first.mean - low.mean) or risen < 4 * math.hypot(recent.error, low.error):
            return None
        return Finding(
            "divergence",
            f"Training loss has risen from {_figure(low.mean)} (about step {at:,}) to {_figure(recent.mean)}.",
            f"The model is losing what it had learnt: a learning rate of {_rate(rate)} moves the weights too far.",
            "Half the rate, from the best checkpoint, usually mends it.",
            ("halve", "stop", "keep"),
        )

    def _jumped(self, history: RunHistory, count: int, rate: float) -> Finding | None:
        since = history.steps[max(0, count - max(200, count // 4))]
        jumps = [step for step, known in self._jumps if since <= step and known <= count]
        if len(jumps) < _JUMPS:
            return None
        return Finding(
            "rate_too_high",
            f"The loss has jumped {len(jumps)} times since step {jumps[0]:,}, each time with gradients more than "
            "4 times as long as usual.",
            f"The learning rate of {_rate(rate)} is close to too high for these rows.",
            "Half the rate learns more evenly; going on may work, and may lose what was learnt.",
            ("halve", "keep", "stop"),
        )

    def _creeps(self, history: RunHistory, count: int, width: int, rate: float) -> Finding | None:
        """The loss hardly moves, or falls in a straight line that leads nowhere: a curve that learns bends."""
        start = self._peak_at + 1
        room = count - start
        total = history.plan.total_steps if history.plan else count
        if room < max(3 * width, 100, total // 5) or rate < 0.5 * self._peak_rate:
            return None
        width = room // 5
        first = self._losses.between(start, start + width)
        middle = self._losses.between(start + 2 * width, start + 3 * width)
        recent = self._losses.between(count - width, count)
        fell = first.mean - recent.mean
        noise = math.hypot(first.error, recent.error)
        before = self._losses.between(0, max(1, min(start, width)))
        if first.mean < 0.3 or before.mean - recent.mean > 0.05 * before.mean or abs(fell) > 0.04 * first.mean:
            return None
        # A curve whose noise hides what would count as learning says nothing.
        if noise > 0.02 * first.mean or any(v.loss < 0.97 * history.validations[0].loss for v in history.validations):
            return None
        early, late = first.mean - middle.mean, middle.mean - recent.mean
        if fell > 3 * noise and not 0.5 < late / max(early, 1e-9) < 2:
            return None
        if fell < -3 * noise:
            return None
        return _too_low(history.steps[count - 1] - history.steps[start], first, recent, rate)

    # The validation rows

    def _of_validations(self, history: RunHistory) -> list[Finding]:
        told = history.validations
        if len(told) < 2:
            return []
        lowest = min(told, key=lambda v: v.loss)
        later = [v for v in told if v.step > lowest.step]
        by_heart = self._by_heart(history, told[-1])
        turned = self._overfits(history, lowest, later) if by_heart is None else by_heart
        found = turned or self._swings(told) or self._flat(history)
        return [found] if found is not None else []

    def _swings(self, told: list[Validated]) -> Finding | None:
        """The validation loss goes up and comes down at once: always on the same rows, so the weights swing.

        The training loss would not tell: its steps are of different rows, and swing with them.
        """
        for before, peak, after in zip(told, told[1:], told[2:], strict=False):
            if peak.loss > before.loss * (1 + _SWING) and after.loss < peak.loss * (1 - _SWING):
                return Finding(
                    "rate_too_high",
                    f"Validation loss swings: {_figure(before.loss)} at step {before.step:,}, {_figure(peak.loss)} at "
                    f"step {peak.step:,}, {_figure(after.loss)} at step {after.step:,}.",
                    f"The steps are too long to settle: the learning rate, at most {_rate(self._peak_rate)} here, "
                    "is too high for these rows.",
                    "Half the rate learns more evenly; going on may work, as the rate falls.",
                    ("halve", "keep", "stop"),
                )
        return None

    def _training_until(self, history: RunHistory, step: int, steps: int) -> Stretch:
        """The training loss of about the last `steps` steps up to `step`."""
        end = bisect_right(history.steps, step)
        return self._losses.between(max(0, end - max(1, steps)), end)

    def _by_heart(self, history: RunHistory, last: Validated) -> Finding | None:
        training = self._training_until(history, last.step, max(_BLOCK, last.step // 10))
        far_apart = last.loss > max(4 * training.mean, training.mean + 0.3)
        if last.epoch < 1 or training.mean > _BY_HEART or training.count < _BLOCK or not far_apart:
            return None
        return Finding(
            "by_heart",
            f"Training loss is {_figure(training.mean)}, validation loss {_figure(last.loss)}.",
            "The model knows the training rows by heart, and that does not help it with rows it has not seen.",
            f"{_best_words(history)} More rows, fewer epochs or a smaller rank help against it.",
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
        then = self._training_until(history, lowest.step, steps)
        now = self._training_until(history, last.step, steps)
        if now.mean > then.mean + 2 * math.hypot(then.error, now.error):
            return None  # both rise: that is no overfitting
        training = f" while training loss fell from {_figure(then.mean)} to {_figure(now.mean)}"
        return Finding(
            "overfitting",
            f"Validation loss has risen from {_figure(lowest.loss)} at step {lowest.step:,} to {_figure(last.loss)}"
            f"{training if now.mean < then.mean else ''}.",
            f"{self._met_words(history)} will mostly memorise the training rows.",
            _best_words(history),
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
        if nearly_over or self._peak_at >= place or rate < 0.2 * self._peak_rate:
            return None  # the end of a schedule is meant to be flat, and the warm-up says nothing yet
        first, now = self._losses.between(0, min(_BLOCK, place)), self._training_until(history, last.step, 2 * _BLOCK)
        if now.mean > 0.95 * first.mean:  # flat because nothing was learnt, not because all was
            return _too_low(last.step, first, now, rate) if since is told[0] and now.count > _BLOCK else None
        return Finding(
            "plateau",
            f"Validation loss has been flat for {last.step - since.step:,} steps: {_figure(since.loss)} then, "
            f"{_figure(last.loss)} now.",
            f"{self._met_words(history)} will mostly memorise.",
            _best_words(history),
            ("stop", "halve", "keep"),
        )

    def _metric_gained(self, told: list[Validated], since: Validated) -> bool:
        """Whether the metric that the user wants still got better while the loss did not."""
        metric = self._objective.metric
        values = [v.metrics[metric.value] for v in told if v.step >= since.step and metric.value in v.metrics]
        if len(values) < 2:
            return False
        sign = 1 if metric.higher_is_better else -1
        return max(sign * value for value in values[1:]) > sign * values[0] + _FLAT * abs(values[0])

    def _met_words(self, history: RunHistory) -> str:
        values = [v.metrics[name] for v in history.validations if (name := self._objective.metric.value) in v.metrics]
        met = values and self._objective.met_by(values[-1])
        return "The target is already met; more steps" if met else "More steps"

    # The end of everything

    def _broken(self, history: RunHistory) -> list[Finding]:
        problem = history.ended.problem if history.ended else None
        failed = problem is not None and problem.code == "training.not_finite"
        if self._not_finite is None and not failed:
            return []
        if problem is not None and not failed:  # the first step: the failure itself says what it means
            return []
        step, what = self._not_finite or (0, "")
        saw = f"The {what} of step {step:,} is not a number." if what else problem.what if problem else ""
        return [
            Finding(
                "not_a_number",
                saw,
                "One step moved the weights so far that nothing after it can be trusted.",
                "Half the rate avoids it; what was saved before is intact.",
                ("halve", "keep") if history.best else ("keep",),
            )
        ]


_GRAVEST_FIRST: Final[tuple[Rule, ...]] = (
    "not_a_number",
    "divergence",
    "by_heart",
    "overfitting",
    "rate_too_high",
    "plateau",
    "rate_too_low",
)


def _too_low(steps: int, then: Stretch, now: Stretch, rate: float) -> Finding:
    return Finding(
        "rate_too_low",
        f"Training loss has hardly moved in {steps:,} steps: {_figure(then.mean)} then, {_figure(now.mean)} now.",
        f"The learning rate of {_rate(rate)} is too low, or the model knows already what these rows can teach.",
        f"A run with {RAISED_BY} times the rate would show which.",
        ("raise", "keep", "stop"),
    )


def _best_words(history: RunHistory) -> str:
    best = history.best
    return f"The best checkpoint, of step {best.step:,}, is kept whatever you choose." if best else ""


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


def _figure(value: float) -> str:
    return f"{value:,.1f}" if value >= 100 else f"{value:.3f}"


def _rate(rate: float) -> str:
    return f"{rate:.2g}"


# What the user does not want to hear again


def read_silenced(run_folder: Path) -> set[str]:
    """The rules that the user has silenced for a run; empty if the file is missing or damaged."""
    try:
        told = json.loads((run_folder / SILENCED_FILE).read_text(encoding="utf-8"))["silenced"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {rule for rule in told if isinstance(rule, str)} if isinstance(told, list) else set()


def silence(run_folder: Path, rule: str) -> None:
    """Say nothing more of `rule` about this run.

    Raises:
        ProjectError: if the file cannot be written.
    """
    write_json(run_folder / SILENCED_FILE, {"silenced": sorted(read_silenced(run_folder) | {rule})})
