"""Models that `benchmarks.memory` trains: of several kinds, with random weights, made on the spot."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fintune_gui.project.document import (
    FormatSettings,
    Metric,
    ModelChoice,
    Objective,
    Role,
    Task,
    Template,
)
from fintune_gui.project.settings import Method, TrainingSettings
from fintune_gui.project.spec import FitSpec, TrainSpec, write_spec

_WORDS = 16_000
_ROWS = 16
_MARKS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
_LABELS = ("north", "east", "south")


@dataclass(frozen=True)
class Shape:
    """One model with the settings of its training.

    Attributes:
        make: Makes the model, with random weights.
        words: Tokens of a row, and the longest that is allowed.
        training: What differs from the usual settings.
        half: Whether the file holds bfloat16, as most published models do, and not float32.
    """

    name: str
    make: Callable[[], Any]
    task: Task = Task.INSTRUCTION
    method: Method = Method.LORA
    words: int = 256
    training: dict[str, Any] = field(default_factory=dict)
    half: bool = False

    @property
    def settings(self) -> TrainingSettings:
        """The settings of its training."""
        return TrainingSettings(**{"batch_size": 4, **self.training})

    def write_job(self, folder: Path) -> None:
        """The folder of a dry run as the program makes it, and beside it the model's."""
        import torch

        torch.manual_seed(0)
        model = self.make()
        if self.half:
            model = model.bfloat16()
        model.save_pretrained(folder / "model")
        _write_tokenizer(folder / "model", seq2seq=model.config.is_encoder_decoder)
        _write_rows(folder / "job" / "data", self)
        generates = self.task.generates
        roles = (
            {Role.INSTRUCTION: "text", Role.ANSWER: "answer"} if generates else {Role.TEXT: "text", Role.LABEL: "label"}
        )
        train = TrainSpec(
            run=1,
            project_name=self.name,
            objective=Objective(task=self.task, metric=Metric.PERPLEXITY if generates else Metric.F1),
            model=ModelChoice(
                name=self.name,
                folder=str(folder / "model"),
                fingerprint=self.name,
                parameters=sum(parameter.numel() for parameter in model.parameters()),
                context_length=self.words,
                architecture=type(model).__name__,
                has_chat_template=False,
                seq2seq=model.config.is_encoder_decoder,
                method=self.method,
            ),
            format=FormatSettings(roles=roles, template=Template.PLAIN if generates else None, max_length=self.words),
            labels=() if generates else _LABELS,
            training=self.settings,
        )
        write_spec(folder / "job", FitSpec(train=train, steps=2))


def _write_tokenizer(folder: Path, *, seq2seq: bool) -> None:
    """A token for each word."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {"<pad>": 0, "<end>": 1, "<unknown>": 2} | {f"w{number}": 3 + number for number in range(_WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if seq2seq:
        tokenizer.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def _write_rows(folder: Path, shape: Shape) -> None:
    """Rows of one length, each of words that no other row begins with: no beginnings are shared."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    chance = random.Random(1)

    def text(words: int) -> str:
        return " ".join(f"w{chance.randrange(_WORDS)}" for _ in range(words))

    for part, count in (("train", _ROWS), ("validation", 4), ("test", 4)):
        rows: list[dict[str, Any]] = []
        for number in range(count):
            if shape.task.generates:
                half = shape.words // 2
                row = {"text": text(half), "answer": text(shape.words - half)}
            else:
                row = {"text": text(shape.words), "label": _LABELS[number % len(_LABELS)]}
            rows.append({"row_id": number, **row})
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{part}.parquet")


def _llama(hidden: int, layers: int, vocabulary: int = 16_384, *, tied: bool = False) -> Callable[[], Any]:
    def make() -> Any:
        from transformers import LlamaConfig, LlamaForCausalLM

        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=vocabulary,
                hidden_size=hidden,
                intermediate_size=hidden * 8 // 3,
                num_hidden_layers=layers,
                num_attention_heads=8,
                num_key_value_heads=8,
                max_position_embeddings=8192,
                tie_word_embeddings=tied,
                **_MARKS,
            )
        )

    return make


def _qwen() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=32_768,
            hidden_size=512,
            intermediate_size=1536,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=128,
            max_position_embeddings=8192,
            tie_word_embeddings=True,
            **_MARKS,
        )
    )


def _gpt2(layers: int = 6) -> Callable[[], Any]:
    def make() -> Any:
        from transformers import GPT2Config, GPT2LMHeadModel

        return GPT2LMHeadModel(GPT2Config(n_layer=layers, **_MARKS))

    return make


def _bert() -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(BertConfig(num_hidden_layers=6, pad_token_id=0))


def _t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(d_ff=2048, num_layers=4, **_MARKS)
    config.decoder_start_token_id = 0
    return T5ForConditionalGeneration(config)


_CLASSES, _FULL = Task.CLASSIFICATION, Method.FULL
SHAPES = (
    Shape("Llama, 8 layers, LoRA", _llama(512, 8)),
    Shape("Llama, 16 layers, LoRA", _llama(512, 16)),
    Shape("Llama, 8 layers, full", _llama(512, 8), method=_FULL),
    Shape("Llama, 8 layers, full, two parts a step", _llama(512, 8), method=_FULL, training={"batch_size": 8}),
    Shape("Llama, 16 layers, LoRA, checkpointing", _llama(512, 16), training={"gradient_checkpointing": True}),
    Shape("Llama, LoRA on attention only", _llama(512, 8), training={"lora_targets": "attention"}),
    Shape("Llama, vocabulary of 128,256, LoRA", _llama(512, 4, 128_256, tied=True)),
    Shape("Llama, rows of 3,000 tokens, LoRA", _llama(512, 4), words=3000, training={"batch_size": 1}),
    Shape("Qwen3, grouped heads, bfloat16 file, LoRA", _qwen, half=True),
    Shape("GPT-2, LoRA", _gpt2()),
    Shape("GPT-2, full", _gpt2(), method=_FULL),
    Shape("BERT, classification, full", _bert, task=_CLASSES, method=_FULL),
    Shape("BERT, classification, LoRA", _bert, task=_CLASSES),
    Shape("T5, LoRA", _t5),
)
