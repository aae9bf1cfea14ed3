"""The measures of a model, read from its ``config.json`` and the headers of its weights: no weights are loaded."""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VOCABULARY_NAMES = re.compile(r"(^|\.)shared\.weight$|embed|wte|wpe|lm_head|position", re.IGNORECASE)
_ATTENTION_NAMES = re.compile(r"attn|attention", re.IGNORECASE)
_LARGEST_HEADER_BYTES = 100_000_000
_HIDDEN = ("hidden_size", "n_embd", "d_model", "dim")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads")
_INNER = ("intermediate_size", "n_inner", "d_ff", "hidden_dim", "ffn_dim", "encoder_ffn_dim")
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attn_pdrop", "attention_dropout")
_DROPOUT = ("hidden_dropout_prob", "resid_pdrop", "hidden_dropout", "dropout", "dropout_rate")


@dataclass(frozen=True)
class ModelShape:
    """What the estimate of memory needs to know of a model. Widths are in numbers; 0 where nothing is known.

    Attributes:
        parameters: All weights.
        matrix_width: Sum of (rows + columns) over the weight matrices that an adapter is put beside.
        vocabulary: Entries of the vocabulary.
        attention_width: The part of `matrix_width` that belongs to attention.
        kind: What ``config.json`` calls the family: "llama", "bert".
        layers, decoder_layers: Layers of the model, or of its reading half; those of its writing half, else 0.
        hidden: What goes from layer to layer for each token.
        query, key_value: All heads' queries, and all heads' keys.
        heads: Heads of attention.
        inner: Width of the feed-forward part.
        gated: Whether the feed-forward part has a gate, a third matrix.
        attention_dropout, dropout: Whether the model itself drops out a share of the scores, and of what layers give.
    """

    parameters: int
    matrix_width: int
    vocabulary: int
    attention_width: int = 0
    kind: str = ""
    layers: int = 0
    decoder_layers: int = 0
    hidden: int = 0
    query: int = 0
    key_value: int = 0
    heads: int = 0
    inner: int = 0
    gated: bool = False
    attention_dropout: bool = False
    dropout: bool = False


def read_shape(folder: Path) -> ModelShape | None:
    """The shape of the model in a plain folder; None if it holds no safetensors file that can be read."""
    parameters = width = attention = vocabulary = 0
    for path in sorted(folder.glob("*.safetensors")):
        for name, shape in _tensors(path):
            parameters += math.prod(shape)
            if len(shape) != 2:
                continue
            if _VOCABULARY_NAMES.search(name):
                vocabulary = max(vocabulary, shape[0])
            else:
                width += sum(shape)
                attention += sum(shape) if _ATTENTION_NAMES.search(name) else 0
    if not parameters:
        return None
    return ModelShape(parameters, width, vocabulary, attention, **measures(_read_config(folder)))


def measures(config: dict[str, Any]) -> dict[str, Any]:
    """What the configuration says, under whichever name; nothing if it does not say how wide and deep the model is."""
    hidden, layers, heads = (_number(config, names) for names in (_HIDDEN, _LAYERS, _HEADS))
    if not (hidden and layers and heads):
        return {}
    head = _number(config, ("head_dim", "d_kv")) or hidden // heads
    feed_forward = str(config.get("feed_forward_proj", ""))
    halves = bool(config.get("is_encoder_decoder"))
    return {
        "kind": str(config.get("model_type", "")),
        "layers": layers,
        "decoder_layers": (_number(config, ("num_decoder_layers", "decoder_layers")) or layers) if halves else 0,
        "hidden": hidden,
        "query": heads * head,
        "key_value": (_number(config, ("num_key_value_heads",)) or heads) * head,
        "heads": heads,
        "inner": _number(config, _INNER) or 4 * hidden,
        "gated": feed_forward.startswith("gated") or (not feed_forward and _is_gated(config)),
        "attention_dropout": _number(config, _ATTENTION_DROPOUT) > 0,
        "dropout": _number(config, _DROPOUT) > 0,
    }


def _is_gated(config: dict[str, Any]) -> bool:
    """Families since Llama have a gate; they all name the epsilon of a norm without a mean. ModernBERT has one too."""
    return "rms_norm_eps" in config or config.get("model_type") == "modernbert"


def _number(config: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if isinstance(config.get(name), int | float)), 0)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(config, dict):
        return {}
    texts = config.get("text_config")
    return texts if isinstance(texts, dict) else config


def _tensors(path: Path) -> list[tuple[str, list[int]]]:
    """Names and shapes of the tensors in a safetensors file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > _LARGEST_HEADER_BYTES:
                return []
            header = json.loads(file.read(length))
        return [(name, tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return []
