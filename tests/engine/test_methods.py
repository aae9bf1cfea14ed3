"""The methods of training: each setting does what its name says, and an interrupted run still repeats the whole one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers.optimization import get_scheduler
from transformers.trainer_pt_utils import LabelSmoother

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import train
from fintune_gui.engine.data import Example, load_examples
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import base_of, load_for_training
from fintune_gui.engine.noise import noisy_embeddings
from fintune_gui.engine.stepping import PackedCausal, PackedClassification, PaddedCausal, PaddedClassification
from fintune_gui.project.document import Task
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.events import Decided, TrainStep, Validated
from fintune_gui.project.settings import Method, Scheduler
from tests.helpers.tiny import job_in, make_run, of_kind, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: save_model(folder / kind, kind) for kind in ("llama", "gpt2", "bert")}


def loaded(folder: Path, model: Path, task: Task = Task.INSTRUCTION, **settings: Any) -> tuple[Any, list[Example]]:
    spec = make_run(folder, model, task, **settings)
    job, _ = job_in(folder)
    examples = load_examples(job, folder, "train", spec, ModelTokenizer.load(model))
    return load_for_training(spec, CPU, pad_id=0), examples


def learning(model: Any) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("scheduler", [s for s in Scheduler if s is not Scheduler.REDUCE_LR_ON_PLATEAU])
def test_that_schedulers_are_those_of_transformers(
    tmp_path: Path, models: dict[str, Path], scheduler: Scheduler
) -> None:
    spec = make_run(
        tmp_path, models["llama"], scheduler=scheduler, max_steps=20, warmup_ratio=0.2, num_cycles=3, eval_steps=20
    )
    job, events = job_in(tmp_path)
    train.run(spec, job)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=2e-4)
    options = {"num_cycles": 3} if scheduler is Scheduler.COSINE_WITH_RESTARTS else None
    expected = get_scheduler(scheduler.value, optimizer, 4, 20, options)
    rates = []
    for _ in range(20):
        rates.append(expected.get_last_lr()[0])
        optimizer.step()
        expected.step()
    assert [event.learning_rate for event in of_kind(events, TrainStep)] == pytest.approx(rates, rel=1e-6)


def test_that_the_rate_is_halved_after_each_evaluation_without_gain(tmp_path: Path, models: dict[str, Path]) -> None:
    spec = make_run(
        tmp_path,
        models["llama"],
        Task.CLASSIFICATION,
        scheduler=Scheduler.REDUCE_LR_ON_PLATEAU,
        learning_rate=0.5,
        max_steps=12,
        eval_steps=2,
        warmup_ratio=0,
        early_stopping_patience=0,
    )
    job, events = job_in(tmp_path)
    train.run(spec, job)
    lost = [event.step for event in of_kind(events, Validated) if not event.best]
    assert lost
    for step in of_kind(events, TrainStep):
        # The event of a step is sent before its evaluation.
        assert step.learning_rate == pytest.approx(0.5 * 0.5 ** sum(late < step.step for late in lost))
    told = sum(event.what == "learning rate" for event in of_kind(events, Decided))
    assert told == sum(step < 12 for step in lost)


def test_that_steps_can_be_set_in_place_of_epochs(tmp_path: Path, models: dict[str, Path]) -> None:
    spec = make_run(tmp_path, models["llama"], max_steps=7, eval_steps=3)
    job, events = job_in(tmp_path)
    train.run(spec, job)
    assert [event.step for event in of_kind(events, TrainStep)] == list(range(1, 8))
    assert [event.step for event in of_kind(events, Validated)] == [3, 6, 7]


@pytest.mark.parametrize("layout", [PackedCausal, PaddedCausal])
def test_that_smoothed_answers_have_the_loss_of_the_reference(
    tmp_path: Path, models: dict[str, Path], layout: type
) -> None:
    model, rows = loaded(tmp_path, models["llama"])
    made = layout(model, CPU, 0)
    plain = made.compute(rows).loss
    made.label_smoothing = 0.1
    smoothed = made.compute(rows, scale=1.0).loss / made.weight(rows)
    expected = 0.0
    for row in rows:
        labels = torch.tensor([token if seen else -100 for token, seen in zip(row.ids, row.learned, strict=True)])
        with torch.no_grad():
            output = model(input_ids=torch.tensor([row.ids]))
        smoother = LabelSmoother(epsilon=0.1)
        expected += float(smoother(output, labels[None], shift_labels=True, num_items_in_batch=made.weight(rows)))
    assert smoothed == pytest.approx(expected, abs=1e-5)
    assert made.compute(rows).loss == plain


@pytest.mark.parametrize(("kind", "layout"), [("llama", PackedClassification), ("bert", PaddedClassification)])
def test_that_smoothed_labels_have_the_loss_of_the_reference(
    tmp_path: Path, models: dict[str, Path], kind: str, layout: type
) -> None:
    model, rows = loaded(tmp_path, models[kind], Task.CLASSIFICATION)
    model.eval()
    made = layout(model, CPU, 0)
    logits = made.compute(rows).logits
    made.label_smoothing = 0.2
    labels = torch.tensor([row.label for row in rows])
    expected = float(LabelSmoother(epsilon=0.2)({"logits": logits}, labels))
    assert made.compute(rows, scale=1.0).loss / len(rows) == pytest.approx(expected, abs=1e-5)
    assert float(F.cross_entropy(logits, labels)) == pytest.approx(made.compute(rows).loss / len(rows), abs=1e-5)


def test_that_noise_depends_on_the_length_of_the_own_row(models: dict[str, Path], tmp_path: Path) -> None:
    model, _ = loaded(tmp_path, models["llama"])
    base = base_of(model)
    ids = torch.zeros(1, 3000, dtype=torch.long)
    lengths = torch.tensor([[16] * 1000 + [400] * 2000])
    with noisy_embeddings(base, 5.0, lengths), torch.no_grad():
        noise = base.get_input_embeddings()(ids) - base.get_input_embeddings().weight[0]
    for part, length in ((noise[:, :1000], 16), (noise[:, 1000:], 400)):
        greatest = 5.0 / (length * noise.shape[-1]) ** 0.5
        assert float(part.abs().max()) == pytest.approx(greatest, rel=0.01)
        assert float(part.mean()) == pytest.approx(0, abs=greatest / 50)
    with torch.no_grad():
        assert torch.equal(base.get_input_embeddings()(ids)[0, 0], base.get_input_embeddings().weight[0])


@pytest.mark.parametrize("layout", [PackedCausal, PaddedCausal])
def test_that_noise_is_for_training_only_and_differs_from_row_to_row(
    tmp_path: Path, models: dict[str, Path], layout: type
) -> None:
    model, rows = loaded(tmp_path, models["llama"])
    made = layout(model, CPU, 0)
    made.share = False
    plain = made.compute(rows).row_losses
    made.noise = 50.0
    assert made.compute(rows).row_losses == plain
    torch.manual_seed(1)
    twins = made.compute([rows[0], rows[0]], scale=1.0).row_losses
    assert twins[0] != twins[1]
    torch.manual_seed(1)
    assert made.compute([rows[0], rows[0]], scale=1.0).row_losses == twins


def test_that_rows_with_noise_share_no_beginning(tmp_path: Path, models: dict[str, Path]) -> None:
    spec = make_run(tmp_path, models["llama"], epochs=1, neftune_noise_alpha=5.0)
    job, events = job_in(tmp_path)
    train.run(spec, job)
    assert "shared beginnings" in {event.what for event in of_kind(events, Decided)}
    assert {event.useful_share for event in of_kind(events, TrainStep)} == {1.0}


@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "bert"])
def test_that_the_first_layers_rest(tmp_path: Path, models: dict[str, Path], kind: str, method: Method) -> None:
    task = Task.CLASSIFICATION if kind == "bert" else Task.INSTRUCTION
    model, _ = loaded(tmp_path, models[kind], task, method=method, frozen_layers=1)
    names = learning(model)
    inside = "layer.{}." if kind == "bert" else {"llama": "layers.{}.", "gpt2": ".h.{}."}[kind]
    assert not any(inside.format(0) in name for name in names)
    assert any(inside.format(1) in name for name in names)
    assert not any("embed" in name or "wte" in name for name in names)


@pytest.mark.parametrize(
    ("kind", "targets", "expected"),
    [
        ("llama", "attention", {"q_proj", "k_proj", "v_proj", "o_proj"}),
        ("gpt2", "attention", {"c_attn", "c_proj"}),
        ("bert", "attention", {"query", "key", "value", "dense"}),
        ("llama", "v_proj, up_proj", {"v_proj", "up_proj"}),
        ("gpt2", "attn.c_proj", {"c_proj"}),
    ],
)
def test_that_adapters_stand_where_they_shall(
    tmp_path: Path, models: dict[str, Path], kind: str, targets: str, expected: set[str]
) -> None:
    task = Task.CLASSIFICATION if kind == "bert" else Task.INSTRUCTION
    model, _ = loaded(tmp_path, models[kind], task, lora_targets=targets)
    adapted = [name.split(".lora_A")[0] for name in learning(model) if ".lora_A" in name]
    assert {name.rpartition(".")[2] for name in adapted} == expected
    assert targets != "attention" or all("attn" in name or "attention" in name for name in adapted)
    assert targets != "attn.c_proj" or not any("mlp" in name for name in adapted)


def test_that_an_unknown_target_is_told_with_the_names_that_exist(tmp_path: Path, models: dict[str, Path]) -> None:
    with pytest.raises(TrainingError, match="no layer called “w_proj”") as failure:
        loaded(tmp_path, models["llama"], lora_targets="w_proj q_proj")
    assert "q_proj" in failure.value.problem.why


@pytest.mark.parametrize("variant", ["rslora", "dora"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_that_variants_of_adapters_learn(tmp_path: Path, models: dict[str, Path], kind: str, variant: str) -> None:
    spec = make_run(tmp_path, models[kind], lora_variant=variant, epochs=3, learning_rate=1e-2)
    job, events = job_in(tmp_path)
    train.run(spec, job)
    losses = [event.loss for event in of_kind(events, TrainStep)]
    assert losses[-1] < losses[0] - 0.1
    model = load_for_training(spec, CPU, pad_id=0)
    assert any("magnitude" in name for name in learning(model)) == (variant == "dora")
    scaling = {module.scaling["default"] for module in model.modules() if hasattr(module, "lora_A")}
    assert scaling == {32 / 4**0.5 if variant == "rslora" else 32 / 4}


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adafactor", "scheduler": "polynomial", "label_smoothing": 0.1},
        {
            "neftune_noise_alpha": 5.0,
            "scheduler": "reduce_lr_on_plateau",
            "learning_rate": 0.5,
            "task": Task.CLASSIFICATION,
        },
        {"lora_variant": "dora", "scheduler": "cosine_with_restarts", "lora_targets": "attention"},
        {"frozen_layers": 1, "scheduler": "inverse_sqrt", "optimizer": "adafactor", "method": Method.FULL},
    ],
    ids=["adafactor", "neftune and plateau", "dora", "frozen and full"],
)
def test_that_a_resumed_run_repeats_the_uninterrupted_one(
    tmp_path: Path, models: dict[str, Path], settings: dict[str, Any]
) -> None:
    usual = {"max_steps": 9, "eval_steps": 2, "lora_dropout": 0.1, "early_stopping_patience": 0}
    spec = make_run(tmp_path / "whole", models["llama"], **usual, **settings)
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    job, events = job_in(tmp_path / "whole")
    train.run(spec, job)
    whole = [(event.step, event.loss, event.learning_rate) for event in of_kind(events, TrainStep)]
    parts: dict[int, tuple[int, float, float]] = {}
    for hangup_at_look in (5, 4, 10_000):
        job, events = job_in(tmp_path / "parts", [(hangup_at_look, "hangup")])
        train.run(spec, job)
        parts |= {e.step: (e.step, e.loss, e.learning_rate) for e in of_kind(events, TrainStep)}
    assert [parts[step] for step in sorted(parts)] == whole
    if settings["scheduler"] == "reduce_lr_on_plateau":
        assert whole[-1][2] < 0.5  # it was reduced at least once, or this proves nothing
