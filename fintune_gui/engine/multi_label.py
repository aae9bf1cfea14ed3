"""Measuring texts with several labels: micro and macro F1 and exact match of the tuned model and both baselines.

A label is answered when its probability is more than one half. That threshold is not tuned, so that validation and test
rows say what the exported model does with no further setting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from fintune_gui.dataset.label_sets import split_labels
from fintune_gui.dataset.results import ResultRow
from fintune_gui.engine.contest import Contest, Outcome
from fintune_gui.engine.data import Example, read_rows
from fintune_gui.engine.metrics import Bools, Floats, Ints, row_tallies, scores_of_several, several_labels_metrics
from fintune_gui.engine.model import padding_id
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.engine.verdict import Bootstrap, decide, mcnemar, swap_test
from fintune_gui.project.document import Metric, Role
from fintune_gui.project.report import Contender, LabelScores

_FEW_ROWS = 5
_THRESHOLD = (
    "A label counts as answered when the model finds it more likely than not (its probability is more than 0.5). "
    "This threshold was not tuned."
)
_UNTUNED = "The untuned model has no head for these labels yet: it answers with the random one that the run began with."


def answered_labels(logits: torch.Tensor) -> Bools:
    """Which labels a model gives, from logits (rows, labels)."""
    return np.asarray((logits > 0).numpy(), np.bool_)


def expected_labels(examples: Sequence[Example], labels: int) -> Bools:
    """Which labels the rows have, (rows, labels)."""
    wanted = np.zeros((len(examples), labels), np.bool_)
    for number, example in enumerate(examples):
        wanted[number, list(example.labels or ())] = True
    return wanted


def measure_multi_label(contest: Contest) -> Outcome:
    """Let the contenders label the rows."""
    labels, seed = contest.trained.labels, contest.trained.training.seed
    metric = contest.trained.objective.metric
    expected = expected_labels(contest.examples, len(labels))
    usual, usual_note = _most_frequent_set(contest)
    untuned = _answers(contest, "Measuring the untuned model")
    contest.tune()
    answers: dict[Contender, Bools] = {
        "majority": np.tile(usual, (len(expected), 1)),
        "untuned": untuned,
        "tuned": _answers(contest, "Measuring the tuned model"),
    }
    tallies = {name: row_tallies(expected, answered) for name, answered in answers.items()}
    bootstrap = Bootstrap(len(expected), seed)

    def resampled(found: Floats, rows: Ints) -> dict[Metric, Floats]:
        return several_labels_metrics(_times_drawn(rows) @ found)

    def p_value(baseline: Contender) -> tuple[float, str]:
        if metric is Metric.EXACT_MATCH:
            right, before = ((expected == answers[name]).all(1) for name in ("tuned", baseline))
            return mcnemar(right, before), "exact McNemar test on wholly right answers"

        def measured(sums: Floats) -> Floats:
            return several_labels_metrics(sums)[metric]

        p = swap_test(tallies["tuned"], tallies[baseline], measured, seed)
        return p, f"paired permutation test on {metric.display_name}"

    measured = {name: bootstrap.measure_all(partial(resampled, found)) for name, found in tallies.items()}
    scores = scores_of_several(labels, tallies["tuned"].sum(0))
    return Outcome(
        measured=measured,
        verdict=decide(contest.trained.objective, measured, p_value, len(expected)),
        verdict_rows=len(expected),
        rows=_rows(contest, expected, answers),
        notes=[_THRESHOLD, _UNTUNED, usual_note, *_rare_labels_note(scores)],
        labels=scores,
    )


def _times_drawn(rows: Ints) -> Floats:
    """How often each row is among the resampled ones, (resamples, rows); `rows` may be all rows, once."""
    resamples, number = rows.shape
    places = rows + np.arange(resamples)[:, None] * number
    return np.bincount(places.ravel(), minlength=resamples * number).reshape(resamples, number).astype(float)


def _answers(contest: Contest, stage: str) -> Bools:
    """The labels that the model gives each row."""
    pad_id = padding_id(contest.tokenizer)
    layout, _ = choose_layout(contest.model, contest.device, pad_id, contest.examples, generates=False)
    answers = np.zeros((len(contest.examples), len(contest.trained.labels)), np.bool_)
    for indices, sums in contest.compute(layout, stage, contest.examples):
        assert sums.logits is not None
        answers[list(indices)] = answered_labels(sums.logits)
    return answers


def _most_frequent_set(contest: Contest) -> tuple[Bools, str]:
    """The set of labels that most training rows have, and a sentence about it.

    Where most rows have none, always giving none has an F1 of 0; then the most frequent set that is not empty is
    given, which is harder to beat.
    """
    trained = contest.trained
    column, separator = trained.format.roles[Role.LABEL], trained.format.label_separator
    assert separator is not None
    rows = read_rows(contest.run_folder, "train")
    counts = Counter(tuple(sorted(split_labels(row.get(column), separator))) for _, row in rows)
    if trained.objective.metric is not Metric.EXACT_MATCH and len(counts) > 1:
        del counts[()]
    usual = min(counts, key=lambda labels: (-counts[labels], labels))
    note = f"The most frequent answer is {_in_words(usual)}, as {counts[usual]:,} of {len(rows):,} training rows have."
    return np.array([label in usual for label in trained.labels], np.bool_), note


def _rows(contest: Contest, expected: Bools, answers: dict[Contender, Bools]) -> list[ResultRow]:
    labels = contest.trained.labels
    column = contest.trained.format.roles[Role.TEXT]
    texts = {row_id: row.get(column) or "" for row_id, row in read_rows(contest.run_folder, contest.spec.part)}
    wrong = {name: (answered != expected).sum(1) for name, answered in answers.items()}

    def named(has: Bools) -> str:
        return _in_words([label for label, there in zip(labels, has, strict=True) if there])

    rows = []
    for number, example in enumerate(contest.examples):
        before, now = wrong["untuned"][number], wrong["tuned"][number]
        rows.append(
            ResultRow(
                row_id=example.row_id,
                prompt=texts[example.row_id],
                expected=named(expected[number]),
                untuned=named(answers["untuned"][number]),
                tuned=named(answers["tuned"][number]),
                change="same" if now == before else "better" if now < before else "worse",
            )
        )
    return rows


def _in_words(labels: Sequence[str]) -> str:
    return "; ".join(labels) or "(no label)"


def _rare_labels_note(scores: Sequence[LabelScores]) -> list[str]:
    rare = [score.label for score in scores if score.rows < _FEW_ROWS]
    if not rare:
        return []
    named = ", ".join(f"“{label}”" for label in rare[:3]) + (" and others" if len(rare) > 3 else "")
    return [
        f"{len(rare)} of {len(scores)} labels have fewer than {_FEW_ROWS} rows here ({named}): "
        "their own figures say little."
    ]
