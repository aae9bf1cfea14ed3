"""The ways to train that `benchmarks.training` compares. Each runs in a process of its own and measures itself."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.harness import Measurement, Stopwatch, peak_memory_bytes

BATCH_SIZE = 16
MICRO_BATCH = 8
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Lesson:
    """What is trained: names of `training_data`, and how much of it. The first step only warms up."""

    rows: str
    method: str
    model: str = "small"
    steps: int = 3
    batch_size: int = BATCH_SIZE

    def examples(self) -> list[Any]:
        from benchmarks.training_data import ROWS

        return ROWS[self.rows](self.batch_size * self.steps)

    def in_order(self) -> list[Any]:
        """The rows as the steps take them."""
        rows, schedule = self.examples(), self.schedule()
        return [rows[index] for step in range(self.steps) for index in schedule.rows_of_step(step)]

    def schedule(self) -> Any:
        from fintune_gui.engine.trainer import Schedule
        from fintune_gui.project.settings import Scheduler, TrainingSettings

        settings = TrainingSettings(
            batch_size=self.batch_size, epochs=1, warmup_ratio=0, weight_decay=0, scheduler=Scheduler.CONSTANT
        )
        return Schedule(self.batch_size * self.steps, settings)

    def make_model(self) -> Any:
        from benchmarks.training_data import make_model

        return make_model(self.model, self.method)


def stock(lesson: Lesson) -> Measurement:
    """`transformers.Trainer` with its usual padding to the longest row of a micro-batch."""
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=lesson.make_model(),
            args=TrainingArguments(output_dir=folder, **_stock_options(lesson)),
            train_dataset=lesson.in_order(),
            data_collator=_collate,
        )
        return _measured(trainer, lesson)


def _stock_options(lesson: Lesson) -> dict[str, Any]:
    micro = min(MICRO_BATCH, lesson.batch_size)
    return {
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": lesson.batch_size // micro,
        "max_steps": lesson.steps,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "constant",
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "remove_unused_columns": False,
    }


def _collate(batch: list[Any]) -> dict[str, Any]:
    import torch

    longest = max(map(len, batch))
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for number, row in enumerate(batch):
        ids[number, : len(row)] = torch.tensor(row.ids)
        mask[number, : len(row)] = 1
        learned = torch.tensor(row.learned)
        labels[number, : len(row)][learned] = ids[number, : len(row)][learned]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def stock_classifier(lesson: Lesson) -> Measurement:
    """`transformers.Trainer` on labelled texts."""
    import torch
    from transformers import Trainer, TrainingArguments

    def collate(batch: list[Any]) -> dict[str, Any]:
        return {**_collate(batch), "labels": torch.tensor([row.label for row in batch])}

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=lesson.make_model(),
            args=TrainingArguments(output_dir=folder, **_stock_options(lesson)),
            train_dataset=lesson.in_order(),
            data_collator=collate,
        )
        trainer.model_accepts_loss_kwargs = False  # this model's loss is a mean, whatever its signature says
        return _measured(trainer, lesson)


def sft(lesson: Lesson) -> Measurement:
    """TRL's SFTTrainer in float32, loss on the answers only."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 1, "<unknown>": 2}, unk_token="<unknown>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")
    rows = [{"input_ids": row.ids, "completion_mask": [int(here) for here in row.learned]} for row in lesson.in_order()]
    with tempfile.TemporaryDirectory() as folder:
        options = {**_stock_options(lesson), "remove_unused_columns": True}
        arguments = SFTConfig(
            output_dir=folder,
            completion_only_loss=True,
            gradient_checkpointing=False,
            bf16=False,
            max_length=None,
            **options,
        )
        trainer = SFTTrainer(
            model=lesson.make_model(),
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        return _measured(trainer, lesson)


def ours(lesson: Lesson, *, share: bool = True) -> Measurement:
    """The engine's own step, in the environment that the program gives the process of a run."""
    _like_a_run()
    from fintune_gui.engine.job import Job
    from fintune_gui.engine.trainer import StepTrainer

    device, model, layout = _engine(lesson)
    if hasattr(layout, "share"):
        layout.share = share
    silent: Any = None
    with tempfile.TemporaryDirectory() as folder:
        trainer = StepTrainer(
            model,
            Job(Path(folder), lambda _event: None, silent),
            device=device,
            layout=layout,
            schedule=lesson.schedule(),
            examples=lesson.examples(),
            learning_rate=LEARNING_RATE,
        )
        measured = _measured(trainer, lesson)
    if Path(lesson.model).is_dir():
        measured |= _arithmetic(model, lesson, measured["useful tokens/s"])
    return measured


def bare(lesson: Lesson) -> Measurement:
    """The same packs and the same arithmetic in a loop by hand: no trainer, no events, nothing that can be resumed."""
    _like_a_run()
    import torch

    from fintune_gui.project.memory import TOKENS_AT_ONCE_CPU

    _, model, layout = _engine(lesson)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=LEARNING_RATE, weight_decay=0, fused=True)
    rows, schedule = lesson.examples(), lesson.schedule()
    before, losses, seconds = peak_memory_bytes(), [], []
    model.train()
    for step in range(lesson.steps):
        began = time.perf_counter()
        chosen = [rows[index] for index in schedule.rows_of_step(step)]
        weight, loss = layout.weight(chosen), 0.0
        for part in layout.plan(chosen, TOKENS_AT_ONCE_CPU):
            loss += layout.compute([chosen[index] for index in part], scale=1 / weight).loss / weight
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)
        seconds.append(time.perf_counter() - began)
    return _facts(lesson, seconds, before, losses)


def _like_a_run() -> None:
    from fintune_gui.jobs.process import threads_environment

    os.environ.update(threads_environment())


def _engine(lesson: Lesson) -> tuple[Any, Any, Any]:
    """Device, model and layout as a run has them."""
    import torch

    from fintune_gui.engine.device import Device
    from fintune_gui.engine.fused_adapter import fuse_adapters
    from fintune_gui.engine.stepping import PackedCausal, PaddedClassification

    device, model = Device(torch.device("cpu"), "CPU", half=False), lesson.make_model()
    fuse_adapters(model)
    kind = PaddedClassification if lesson.model == "encoder" else PackedCausal
    return device, model, kind(model, device, 0)


def checkpoint(lesson: Lesson) -> Measurement:
    """Writing a checkpoint of a model all of whose weights learn, safe against power cuts, seconds each."""
    _like_a_run()
    import torch

    from fintune_gui.engine import checkpoints
    from fintune_gui.engine.checkpoints import CheckpointState, random_states
    from fintune_gui.engine.model import trainable_state

    _, model, _ = _engine(lesson)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    names = {parameter: name for name, parameter in model.named_parameters()}
    seconds = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for step in range(4):
            state = CheckpointState(
                step=step, tokens=0, budget=1024, gradient_checkpointing=False, half=False, threads=1, versions={},
                random_states=random_states(), best_step=None, best_score=None, best_loss=None, best_metrics={},
                evaluations_without_gain=0, rate_factor=1.0, evaluation_due=False,
            )  # fmt: skip
            with Stopwatch() as watch:
                tensors = checkpoints.optimizer_tensors(optimizer, names)
                checkpoints.save_checkpoint(Path(folder), state, trainable_state(model), tensors)
                checkpoints.remove_superseded(Path(folder))
            seconds.append(watch.wall)
    return {"seconds": statistics.median(seconds), "losses": []}


def _measured(trainer: Any, lesson: Lesson) -> Measurement:
    from transformers import TrainerCallback

    ends: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    trainer.add_callback(Clock())
    before = peak_memory_bytes()
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return _facts(lesson, [0.0, *(b - a for a, b in pairwise(ends))], before, losses)


def _facts(lesson: Lesson, seconds: list[float], before: int, losses: list[float]) -> Measurement:
    """Speed of all steps but the first, peak memory of all."""
    tokens = sum(map(len, lesson.in_order()[lesson.batch_size :]))
    return {
        "useful tokens/s": tokens / sum(seconds[1:]),
        "peak MB above start": (peak_memory_bytes() - before) / 1e6,
        "losses": losses,
    }


def _arithmetic(model: Any, lesson: Lesson, tokens_per_second: float) -> Measurement:
    """The run's multiplications a second, and those of bare matrix products of the model's own shapes.

    Counted, 2 operations for each multiplication: every linear layer forward and backward (4 for each weight and token;
    6 where it learns), the head only at places with loss. Attention and all else is not counted: it is the loss.
    """
    import torch

    base = model.get_base_model()
    head = base.get_output_embeddings()
    rows = lesson.examples()
    share = sum(row.learned_tokens for row in rows) / sum(map(len, rows))
    operations = 4 * head.weight.numel() * share
    rates: dict[Any, float] = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module is not head:
            size = module.weight.numel()
            operations += (6 if module.weight.requires_grad else 4) * size
            shape = tuple(module.weight.shape)
            if ".lora_" not in name and shape not in rates:
                rates[shape] = _product_rate(*shape)
    return {"GFLOP/s": operations * tokens_per_second / 1e9, "bare GFLOP/s": statistics.median(rates.values())}


def _product_rate(rows: int, columns: int) -> float:
    """Of the product of 1,024 tokens with a matrix: the median of 15, in 1e9 operations a second."""
    import torch

    tokens, weight = torch.randn(1024, columns), torch.randn(rows, columns)
    seconds = []
    for _ in range(15):
        began = time.perf_counter()
        tokens @ weight.t()
        seconds.append(time.perf_counter() - began)
    return 2 * 1024 * rows * columns / statistics.median(seconds) / 1e9
