"""Which cheaper settings a dry run tries, and what they change."""

from __future__ import annotations

from typing import Any

import pytest

from fintune_gui.project.cheaper import CheaperWay, cheaper_ways
from fintune_gui.project.combinations import Abilities
from fintune_gui.project.document import ModelChoice, Objective, Project, Task
from fintune_gui.project.measured import Measured, MeasuredWay
from fintune_gui.project.paths import resource
from fintune_gui.project.settings import Method, TrainingSettings

PLAIN = Abilities(cuda=False, bitsandbytes=False)
CARD = Abilities(cuda=True, bitsandbytes=True)


def _project(method: Method = Method.LORA, *, seq2seq: bool = False, **training: Any) -> Project:
    model = ModelChoice(
        name="m", folder=str(resource("models", "tiny-base")), fingerprint="f", parameters=1, context_length=1024,
        architecture="A", has_chat_template=True, method=method, seq2seq=seq2seq,
    )  # fmt: skip
    objective = Objective(task=Task.INSTRUCTION, metric="perplexity")
    return Project(name="p", objective=objective, model=model, training=TrainingSettings(**training))


def _names(project: Project, abilities: Abilities = PLAIN) -> list[str]:
    return [way.name for way in cheaper_ways(project, abilities)]


def test_that_an_adapter_is_made_cheaper_by_computing_again_shorter_rows_fewer_places_and_resting_layers() -> None:
    assert _names(_project()) == ["checkpointing", "shorter-rows", "attention", "frozen"]


def test_that_full_tuning_is_made_cheaper_by_an_adapter_first() -> None:
    assert _names(_project(Method.FULL)) == ["lora", "checkpointing", "shorter-rows", "frozen"]


def test_that_four_bits_are_tried_where_they_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fintune_gui.project.combinations.sys.platform", "linux")
    assert "qlora" in _names(_project(), CARD)
    assert "qlora" not in _names(_project(seq2seq=True), CARD)
    assert "qlora" not in _names(_project(Method.QLORA), CARD)


def test_that_what_is_set_already_is_not_tried_again() -> None:
    saving = {"gradient_checkpointing": True, "lora_targets": "attention", "frozen_layers": 1, "lora_rank": 8}
    assert _names(_project(**saving)) == ["shorter-rows"]
    assert _names(_project(**{**saving, "lora_rank": 16})) == ["shorter-rows", "rank"]
    assert _names(Project(name="p", objective=_project().objective)) == []


@pytest.mark.parametrize("way", cheaper_ways(_project(Method.FULL), PLAIN), ids=lambda way: way.name)
def test_that_a_way_changes_what_it_says_and_nothing_else(way: CheaperWay) -> None:
    before = _project(Method.FULL)
    after = way.applied_to(before)

    changed = {name for name in Project.model_fields if getattr(before, name) != getattr(after, name)}
    assert changed == {{"lora": "model", "shorter-rows": "format"}.get(way.name, "training")}
    assert way.name not in _names(after) or way.name == "shorter-rows"


def test_that_a_smaller_rank_keeps_the_adapters_strength() -> None:
    project = _project(lora_targets="attention", lora_rank=32, lora_alpha=64)
    rank = next(way for way in cheaper_ways(project, PLAIN) if way.name == "rank")
    training = rank.applied_to(project).training
    assert training.lora_alpha / training.lora_rank == 64 / 32


@pytest.mark.parametrize(
    ("peak", "speed", "words"),
    [
        (1.2, 80, "1.2 GB instead of 2.1 GB, 20 % slower"),
        (1.2, 150, "1.2 GB instead of 2.1 GB, 50 % faster"),
        (2.08, 101, "as much memory (2.1 GB), as fast"),
    ],
)
def test_that_the_effect_is_told_against_what_was(peak: float, speed: float, words: str) -> None:
    before = Measured(2.1 * 1024**3, 100, 1, 1, 3)
    way = cheaper_ways(_project(), PLAIN)[0]
    assert MeasuredWay(way, Measured(peak * 1024**3, speed, 1, 1, 2)).effect(before) == words
    assert MeasuredWay(way, None, "It does not fit.").effect(before) == "It does not fit."


def test_that_a_small_effect_is_told_as_a_share_where_both_sizes_read_the_same() -> None:
    before, way = Measured(0.64 * 1024**3, 100, 1, 1, 3), cheaper_ways(_project(), PLAIN)[0]
    effect = MeasuredWay(way, Measured(0.56 * 1024**3, 100, 1, 1, 2)).effect(before)
    assert effect == "12 % less memory (0.6 GB), as fast"
