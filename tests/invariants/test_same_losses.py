"""The packed step is only a layout: its losses are those of the plain, padded `transformers.Trainer`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Trainer, TrainingArguments

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import train
from fintune_gui.engine.data import Example, load_examples
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import load_for_training
from fintune_gui.engine.trainer import Schedule
from fintune_gui.project.document import Task
from fintune_gui.project.events import Decided, TrainStep
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import TrainSpec
from tests.helpers.tiny import FILLER, LABELS, job_in, make_run, of_kind, save_model

STEPS = 25
CPU = Device(torch.device("cpu"), "CPU", half=False)


def collate(rows: list[Example]) -> dict[str, torch.Tensor]:
    if rows[0].prompt:
        return collate_apart(rows)
    longest = max(map(len, rows))
    ids = torch.tensor([row.ids + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    if rows[0].labels is not None:
        several = [[float(label in (row.labels or ())) for label in range(len(LABELS))] for row in rows]
        return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor(several)}
    if rows[0].label >= 0:
        return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([row.label for row in rows])}
    labels = [
        [token if learned else -100 for token, learned in zip(row.ids, row.learned, strict=True)]
        + [-100] * (longest - len(row))
        for row in rows
    ]
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor(labels)}


def collate_apart(rows: list[Example]) -> dict[str, torch.Tensor]:
    """Prompts and labels padded apart, as for `Seq2SeqTrainer`: the model itself shifts the labels to the right."""
    read, written = max(len(row.prompt) for row in rows), max(len(row.ids) - 1 for row in rows)
    return {
        "input_ids": torch.tensor([[*row.prompt] + [0] * (read - len(row.prompt)) for row in rows]),
        "attention_mask": torch.tensor([[int(place < len(row.prompt)) for place in range(read)] for row in rows]),
        "labels": torch.tensor([row.ids[1:] + [-100] * (written - len(row.ids) + 1) for row in rows]),
    }


def losses_of_the_stock_trainer(folder: Path, spec: TrainSpec, micro_batches: int) -> list[float]:
    """The same rows in the same steps, padded."""
    job, _ = job_in(folder)
    examples = load_examples(job, folder, "train", spec, ModelTokenizer.load(Path(spec.model.folder)))
    schedule = Schedule(len(examples), spec.training)
    in_order = [examples[index] for step in range(schedule.total_steps) for index in schedule.rows_of_step(step)]
    model = load_for_training(spec, CPU, pad_id=0)
    torch.manual_seed(spec.training.seed)
    arguments = TrainingArguments(
        output_dir=str(folder / "stock"),
        per_device_train_batch_size=spec.training.batch_size // micro_batches,
        gradient_accumulation_steps=micro_batches,
        max_steps=schedule.total_steps,
        max_grad_norm=spec.training.max_grad_norm,
        learning_rate=spec.training.effective_learning_rate(spec.model.method),
        lr_scheduler_type=spec.training.scheduler.value,
        warmup_steps=schedule.warmup_steps,
        weight_decay=spec.training.weight_decay,
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=in_order, data_collator=collate)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def losses_of_ours(folder: Path, spec: TrainSpec) -> tuple[list[float], str]:
    job, events = job_in(folder)
    train.run(spec, job)
    layout = next(event.value for event in of_kind(events, Decided) if event.what == "layout")
    return [event.loss for event in of_kind(events, TrainStep)], layout


BEGINNING = " ".join([*FILLER, *FILLER])
REFERENCE_STEPS = 200


def assert_reference_curve(folder: Path, kind: str, method: Method, steps: int) -> None:
    """The losses of a run whose rows begin alike by halves are those of the stock trainer, step by step."""
    task = Task.CLASSIFICATION if kind == "bert" else Task.INSTRUCTION
    spec = make_run(
        folder / "run",
        save_model(folder / "model", kind),
        task,
        method=method,
        beginning=BEGINNING,
        max_steps=steps,
        eval_steps=steps,
        learning_rate=1e-3 if method is Method.LORA else 5e-4,
        early_stopping_patience=0,
    )
    ours, layout = losses_of_ours(folder / "run", spec)
    assert layout == ("padded rows" if kind == "bert" else "packed rows")
    stock = losses_of_the_stock_trainer(folder / "run", spec, micro_batches=1)
    assert len(ours) == steps
    assert ours == pytest.approx(stock, abs=1e-4)
    assert sum(ours[-5:]) < sum(ours[:5])


@pytest.mark.expects_log("loss_type=None")  # the stock trainer with GPT-2
def test_that_rows_that_begin_alike_have_the_reference_curve(tmp_path: Path) -> None:
    assert_reference_curve(tmp_path, "qwen", Method.LORA, STEPS)


@pytest.mark.slow
@pytest.mark.expects_log("loss_type=None")
@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
@pytest.mark.parametrize("kind", ["llama", "qwen", "gpt2", "bert"])
def test_that_the_reference_curve_is_kept_for_long(tmp_path: Path, kind: str, method: Method) -> None:
    assert_reference_curve(tmp_path, kind, method, REFERENCE_STEPS)


@pytest.mark.expects_log("loss_type=None")
@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_that_packed_training_has_the_losses_of_padded_training(tmp_path: Path, kind: str, method: Method) -> None:
    model = save_model(tmp_path / "model", kind)
    spec = make_run(
        tmp_path / "run", model, method=method, epochs=STEPS / 5, learning_rate=5e-3, early_stopping_patience=0
    )
    ours, layout = losses_of_ours(tmp_path / "run", spec)
    stock = losses_of_the_stock_trainer(tmp_path / "run", spec, micro_batches=2)
    assert layout == "packed rows"
    assert len(ours) == STEPS
    assert ours == pytest.approx(stock, abs=1e-4)
    assert ours[-1] < ours[0] - 0.05


@pytest.mark.parametrize(("kind", "method"), [("bert", Method.FULL), ("bert", Method.LORA), ("llama", Method.LORA)])
def test_that_rearranged_classification_has_the_losses_of_padded(tmp_path: Path, kind: str, method: Method) -> None:
    model = save_model(tmp_path / "model", kind)
    spec = make_run(
        tmp_path / "run",
        model,
        Task.CLASSIFICATION,
        method=method,
        epochs=STEPS / 5,
        learning_rate=5e-3,
        early_stopping_patience=0,
    )
    ours, layout = losses_of_ours(tmp_path / "run", spec)
    assert layout == ("packed rows" if kind == "llama" else "padded rows")
    # One batch a step: the stock trainer adds up the means of several, so that its loss depends on their number.
    stock = losses_of_the_stock_trainer(tmp_path / "run", spec, micro_batches=1)
    assert ours == pytest.approx(stock, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("t5", Method.FULL),
        ("bart", Method.LORA),
        pytest.param("t5", Method.LORA, marks=pytest.mark.slow),
        pytest.param("bart", Method.FULL, marks=pytest.mark.slow),
    ],
)
def test_that_models_of_two_halves_have_the_losses_of_padded_training(
    tmp_path: Path, kind: str, method: Method
) -> None:
    model = save_model(tmp_path / "model", kind)
    rate = {"learning_rate": 5e-3, "early_stopping_patience": 0}
    spec = make_run(tmp_path / "run", model, method=method, epochs=2, evaluations_per_epoch=1, **rate)
    ours, layout = losses_of_ours(tmp_path / "run", spec)
    assert layout == "padded rows"
    stock = losses_of_the_stock_trainer(tmp_path / "run", spec, micro_batches=1)
    assert ours == pytest.approx(stock, abs=1e-4)
    assert len(ours) == 10
    assert ours[-1] < ours[0]
