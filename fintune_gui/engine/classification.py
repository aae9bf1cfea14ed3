"""Measuring labels: accuracy, precision, recall and F1 of the tuned model, the untuned model and the majority."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fintune_gui.dataset.results import ResultRow
from fintune_gui.engine.contest import Contest, Outcome
from fintune_gui.engine.data import Example, read_rows
from fintune_gui.engine.metrics import classification_metrics, confusion, per_label
from fintune_gui.engine.model import load_base, padding_id
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.engine.verdict import Bootstrap, Ints, Measured, decide, mcnemar
from fintune_gui.project.document import Metric, Role, Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.report import Contender

_SCORING_LIMIT = 1e13
_SCORING_TOKENS = 80_000
"""What scoring label words may cost in arithmetic operations and in tokens: less than a minute on two cores."""


def measure_classification(contest: Contest) -> Outcome:
    """Let the contenders label the rows."""
    labels = contest.trained.labels
    expected = np.array([example.label for example in contest.examples])
    untuned, note = _untuned_answers(contest, expected)
    contest.tune()
    answers: dict[Contender, Ints] = {
        "majority": np.full_like(expected, _majority(contest)),
        "untuned": untuned,
        "tuned": _answers(contest, "Measuring the tuned model"),
    }
    bootstrap = Bootstrap(len(expected), contest.trained.training.seed)
    measured = {name: _measured(bootstrap, expected, answered, len(labels)) for name, answered in answers.items()}

    def p_value(baseline: Contender) -> tuple[float, str]:
        p = mcnemar(answers["tuned"] == expected, answers[baseline] == expected)
        return p, "exact McNemar test on right and wrong answers"

    counts = confusion(expected, answers["tuned"], len(labels))
    return Outcome(
        measured=measured,
        verdict=decide(contest.trained.objective, measured, p_value, len(expected)),
        verdict_rows=len(expected),
        rows=_rows(contest, expected, answers),
        notes=[note, *_no_error_note(counts), *_rare_labels_note(labels, counts)],
        labels=per_label(labels, counts),
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
    )


def _answers(contest: Contest, stage: str) -> Ints:
    """The label that the model gives each row."""
    pad_id = padding_id(contest.tokenizer)
    layout, _ = choose_layout(contest.model, contest.device, pad_id, contest.examples, generates=False)
    answers = np.zeros(len(contest.examples), dtype=np.int64)
    for indices, sums in contest.compute(layout, stage, contest.examples):
        assert sums.logits is not None
        answers[list(indices)] = sums.logits.argmax(1).numpy()
    return answers


def _majority(contest: Contest) -> int:
    """The most frequent label of the training rows; of equals the first."""
    column = contest.trained.format.roles[Role.LABEL]
    counts = Counter(row.get(column) for _, row in read_rows(contest.run_folder, "train"))
    return max(range(len(contest.trained.labels)), key=lambda number: counts[contest.trained.labels[number]])


def _measured(bootstrap: Bootstrap, expected: Ints, answered: Ints, labels: int) -> dict[Metric, Measured]:
    codes = expected * labels + answered

    def counts(rows: Ints) -> Ints:
        cells = labels * labels
        shifted = codes[rows] + np.arange(len(rows))[:, None] * cells
        return np.bincount(shifted.ravel(), minlength=len(rows) * cells).reshape(len(rows), labels, labels)

    return bootstrap.measure_all(lambda rows: classification_metrics(counts(rows)))


def _untuned_answers(contest: Contest, expected: Ints) -> tuple[Ints, str]:
    """The untuned model's answers: with its untrained head or by scoring the label words, whichever is stronger."""
    metric = contest.trained.objective.metric
    labels = len(contest.trained.labels)

    def score(answered: Ints) -> float:
        return float(classification_metrics(confusion(expected, answered, labels))[metric])

    with_head = _answers(contest, "Measuring the untuned model")
    by_words = _answers_by_words(contest)
    if by_words is not None and score(by_words) > score(with_head):
        return by_words, (
            "The untuned model answers with the label whose words it finds most likely after the text; "
            f"that is stronger ({metric.display_name} {score(by_words):.3f}) than its untrained head "
            f"({score(with_head):.3f})."
        )
    tried = f" Scoring the label words was weaker ({score(by_words):.3f})." if by_words is not None else ""
    return with_head, (
        "The untuned model has no head for these labels yet: it answers with the random one that the run began with."
        + tried
    )


def _answers_by_words(contest: Contest) -> Ints | None:
    """For each row the label whose words the base model finds most likely; None if it cannot or costs too much."""
    labels, folder = contest.trained.labels, Path(contest.trained.model.folder)
    endings = [contest.tokenizer.cut(f" {label}").ids for label in labels]
    bridge = contest.tokenizer.cut("\n\nLabel:").ids
    context = contest.trained.model.context_length
    scored = []
    for example in contest.examples:
        for ending in endings:
            start = [*example.ids[: context - len(bridge) - len(ending)], *bridge]
            learned = [False] * len(start) + [True] * len(ending)
            scored.append(Example(example.row_id, [*start, *ending], learned))
    tokens = sum(map(len, scored))
    if tokens > _SCORING_TOKENS or 2 * contest.trained.model.parameters * tokens > _SCORING_LIMIT or not all(endings):
        return None
    pad_id = padding_id(contest.tokenizer)
    try:
        model, _ = load_base(folder, Task.TEXT, (), contest.device, seed=0, pad_id=pad_id)
    except ModelError:
        return None
    layout, _ = choose_layout(model, contest.device, pad_id, scored, generates=True)
    model.eval()
    losses: npt.NDArray[np.float64] = np.zeros(len(scored))
    for indices, sums in contest.compute(layout, "Scoring the label words with the untuned model", scored):
        losses[list(indices)] = [
            loss / scored[index].learned_tokens for index, loss in zip(indices, sums.row_losses, strict=True)
        ]
    return np.asarray(losses.reshape(len(contest.examples), len(labels)).argmin(1), dtype=np.int64)


def _rows(contest: Contest, expected: Ints, answers: dict[Contender, Ints]) -> list[ResultRow]:
    labels = contest.trained.labels
    column = contest.trained.format.roles[Role.TEXT]
    texts = {row_id: row.get(column) or "" for row_id, row in read_rows(contest.run_folder, contest.spec.part)}
    rows = []
    for number, example in enumerate(contest.examples):
        right, before = answers["tuned"][number] == expected[number], answers["untuned"][number] == expected[number]
        rows.append(
            ResultRow(
                row_id=example.row_id,
                prompt=texts[example.row_id],
                expected=labels[expected[number]],
                untuned=labels[answers["untuned"][number]],
                tuned=labels[answers["tuned"][number]],
                change="same" if right == before else "better" if right else "worse",
            )
        )
    return rows


def _no_error_note(counts: Ints) -> list[str]:
    """Resampling rows that are all right shows no spread, which is not the same as certainty: the rule of three."""
    rows = int(counts.sum())
    if np.trace(counts) < rows:
        return []
    return [
        f"No row was answered wrongly. With {rows} rows, up to {min(1.0, 3 / rows):.1%} of new ones still could be."
    ]


def _rare_labels_note(labels: tuple[str, ...], counts: Ints) -> list[str]:
    rare = [label for label, rows in zip(labels, counts.sum(1), strict=True) if rows < 5]
    if not rare:
        return []
    named = ", ".join(f"“{label}”" for label in rare[:3]) + (" and others" if len(rare) > 3 else "")
    return [f"{len(rare)} of {len(labels)} labels have fewer than 5 rows here ({named}): their own figures say little."]
