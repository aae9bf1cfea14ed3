"""Checkpoints: numbered folders that are either whole or not there, and two pointers, to the latest and to the best.

A folder holds the weights that learn and the optimizer's state, both by parameter name as safetensors, and
``state.json`` with everything else that the next step depends on. Nothing is pickled.
"""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from pydantic import Field, ValidationError

from fintune_gui.project.errors import TrainingError
from fintune_gui.project.files import disk_errors_explained, sync_folder, write_json
from fintune_gui.project.settings import Frozen

if TYPE_CHECKING:
    import torch

Pointer = Literal["latest", "best"]

FOLDER = "checkpoints"
WEIGHTS_FILE = "weights.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"


class CheckpointState(Frozen):
    """What the steps after a checkpoint depend on, besides weights and optimizer."""

    step: int
    """Optimizer steps done. The data order and the learning rate are functions of it and of the run's settings."""
    tokens: int
    best_step: int | None = None
    best_score: tuple[float, ...] | None = None
    best_loss: float | None = None
    best_metrics: dict[str, float] = Field(default_factory=dict)
    evaluations_without_gain: int = 0
    evaluation_due: bool = False
    """Whether it was saved in the middle of the evaluation after `step`, which is to be made up for."""
    budget: int
    rate_factor: float = 1.0
    """What the learning rate was lowered to by evaluations without gain, as a share of the scheduled one."""
    gradient_checkpointing: bool
    half: bool
    threads: int
    processes: int = 1
    """How many computed together."""
    side_by_side: bool = False
    """Whether threads computed parts of a step at the same time."""
    versions: dict[str, str]
    random_states: dict[str, Any]


def random_states() -> dict[str, Any]:
    """The states of all random number generators, as JSON."""
    import torch

    def text(state: torch.Tensor) -> str:
        return base64.b64encode(state.numpy().tobytes()).decode()

    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = _numpy_state()
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, keys, position, has_gauss, cached],
        "torch": text(torch.get_rng_state()),
        # of the card that this process computes on: a further one may be taken out before the run goes on
        "cuda": [text(torch.cuda.get_rng_state())] if torch.cuda.is_available() else [],
    }


def _numpy_state() -> tuple[str, list[int], int, int, float]:
    name, keys, position, has_gauss, cached = cast(Any, np.random.get_state(legacy=True))
    return name, keys.tolist(), position, has_gauss, cached


def restore_random_states(states: dict[str, Any]) -> None:
    """Undo everything that was drawn since `random_states`."""
    import torch

    def tensor(text: str) -> torch.Tensor:
        return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)

    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(tensor(states["torch"]))
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensor(states["cuda"][0]))


def save_checkpoint(
    run_folder: Path, state: CheckpointState, weights: dict[str, torch.Tensor], optimizer: dict[str, torch.Tensor]
) -> Path:
    """Write a checkpoint and point "latest" at it. When this returns, not even a power cut can take it back.

    Raises:
        DiskFullError: if there is no room; earlier checkpoints are untouched.
    """
    from safetensors.torch import save_file

    folder = run_folder / FOLDER
    target = _free_place(run_folder, state.step)
    beside = folder / f".{target.name}.{uuid.uuid4().hex[:8]}.tmp"
    with disk_errors_explained(target):
        try:
            folder.mkdir(exist_ok=True)
            sync_folder(run_folder)
            beside.mkdir()
            _require_room(beside, weights, optimizer)
            save_file(weights, beside / WEIGHTS_FILE)
            save_file(optimizer, beside / OPTIMIZER_FILE)
            for name in (WEIGHTS_FILE, OPTIMIZER_FILE):
                with (beside / name).open("rb+") as file:
                    os.fsync(file.fileno())
            rewrite_state(beside, state)
            beside.rename(target)
            sync_folder(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        point(run_folder, "latest", target)
    return target


def _free_place(run_folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` goes. One that a pointer names is never written over: a kill might cost both."""
    place = run_folder / FOLDER / f"step-{step:06d}"
    if place in (find_checkpoint(run_folder, "latest"), find_checkpoint(run_folder, "best")):
        return place.with_name(f"{place.name}-{uuid.uuid4().hex[:8]}")
    shutil.rmtree(place, ignore_errors=True)  # of a run that was killed before it could point at it
    return place


def rewrite_state(checkpoint: Path, state: CheckpointState) -> None:
    """Let a checkpoint know what was found out about it later; in one step, as everything here."""
    write_json(checkpoint / STATE_FILE, json.loads(state.model_dump_json()))


def _require_room(folder: Path, *tensors: dict[str, torch.Tensor]) -> None:
    """Raise "no space" before anything is written: the writer of safetensors would abort less politely."""
    import errno

    needed = sum(tensor.nbytes for group in tensors for tensor in group.values())
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def point(run_folder: Path, pointer: Pointer, checkpoint: Path) -> None:
    """Let a pointer name a checkpoint."""
    write_json(run_folder / FOLDER / f"{pointer}.json", {"folder": checkpoint.name})


def remove_superseded(run_folder: Path) -> None:
    """Delete all checkpoints but the latest and the best, and of the best all that only resuming needs."""
    folder = run_folder / FOLDER
    latest, best = find_checkpoint(run_folder, "latest"), find_checkpoint(run_folder, "best")
    for path in folder.glob("*step-*"):
        if path not in (latest, best):
            shutil.rmtree(path, ignore_errors=True)
    if best is not None and best != latest:
        (best / OPTIMIZER_FILE).unlink(missing_ok=True)


def find_checkpoint(run_folder: Path, pointer: Pointer) -> Path | None:
    """The folder that a pointer names, or None if there is none."""
    try:
        named = json.loads((run_folder / FOLDER / f"{pointer}.json").read_text(encoding="utf-8"))["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    folder = run_folder / FOLDER / str(named)
    return folder if (folder / STATE_FILE).exists() else None


def latest_step(run_folder: Path) -> int | None:
    """The step from which a run would go on, or None if it would start anew."""
    latest = find_checkpoint(run_folder, "latest")
    return read_state(latest).step if latest is not None else None


def read_state(checkpoint: Path) -> CheckpointState:
    """The state of a checkpoint.

    Raises:
        TrainingError: if it is damaged or was written by another version.
    """
    try:
        return CheckpointState.model_validate_json((checkpoint / STATE_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise TrainingError(
            "training.bad_checkpoint",
            f"The checkpoint {checkpoint.name} cannot be read.",
            "It is damaged, or was written by another version of the program.",
            "Start a new run.",
            details=str(error),
        ) from error


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors in a file of a checkpoint, by name.

    Raises:
        TrainingError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            "training.bad_checkpoint",
            f"The checkpoint {path.parent.name} cannot be read.",
            f"Its file {path.name} is missing or damaged.",
            "Start a new run.",
            details=str(error),
        ) from error


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: dict[torch.Tensor, str]) -> dict[str, torch.Tensor]:
    """The optimizer's state as ``PARAMETER::FIELD`` tensors."""
    import torch

    tensors = {}
    for parameter, fields in optimizer.state.items():
        for field, value in fields.items():
            tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=_number_type(value))
            tensors[f"{names[parameter]}::{field}"] = tensor.detach().cpu().contiguous()
    return tensors


def _number_type(value: float) -> torch.dtype:
    """Plain numbers are kept in types that no optimizer's tensors of one number have, to be told from them."""
    import torch

    return torch.int64 if isinstance(value, int) else torch.float64


def load_optimizer_tensors(checkpoint: Path, optimizer: torch.optim.Optimizer, names: dict[torch.Tensor, str]) -> None:
    """Put saved state into an optimizer whose parameters have the same names.

    Raises:
        TrainingError: if the file is missing or damaged.
    """
    import torch

    tensors = read_tensors(checkpoint / OPTIMIZER_FILE)
    by_name = {name: parameter for parameter, name in names.items()}
    for key, tensor in tensors.items():
        name, _, field = key.rpartition("::")
        parameter = by_name[name]
        value: Any
        if tensor.ndim == 0 and tensor.dtype in (torch.int64, torch.float64):
            value = tensor.item()
        elif field == "step" and not optimizer.defaults.get("fused"):
            value = tensor  # the count of steps stays where the optimizer keeps it
        else:
            value = tensor.to(parameter.device)
        optimizer.state[parameter][field] = value
