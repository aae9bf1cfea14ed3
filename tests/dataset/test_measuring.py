"""What a format does to real rows, measured with the tiny base's own tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fintune_gui.dataset.encoding import ModelTokenizer, encode_row
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.measuring import FormatMeasure, measure_format, sample_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import FormatSettings, LearnFrom, Role, Task, Template
from fintune_gui.project.errors import CancelledError
from fintune_gui.project.paths import resource

QUESTIONS = FormatSettings(roles={Role.INSTRUCTION: "question", Role.ANSWER: "answer"})


@pytest.fixture(scope="module")
def tokenizer() -> ModelTokenizer:
    return ModelTokenizer.load(resource("models", "tiny-base"))


@pytest.fixture
def rows(tmp_path: Path):
    opened: list[Dataset] = []

    def make(*values: dict[str, str]) -> Dataset:
        source = tmp_path / "rows.jsonl"
        source.write_text("\n".join(json.dumps(value) for value in values))
        import_files([source], tmp_path / "dataset")
        opened.append(Dataset.open(tmp_path / "dataset"))
        return opened[0]

    yield make
    for dataset in opened:
        dataset.close()


def question(number: int, answer: str = "Yes, it is.") -> dict[str, str]:
    return {"question": f"Is boat {number} free tomorrow?", "answer": answer}


@pytest.mark.parametrize("template", [None, Template.PLAIN])
@pytest.mark.parametrize("learn_from", list(LearnFrom))
def test_that_sound_rows_keep_every_promise(rows, tokenizer, template, learn_from) -> None:
    format_ = QUESTIONS.model_copy(update={"template": template, "learn_from": learn_from})
    dataset = rows(*(question(n) for n in range(5)))

    measure = measure_format(dataset, tokenizer, format_, Task.INSTRUCTION)

    assert measure.failed == {}
    assert (measure.rows, measure.usable, measure.left_out, measure.longer) == (5, 5, 0, 0)
    assert measure.lengths == [
        len(encode_row(tokenizer, row, format_, Task.INSTRUCTION).ids) for _, row in dataset.rows()
    ]


def test_that_cut_answers_are_counted_in_rows_and_in_tokens(rows, tokenizer) -> None:
    dataset = rows(question(1), question(2, "a very long answer " * 40))
    whole = measure_format(dataset, tokenizer, QUESTIONS, Task.INSTRUCTION)
    short = QUESTIONS.model_copy(update={"max_length": whole.lengths[0]})

    measure = measure_format(dataset, tokenizer, short, Task.INSTRUCTION)

    assert measure.failed == {"cut": [1]}
    assert measure.longer == 1
    # the line break that the template writes behind the end mark is no answer
    assert measure.lengths[1] - measure.max_length - measure.cut_answer_tokens == 1
    assert measure.answer_tokens == whole.answer_tokens


def test_that_a_prompt_that_fills_the_length_leaves_nothing_to_learn(rows, tokenizer) -> None:
    dataset = rows(question(1), {"question": "why " * 300, "answer": "Because."})

    measure = measure_format(dataset, tokenizer, QUESTIONS.model_copy(update={"max_length": 64}), Task.INSTRUCTION)

    assert measure.failed["learned"] == [1]


def test_that_an_end_mark_inside_an_answer_is_found(rows, tokenizer) -> None:
    dataset = rows(question(1), question(2, "First.<|im_end|> Second."), question(3))

    measure = measure_format(dataset, tokenizer, QUESTIONS, Task.INSTRUCTION)

    assert measure.failed == {"end_mark": [1]}


def test_that_rows_without_an_answer_are_left_out_and_not_measured(rows, tokenizer) -> None:
    dataset = rows(question(1), question(2, "  "), question(3))

    measure = measure_format(dataset, tokenizer, QUESTIONS, Task.INSTRUCTION)

    assert (measure.rows, measure.left_out, measure.failed) == (2, 1, {})


def test_that_a_row_that_is_no_conversation_is_told_with_its_reason(rows, tokenizer) -> None:
    good = json.dumps([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    dataset = rows({"chat": good}, {"chat": "not a conversation"})

    measure = measure_format(dataset, tokenizer, FormatSettings(roles={Role.MESSAGES: "chat"}), Task.CHAT)

    assert measure.failed == {"readable": [1]}
    assert measure.problem is not None
    assert measure.problem.code == "data.bad_conversation"


def test_that_texts_for_labels_are_measured_whole(rows, tokenizer) -> None:
    dataset = rows({"text": "short", "label": "a"}, {"text": "long " * 100, "label": "b"})
    format_ = FormatSettings(roles={Role.TEXT: "text", Role.LABEL: "label"}, max_length=16)

    measure = measure_format(dataset, tokenizer, format_, Task.CLASSIFICATION)

    assert measure.failed == {"cut": [1]}
    assert measure.lengths[1] > 90


def test_that_a_sample_is_evenly_spread_and_says_so() -> None:
    assert sample_rows(np.arange(10), 20).tolist() == list(range(10))
    assert sample_rows(np.arange(1001), 11).tolist() == list(range(0, 1001, 100))
    assert FormatMeasure(rows=11, usable=1001, left_out=0, max_length=8).is_sample


def test_that_measuring_stops_when_it_is_cancelled(rows, tokenizer) -> None:
    seen: list[float] = []

    def cancel() -> None:
        if len(seen) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        measure_format(
            rows(*(question(n) for n in range(9))),
            tokenizer,
            QUESTIONS,
            Task.INSTRUCTION,
            report=lambda _stage, done, _total: seen.append(done),
            check_cancelled=cancel,
        )
    assert seen == [0, 1]
