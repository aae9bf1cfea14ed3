"""What a model folder is, read from its files alone: no weights are loaded and nothing in it is run."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from fintune_gui.project.document import ModelChoice, Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.files import fingerprint, sha256_file
from fintune_gui.project.seq2seq import KINDS, is_seq2seq, start_token, wrong_task

_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_sequence_length")
_USUAL_CONTEXT = 2048
_MOST_MARKS_WITHOUT_PLACE = 8
_LEAST_TOKENS = 0.5
"""Share of the model's places that its own tokenizer fills at least; the rest makes matrices easier to divide."""
_LARGEST_HEADER_BYTES = 100_000_000  # the limit of the safetensors format


def inspect_model(name: str, folder: Path, *, need_tokenizer: bool = True) -> ModelChoice:
    """Check the plain folder of a model and describe it.

    Raises:
        ModelError: for everything that would make training impossible: no configuration, code that would have to be
            run, an unknown kind, no weights, only pickled weights, incomplete weights, no or a wrong tokenizer.
    """
    config = _read_config(folder)
    architecture = _architecture(folder, config)
    _check_start(folder, config)
    headers = _weight_headers(folder)
    tokenizer = _check_tokenizer(folder, headers) if need_tokenizer else ""
    parameters = sum(math.prod(tensor["shape"]) for header in headers.values() for tensor in header.values())
    return ModelChoice(
        name=name,
        folder=str(folder),
        fingerprint=fingerprint({"config": config, "tokenizer": tokenizer, "weights": headers}),
        parameters=parameters,
        context_length=_context_length(folder, config),
        architecture=architecture,
        has_chat_template=_has_chat_template(folder) and not is_seq2seq(config),
        seq2seq=is_seq2seq(config),
    )


def holds_seq2seq(folder: Path) -> bool:
    """Whether the model in `folder` has two halves, one that reads and one that writes."""
    return is_seq2seq(_read_config(folder))


def check_fits_task(folder: Path, task: Task) -> None:
    """Raise `ModelError` if the kind of model in `folder` cannot learn `task`."""
    from transformers.models.auto import modeling_auto as auto

    config = _read_config(folder)
    kind = config.get("model_type", "")
    name = (config.get("architectures") or [kind])[0]
    seq2seq = is_seq2seq(config)
    if not task.generates:
        fits = kind in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES and not seq2seq
        why = wrong_task(task) if seq2seq else "This kind of model has no form that answers with labels."
    elif seq2seq:
        fits = kind in KINDS and task is Task.INSTRUCTION
        why = wrong_task(task) if kind in KINDS else "Of the models that read and rewrite, only T5 and BART can."
    else:
        reads_only = kind in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not config.get("is_decoder")
        fits = kind in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not reads_only
        why = (
            "It reads texts, but cannot write them."
            if reads_only
            else "It is not a model that writes on from the text before."
        )
    if not fits:
        wanted = "text generation" if task.generates else "text classification"
        raise ModelError(
            "model.wrong_task",
            f"The model {folder.name} ({name}) cannot be tuned for the task {task.value}.",
            why,
            f"Choose a model made for {wanted}, or another task.",
        )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            "model.no_config",
            f"{folder} is not a model's folder.",
            "It holds no config.json.",
            "Choose the folder that holds config.json, tokenizer.json and the weights.",
        ) from None
    except (ValueError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type", ""), str):
        raise _damaged(path, "not an object that describes a model")
    return config


def _architecture(folder: Path, config: dict[str, Any]) -> str:
    kind = config.get("model_type", "")
    architecture = str((config.get("architectures") or [kind])[0])
    if config.get("auto_map"):
        raise ModelError(
            "model.remote_code",
            f"The model in {folder} wants to run its own program code.",
            "Its configuration names Python files (auto_map) that come with the model. Fintune never runs such code.",
            "Choose a model of a kind that transformers knows by itself.",
        )
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if kind not in CONFIG_MAPPING:
        raise ModelError(
            "model.unknown_architecture",
            f"The kind of model in {folder} is not known.",
            f"Its configuration calls it “{kind}”." if kind else "Its configuration does not say what it is.",
            "Update the program, or choose another model.",
        )
    return architecture


def _check_start(folder: Path, config: dict[str, Any]) -> None:
    if is_seq2seq(config) and start_token(config) is None:
        raise ModelError(
            "model.no_start_token",
            f"The model in {folder} does not say how an answer begins.",
            "Its configuration has no decoder_start_token_id.",
            "Fetch the model again, or choose another one.",
        )


def _weight_headers(folder: Path) -> dict[str, dict[str, Any]]:
    """The headers of all safetensors files by file name, each file checked for completeness."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            names = sorted({str(name) for name in json.loads(index.read_bytes())["weight_map"].values()})
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise _damaged(index, str(error)) from error
    else:
        names = sorted(path.name for path in folder.glob("*.safetensors"))
    if not names:
        raise _no_weights(folder)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise ModelError(
            "model.incomplete",
            f"The model in {folder} is not complete.",
            f"{len(missing)} of {len(names)} files with weights are missing, the first is {missing[0]}.",
            "Fetch the model again.",
        )
    return {name: _read_header(folder / name) for name in names}


def _read_header(path: Path) -> dict[str, Any]:
    """The tensors that a safetensors file describes; its data must be there to the last byte."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(size - 8, _LARGEST_HEADER_BYTES):
                raise _damaged(path, "its header is cut off")
            header = json.loads(file.read(length))
        tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
        end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
        whole = all(isinstance(places, int) for tensor in tensors.values() for places in tensor["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if not whole or size != 8 + length + end:
        raise _damaged(path, f"it has {size} bytes instead of {8 + length + end}")
    return tensors


def _damaged(path: Path, details: str) -> ModelError:
    return ModelError(
        "model.damaged",
        f"The model's file {path.name} in {path.parent} is damaged.",
        "It was probably not fetched to the end.",
        "Fetch the model again, or copy it again.",
        details=details,
    )


def _no_weights(folder: Path) -> ModelError:
    pickles = [path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern)]
    pickles = [name for name in pickles if name != "training_args.bin"]
    if pickles:
        return ModelError(
            "model.pickle_only",
            f"The model in {folder} has only pickled weights ({pickles[0]}).",
            "Such files can run any program when they are read, so Fintune does not open them.",
            "Choose a model with safetensors weights; most have them, often in a newer version.",
        )
    return ModelError(
        "model.no_weights",
        f"The model in {folder} has no weights.",
        "There is no file that ends in .safetensors.",
        "Choose the complete folder of the model, or fetch it again.",
    )


def _check_tokenizer(folder: Path, headers: dict[str, dict[str, Any]]) -> str:
    """Hash of ``tokenizer.json``, after checking that each token has its place in the model."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.exists():
        raise ModelError(
            "model.no_tokenizer",
            f"The model in {folder} has no tokenizer.",
            "There is no tokenizer.json.",
            "Get the model's complete folder, or choose another model.",
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise _damaged(path, str(error)) from error
    numbers = set(tokenizer.get_vocab(with_added_tokens=True).values())
    places = _embedding_rows(headers)
    if places is None:
        return sha256_file(path)
    marks = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    beyond = {number for number in numbers if number >= places}
    # Gemma 3 1B has a mark for pictures and no place for it; a row that holds such a mark is refused by the run.
    if beyond - marks or len(beyond) > _MOST_MARKS_WITHOUT_PLACE:
        why = f"It has tokens up to number {max(beyond)}, and the model has places for {places}."
        raise _foreign_tokenizer("model.tokenizer_too_large", folder, why)
    if len(numbers) < places * _LEAST_TOKENS:
        why = f"It has {len(numbers)} tokens, and the model has places for {places}."
        raise _foreign_tokenizer("model.tokenizer_too_small", folder, why)
    return sha256_file(path)


def _foreign_tokenizer(code: str, folder: Path, why: str) -> ModelError:
    what = f"The tokenizer in {folder} does not belong to this model."
    return ModelError(code, what, why, "Get tokenizer and weights from the same place.")


def _embedding_rows(headers: dict[str, dict[str, Any]]) -> int | None:
    """Rows of the table of token embeddings, or None if it cannot be told by its name."""
    tables = ("embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings", "shared")
    ends = tuple(f"{table}.weight" for table in tables)
    for header in headers.values():
        for name, tensor in header.items():
            if name.endswith(ends):
                return int(tensor["shape"][0])
    return None


def _context_length(folder: Path, config: dict[str, Any]) -> int:
    """Longest text in tokens that the model can read."""
    texts = config.get("text_config") or config
    length = next((texts[key] for key in _CONTEXT_KEYS if isinstance(texts.get(key), int)), _USUAL_CONTEXT)
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm"):
        length -= 1 + int(config.get("pad_token_id") or 1)  # its positions begin after the padding's
    try:
        limit = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("model_max_length")
    except (OSError, ValueError, AttributeError):
        limit = None
    return min(length, int(limit)) if isinstance(limit, int | float) and 0 < limit < 1e9 else length


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").exists():
        return True
    try:
        return bool(json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("chat_template"))
    except (OSError, ValueError, AttributeError):
        return False
