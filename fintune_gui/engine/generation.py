"""Measuring texts: perplexity over the answers, and ROUGE-L and sacreBLEU of what the models write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from fintune_gui.dataset.encoding import encode_prompt
from fintune_gui.dataset.results import ResultRow
from fintune_gui.engine.contest import Contest, Outcome
from fintune_gui.engine.data import Example, Row, read_rows
from fintune_gui.engine.generate import Answer, Answerer
from fintune_gui.engine.metrics import Bleu, perplexity, rouge_l
from fintune_gui.engine.model import padding_id
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.engine.verdict import Bootstrap, Floats, Ints, Measured, decide, ratio_statistic, sign_flip
from fintune_gui.project.document import Metric, Task
from fintune_gui.project.errors import DataError
from fintune_gui.project.report import Contender

_BLEU_RESAMPLES = 500
"""BLEU is computed once for each resample, row statistics or not."""
_SAME_ROUGE = 0.02
"""A smaller difference of ROUGE-L is no change worth a mark."""
_SMALL_MODEL = 500_000_000


def measure_generation(contest: Contest) -> Outcome:
    """Let the contenders predict all answers, and write some of them."""
    chosen, untuned = _rows_to_answer(contest), contest.examples
    losses: dict[Contender, Floats] = {"untuned": _losses(contest, "Measuring the untuned model")}
    texts: dict[Contender, list[Answer]] = {"untuned": _write(contest, chosen, "Answers of the untuned model")}
    contest.tune()
    losses["tuned"] = _losses(contest, "Measuring the tuned model") * _same_texts(contest, untuned)
    texts["tuned"] = _write(contest, chosen, "Answers of the tuned model")
    if chosen:
        common = _most_frequent_answer(contest)
        texts["majority"] = [Answer(answer.prompt, answer.expected, common) for answer in texts["tuned"]]

    tokens = [example.learned_tokens for example in untuned]
    measured, rouge = _measure(contest, tokens, losses, texts if chosen else {})
    on_texts = contest.trained.objective.metric is not Metric.PERPLEXITY
    if on_texts and not chosen:
        raise DataError(
            "data.nothing_generated",
            "The goal cannot be measured.",
            f"{contest.trained.objective.metric.display_name} needs generated answers, and none were asked for.",
            "Let at least one row be answered.",
        )

    def p_value(baseline: Contender) -> tuple[float, str]:
        gains = rouge["tuned"] - rouge[baseline] if on_texts else losses[baseline] - losses["tuned"]
        of = "ROUGE-L" if on_texts else "loss"
        return sign_flip(gains, contest.trained.training.seed), f"paired permutation test on the rows' {of}"

    rows = len(chosen) if on_texts else len(contest.examples)
    return Outcome(
        measured=measured,
        verdict=decide(contest.trained.objective, measured, p_value, rows),
        verdict_rows=rows,
        rows=_result_rows(chosen, texts, rouge),
        notes=_notes(contest, len(chosen)),
        generated_rows=len(chosen),
    )


def _losses(contest: Contest, stage: str) -> Floats:
    """Sum of the losses over each row's answer."""
    pad_id = padding_id(contest.tokenizer)
    layout, _ = choose_layout(contest.model, contest.device, pad_id, contest.examples, generates=True)
    losses = np.zeros(len(contest.examples))
    for indices, sums in contest.compute(layout, stage, contest.examples):
        losses[list(indices)] = sums.row_losses
    return losses


def _same_texts(contest: Contest, untuned: Sequence[Example]) -> Floats:
    """What each row's loss of the tuned model is multiplied by to be about as much text as that of the untuned one.

    One, but for rows that are cut off at the greatest length: there a token that was added makes room for more text.
    It counts as the tokens that it took the place of.
    """
    longest = min(contest.trained.format.max_length, contest.trained.model.context_length)
    shares = np.ones(len(untuned))
    for number, (before, now) in enumerate(zip(untuned, contest.examples, strict=True)):
        if max(len(before.ids), len(now.ids)) >= longest:
            learned = [token for token, wanted in zip(now.ids[1:], now.learned[1:], strict=True) if wanted]
            replaced = sum(len(contest.tokenizer.added.get(token, (token,))) for token in learned)
            shares[number] = before.learned_tokens / replaced
    return shares


def _rows_to_answer(contest: Contest) -> list[tuple[int, Row]]:
    """The rows that are answered in words, drawn with the run's seed, in their order."""
    usable = {example.row_id for example in contest.examples}
    rows = [item for item in read_rows(contest.run_folder, contest.spec.part) if item[0] in usable]
    if len(rows) <= contest.spec.generate_rows:
        return rows
    generator = np.random.default_rng(contest.trained.training.seed)
    chosen = sorted(generator.choice(len(rows), contest.spec.generate_rows, replace=False).tolist())
    return [rows[index] for index in chosen]


def _write(contest: Contest, rows: list[tuple[int, Row]], stage: str) -> list[Answer]:
    answerer = Answerer(
        contest.model,
        contest.tokenizer,
        contest.trained,
        contest.device,
        max_new_tokens=contest.spec.max_new_tokens,
    )

    def report(done: int) -> None:
        contest.job.check_cancelled()
        contest.job.progress(stage, done, len(rows), "rows")

    return answerer.answer_rows(rows, report)


def _most_frequent_answer(contest: Contest) -> str:
    """The answer that occurs most often in training; where all differ, the first."""
    task, written = contest.trained.objective.task, contest.trained.format
    answers: Counter[str] = Counter()
    for _, row in read_rows(contest.run_folder, "train"):
        try:
            answers[encode_prompt(contest.tokenizer, row, written, task)[1]] += 1
        except DataError:
            continue
    return answers.most_common(1)[0][0] if answers else ""


def _measure(
    contest: Contest, tokens: list[int], losses: dict[Contender, Floats], texts: dict[Contender, list[Answer]]
) -> tuple[dict[Contender, dict[Metric, Measured]], dict[Contender, Floats]]:
    """All metrics of all contenders, and ROUGE-L of each written answer. `tokens`: how many each row's answer has."""
    seed = contest.trained.training.seed
    measured: dict[Contender, dict[Metric, Measured]] = {name: {} for name in ("majority", "untuned", "tuned")}
    bootstrap = Bootstrap(len(tokens), seed)
    for name, sums in losses.items():
        statistic = ratio_statistic(sums.tolist(), tokens, np.vectorize(perplexity, otypes=[float]))
        measured[name][Metric.PERPLEXITY] = bootstrap.measure(statistic)
    rouge: dict[Contender, Floats] = {}
    for name, answers in texts.items():
        contest.job.progress("Comparing the answers", len(rouge), len(texts))
        expected, written = [answer.expected for answer in answers], [answer.text for answer in answers]
        scores = rouge[name] = rouge_l(expected, written)
        bleu = Bleu(expected, written)

        def mean(rows: Ints, scores: Floats = scores) -> Floats:
            return np.asarray(scores[rows].mean(1))

        def corpus(rows: Ints, bleu: Bleu = bleu) -> Floats:
            return np.array([bleu.score(chosen) for chosen in rows])

        measured[name][Metric.ROUGE_L] = Bootstrap(len(answers), seed).measure(mean)
        measured[name][Metric.SACREBLEU] = Bootstrap(len(answers), seed, _BLEU_RESAMPLES).measure(corpus)
    return {name: metrics for name, metrics in measured.items() if metrics}, rouge


def _result_rows(
    chosen: list[tuple[int, Row]], texts: dict[Contender, list[Answer]], rouge: dict[Contender, Floats]
) -> list[ResultRow]:
    rows = []
    for number, (row_id, _) in enumerate(chosen):
        untuned, tuned = texts["untuned"][number], texts["tuned"][number]
        gain = rouge["tuned"][number] - rouge["untuned"][number]
        rows.append(
            ResultRow(
                row_id=row_id,
                prompt=tuned.prompt,
                expected=tuned.expected,
                untuned=untuned.text,
                tuned=tuned.text,
                change="same" if abs(gain) < _SAME_ROUGE else "better" if gain > 0 else "worse",
            )
        )
    return rows


def _notes(contest: Contest, answered: int) -> list[str]:
    notes = ["ROUGE-L and sacreBLEU compare words, not truth: read some answers yourself before you trust them."]
    if answered < len(contest.examples):
        notes.append(
            f"Perplexity is measured on all {len(contest.examples)} rows; {answered} of them were answered in words."
        )
    if contest.trained.objective.task is Task.TEXT:
        notes.append("Each text was cut in half: the models were given the first half and wrote on.")
    if contest.trained.model.parameters < _SMALL_MODEL:
        notes.append("A model of this size writes fluently and is often wrong: check facts before you use an answer.")
    return notes
