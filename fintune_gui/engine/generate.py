"""Answers in words: greedy, in batches, from the very prompts that training used."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fintune_gui.dataset.encoding import ModelTokenizer, encode_prompt
from fintune_gui.engine.data import Row
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import Model
from fintune_gui.engine.stepping import autocast, padded
from fintune_gui.project.spec import TrainSpec

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE = 8
_PLAIN_GREEDY: dict[str, Any] = {"num_beams": 1, "min_length": 0, "no_repeat_ngram_size": 0}
"""What a model's own settings would else change: models made for summaries ask for long answers by beam search."""


@dataclass(frozen=True)
class Answer:
    """What a model answered to one row."""

    prompt: str
    expected: str
    text: str


class Answerer:
    """Lets a model answer rows. `check` is called before each token; what it raises ends the answering."""

    def __init__(
        self,
        model: Model,
        tokenizer: ModelTokenizer,
        spec: TrainSpec,
        device: Device,
        *,
        max_new_tokens: int,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._spec = spec
        self._device = device
        self._max_new_tokens = max_new_tokens
        self._check = check
        self._apart = tokenizer.start_id is not None
        greatest = min(spec.format.max_length, spec.model.context_length)
        self._format = spec.format.model_copy(update={"max_length": greatest})

    def answer_rows(
        self, rows: Sequence[tuple[int, Row]], report: Callable[[int], None] = lambda _done: None
    ) -> list[Answer]:
        """The answers to `rows`, in their order. `report` hears how many are done."""
        prompts = [encode_prompt(self._tokenizer, row, self._format, self._spec.objective.task) for _, row in rows]
        longest = max(8, self._spec.model.context_length - self._max_new_tokens)
        # The end of a prompt that is too long matters most: there stands what is asked. One that is read apart is
        # as long as it was in training.
        ids = [tokens if self._apart else tokens[-longest:] for tokens, _ in prompts]
        texts = [""] * len(rows)
        order = sorted(range(len(rows)), key=lambda index: len(ids[index]))
        for start in range(0, len(order), _ROWS_AT_ONCE):
            chosen = order[start : start + _ROWS_AT_ONCE]
            for index, text in zip(chosen, self._generate([ids[index] for index in chosen]), strict=True):
                texts[index] = text
            report(start + len(chosen))
        return [
            Answer(self._tokenizer.decode(tokens), expected, text)
            for tokens, (_, expected), text in zip(ids, prompts, texts, strict=True)
        ]

    def _generate(self, prompts: list[list[int]]) -> list[str]:
        """Greedy answers to prompts, filled up on the left; on the right if the model reads them apart."""
        from transformers import GenerationConfig

        end = self._tokenizer.eos_id
        pad = self._tokenizer.pad_id if self._tokenizer.pad_id is not None else end or 0
        ids, mask = padded(prompts if self._apart else [prompt[::-1] for prompt in prompts], pad, self._device.torch)
        if not self._apart:
            ids, mask = ids.flip(1), mask.flip(1)
        settings = GenerationConfig(
            max_new_tokens=self._max_new_tokens,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=pad,
            decoder_start_token_id=self._tokenizer.start_id,
            use_cache=True,
            **_PLAIN_GREEDY,
        )
        self._model.eval()
        with torch.inference_mode(), autocast(self._device):
            output = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=settings,
                stopping_criteria=[self._keep_going],
            )
        before = 1 if self._apart else ids.shape[1]
        return [self._text(answer) for answer in output[:, before:].tolist()]

    def _keep_going(self, ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        self._check()
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    def _text(self, answer: list[int]) -> str:
        end = self._tokenizer.eos_id
        if end is not None and end in answer:
            answer = answer[: answer.index(end)]
        return self._tokenizer.decode(answer).strip()
