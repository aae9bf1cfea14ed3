"""The packed step is only a layout: its losses are those of the plain, padded `transformers.Trainer`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, Trainer, TrainingArguments

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine import train
from fintune_gui.engine.data import Example, load_examples
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import load_for_training
from fintune_gui.engine.trainer import Schedule
from fintune_gui.project.document import Task
from fintune_gui.project.events import Decided, TrainStep
from fintune_gui.project.exporting import auto_class
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


def losses_of_the_stock_trainer(folder: Path, spec: TrainSpec, micro_batches: int, model: Any = None) -> list[float]:
    """The same rows in the same steps, padded; with a model of the plain libraries if it is given."""
    job, _ = job_in(folder)
    tokenizer = ModelTokenizer.load(Path(spec.model.folder), spec.format.added_tokens)
    examples = load_examples(job, folder, "train", spec, tokenizer)
    schedule = Schedule(len(examples), spec.training)
    in_order = [examples[index] for step in range(schedule.total_steps) for index in schedule.rows_of_step(step)]
    model = model or load_for_training(spec, CPU, pad_id=0)
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


TOKENS = ("<ticket>", "Zendomat", "<end/of#case>")


def plain_model_with_tokens(spec: TrainSpec) -> Any:
    """What a user of the plain libraries writes to add tokens, with the weights that our run begins with."""
    folder, task = spec.model.folder, spec.objective.task
    labels = {} if task.generates else {"num_labels": len(spec.labels)}
    kind = getattr(transformers, auto_class(task, seq2seq=spec.model.seq2seq))
    model, tokenizer = kind.from_pretrained(folder, **labels), AutoTokenizer.from_pretrained(folder)
    model.config.pad_token_id = 0
    pieces = {token: tokenizer(token, add_special_tokens=False)["input_ids"] for token in spec.format.added_tokens}
    tokenizer.add_tokens(list(pieces))
    table = model.get_input_embeddings().weight
    head = model.get_output_embeddings()
    tables = [table] if head is None or head.weight is table else [table, head.weight]
    means = [{token: old[ids].mean(0).detach() for token, ids in pieces.items()} for old in tables]
    if len(tokenizer) > len(table):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    table = model.get_input_embeddings().weight
    tables = [table] if len(means) == 1 else [table, model.get_output_embeddings().weight]
    numbers = tokenizer.convert_tokens_to_ids(list(pieces))
    with torch.no_grad():
        for new, rows in zip(tables, means, strict=True):
            for number, row in zip(numbers, rows.values(), strict=True):
                new[number] = row
    if spec.model.method is Method.LORA:
        name = next(name for name, module in model.named_modules() if module is model.get_input_embeddings())
        rows_of = dict.fromkeys([name] + (["lm_head"] if len(means) == 2 else []), numbers)
        untrained = None if task.generates else ["bert.pooler.dense", "classifier"]
        config = LoraConfig(
            r=spec.training.lora_rank,
            lora_alpha=spec.training.lora_alpha,
            target_modules="all-linear",
            exclude_modules=untrained,
            modules_to_save=untrained,
            trainable_token_indices=rows_of,
        )
        model = get_peft_model(model, config)
    ours = load_for_training(spec, CPU, pad_id=0)
    begin = {name: weight for name, weight in ours.named_parameters() if weight.requires_grad}
    theirs = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert begin.keys() == theirs.keys()
    for name, weight in theirs.items():
        if "trainable_tokens" in name or "embed" in name or "wte" in name or "shared" in name:
            assert torch.allclose(weight, begin[name], atol=1e-6)
        weight.data.copy_(begin[name].data)
    return model


_TIED = {"tie_word_embeddings": True, "vocab_size": 368}
_GROWS = {"vocab_size": 368}
NEW_HEAD = pytest.mark.expects_log("LOAD REPORT")  # transformers says that the saved model brings no head for classes


@pytest.mark.expects_log("loss_type=None")
@pytest.mark.parametrize("method", [Method.LORA, pytest.param(Method.FULL, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("llama", {}),
        ("llama", _TIED),
        pytest.param("gpt2", _GROWS, marks=pytest.mark.slow),
        pytest.param("bert", {}, marks=NEW_HEAD),
        ("t5", _GROWS),
        pytest.param("bart", {}, marks=pytest.mark.exhaustive),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
def test_that_added_tokens_have_the_losses_of_plain_libraries(
    tmp_path: Path, kind: str, changes: dict[str, Any], method: Method
) -> None:
    task = Task.CLASSIFICATION if kind == "bert" else Task.INSTRUCTION
    model = save_model(tmp_path / "model", kind, **changes)
    rate = {"learning_rate": 5e-3, "early_stopping_patience": 0, "evaluations_per_epoch": 1}
    spec = make_run(tmp_path / "run", model, task, method=method, added_tokens=TOKENS, epochs=3, **rate)
    ours, layout = losses_of_ours(tmp_path / "run", spec)
    assert layout == ("padded rows" if kind in ("bert", "t5", "bart") else "packed rows")
    plain = plain_model_with_tokens(spec)
    stock = losses_of_the_stock_trainer(tmp_path / "run", spec, micro_batches=1, model=plain)
    assert len(ours) == 15
    assert ours == pytest.approx(stock, abs=1e-4)
    assert ours[-1] < ours[0]
