"""The badge of a model: the estimate against the memory that there is."""

from __future__ import annotations

import pytest

from fintune_gui.project.catalogue import catalogue
from fintune_gui.project.computer import Computer, free_memory
from fintune_gui.project.document import Task
from fintune_gui.project.fitting import Fit, Outlook, judge, look_ahead
from fintune_gui.project.memory import GIGABYTE
from fintune_gui.project.settings import Method, TrainingSettings


@pytest.mark.parametrize(
    ("needed", "free", "fit"),
    [(5, 10, Fit.FITS), (7.5, 10, Fit.TIGHT), (11, 10, Fit.TOO_LARGE), (5, 4, Fit.TIGHT), (5, None, Fit.FITS)],
)
def test_that_a_need_is_judged_by_all_memory_and_by_what_is_free(needed: float, free: float | None, fit: Fit) -> None:
    free_bytes = None if free is None else int(free * GIGABYTE)
    assert judge(needed * GIGABYTE, 10 * GIGABYTE, free_bytes) is fit


def _outlook(name: str, method: Method, gigabytes: int, *, card: bool, free: int | None = None) -> Outlook:
    model = next(model for model in catalogue().models if model.name == name)
    computer = Computer("NVIDIA RTX" if card else "this computer", gigabytes * GIGABYTE, has_cuda=card)
    free_bytes = (gigabytes if free is None else free) * GIGABYTE
    settings = TrainingSettings()
    return look_ahead(model.memory_shape, method, settings, computer, free_bytes, max_length=512, task=Task.INSTRUCTION)


def test_that_a_model_that_is_too_large_for_a_card_may_fit_with_qlora() -> None:
    outlook = _outlook("Llama 3.1 8B Instruct", Method.LORA, 16, card=True)

    assert (outlook.fit, outlook.method) == (Fit.QLORA, Method.QLORA)
    assert outlook.sentences.startswith("QLoRA needs about ")


def test_that_qlora_is_not_promised_without_a_card() -> None:
    assert _outlook("Llama 3.1 8B Instruct", Method.LORA, 16, card=False).fit is Fit.TOO_LARGE


@pytest.mark.parametrize(
    ("name", "gigabytes", "fit", "means"),
    [
        ("Qwen3 0.6B", 24, Fit.FITS, "Only with one row at a time: slower"),
        ("Llama 3.1 8B Instruct", 8, Fit.QLORA, "one row at a time"),
        ("Qwen3 4B Instruct 2507", 12, Fit.TIGHT, "one row at a time and gradient checkpointing"),
    ],
)
def test_that_a_card_trains_larger_models_more_slowly(name: str, gigabytes: int, fit: Fit, means: str) -> None:
    outlook = _outlook(name, Method.LORA, gigabytes, card=True)

    assert outlook.fit is fit
    assert means in outlook.sentences
    assert outlook.estimate.total < gigabytes * GIGABYTE


def test_that_full_tuning_of_a_model_is_heavier_than_an_adapter() -> None:
    lora = _outlook("Qwen3 0.6B", Method.LORA, 16, card=False)
    full = _outlook("Qwen3 0.6B", Method.FULL, 8, card=False)

    assert lora.fit is Fit.FITS
    assert full.fit is Fit.TOO_LARGE
    assert full.estimate.total > lora.estimate.total


def test_that_the_sentences_name_every_part_and_what_to_do_when_memory_is_taken() -> None:
    outlook = _outlook("Qwen3 0.6B", Method.LORA, 32, card=False, free=1)

    assert outlook.fit is Fit.TIGHT
    for word in ("Weights", "Adapter", "Optimizer", "Activations", "32 GB", "1.0 GB of them free", "Close other"):
        assert word in outlook.sentences


def test_that_this_computers_free_memory_is_less_than_all() -> None:
    assert 0 < free_memory(Computer("this computer", 1 << 60, has_cuda=False)) < 1 << 60
    assert free_memory(Computer("this computer", 1 << 20, has_cuda=False)) == 1 << 20
