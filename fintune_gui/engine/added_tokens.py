"""Room in a model for tokens that the user added, and layers that let only their rows learn.

A new row begins as the mean of the rows of the tokens that its text was torn into before. So the model reads from it
what it read from them, and where the row also serves for writing, its logit is at first the mean of theirs: never the
greatest, and the other tokens keep their probabilities but for a small share (the argument of Hewitt, 2021,
"Initializing New Word Embeddings for Pretrained Language Models", there for the mean over the whole vocabulary).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from peft.tuners.trainable_tokens import TrainableTokensLayer
from torch import nn

from fintune_gui.dataset.tokenizer import ModelTokenizer
from fintune_gui.project.errors import ModelError


def make_room(model: Any, tokenizer: ModelTokenizer) -> list[int]:
    """Give every added token a row in the model's tables. Returns the rows that have to learn, rising.

    Rows that a vocabulary has to spare are used first, so that the model often keeps its size. Where it grows, all new
    rows learn: whoever loads the adapter later has other numbers in them.

    Raises:
        ModelError: if the model's tables cannot grow.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    places = max(rows, *(number + 1 for number in tokenizer.added)) if tokenizer.added else rows
    if places > rows:
        _grow(model, places)
    with torch.no_grad():
        for table in _tables(model):
            mean = table[:rows].float().mean(0)
            table[rows:] = mean.to(table.dtype)
            for number, pieces in tokenizer.added.items():
                known = [piece for piece in pieces if piece not in tokenizer.special_ids and piece < rows]
                table[number] = (table[known].float().mean(0) if known else mean).to(table.dtype)
    return sorted({*tokenizer.added, *range(rows, places)})


def _grow(model: Any, places: int) -> None:
    """Make the tables of the vocabulary longer, and nothing else."""
    head = model.get_output_embeddings()
    apart = head is not None and head.weight is not model.get_input_embeddings().weight
    before = head.weight if apart else None
    try:
        model.resize_token_embeddings(places, mean_resizing=False)
    except (NotImplementedError, TypeError, AttributeError, ValueError) as error:
        raise ModelError(
            "model.fixed_vocabulary",
            "No tokens can be added to this model.",
            f"The vocabulary of a {type(model).__name__} cannot grow.",
            "Remove the added tokens on the page Format, or choose another model.",
            details=str(error),
        ) from error
    head = model.get_output_embeddings()
    if before is not None and head.weight is model.get_input_embeddings().weight:
        # The library goes by the configuration: that of Flan-T5 says that one table serves for both, and it is not so.
        longer = before.new_zeros(places, before.shape[1])
        longer[: len(before)] = before.detach()
        head.weight = nn.Parameter(longer, requires_grad=before.requires_grad)


def _tables(model: Any) -> list[torch.Tensor]:
    """All weights with a row for each token, each once: for reading, for writing, and what is added to the latter."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    tables = [embedding.weight]
    if head is not None:
        if head.weight is not embedding.weight:
            tables.append(head.weight)
        if getattr(head, "bias", None) is not None:
            tables.append(head.bias)
    return tables


def let_tokens_learn(model: Any) -> None:
    """Let the whole tables of a model learn, as new tokens need it, also where the first layers rest."""
    for table in _tables(model):
        table.requires_grad_(True)


def trained_rows(model: Any, rows: list[int]) -> tuple[dict[str, list[int]], list[str]]:
    """What an adapter holds for the new rows, in the library's words: rows by the name of their table, whole tables.

    A table for writing that adds a bias learns as a whole, because the library's layer for rows would drop the bias.
    """
    names = {id(module): name for name, module in reversed(list(model.named_modules()))}
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    by_rows, whole = {names[id(embedding)]: rows}, []
    if head is not None and head.weight is not embedding.weight:
        if head.bias is not None:
            whole.append(names[id(head)])
        else:
            by_rows[names[id(head)]] = rows
    return by_rows, whole


def check_rows_learn(adapted: Any) -> None:
    """Make sure that the new rows are the same wherever a table is used: the library goes by names and configurations.

    Raises:
        ModelError: if a layer uses the rows as they were, or those of another table.
    """
    base = adapted.get_base_model()
    layers = [module for module in base.modules() if isinstance(module, TrainableTokensLayer)]
    wrapped = {id(layer.base_layer): layer for layer in layers}
    tables = {id(layer.base_layer.weight) for layer in layers}
    for name, module in base.named_modules():
        layer = wrapped.get(id(module))
        tied = layer.tied_adapter if layer is not None else None
        forgotten = layer is None and id(module._parameters.get("weight")) in tables
        if forgotten or (tied is not None and tied.base_layer.weight is not module.weight):
            raise ModelError(
                "model.rows_cannot_learn",
                "An adapter cannot learn new tokens of this model.",
                f"Its layer {name.removesuffix('.token_adapter.base_layer')} would not see them, or see others.",
                "Choose full fine-tuning on the page Model, or remove the added tokens on the page Format.",
            )


def fuse_tokens(model: nn.Module) -> None:
    """Let layers with some learning rows compute in one piece."""
    module: Any
    for module in model.modules():
        if type(module) is not TrainableTokensLayer or len(module.token_indices) != 1:
            continue
        base = module.base_layer
        reads = isinstance(base, nn.Embedding) and base.max_norm is None
        if reads or (type(base) is nn.Linear and base.bias is None):
            module.__class__ = FusedTokens
            (rows,) = module.token_indices.values()
            module.register_buffer("rows", torch.tensor(rows, device=base.weight.device), persistent=False)


class FusedTokens(TrainableTokensLayer):  # type: ignore[misc]  # the library has no types
    """A table of which some rows learn, without the library's copy of the whole table in each call.

    A vocabulary of 128,000 and a size of 2,048 make that copy a gigabyte, once for reading and once for every few
    tokens that are written.

    Attributes:
        rows: The rows that learn, rising.
    """

    rows: torch.Tensor

    def forward_adapters(self, x: torch.Tensor, active_adapters: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        base = self.base_layer
        plain = not (self.disable_adapters or self.merged or args or kwargs or base.weight.requires_grad)
        if not plain or len(active_adapters) != 1:
            return super().forward_adapters(x, active_adapters, *args, **kwargs)  # type: ignore[no-any-return]
        learned = self.trainable_tokens_delta[active_adapters[0]]
        if isinstance(base, nn.Linear):
            return base(x).index_copy_(-1, self.rows, F.linear(x, learned.to(x.dtype)))  # type: ignore[no-any-return]
        place = torch.searchsorted(self.rows, x.contiguous()).clamp_(max=len(self.rows) - 1)
        new = F.embedding(place, learned.to(base.weight.dtype))
        scale = self._get_embed_scale()
        return torch.where((self.rows[place] == x).unsqueeze(-1), new if scale is None else new * scale, base(x))
