"""Metrics and tests have their standard values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from fintune_gui.engine.metrics import Bleu, classification_metrics, confusion, per_label, perplexity, rouge_l
from fintune_gui.engine.verdict import Bootstrap, Measured, decide, few_rows_note, mcnemar, ratio_statistic, sign_flip
from fintune_gui.project.document import Metric, Objective, Task

ANSWERS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(ANSWERS)
@pytest.mark.filterwarnings("ignore")
def test_that_classification_metrics_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    expected, answered = (np.array(side) for side in zip(*pairs, strict=True))
    found = classification_metrics(confusion(expected, answered, 4))
    macro = {"average": "macro", "zero_division": 0}
    assert found[Metric.ACCURACY] == pytest.approx(accuracy_score(expected, answered))
    assert found[Metric.F1] == pytest.approx(f1_score(expected, answered, **macro))
    assert found[Metric.PRECISION] == pytest.approx(precision_score(expected, answered, **macro))
    assert found[Metric.RECALL] == pytest.approx(recall_score(expected, answered, **macro))


def test_that_each_label_has_its_own_scores() -> None:
    expected, answered = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    first, second, unseen = per_label(("a", "b", "c"), confusion(expected, answered, 3))
    assert (first.rows, first.precision, first.recall) == (2, 0.5, 0.5)
    assert (second.rows, second.recall) == (3, pytest.approx(2 / 3))
    assert (unseen.rows, unseen.f1) == (0, 0)


def test_that_perplexity_stays_finite() -> None:
    assert perplexity(np.log(12.0)) == pytest.approx(12)
    assert np.isfinite(perplexity(1e6))


def test_that_texts_are_scored_as_the_libraries_do() -> None:
    import sacrebleu

    expected = ["the parcel is late again", "please reset the password now"]
    answers = ["the parcel is late", "reset the card now please"]
    bleu = Bleu(expected, answers)
    assert bleu.score() == pytest.approx(sacrebleu.corpus_bleu(answers, [expected]).score)
    assert bleu.score(np.array([0, 0])) == pytest.approx(
        sacrebleu.corpus_bleu([answers[0]] * 2, [[expected[0]] * 2]).score
    )
    assert rouge_l(expected, expected).tolist() == [1, 1]
    assert rouge_l(["one two three four"], ["one three"])[0] == pytest.approx(2 * 1.0 * 0.5 / 1.5)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
def test_that_mcnemar_is_the_exact_binomial_test(pairs: list[tuple[bool, bool]]) -> None:
    right, before = (np.array(side) for side in zip(*pairs, strict=True))
    gained, changed = int((right & ~before).sum()), int((right != before).sum())
    expected = binomtest(gained, changed).pvalue if changed else 1.0
    assert mcnemar(right, before) == pytest.approx(expected)


def test_that_sign_flips_tell_a_shift_from_noise() -> None:
    noise = np.random.default_rng(0).normal(size=60)
    assert sign_flip(noise - noise.mean(), seed=1) > 0.5
    assert sign_flip(noise + 2, seed=1) < 0.001


def test_that_the_interval_of_a_mean_is_the_known_one() -> None:
    values = np.random.default_rng(0).normal(10, 2, size=400)
    interval = Bootstrap(400, seed=1).measure(lambda rows: values[rows].mean(1)).interval()
    half = 1.96 * values.std() / 20
    assert interval.value == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def verdict_for(gain: float, *, metric: Metric = Metric.ACCURACY, target: float | None = None, rows: int = 200):
    """A tuned model whose rows score `gain` more than the untuned model's, with noise."""
    generator = np.random.default_rng(0)
    base = generator.random(rows) * 0.5
    tuned = base + gain + generator.normal(0, 0.05, rows)
    bootstrap = Bootstrap(rows, seed=3)

    def measure(scores: np.ndarray) -> Measured:
        return bootstrap.measure(ratio_statistic(scores.tolist(), [1.0] * rows, lambda values: values))

    measured = {
        "untuned": {metric: measure(base)},
        "majority": {metric: measure(base * 0.5)},
        "tuned": {metric: measure(tuned)},
    }
    objective = Objective(task=Task.CLASSIFICATION, metric=metric, target=target)
    return decide(objective, measured, lambda _name: (0.5, "test"), rows)


def test_that_a_clear_gain_is_better_and_the_target_is_told() -> None:
    verdict = verdict_for(0.3, target=0.5)
    assert (verdict.outcome, verdict.compared_with, verdict.target_met) == ("better", "untuned", True)
    assert verdict.headline == "Better, and the target is met."
    assert "200 rows that it never saw" in verdict.explanation
    assert verdict_for(0.3, target=0.9).headline == "Better, but the target is not met yet."


def test_that_no_gain_is_no_clear_difference_and_a_loss_is_worse() -> None:
    assert verdict_for(0.0).outcome == "no_clear_difference"
    assert "chance could explain" in verdict_for(0.0).explanation
    assert verdict_for(-0.2).outcome == "worse"
    assert verdict_for(-0.2).headline == "Worse than the untuned model."


def test_that_few_rows_are_told() -> None:
    assert "Only 5 rows" in (few_rows_note(5) or "")
    assert few_rows_note(200) is None
