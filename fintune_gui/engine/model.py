"""Loading a base model for a task, and choosing which of its weights are trained."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.engine.adapter import add_adapter, freeze_first_layers
from fintune_gui.engine.added_tokens import fuse_tokens, let_tokens_learn, make_room
from fintune_gui.engine.checkpoints import read_tensors
from fintune_gui.engine.device import Device
from fintune_gui.engine.fused_adapter import fuse_adapters
from fintune_gui.engine.inspection import check_fits_task, holds_seq2seq
from fintune_gui.project.combinations import find_abilities, qlora_problem
from fintune_gui.project.document import Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.exporting import auto_class
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import TrainSpec

MULTI_LABEL = "multi_label_classification"
"""What `transformers` calls a head that says of each label whether it fits."""

Model = Any
"""A `transformers.PreTrainedModel`, or the `peft.PeftModel` around one."""


def load_base(
    folder: Path, task: Task, labels: Sequence[str], device: Device, *, seed: int, pad_id: int, **options: Any
) -> tuple[Model, set[str]]:
    """The untuned model in float32, and the names of its modules whose weights are new (an untrained head).

    New weights are drawn from `seed`, so that every process sees the same untuned model.

    Raises:
        ModelError: if the folder's model is of the wrong kind or cannot be read.
    """
    import transformers

    check_fits_task(folder, task)
    kind: Any = getattr(transformers, auto_class(task, seq2seq=holds_seq2seq(folder)))
    if not task.generates:
        names = dict(enumerate(labels))
        options |= {"num_labels": len(labels), "id2label": names, "label2id": {v: k for k, v in names.items()}}
        options |= {"ignore_mismatched_sizes": True}
        if task is Task.MULTI_LABEL:
            options |= {"problem_type": MULTI_LABEL}
    torch.manual_seed(seed)
    options = {"dtype": torch.float32, "local_files_only": True, "output_loading_info": True, **options}
    try:
        with _load_report_hidden():
            model, loading = kind.from_pretrained(folder, **options)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # each kind of model complains in its own way
        raise ModelError(
            "model.cannot_load",
            f"The model in {folder} cannot be loaded.",
            "Its files do not fit together, or its kind is not supported.",
            "Choose another model, or fetch this one again.",
            details=str(error),
        ) from error
    model.config.pad_token_id = pad_id
    mismatched = [entry[0] for entry in loading["mismatched_keys"]]
    new = {key.rpartition(".")[0] for key in [*loading["missing_keys"], *mismatched]}
    lacking = new if task.generates else {name for name in new if _is_of_the_body(name, model)}
    if lacking:
        raise ModelError(
            "model.incomplete",
            f"The model in {folder} lacks weights that this task needs.",
            f"There is nothing that fits {', '.join(sorted(lacking)[:3])}.",
            "Choose a model that was made to generate text."
            if task.generates
            else "Fetch the model again, or choose another one.",
        )
    return model.to(device.torch), new


def _is_of_the_body(name: str, model: Model) -> bool:
    """Whether a module belongs to what was pre-trained, and not to the head that answers with labels."""
    return name.startswith(f"{model.base_model_prefix}.") and "pooler" not in name


@contextmanager
def _load_report_hidden() -> Iterator[None]:
    """Without the library's tables about missing weights: a new head is expected, and anything else is refused here."""
    report = logging.getLogger("transformers")
    level = report.level
    report.setLevel(logging.ERROR)
    try:
        yield
    finally:
        report.setLevel(level)


def load_for_training(spec: TrainSpec, device: Device, pad_id: int) -> Model:
    """The model of a run as it stands before its first step, with only the weights of its method set to learn."""
    folder, task = Path(spec.model.folder), spec.objective.task
    options = _options(spec.model.method, device)
    model, new = load_base(folder, task, spec.labels, device, seed=spec.training.seed, pad_id=pad_id, **options)
    rows = make_room(model, ModelTokenizer.load(folder, spec.format.added_tokens)) if spec.format.added_tokens else []
    if spec.model.method is Method.FULL:
        freeze_first_layers(model, spec.training.frozen_layers)
        if rows:
            let_tokens_learn(model)
        return model
    quantized = "quantization_config" in options
    adapted = add_adapter(model, new, spec.training, task, quantized=quantized, new_rows=rows)
    for parameter in trainable_parameters(adapted):
        parameter.data = parameter.data.float()
    fuse_adapters(adapted)
    fuse_tokens(adapted)
    return adapted


def _options(method: Method, device: Device) -> dict[str, Any]:
    """How the weights that stay as they are are held: they may be coarser than those that learn."""
    if method is Method.QLORA:
        problem = qlora_problem(find_abilities())
        if problem is not None:
            raise ModelError(problem.code, problem.what, problem.why, problem.todo)
        from transformers import BitsAndBytesConfig

        dtype = torch.bfloat16 if device.half and device.torch.type != "cpu" else torch.float32
        quantization = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
        return {"quantization_config": quantization, "dtype": dtype}
    if method is Method.LORA and device.half and device.torch.type != "cpu":
        return {"dtype": torch.bfloat16}
    return {}


def padding_id(tokenizer: ModelTokenizer) -> int:
    """The token that fills up rows. Which one does not matter: masks are made from lengths."""
    for token in (tokenizer.pad_id, tokenizer.eos_id):
        if token is not None:
            return int(token)
    return 0


def base_of(model: Model) -> Model:
    """The `transformers` model inside an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def trainable_parameters(model: Model) -> Iterator[nn.Parameter]:
    """The weights that learn."""
    return (parameter for parameter in model.parameters() if parameter.requires_grad)


def trainable_state(model: Model) -> dict[str, torch.Tensor]:
    """The weights that learn, by name, each once even where it is tied; contiguous and on the CPU."""
    return {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def load_trainable_state(model: Model, path: Path) -> None:
    """Put the weights of a checkpoint into a model that was loaded for the same run.

    Raises:
        TrainingError: if the file is missing or damaged.
        ModelError: if the file holds other weights than the model's.
    """
    saved = read_tensors(path)
    wanted = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if saved.keys() != wanted.keys() or any(saved[name].shape != wanted[name].shape for name in wanted):
        raise ModelError(
            "model.other_checkpoint",
            f"The checkpoint {path.parent.name} does not belong to this model.",
            "It holds other weights than the ones that this run trains.",
            "Start a new run.",
        )
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(saved[name])


def count_parameters(model: Model) -> tuple[int, int]:
    """Trainable and total number of parameters."""
    return sum(p.numel() for p in trainable_parameters(model)), sum(p.numel() for p in model.parameters())
