"""Tiny random models and runs for the engine's tests: made in milliseconds, real in every other respect."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from fintune_gui.engine.job import Job
from fintune_gui.project.document import (
    FormatSettings,
    LabelSeparator,
    Metric,
    ModelChoice,
    Objective,
    Role,
    Task,
    Template,
    metrics_for,
)
from fintune_gui.project.events import Event
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.spec import PARTS, TrainSpec, write_spec

WORDS = {
    "billing": ("invoice", "refund", "charged", "payment", "card"),
    "login": ("password", "account", "locked", "reset", "code"),
    "shipping": ("parcel", "delivery", "courier", "tracking", "late"),
}
FILLER = (
    "please",
    "help",
    "me",
    "with",
    "my",
    "the",
    "was",
    "again",
    "and",
    "have",
    "waiting",
    "since",
    "could",
    "look",
)
LABELS = tuple(WORDS)
VOCABULARY = 400


SEQ2SEQ = ("t5", "bart")


def save_tokenizer(folder: Path, *, end_mark: str = "<|end|>", around: str = "$A") -> Tokenizer:
    """A byte-level tokenizer for `WORDS` and `FILLER`. `around`: the marks that it puts around a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", end_mark, *(["<|begin|>"] if "<|begin|>" in around else [])]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [" ".join(words) for words in (*WORDS.values(), FILLER)]
    tokenizer.train_from_iterator(texts * 3, trainer)
    if around != "$A":
        marks = [(mark, number) for number, mark in enumerate(special) if mark in around]
        tokenizer.post_processor = processors.TemplateProcessing(single=around, special_tokens=marks)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end_mark, "pad_token": "<|pad|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer


def save_model(folder: Path, kind: str = "llama", *, dropout: float = 0.0, **changes: Any) -> Path:
    """A random model of one kind ("llama", "qwen", "gpt2", "bert", "t5", "bart") with its tokenizer."""
    import transformers as t

    save_tokenizer(folder, around={"t5": "$A <|end|>", "bart": "<|begin|> $A <|end|>"}.get(kind, "$A"))
    torch.manual_seed(7)
    common = {"vocab_size": VOCABULARY, "eos_token_id": 1, "pad_token_id": 0, "bos_token_id": None, **changes}
    model: Any
    if kind == "llama":
        model = t.LlamaForCausalLM(
            t.LlamaConfig(
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=256,
                attention_dropout=dropout,
                **common,
            )
        )
    elif kind == "qwen":
        model = t.Qwen3ForCausalLM(
            t.Qwen3Config(
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                head_dim=8,
                max_position_embeddings=256,
                attention_dropout=dropout,
                tie_word_embeddings=True,
                **common,
            )
        )
    elif kind == "gpt2":
        model = t.GPT2LMHeadModel(
            t.GPT2Config(
                n_embd=32,
                n_layer=2,
                n_head=4,
                n_positions=256,
                resid_pdrop=dropout,
                embd_pdrop=dropout,
                attn_pdrop=dropout,
                **common,
            )
        )
    elif kind == "t5":
        model = t.T5ForConditionalGeneration(
            t.T5Config(
                d_model=32,
                d_kv=8,
                d_ff=48,
                num_layers=2,
                num_heads=4,
                n_positions=256,
                relative_attention_num_buckets=8,
                relative_attention_max_distance=16,
                dropout_rate=dropout,
                decoder_start_token_id=0,
                **common,
            )
        )
    elif kind == "bart":
        size = {"layers": 2, "ffn_dim": 48, "attention_heads": 4}
        halves = {f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in size.items()}
        starts = {"decoder_start_token_id": 1, "forced_eos_token_id": 1, "bos_token_id": 2}
        model = t.BartForConditionalGeneration(
            t.BartConfig(d_model=32, max_position_embeddings=256, dropout=dropout, **halves, **common | starts)
        )
        model.final_logits_bias.normal_(std=0.1)
    else:
        model = t.BertForMaskedLM(
            t.BertConfig(
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=256,
                hidden_dropout_prob=dropout,
                attention_probs_dropout_prob=dropout,
                **common,
            )
        )
    model.save_pretrained(folder)
    return folder


def choice(folder: Path, method: Method = Method.LORA, name: str = "") -> ModelChoice:
    """What a project would keep about the model in `folder`."""
    from fintune_gui.engine.inspection import inspect_model

    return inspect_model(name or str(folder), folder).model_copy(update={"method": method})


def ticket(random_: random.Random, label: str) -> str:
    """A text of 3 to 30 words, some of which belong to its label."""
    words = [random_.choice(FILLER) for _ in range(random_.randint(3, 30))]
    for _ in range(2):
        words[random_.randrange(len(words))] = random_.choice(WORDS[label])
    return " ".join(words)


def rows_of(task: Task, count: int, random_: random.Random) -> list[dict[str, Any]]:
    """Rows whose answers follow from their questions."""
    rows = []
    for number in range(count):
        label = random_.choice(LABELS)
        row = {"row_id": number, "text": ticket(random_, label)}
        if task is Task.CLASSIFICATION:
            row["label"] = label
        elif task is Task.MULTI_LABEL:
            wanted = random_.sample(LABELS, random_.choice((0, 1, 1, 2, 3)))
            words = [random_.choice(FILLER) for _ in range(random_.randint(3, 12))]
            words += [random_.choice(WORDS[name]) for name in wanted for _ in range(2)]
            row |= {"text": " ".join(random_.sample(words, len(words))), "label": "; ".join(wanted)}
        else:
            row["answer"] = " ".join(random_.choice(WORDS[label]) for _ in range(random_.randint(1, 12)))
        rows.append(row)
    return rows


def make_run(
    folder: Path,
    model: Path,
    task: Task = Task.INSTRUCTION,
    *,
    method: Method = Method.LORA,
    sizes: tuple[int, int, int] = (40, 8, 8),
    metric: Metric | None = None,
    target: float | None = None,
    seed: int = 1,
    beginning: str = "",
    added_tokens: tuple[str, ...] = (),
    **training: Any,
) -> TrainSpec:
    """A run's folder as `create_run` leaves it. Every second text starts with `beginning`.

    Every text and every answer holds one of the `added_tokens`, if there are any.
    """
    random_ = random.Random(seed)
    (folder / "data").mkdir(parents=True)
    for part, size in zip(PARTS, sizes, strict=True):
        rows = rows_of(task, size, random_)
        for row in rows[::2]:
            row["text"] = f"{beginning} {row['text']}".strip()
        for number, row in enumerate(rows if added_tokens else ()):
            token = added_tokens[number % len(added_tokens)]
            row["text"] = f"{row['text']} {token} please"
            if "answer" in row:
                row["answer"] = f"{row['answer']} {token} {row['answer'].split()[0]}"
        pq.write_table(pa.Table.from_pylist(rows), folder / "data" / f"{part}.parquet")
    classifies, several = not task.generates, task is Task.MULTI_LABEL
    roles = {Role.TEXT: "text", Role.LABEL: "label"}
    if not classifies:
        roles = {Role.INSTRUCTION: "text", Role.ANSWER: "answer"}
    spec = TrainSpec(
        run=1,
        project_name="Tiny",
        objective=Objective(task=task, metric=metric or metrics_for(task)[0], target=target),
        model=choice(model, method),
        format=FormatSettings(
            roles=roles,
            template=None if classifies else Template.PLAIN,
            max_length=128,
            added_tokens=added_tokens,
            label_separator=LabelSeparator.SEMICOLON if several else None,
        ),
        labels=LABELS if classifies else (),
        training=TrainingSettings(**{"batch_size": 8, "epochs": 2, "lora_dropout": 0.0, "lora_rank": 4, **training}),
    )
    write_spec(folder, spec)
    return spec


class Commands:
    """Stands where a `CommandReader` stands; says each word after so many looks."""

    def __init__(self, words: Iterable[tuple[int, str]] = ()) -> None:
        self._words = dict(words)
        self._looks = 0

    def poll(self) -> str | None:
        self._looks += 1
        return self._words.get(self._looks)

    def wait(self, timeout_s: float | None = None) -> str | None:
        return "continue" if timeout_s is None else None

    def cancel_check(self) -> Any:
        return lambda: None


def job_in(folder: Path, words: Iterable[tuple[int, str]] = ()) -> tuple[Job, list[Event]]:
    """A job that keeps its events in a list."""
    events: list[Event] = []
    return Job(folder, events.append, Commands(words)), events  # type: ignore[arg-type]


def of_kind(events: list[Event], kind: type) -> list[Any]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]
