"""What a layer keeps of each token until the backward pass: counted in the layers' own arithmetic, kind by kind.

PyTorch keeps what an operation's derivative needs: of y = Wx the x (where W or an adapter beside it learns), of a
product both factors, of softmax its result, of a norm its input and, where its weight learns, what it made of it. Read
line by line in `transformers` 5.23 that gives `KINDS`; ``tests/engine/test_activations.py`` counts the tensors that
autograd really keeps, and fails when a line is not true any more. A change of the engine's layers changes a line there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fintune_gui.project.model_shape import ModelShape

_NUMBER_BYTES = 4
_SCORES = 3
"""Where scores are dropped out, attention is computed step by step: their softmax, the dropout, and both's product."""
_ENDS = 3
"""Once for the whole model, in widths of the hidden state: input and result of the last norm, and what is read."""


@dataclass(frozen=True)
class Kept:
    """Numbers that one layer keeps for each token, in multiples of the model's widths.

    Attributes:
        hidden: Widths of the hidden state: inputs and results of norms, inputs of linear layers.
        resting: So many of them only where norms learn: with an adapter they rest.
        query, key_value: Widths of queries and keys: what attention reads and gives.
        inner: Widths of the feed-forward part: activation, its input, and what goes into the last matrix.
        noise: Widths of the hidden state for the model's own dropout, where it has one.
        cross_hidden: As `hidden`, and `cross_query` as `query`, for attention from the writing half to the reading one.
        fused: Whether its linear layers with an adapter keep a byte, and not two numbers, for what is dropped out.
        scores: Whether attention adds something to the scores, which is computed step by step in any case.
    """

    hidden: float
    resting: float
    query: float
    key_value: float
    inner: float
    noise: float = 2
    cross_hidden: float = 0
    cross_query: float = 0
    fused: bool = True
    scores: bool = False


_LLAMA = Kept(hidden=6, resting=2, query=3, key_value=2, inner=4)
"""Two norms: input, scaled input (rests), result. q, k, v, attention's result alone and joined. Gate, its activation,
up, product."""
_BERT = Kept(hidden=4, resting=0, query=2, key_value=2, inner=2)
"""Two norms: input and result. q, k, v, attention's result. Activation and its input."""

KINDS: dict[str, Kept] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "smollm3"), _LLAMA),
    # heads of queries and keys have norms of their own: see `_layer`
    "qwen3": _LLAMA,
    # four norms, of which two give what nobody keeps
    "gemma3_text": replace(_LLAMA, hidden=10, resting=4),
    # one matrix for q, k and v: v holds all three
    "phi3": replace(_LLAMA, query=4, key_value=3),
    # q and k are scaled copies, v holds all three; GELU written out keeps five; Conv1D's adapters are not fused
    "gpt2": Kept(hidden=4, resting=0, query=4, key_value=2, inner=5, fused=False),
    # two norms that read the same input, and one matrix for q, k and v
    "gpt_neox": Kept(hidden=3, resting=0, query=4, key_value=3, inner=2, noise=0),
    # ReLU's result is also the input of what follows
    "opt": Kept(hidden=4, resting=0, query=3, key_value=2, inner=1),
    **dict.fromkeys(("bert", "roberta", "xlm-roberta"), _BERT),
    "distilbert": replace(_BERT, noise=1),
    "modernbert": Kept(hidden=4, resting=0, query=3, key_value=3, inner=4, noise=0),
    # scores get a bias of their places; ReLU (or a gate with GELU written out: see `_layer`) with a dropout of its own
    **dict.fromkeys(
        ("t5", "mt5", "umt5"),
        Kept(hidden=6, resting=2, query=2, key_value=2, inner=3, cross_hidden=3, cross_query=4, scores=True),
    ),
    **dict.fromkeys(("bart", "mbart"), replace(_BERT, cross_hidden=2, cross_query=4)),
}
_NORMED_HEADS = ("qwen3", "gemma3_text")
_ONE_MATRIX = ("phi3", "gpt_neox", "modernbert")
"""Kinds that compute q, k and v, and where there is one the gate, with one matrix."""
_GATED_T5_INNER = 8


def is_known(shape: ModelShape) -> bool:
    """Whether the layers of such a model were counted; all others are taken for the family that is most like them."""
    return shape.kind in KINDS


@dataclass(frozen=True)
class Learning:
    """What of a model learns.

    Attributes:
        adapter: Whether an adapter does, and the weights rest.
        rank: The adapter's rank.
        attention_only: Whether only attention has adapters.
        dropout: Whether the adapter's inputs are dropped out.
        plain: Whether it is an ordinary one in float32, which the engine computes in one piece.
    """

    adapter: bool
    rank: int = 0
    attention_only: bool = False
    dropout: bool = False
    plain: bool = True


def layer_bytes(shape: ModelShape, learning: Learning, length: int, *, decoder: bool = False) -> float:
    """Bytes that one layer keeps for each token of rows of `length` tokens. `decoder`: of a model's writing half."""
    kept = KINDS.get(shape.kind) or (_LLAMA if shape.gated else _BERT)
    hidden, inner = kept.hidden, kept.inner
    if kept.scores and shape.gated:
        inner = _GATED_T5_INNER
    if learning.adapter:
        hidden -= kept.resting
    if learning.adapter and learning.attention_only:
        # what goes into matrices that rest is not kept, unless the activation before them needs its result
        hidden, inner = hidden - 1, max(1, inner - 1)
    numbers = hidden * shape.hidden + kept.query * shape.query + kept.key_value * shape.key_value + inner * shape.inner
    if shape.kind in _NORMED_HEADS:
        numbers += (shape.query + shape.key_value) * (1 if learning.adapter else 2)
    attentions = 1 + decoder
    if decoder:
        rests = kept.resting / 2 if learning.adapter else 0
        numbers += (kept.cross_hidden - rests) * shape.hidden + kept.cross_query * shape.query
    if shape.dropout:
        numbers += (kept.noise + decoder) * shape.hidden
    if shape.attention_dropout or kept.scores:
        numbers += attentions * _SCORES * shape.heads * length
    return _NUMBER_BYTES * numbers + _adapter_bytes(shape, learning, fused=kept.fused, attentions=attentions)


def _adapter_bytes(shape: ModelShape, learning: Learning, *, fused: bool, attentions: int) -> float:
    """What adapters keep beside the inputs of their layers: the narrow products, and what was dropped out."""
    if not learning.adapter:
        return 0
    into_attention = 1 if shape.kind in _ONE_MATRIX or not fused else 3
    places = attentions * (into_attention + 1)
    inputs = attentions * (shape.hidden + shape.query)
    widths = inputs + attentions * (into_attention - 1) * shape.hidden
    if not learning.attention_only:
        into_inner = 2 if shape.gated and shape.kind not in _ONE_MATRIX else 1
        places += into_inner + 1
        inputs += shape.hidden + shape.inner
        widths += into_inner * shape.hidden + shape.inner
    dropped = 0
    if learning.dropout and fused and learning.plain:
        dropped = widths
    elif learning.dropout:  # its noise, and what is left of the input, which itself is then not kept
        dropped = (2 * widths - inputs) * _NUMBER_BYTES
    return places * learning.rank * _NUMBER_BYTES + dropped


def kept_bytes(shape: ModelShape, learning: Learning, tokens: int, length: int, *, layers: int | None = None) -> float:
    """Bytes kept for `tokens` tokens in rows of `length`, over all layers or the last `layers` of them.

    A model of two halves is taken to read as much as it writes.
    """
    whole = shape.layers + shape.decoder_layers
    counted = whole if layers is None else min(layers, whole)
    if shape.decoder_layers:
        halves = shape.layers * layer_bytes(shape, learning, length // 2)
        halves += shape.decoder_layers * layer_bytes(shape, learning, length // 2, decoder=True)
        each = halves / whole / 2
    else:
        each = layer_bytes(shape, learning, length)
    return tokens * (counted * each + _ENDS * shape.hidden * _NUMBER_BYTES)


def working_bytes(shape: ModelShape, tokens: int) -> float:
    """What the backward pass through one layer needs beside: gradients of the feed-forward part's numbers, and of two
    hidden states."""
    return _NUMBER_BYTES * tokens * ((3 if shape.gated else 2) * shape.inner + 2 * shape.hidden)
