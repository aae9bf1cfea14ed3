"""Training: the packed step against the stock `transformers.Trainer`, on rows of very different lengths.

    python -m benchmarks.training [--rounds 5] [--method lora full] [--steps 4] [--rows skewed prompted long-prompted]

All train the same random Llama on the same rows in the same steps, and must show the same losses. "prompted" rows
begin with the same 300 tokens and go on for 40 to 80 of their own (long-prompted: 150 to 250); there the packed step
is compared with itself without sharing.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Contestant, Measurement, Stopwatch, compare, largest_difference, peak_memory_bytes, table

BATCH_SIZE = 16
MICRO_BATCH = 8
LEARNING_RATE = 1e-3
VOCABULARY = 16_384


def skewed_rows(count: int) -> list[Any]:
    """Rows with log-normal lengths (median 150, 20 to 1000 tokens); the second half of each is learned."""
    from fintune_gui.engine.data import Example

    generator = random.Random(1)
    rows = []
    for number in range(count):
        length = min(1000, max(20, int(generator.lognormvariate(math.log(150), 0.9))))
        ids = [generator.randrange(3, VOCABULARY) for _ in range(length)]
        rows.append(Example(number, ids, [place >= length // 2 for place in range(length)]))
    return rows


def prompted_rows(count: int, shortest: int, longest: int) -> list[Any]:
    """Rows that begin with the same 300 tokens; the second half of what is their own is learned."""
    from fintune_gui.engine.data import Example

    generator = random.Random(2)
    prompt = [generator.randrange(3, VOCABULARY) for _ in range(300)]
    rows = []
    for number in range(count):
        own = generator.randint(shortest, longest)
        ids = [*prompt, *(generator.randrange(3, VOCABULARY) for _ in range(own))]
        rows.append(Example(number, ids, [place >= 300 + own // 2 for place in range(len(ids))]))
    return rows


ROWS: dict[str, Callable[[int], list[Any]]] = {
    "skewed": skewed_rows,
    "prompted": partial(prompted_rows, shortest=40, longest=80),
    "long-prompted": partial(prompted_rows, shortest=150, longest=250),
}


def random_model(method: str) -> Any:
    """A Llama of 12.7 million parameters, with an adapter or with all weights to learn."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=8,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model: Any = LlamaForCausalLM(config)
    if method == "lora":
        from peft import LoraConfig, get_peft_model

        adapter = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, adapter)
    return model


def stock(kind: str, method: str, steps: int) -> Measurement:
    """`transformers.Trainer` with its usual padding to the longest row of a micro-batch."""
    import torch
    from transformers import Trainer, TrainingArguments

    rows, schedule = ROWS[kind](BATCH_SIZE * steps), _schedule(steps)
    in_order = [rows[index] for step in range(steps) for index in schedule.rows_of_step(step)]

    def collate(batch: list[Any]) -> dict[str, Any]:
        longest = max(map(len, batch))
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for number, row in enumerate(batch):
            ids[number, : len(row)] = torch.tensor(row.ids)
            mask[number, : len(row)] = 1
            learned = torch.tensor(row.learned)
            labels[number, : len(row)][learned] = ids[number, : len(row)][learned]
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=MICRO_BATCH,
            gradient_accumulation_steps=BATCH_SIZE // MICRO_BATCH,
            max_steps=steps,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            train_sampling_strategy="sequential",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            remove_unused_columns=False,
        )
        trainer = Trainer(model=random_model(method), args=arguments, train_dataset=in_order, data_collator=collate)
        return _measured(trainer, in_order)


def packed(kind: str, method: str, steps: int, *, share: bool = True) -> Measurement:
    """The engine's own step."""
    import torch

    from fintune_gui.engine.device import Device
    from fintune_gui.engine.job import Job
    from fintune_gui.engine.stepping import PackedCausal
    from fintune_gui.engine.trainer import StepTrainer

    rows, schedule = ROWS[kind](BATCH_SIZE * steps), _schedule(steps)
    device, model = Device(torch.device("cpu"), "CPU", half=False), random_model(method)
    layout = PackedCausal(model, device, 0)
    layout.share = share
    silent: Any = None
    with tempfile.TemporaryDirectory() as folder:
        trainer = StepTrainer(
            model,
            Job(Path(folder), lambda _event: None, silent),
            device=device,
            layout=layout,
            schedule=schedule,
            examples=rows,
            learning_rate=LEARNING_RATE,
        )
        return _measured(trainer, rows)


def _measured(trainer: Any, rows: list[Any]) -> Measurement:
    before = peak_memory_bytes()
    with Stopwatch() as watch:
        trainer.train()
    tokens = sum(map(len, rows))
    return {
        "useful tokens/s": tokens / watch.wall,
        "useful tokens/cpu s": tokens / watch.cpu,
        "peak MB above start": (peak_memory_bytes() - before) / 1e6,
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
    }


def _schedule(steps: int) -> Any:
    from fintune_gui.engine.trainer import Schedule
    from fintune_gui.project.settings import Scheduler, TrainingSettings

    settings = TrainingSettings(
        batch_size=BATCH_SIZE, epochs=1, warmup_ratio=0, weight_decay=0, scheduler=Scheduler.CONSTANT
    )
    return Schedule(BATCH_SIZE * steps, settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--method", nargs="+", choices=["lora", "full"], default=["lora", "full"])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for kind in arguments.rows:
        baseline: tuple[str, Callable[..., Measurement]] = ("Trainer, padded", stock)
        if kind != "skewed":
            baseline = ("packed step without sharing", partial(packed, share=False))
        for method in arguments.method:
            contest(kind, method, [baseline, ("packed step", packed)], arguments.steps, arguments.rounds)


def contest(
    kind: str, method: str, ways: list[tuple[str, Callable[..., Measurement]]], steps: int, rounds: int
) -> None:
    """Print the table of one contest; the first of `ways` is the baseline."""
    results = compare([Contestant(name, partial(way, kind, method, steps)) for name, way in ways], rounds)
    difference = largest_difference(results, "losses")
    print(f"\n## {kind} rows, {method}\n")
    print(table(results, ways[0][0], "useful tokens/s", "peak MB above start"))
    print(f"\nLargest difference of a loss: {difference:.1e}")
    assert difference < 1e-4, "the two do not train the same"


if __name__ == "__main__":
    main()
