"""The coach: what it says of curves that go wrong, and that it says nothing of those that only look so."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fintune_gui.project.coach import Coach
from fintune_gui.project.document import Metric, Objective, Task
from fintune_gui.project.errors import Problem
from fintune_gui.project.events import Ended, Event, Plan, Started, TrainStep, Validated
from fintune_gui.project.finding import read_silenced, silence
from fintune_gui.project.history import RunHistory

TEXT = Objective(task=Task.INSTRUCTION, metric=Metric.PERPLEXITY)
F1 = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
RECORDED = Path(__file__).parent / "curves"
Shape = Callable[[float], float]
"""From the share of the run, 0 to 1, to a value."""


def cosine(share: float) -> float:
    return share / 0.05 if share < 0.05 else 0.5 * (1 + math.cos(math.pi * (share - 0.05) / 0.95))


def constant(share: float) -> float:
    return 1.0


def events(
    training: Shape,
    validation: Shape | None = None,
    *,
    steps: int = 600,
    done: int | None = None,
    noise: float = 0.1,
    evaluations: int = 12,
    wobble: float = 0.002,
    epochs: int = 3,
    rate: Shape = constant,
    norm: Callable[[int], float] = lambda _step: 1.0,
    extra: Callable[[int], float] = lambda _step: 0.0,
    metric: Shape | None = None,
    seed: int = 1,
) -> list[Event]:
    """The events of a run of `steps` steps, of which `done` are told."""
    luck = random.Random(seed)
    per_epoch = max(1, steps // epochs)
    told: list[Event] = [
        Started(kind="train", pid=1, time=float(seed)),
        Plan(
            total_steps=steps,
            steps_per_epoch=per_epoch,
            training_rows=16 * per_epoch,
            validation_rows=100,
            trainable_parameters=1,
            total_parameters=1,
        ),
    ]
    best = math.inf
    every = max(1, steps // evaluations)
    for step in range(1, (done or steps) + 1):
        share = step / steps
        told.append(
            TrainStep(
                step=step,
                epoch=step / per_epoch,
                loss=training(share) * max(0.0, 1 + luck.gauss(0, noise)) + extra(step),
                learning_rate=2e-4 * rate(share),
                grad_norm=norm(step),
                tokens=step,
                tokens_per_second=1.0,
                useful_share=1.0,
                memory_bytes=1,
            )
        )
        if validation is not None and step % every == 0:
            loss = validation(share) + luck.gauss(0, wobble)
            metrics = {"f1": metric(share)} if metric else {}
            told.append(Validated(step=step, epoch=step / per_epoch, loss=loss, metrics=metrics, best=loss < best))
            best = min(best, loss)
    return told


def look(told: list[Event], objective: Objective = TEXT) -> list[str]:
    """The rules of what the coach has to say at the end."""
    history = RunHistory()
    history.extend(told)
    return [finding.rule for finding in Coach(objective).look(history)]


def ever(told: list[Event], objective: Objective = TEXT) -> set[str]:
    """The rules of everything that the coach has said at any moment of the run."""
    history, coach, said = RunHistory(), Coach(objective), set[str]()
    for event in told:
        history.add(event)
        said |= {finding.rule for finding in coach.look(history)}
    return said


def learning(share: float) -> float:
    return 0.5 + 1.5 * math.exp(-5 * share)


def turning(share: float) -> float:
    return 0.9 + 1.1 * math.exp(-8 * share) + 0.5 * max(0.0, share - 0.4)


# What it sees


def test_that_validation_turning_while_training_falls_is_overfitting() -> None:
    history = RunHistory()
    history.extend(events(lambda s: 0.2 + 1.8 * math.exp(-4 * s), turning, done=480))
    (finding,) = Coach(TEXT).look(history)

    assert finding.rule == "overfitting"
    best = history.best
    assert best is not None
    assert f"from {best.loss:.3f} at step {best.step}" in finding.saw
    assert "while training loss fell from" in finding.saw
    assert f"The best checkpoint, of step {best.step}, is kept" in finding.todo
    assert finding.actions == ("stop", "halve", "keep")


def test_that_a_validation_loss_that_stands_still_is_a_plateau() -> None:
    flat: Shape = lambda s: 0.8 + 0.8 * math.exp(-14 * s)  # noqa: E731
    history = RunHistory()
    history.extend(events(flat, flat, done=450, wobble=0.0005))
    (finding,) = Coach(TEXT).look(history)

    assert finding.rule == "plateau"
    assert finding.saw.startswith("Validation loss has been flat for ")
    assert finding.means == "More steps will mostly memorise."


def test_that_a_plateau_with_the_target_met_says_so() -> None:
    flat: Shape = lambda s: 0.8 + 0.8 * math.exp(-14 * s)  # noqa: E731
    history = RunHistory()
    history.extend(events(flat, flat, done=450, wobble=0.0005, metric=lambda _s: 0.93))
    assert Coach(F1).look(history)[0].means == "The target is already met; more steps will mostly memorise."


def test_that_a_training_loss_that_climbs_is_a_divergence() -> None:
    told = events(lambda s: 0.8 + 1.2 * math.exp(-12 * s) + max(0.0, s - 0.4) * 4, done=400)
    history = RunHistory()
    history.extend(told)
    (finding,) = Coach(TEXT).look(history)

    assert finding.rule == "divergence"
    assert finding.saw.startswith("Training loss has risen from ")
    assert "0.0002" in finding.means
    assert finding.actions[0] == "halve"


def test_that_a_run_that_climbs_from_its_first_steps_is_a_divergence() -> None:
    assert look(events(lambda s: 2 + 6 * s, done=100)) == ["divergence"]


def test_that_a_loss_that_explodes_does_not_blind_the_coach() -> None:
    told = events(lambda s: 2.0 if s < 0.3 else 1e30, done=260)
    assert look(told) == ["divergence"]


def test_that_jumps_with_long_gradients_are_a_rate_that_is_too_high() -> None:
    jumps = {130, 131, 132, 133, 134, 170, 171, 172, 173, 174, 215, 216, 217, 218, 219}
    told = events(
        learning,
        done=240,
        noise=0.05,
        extra=lambda step: 2.5 if step in jumps else 0.0,
        norm=lambda step: 12.0 if step in jumps else 1.0,
    )
    history = RunHistory()
    history.extend(told)
    (finding,) = Coach(TEXT).look(history)
    assert finding.rule == "rate_too_high"
    assert finding.saw.startswith("The loss has jumped 3 times since step 130")


def test_that_a_validation_loss_that_swings_is_a_rate_that_is_too_high() -> None:
    def swinging(share: float) -> float:
        return 2 - 0.4 * share + (0.3 if round(share * 12) % 2 else 0)

    told = events(learning, swinging, rate=cosine)
    assert "rate_too_high" in ever(told)
    assert "divergence" not in ever(told)
    once = events(learning, lambda share: 2 - 0.4 * share + (0.06 if round(share * 12) == 5 else 0))
    assert ever(once) == set()


@pytest.mark.parametrize("seed", range(8))
def test_that_a_few_validation_rows_that_jump_about_are_left_alone(seed: int) -> None:
    rows = 16
    told = [
        event.model_copy(update={"validation_rows": rows}) if isinstance(event, Plan) else event
        for event in events(learning, lambda s: learning(s) + 0.1, wobble=1 / math.sqrt(2 * rows), seed=seed)
    ]
    assert "rate_too_high" not in ever(told)


def test_that_a_loss_that_creeps_in_a_straight_line_is_a_rate_that_is_too_low() -> None:
    history = RunHistory()
    history.extend(events(lambda s: 2.3 - 0.06 * s, lambda s: 2.32 - 0.05 * s, done=300, noise=0.03))
    (finding,) = Coach(TEXT).look(history)
    assert finding.rule == "rate_too_low"
    assert "hardly moved" in finding.saw
    assert finding.actions[0] == "raise"


def test_that_rows_known_by_heart_are_said_once_and_not_as_overfitting_too() -> None:
    told = events(lambda s: 0.02 + 2 * math.exp(-9 * s), turning, done=550)
    assert look(told) == ["by_heart"]


def test_that_a_loss_that_is_not_a_number_comes_first_and_stays() -> None:
    told = events(lambda s: math.nan if s > 0.5 else 0.8 + max(0.0, s - 0.2) * 5, turning, done=301)
    history = RunHistory()
    history.extend(told)
    coach = Coach(TEXT)
    first = coach.look(history)[0]
    assert first.rule == "not_a_number"
    assert first.saw == "The loss of step 301 is not a number."
    assert first.actions == ("halve", "keep")
    assert coach.look(history)[0] == first


def test_that_a_run_that_failed_of_such_a_number_is_told_from_its_end() -> None:
    problem = Problem(code="training.not_finite", what="The validation loss of step 90 is not a number.")
    told = [*events(learning, learning, done=90), Ended(outcome="failed", problem=problem)]
    history = RunHistory()
    history.extend(told)
    assert Coach(TEXT).look(history)[0].saw == "The validation loss of step 90 is not a number."


def test_that_a_gradient_that_is_not_a_number_is_named() -> None:
    told = events(learning, done=50, norm=lambda step: math.inf if step == 50 else 1.0)
    history = RunHistory()
    history.extend(told)
    (finding,) = Coach(TEXT).look(history)
    assert finding.saw == "The gradient of step 50 is not a number."
    assert finding.actions == ("keep",)  # there is no best to go on from


# What it does not say


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [0.02, 0.15, 0.4])
@pytest.mark.parametrize("steps", [60, 600, 3000])
def test_that_a_healthy_noisy_run_is_left_alone_from_first_to_last(seed: int, noise: float, steps: int) -> None:
    told = events(learning, lambda s: learning(s) + 0.05, steps=steps, noise=noise, rate=cosine, seed=seed)
    assert ever(told) == set()


@pytest.mark.parametrize("seed", range(4))
def test_that_a_warm_up_is_left_alone(seed: int) -> None:
    def slow_start(share: float) -> float:
        return 2.4 if share < 0.1 else 0.6 + 1.8 * math.exp(-6 * (share - 0.1))

    def warming(share: float) -> float:
        return min(1.0, share / 0.1)

    assert ever(events(slow_start, slow_start, rate=warming, steps=1000, seed=seed, wobble=0.004)) == set()


@pytest.mark.parametrize("seed", range(4))
def test_that_early_spikes_and_odd_batches_are_left_alone(seed: int) -> None:
    spikes = {12, 13, 14, 33, 88, 140, 190, 260, 270, 300}  # one early that lasts, the rest are single odd batches
    told = events(
        learning,
        lambda s: learning(s) + 0.05,
        rate=cosine,
        seed=seed,
        extra=lambda step: 6.0 if step in spikes else 0.0,
        norm=lambda step: 20.0 if step in spikes else 1.0,
    )
    assert ever(told) == set()


@pytest.mark.parametrize("seed", range(4))
def test_that_the_flat_end_of_a_cosine_is_left_alone(seed: int) -> None:
    def follows_rate(share: float) -> float:
        return 0.6 + 1.2 * (1 - share) ** 2

    assert ever(events(follows_rate, follows_rate, rate=cosine, seed=seed, evaluations=24, wobble=0.001)) == set()


@pytest.mark.parametrize("seed", range(6))
def test_that_a_validation_loss_that_wobbles_is_no_overfitting(seed: int) -> None:
    told = events(learning, lambda s: learning(s) + 0.05, wobble=0.04, rate=cosine, seed=seed, evaluations=20)
    assert "overfitting" not in ever(told)


def test_that_training_and_validation_rising_together_is_no_overfitting() -> None:
    def worse(share: float) -> float:
        return 0.8 + 1.2 * math.exp(-12 * share) + max(0.0, share - 0.4) * 4

    assert look(events(worse, worse, done=400)) == ["divergence"]


def test_that_a_metric_that_still_gains_is_no_plateau() -> None:
    flat: Shape = lambda s: 0.8 + 0.8 * math.exp(-14 * s)  # noqa: E731
    told = events(flat, flat, done=450, wobble=0.0005, metric=lambda s: 0.5 + 0.4 * s)
    assert look(told, F1) == []


def test_that_an_easy_task_that_is_solved_is_not_said_to_be_learnt_by_heart() -> None:
    solved: Shape = lambda s: 0.02 + 1.5 * math.exp(-12 * s)  # noqa: E731
    assert "by_heart" not in ever(events(solved, lambda s: solved(s) + 0.01, done=500))


def test_that_a_run_too_short_to_tell_is_left_alone() -> None:
    assert ever(events(lambda s: 2.0 + s, turning, steps=10, evaluations=2)) == set()
    assert look([]) == []


# How it looks


def test_that_it_says_the_same_in_batches_as_at_once() -> None:
    told = events(lambda s: 0.2 + 1.8 * math.exp(-4 * s), turning, done=480)
    whole = RunHistory()
    whole.extend(told)
    history, coach = RunHistory(), Coach(TEXT)
    for place in range(0, len(told), 7):
        history.extend(told[place : place + 7])
        coach.look(history)
    assert coach.findings == Coach(TEXT).look(whole) != []


def test_that_a_resumed_run_is_judged_by_the_steps_it_repeats() -> None:
    history, coach = RunHistory(), Coach(TEXT)
    history.extend(events(lambda s: 0.8 + max(0.0, s - 0.2) * 5, done=300, noise=0.02))
    assert [finding.rule for finding in coach.look(history)] == ["divergence"]
    history.add(Started(kind="train", pid=2, resumed_from_step=100))
    assert coach.look(history) == []


def test_that_a_finished_run_is_told_only_what_matters_for_the_next() -> None:
    told = events(lambda s: 0.2 + 1.8 * math.exp(-4 * s), turning, done=480)
    assert look([*told, Ended(outcome="stopped")]) == []
    told = events(lambda s: 0.8 + 1.2 * math.exp(-12 * s) + max(0.0, s - 0.4) * 4, done=400)
    assert look([*told, Ended(outcome="stopped")]) == ["divergence"]


def test_that_only_new_steps_are_read() -> None:
    history, coach = RunHistory(), Coach(TEXT)
    history.extend(events(learning, steps=20_000, rate=cosine))
    coach.look(history)
    del history.curves["loss"][:10]  # nothing of what was read is looked at again, but for its length
    history.curves["loss"].extend([0.5] * 10)
    assert coach.look(history) == []


def test_that_a_rule_is_silenced_for_good(tmp_path: Path) -> None:
    assert read_silenced(tmp_path) == set()
    silence(tmp_path, "plateau")
    silence(tmp_path, "overfitting")
    assert read_silenced(tmp_path) == {"plateau", "overfitting"}
    (tmp_path / "coach.json").write_text("[1, 2", encoding="utf-8")
    assert read_silenced(tmp_path) == set()


# Real runs


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_that_recorded_runs_are_judged_as_they_were(path: Path) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    history, coach, said = RunHistory(), Coach(Objective.model_validate(recorded["objective"])), set[str]()
    plan = recorded["plan"]
    history.extend([Started(kind="train", pid=1), Plan(**plan)])
    validations = {told[0]: told for told in recorded["validations"]}
    best = math.inf
    for step, (loss, rate, norm) in enumerate(recorded["steps"], 1):
        epoch = step / plan["steps_per_epoch"]
        history.add(
            TrainStep(
                step=step, epoch=epoch, loss=loss, learning_rate=rate, grad_norm=norm,
                tokens=step, tokens_per_second=1, useful_share=1, memory_bytes=1,
            )
        )  # fmt: skip
        if step in validations:
            _, measured, metrics = validations[step]
            history.add(Validated(step=step, epoch=epoch, loss=measured, metrics=metrics, best=measured < best))
            best = min(best, measured)
        said |= {finding.rule for finding in coach.look(history)}
    assert said == set(recorded["says"])
