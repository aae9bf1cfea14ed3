"""What cannot work together is said before a run is made, all of it at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fintune_gui.project.combinations import Abilities, find_conflicts, find_layers, find_matrices
from fintune_gui.project.settings import Method, TrainingSettings

EVERYTHING = Abilities(cuda=True, bitsandbytes=True, cards=2)
NOTHING = Abilities(cuda=False, bitsandbytes=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"num_hidden_layers": 2}))
    weights = {f"model.layers.{n}.self_attn.{part}.weight": np.zeros((2, 2)) for n in (0, 1) for part in "qv"}
    save_file({**weights, "model.norm.weight": np.zeros(2)}, tmp_path / "model.safetensors")
    return tmp_path


def codes(model: Path, method: Method = Method.LORA, able: Abilities = EVERYTHING, rows: int = 64, **changes) -> list:
    settings = TrainingSettings(**changes)
    return [p.code for p in find_conflicts(settings, method, model_folder=model, rows=rows, abilities=able)]


def test_that_usual_settings_have_no_conflict_anywhere(model: Path) -> None:
    for method in (Method.LORA, Method.FULL):
        assert codes(model, method, NOTHING) == []
    assert codes(model, Method.QLORA) == []


def test_that_all_reasons_are_told_at_once(model: Path) -> None:
    wrong = {
        "optimizer": "adamw_8bit",
        "gpus": 2,
        "frozen_layers": 2,
        "lora_targets": "q, w",
        "scheduler": "polynomial",
    }
    found = codes(model, Method.QLORA, NOTHING, learning_rate=1e-8, **wrong)
    assert found == [
        "model.no_qlora",
        "training.no_8bit",
        "training.cards",
        "training.frozen_layers",
        "training.lora_targets",
        "training.polynomial_rate",
    ]
    assert codes(model, Method.FULL, lora_targets="w") == []  # a full run has no adapter


def test_that_a_reason_names_what_would_work(model: Path) -> None:
    settings = TrainingSettings(frozen_layers=5, lora_targets="self_attn.q, w")
    frozen, targets = find_conflicts(settings, Method.LORA, model_folder=model, rows=None, abilities=EVERYTHING)
    assert "at most 1" in frozen.todo
    assert "“w”" in targets.what
    assert "self_attn" not in targets.what
    assert "q, v" in targets.why


@pytest.mark.parametrize(
    ("changes", "conflict"),
    [
        ({"epochs": 1}, True),
        ({"max_steps": 8, "eval_steps": 2}, False),
        ({"max_steps": 8, "eval_steps": 7}, True),
        ({"max_steps": 8, "eval_minutes": 2}, False),
    ],
)
def test_that_a_plateau_needs_evaluations(model: Path, changes: dict[str, float], conflict: bool) -> None:
    assert (codes(model, scheduler="reduce_lr_on_plateau", **changes) == ["training.plateau"]) == conflict


def test_that_rows_are_measured_by_steps_or_by_minutes_and_not_by_both(model: Path) -> None:
    assert codes(model, eval_steps=2) == codes(model, eval_minutes=2) == []
    assert codes(model, eval_steps=2, eval_minutes=2) == ["training.two_rhythms"]


def test_that_a_folder_that_says_nothing_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    (tmp_path / "model.safetensors").write_bytes(b"half")
    assert find_layers(tmp_path) is None
    assert find_matrices(tmp_path) == []
    assert codes(tmp_path, frozen_layers=9, lora_targets="x") == []


@pytest.mark.parametrize(("rows", "epochs", "per_epoch", "every"), [(64, 3, 2, None), (7, 2.5, 9, None), (99, 2, 1, 4)])
def test_that_evaluations_are_counted_as_they_happen(rows: int, epochs: float, per_epoch: int, every: int) -> None:
    settings = TrainingSettings(epochs=epochs, evaluations_per_epoch=per_epoch, eval_steps=every)
    steps = range(1, settings.total_steps(rows) + 1)
    assert settings.evaluations(rows) == sum(settings.evaluates_after(step, rows) for step in steps)


def test_that_no_more_graphics_cards_are_used_than_there_are(model: Path) -> None:
    assert codes(model, gpus=2) == []
    assert codes(model, gpus=3) == ["training.cards"]
    (problem,) = find_conflicts(
        TrainingSettings(gpus=3), Method.LORA, model_folder=model, rows=None, abilities=EVERYTHING
    )
    assert problem.todo == "Set the graphics cards to 2."
    assert codes(model, able=NOTHING) == []  # one process needs no card


def test_that_an_adapter_and_added_tokens_need_one_table(tmp_path: Path) -> None:
    """As Flan-T5 is not: it writes from another table than it reads from, whatever its configuration says."""
    table = np.arange(12, dtype=np.float32).reshape(4, 3)

    def found(method: Method, *, tokens: bool = True) -> list[str]:
        options = {"model_folder": tmp_path, "rows": 64, "abilities": EVERYTHING, "added_tokens": tokens}
        return [problem.code for problem in find_conflicts(TrainingSettings(), method, **options)]

    save_file({"shared.weight": table, "lm_head.weight": table + 1}, tmp_path / "model.safetensors")
    assert found(Method.LORA) == found(Method.QLORA) == ["training.tokens_and_adapter"]
    assert found(Method.FULL) == found(Method.LORA, tokens=False) == []
    save_file({"shared.weight": table, "lm_head.weight": table.copy()}, tmp_path / "model.safetensors")
    assert found(Method.LORA) == []
    save_file({"shared.weight": table}, tmp_path / "model.safetensors")
    assert found(Method.LORA) == []
