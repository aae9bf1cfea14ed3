"""Measures of success over the rows of one part, by their standard definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fintune_gui.project.document import Metric
from fintune_gui.project.report import LabelScores

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def confusion(expected: Ints, answered: Ints, labels: int) -> Ints:
    """Counts (labels, labels): rows are the expected label, columns the answered one."""
    counts = np.bincount(expected * labels + answered, minlength=labels * labels)
    return counts.reshape(labels, labels)


def label_scores(counts: Ints) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of each label from a confusion matrix (..., labels, labels); 0 where undefined."""
    right = np.diagonal(counts, axis1=-2, axis2=-1).astype(float)
    answered, expected = counts.sum(-2), counts.sum(-1)
    precision = right / np.maximum(answered, 1)
    recall = right / np.maximum(expected, 1)
    f1 = 2 * right / np.maximum(answered + expected, 1)
    return precision, recall, f1


def classification_metrics(counts: Ints) -> dict[Metric, Floats]:
    """Accuracy and macro precision, recall and F1 from confusion matrices (..., labels, labels).

    Macro means: the mean over the labels that occur, expected or answered, each counting the same.
    """
    occurs = (counts.sum(-1) + counts.sum(-2)) > 0
    number = np.maximum(occurs.sum(-1), 1)
    precision, recall, f1 = (np.where(occurs, scores, 0).sum(-1) / number for scores in label_scores(counts))
    accuracy = np.diagonal(counts, axis1=-2, axis2=-1).sum(-1) / np.maximum(counts.sum((-2, -1)), 1)
    return {Metric.F1: f1, Metric.ACCURACY: accuracy, Metric.PRECISION: precision, Metric.RECALL: recall}


def row_tallies(expected: Bools, answered: Bools) -> Floats:
    """What each row adds to the measures of several labels, (rows, 3 labels + 2): for each label whether it is right,
    answered and expected; whether the row is wholly right; and 1.

    Args:
        expected, answered: For each row and label whether the row has it, (rows, labels).
    """
    whole = (expected == answered).all(1, keepdims=True)
    return np.concatenate([expected & answered, answered, expected, whole, np.ones_like(whole)], 1).astype(float)


def several_labels_metrics(tallies: Floats) -> dict[Metric, Floats]:
    """Micro F1, macro F1 and exact match from sums of `row_tallies` (..., 3 labels + 2); 0 where undefined.

    Micro: over all labels of all rows together. Macro: the mean over the labels that occur, expected or answered.
    """
    right, answered, expected = np.split(tallies[..., :-2], 3, axis=-1)
    both = answered + expected
    occurs = both > 0
    f1 = 2 * right / np.maximum(both, 1)
    return {
        Metric.MICRO_F1: 2 * right.sum(-1) / np.maximum(both.sum(-1), 1),
        Metric.MACRO_F1: f1.sum(-1) / np.maximum(occurs.sum(-1), 1),
        Metric.EXACT_MATCH: tallies[..., -2] / np.maximum(tallies[..., -1], 1),
    }


def scores_of_several(labels: Sequence[str], tallies: Floats) -> tuple[LabelScores, ...]:
    """The scores of each label from the sum of all rows' tallies, in the order of `labels`."""
    counts = np.split(tallies[:-2], 3)
    return tuple(
        LabelScores(
            label=label,
            rows=int(expected),
            precision=right / max(answered, 1),
            recall=right / max(expected, 1),
            f1=2 * right / max(answered + expected, 1),
        )
        for label, right, answered, expected in zip(labels, *(part.tolist() for part in counts), strict=True)
    )


def per_label(labels: Sequence[str], counts: Ints) -> tuple[LabelScores, ...]:
    """The scores of each label, in the order of `labels`."""
    precision, recall, f1 = label_scores(counts)
    return tuple(
        LabelScores(label=label, rows=int(rows), precision=p, recall=r, f1=f)
        for label, rows, p, r, f in zip(labels, counts.sum(1), precision, recall, f1, strict=True)
    )


_LARGEST_EXPONENT = 690.0
"""Beyond it a perplexity is no finite float; nothing sensible is so surprised."""


def perplexity(loss: float) -> float:
    """Perplexity of a mean loss per token."""
    return math.exp(min(loss, _LARGEST_EXPONENT))


def rouge_l(expected: Sequence[str], answers: Sequence[str]) -> Floats:
    """ROUGE-L F-measure of each answer, 0 to 1."""
    from rouge_score import rouge_scorer

    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    return np.array(
        [scorer.score(wanted, answer)["rougeL"].fmeasure for wanted, answer in zip(expected, answers, strict=True)],
        dtype=float,
    )


class Bleu:
    """Corpus sacreBLEU of any selection of rows, from statistics that are counted once for each row."""

    def __init__(self, expected: Sequence[str], answers: Sequence[str]) -> None:
        from sacrebleu.metrics import BLEU

        self._bleu = BLEU()
        self._statistics: Ints = np.array(
            self._bleu._extract_corpus_statistics(list(answers), [list(expected)]), dtype=np.int64
        )

    def score(self, rows: Ints | None = None) -> float:
        """BLEU of the selected rows (all if None), 0 to 100."""
        chosen = self._statistics if rows is None else self._statistics[rows]
        return float(self._bleu._compute_score_from_stats(chosen.sum(0).tolist()).score)
