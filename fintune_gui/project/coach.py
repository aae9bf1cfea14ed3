"""The coach: looks over a run's shoulder, and says what it saw, what that means, and what can be done about it.

Pure and incremental: `Coach.look` reads only what a `RunHistory` has gained, and what it says depends on nothing else,
so that a run says the same while it works and when it is opened again. Every rule would rather be silent than cry wolf:
it asks for a difference that is large, and far beyond what the noise of the curve explains.
"""

from __future__ import annotations

import math
from statistics import median

from fintune_gui.project.document import Objective
from fintune_gui.project.events import Started
from fintune_gui.project.finding import GRAVEST_FIRST, Finding, figure, rate_too_low, rate_words
from fintune_gui.project.history import RunHistory
from fintune_gui.project.stretches import Stretch, Stretches
from fintune_gui.project.validation_rules import TrainingCurve, ValidationRules

_JUMPS = 3
_STAYS = 4
_BLOCK = 20
_FIRST_LOOK = 3 * _BLOCK


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
        curve = TrainingCurve(self._losses, self._peak_rate, self._peak_at)
        told = [*self._broken(history), *self._of_curve, *ValidationRules(self._objective, curve).look(history)]
        found = list({finding.rule: finding for finding in reversed(told)}.values())
        if history.finished:  # nothing is left to decide but for the next run
            found = [finding for finding in found if finding.rule in ("divergence", "rate_too_high", "rate_too_low")]
        self.findings = sorted(found, key=lambda finding: GRAVEST_FIRST.index(finding.rule))
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
            f"Training loss has risen from {figure(low.mean)} (about step {at:,}) to {figure(recent.mean)}.",
            f"The model is losing what it had learnt: a learning rate of {rate_words(rate)} moves the weights too far.",
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
            f"The learning rate of {rate_words(rate)} is close to too high for these rows.",
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
        return rate_too_low(history.steps[count - 1] - history.steps[start], first, recent, rate)

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
