"""What the processes that train together say to each other: messages through pipes, numbers past them.

Messages are lines of JSON on the member's standard input and output. Weights and gradients go through a process group
that needs no network: it meets in a file, and listens at most on this computer's own loopback address.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import torch.distributed as dist
from pydantic import Field, TypeAdapter
from torch import nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from fintune_gui.engine.data import Example
from fintune_gui.project.settings import Frozen
from fintune_gui.project.spec import TrainSpec

_LONGEST_WAIT = timedelta(hours=1)
_BUCKET_BYTES = 64 << 20
_LOOPBACK = "127.0.0.1"


class Begin(Frozen):
    """Load the run's model."""

    type: Literal["begin"] = "begin"
    spec: TrainSpec
    rank: int
    size: int
    """Processes of the team, the leader included."""
    device: str
    half: bool
    threads: int
    pad_id: int


class Join(Frozen):
    """Lay rows out as the leader does, and meet the others."""

    type: Literal["join"] = "join"
    meeting_place: Path
    layout: str
    """Its class, as ``module:name``."""
    options: dict[str, bool | int | float | str | None]
    half: bool


class Compute(Frozen):
    """Take the leader's weights and compute these rows; the sums are answered, gradients are kept until `Give`."""

    type: Literal["compute"] = "compute"
    number: int
    """Of the request, repeated in its answer."""
    rows: list[Example]
    scale: float | None
    """What the gradients are multiplied by; None: only measure."""
    budget: int
    seed: int
    checkpointing: bool


class Give(Frozen):
    """Add the gradients to the leader's."""

    type: Literal["give"] = "give"
    touched: tuple[int, ...]
    """Places of the weights that any of the processes has gradients of."""


class StepAside(Frozen):
    """Free the graphics card while the run pauses, or take it again."""

    type: Literal["step aside"] = "step aside"
    aside: bool


Request = Annotated[Begin | Join | Compute | Give | StepAside, Field(discriminator="type")]
requests: TypeAdapter[Request] = TypeAdapter(Request)


class Ready(Frozen):
    """The model is loaded."""

    type: Literal["ready"] = "ready"
    number: int = 0


class Computed(Frozen):
    """What the rows of a `Compute` add up to; fields as in `stepping.Sums`."""

    type: Literal["computed"] = "computed"
    number: int
    loss: float
    row_losses: list[float]
    computed: int
    logits: list[list[float]] | None
    touched: tuple[int, ...]


class OutOfMemory(Frozen):
    """The rows did not fit into this process's memory."""

    type: Literal["out of memory"] = "out of memory"
    number: int
    message: str


Answer = Annotated[Ready | Computed | OutOfMemory, Field(discriminator="type")]
answers: TypeAdapter[Answer] = TypeAdapter(Answer)


class Group:
    """Sums and copies of tensors over the processes of a team. The leader's rank is 0."""

    def __init__(self, meeting_place: Path, rank: int, size: int, device: torch.device) -> None:
        self._leads = rank == 0
        nccl = device.type == "cuda" and dist.is_nccl_available()
        self._place = device if nccl else torch.device("cpu")
        # Not the library's group of all processes: with that in place, others would change what they do.
        library: Any = dist
        store = library.FileStore(str(meeting_place), size)
        self._group = (_nccl if nccl else _gloo)(library, store, rank, size)

    def share_weights(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give the leader's weights to all."""
        for bucket in _buckets(parameters):
            tensors = [parameter.data for parameter in bucket]
            flat = _flatten_dense_tensors(tensors).to(self._place)
            self._group.broadcast(flat, 0).wait()
            if not self._leads:
                for tensor, piece in zip(tensors, _unflatten_dense_tensors(flat, tensors), strict=True):
                    tensor.copy_(piece)

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add the gradients of all to the leader's; the others give theirs away."""
        for bucket in _buckets(parameters):
            gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in bucket]
            flat = _flatten_dense_tensors(gradients).to(self._place)
            self._group.reduce(flat, 0).wait()
            for parameter, piece in zip(bucket, _unflatten_dense_tensors(flat, gradients), strict=True):
                parameter.grad = piece.to(parameter.device) if self._leads else None


def _nccl(library: Any, store: Any, rank: int, size: int) -> Any:
    """Between NVIDIA's cards of one computer."""
    os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    options = library.ProcessGroupNCCL.Options()
    options._timeout = _LONGEST_WAIT
    return library.ProcessGroupNCCL(store, rank, size, options)


def _gloo(library: Any, store: Any, rank: int, size: int) -> Any:
    """Between processes, through the computer's memory."""
    options = library.ProcessGroupGloo._Options()
    options._devices = [library.ProcessGroupGloo.create_device(hostname=_LOOPBACK)]
    options._timeout = _LONGEST_WAIT
    return library.ProcessGroupGloo(store, rank, size, options)


def _buckets(parameters: Iterable[nn.Parameter]) -> Iterator[Sequence[nn.Parameter]]:
    """Weights a few at a time: many small ones travel together, and large ones need little memory on the way."""
    bucket: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if bucket and size + parameter.nbytes > _BUCKET_BYTES:
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.nbytes
    if bucket:
        yield bucket
