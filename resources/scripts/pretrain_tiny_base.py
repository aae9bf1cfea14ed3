"""Build and pre-train the tiny Llama base model that ships with Fintune.

The model (about 2.6 million parameters) is trained from scratch on the conversations of the PyPI package
``chitchat-dataset`` (MIT).  It exists so that samples and tests have a real, trainable model without any
download; it is far too small to know anything.

    pip install --no-deps --target chit chitchat-dataset==0.9.0
    python resources/scripts/pretrain_tiny_base.py --data chit/chitchat_dataset/dataset.json --out tiny-base

The learning rate follows the clock, not the step count, so that a run always ends in the time it was given.
Two runs of the same command therefore give similar, not identical, weights.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import math
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

log = logging.getLogger("pretrain_tiny_base")

Form = Literal["chat", "raw"]

START, END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# Conversations with links, addresses, phone numbers or coarse language are left out whole.
UNWANTED = re.compile(
    r"https?:|www\.|\S@\S+\.\w|\d{3}[- .]?\d{3}[- .]?\d{4}"
    r"|\b(?:fuck\w*|shit\w*|bitch\w*|nigg\w*|cunt\w*|dick\w*|porn\w*|sex\w*|rap(?:e|ed|ist)|fag\w*|whore\w*"
    r"|slut\w*|puss(?:y|ies)|penis\w*|suicid\w*|nazi\w*|kill\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Conversation:
    """One conversation: the topic the two people were given, and their messages in turn."""

    topic: str
    messages: tuple[str, ...]

    def as_chat(self, *, with_topic: bool) -> str:
        """Return the conversation as ChatML, the first speaker being the user."""
        turns = [("system", self.topic)] if with_topic and self.topic else []
        turns += [(("user", "assistant")[i % 2], text) for i, text in enumerate(self.messages)]
        return "".join(f"{START}{role}\n{text}{END}\n" for role, text in turns)

    def as_raw(self) -> str:
        """Return the messages as plain lines, without roles."""
        return "\n".join(self.messages) + END


@dataclass
class Progress:
    """What a run has seen and measured so far."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    held_out: dict[Form, float] = field(default_factory=dict)


def read_conversations(path: Path) -> list[Conversation]:
    """Read the dataset file and drop what is empty, one-sided or unwanted."""
    kept = []
    for entry in json.loads(path.read_text("utf-8")).values():
        texts = [" ".join(" ".join(part["text"] for part in turn).split()) for turn in entry["messages"]]
        messages = tuple(text for text in texts if text)
        if len(messages) > 1 and not UNWANTED.search("\n".join(messages)):
            kept.append(Conversation(" ".join(str(entry.get("prompt") or "").split()), messages))
    return kept


def train_tokenizer(texts: Iterator[str], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE on ``texts``; every string can be encoded, so there is no unknown token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        chat_template=CHAT_TEMPLATE,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )


def build_model(tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace) -> LlamaForCausalLM:
    """Return a freshly initialised model with tied embeddings."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=args.hidden,
        intermediate_size=args.hidden * 8 // 3,
        num_hidden_layers=args.layers,
        num_attention_heads=args.heads,
        num_key_value_heads=args.heads,
        max_position_embeddings=args.max_length,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


class Packer:
    """Cuts an endless, reshuffled stream of conversations into full batches without padding."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, talks: Sequence[Conversation], seed: int) -> None:
        self._forms: list[list[list[int]]] = [
            [
                tokenizer.encode(talk.as_chat(with_topic=False), verbose=False),
                tokenizer.encode(talk.as_chat(with_topic=True), verbose=False),
                tokenizer.encode(talk.as_raw(), verbose=False),
            ]
            for talk in talks
        ]
        self._random = random.Random(seed)

    def batches(self, rows: int, length: int) -> Iterator[torch.Tensor]:
        """Yield ``rows`` x ``length`` token ids for ever; each pass draws the form of a conversation anew."""
        buffer: list[int] = []
        while True:
            for forms in self._random.sample(self._forms, len(self._forms)):
                buffer += self._random.choices(forms, weights=(45, 20, 35))[0]
                while len(buffer) >= rows * length:
                    yield torch.tensor(buffer[: rows * length]).view(rows, length)
                    del buffer[: rows * length]


class HeldOut:
    """The conversations the model never trains on, packed once in each form."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, talks: Sequence[Conversation], length: int) -> None:
        texts: dict[Form, list[str]] = {
            "chat": [talk.as_chat(with_topic=False) for talk in talks],
            "raw": [talk.as_raw() for talk in talks],
        }
        self.windows: dict[Form, torch.Tensor] = {}
        for form, lines in texts.items():
            ids = [token for line in lines for token in tokenizer.encode(line, verbose=False)]
            self.windows[form] = torch.tensor(ids[: len(ids) // length * length]).view(-1, length)

    def tokens(self, form: Form) -> int:
        """Return how many tokens the full measurement of ``form`` covers."""
        return self.windows[form].numel()

    @torch.no_grad()
    def loss(self, model: LlamaForCausalLM) -> dict[Form, float]:
        """Return the mean loss per token (natural log) in each form."""
        model.train(mode=False)
        losses: dict[Form, float] = {}
        for form, windows in self.windows.items():
            chunks = torch.split(windows, 16)
            total = sum(model(input_ids=chunk, labels=chunk).loss.item() * len(chunk) for chunk in chunks)
            losses[form] = total / sum(map(len, chunks))
        model.train()
        return losses


def learning_rate(progress: float, peak: float, warm_up: float = 0.02, floor: float = 0.02) -> float:
    """Return the rate at ``progress`` (0 to 1): linear warm-up, then a cosine to ``floor`` of the peak."""
    if progress < warm_up:
        return peak * max(progress, 1e-4) / warm_up
    done = min(1.0, (progress - warm_up) / (1.0 - warm_up))
    return peak * (floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * done)))


def make_optimizer(model: LlamaForCausalLM) -> torch.optim.AdamW:
    """Return AdamW with weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), fused=True)


def save(
    out: Path,
    *,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    held_out: HeldOut,
    progress: Progress,
    args: argparse.Namespace,
) -> None:
    """Write weights (bf16), tokenizer, configuration and model card to ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).bfloat16().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "README.md").write_text(model_card(model, held_out, progress, args), "utf-8", newline="\n")


def model_card(model: LlamaForCausalLM, held_out: HeldOut, progress: Progress, args: argparse.Namespace) -> str:
    """Return the model card in Markdown."""
    options = (
        f"--minutes {args.minutes:g} --batch {args.batch} --length {args.length} --lr {args.lr:g} "
        f"--threads {args.threads} --seed {args.seed}" + (" --bf16" if args.bf16 else "")
    )
    chat, raw = (
        f"**{progress.held_out[form]:.3f}** per token (perplexity {math.exp(progress.held_out[form]):.1f}; "
        f"{held_out.tokens(form):,} tokens)"
        for form in ("chat", "raw")
    )
    return f"""---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---
# tiny-base

A Llama causal language model with {model.num_parameters():,} parameters, trained from scratch for the samples
and tests of Fintune. It loads in a second and can be fine-tuned on any computer.

| | |
|---|---|
| Shape | {args.layers} layers, hidden size {args.hidden}, {args.heads} heads, tied embeddings, bf16 weights |
| Vocabulary | {model.config.vocab_size:,} byte-level BPE tokens, trained on the same text |
| Context | {args.max_length:,} positions; trained on windows of {args.length} |
| Chat format | ChatML; `{END}` ends a turn, `{PAD}` is a token of its own |
| Trained on | {progress.tokens:,} tokens in {progress.steps:,} steps, {progress.seconds / 60:.0f} minutes |
| Held-out loss, chat form | {chat} |
| Held-out loss, plain lines | {raw} |

## Source and licence
The text is the PyPI package `chitchat-dataset` 0.9.0 (BYU Perception, Control & Cognition lab, MIT):
conversations between people. Conversations with links, e-mail addresses, phone numbers or coarse language
were left out, and {args.held_out:.0%} of the rest, drawn by chance, were held out for the figures above. The
text itself is not part of this folder. The weights are ours and are given under the MIT licence.

> chitchat-dataset: Copyright (c) 2019 Perception, Control and Cognition Lab; MIT licence.

## How it was made
```
pip install --no-deps --target chit chitchat-dataset==0.9.0
python resources/scripts/pretrain_tiny_base.py --data chit/chitchat_dataset/dataset.json \\
    --out resources/models/tiny-base {options}
```
The learning rate follows the clock, so a second run gives similar, not identical, weights.

## Fine-tuning it
Small models want high learning rates: about 2e-3 for LoRA (r 16, alpha 32, all linear layers, batches of 8)
and 1e-3 for full fine-tuning (batches of 16), three or four passes for classifying and more for answering.
Train in fp32.

## Limits
It writes English-looking small talk and knows nothing: no facts, no instructions, no other language. Text
longer than {args.length} tokens is outside what it has seen. The filter above is a short list of words, so
odd or rude output is possible. Use it to try the program out, never for answers that matter.
"""


def train(args: argparse.Namespace) -> None:
    """Run the whole recipe: read, tokenize, train by the clock, save now and then and at the end."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    talks = read_conversations(args.data)
    random.Random(args.seed).shuffle(talks)
    split = round(len(talks) * args.held_out)
    held, seen = talks[:split], talks[split:]

    tokenizer = train_tokenizer((talk.as_raw() for talk in seen), args.vocab, args.max_length)
    packer, held_out = Packer(tokenizer, seen, args.seed), HeldOut(tokenizer, held, args.length)
    model = build_model(tokenizer, args)
    optimizer = make_optimizer(model)
    log.info("%d + %d conversations, %d parameters", len(seen), len(held), model.num_parameters())

    progress, budget = Progress(), args.minutes * 60
    start = last_save = time.monotonic()
    model.train()
    for batch in packer.batches(args.batch, args.length):
        now = time.monotonic()
        progress.seconds = now - start
        if progress.seconds >= budget:
            break
        rate = learning_rate(progress.seconds / budget, args.lr)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        progress.steps += 1
        progress.tokens += batch.numel()
        if progress.steps % 100 == 0:
            speed = progress.tokens / progress.seconds
            print(
                f"step {progress.steps} loss {loss.item():.3f} lr {rate:.2e} {speed:,.0f} tokens/s",
                flush=True,
            )
        if now - last_save >= args.save_every * 60:
            last_save = now
            progress.held_out = held_out.loss(model)
            save(args.out, model=model, tokenizer=tokenizer, held_out=held_out, progress=progress, args=args)
            log.info("saved after %.1f min: %s", progress.seconds / 60, progress.held_out)

    progress.held_out = held_out.loss(model)
    save(args.out, model=model, tokenizer=tokenizer, held_out=held_out, progress=progress, args=args)
    log.info("done: %s", progress)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Pre-train Fintune's tiny base model.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="dataset.json of the package chitchat-dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--minutes", type=float, default=38.0, help="training time")
    parser.add_argument("--save-every", type=float, default=8.0, help="minutes between saves")
    parser.add_argument("--batch", type=int, default=4, help="windows per step")
    parser.add_argument("--length", type=int, default=256, help="tokens per window")
    parser.add_argument("--lr", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--bf16", action="store_true", help="compute in bf16 (faster on recent CPUs)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--held-out", type=float, default=0.03, help="share of conversations never trained on")
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--max-length", type=int, default=1024, help="positions the model accepts")
    return parser.parse_args(argv)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(parse_args())
