"""A further process of a run, one for each further graphics card: computes the rows that the leader hands it.

It keeps nothing that a run needs: no optimizer, no schedule, no file. When the leader goes, it goes.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

import torch

from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import base_of, load_for_training, trainable_parameters
from fintune_gui.engine.pausing import LOOK_AGAIN_S, MovedAside
from fintune_gui.engine.stepping import Layout, Sums
from fintune_gui.engine.team_link import (
    Answer,
    Begin,
    Compute,
    Computed,
    Give,
    Group,
    Join,
    OutOfMemory,
    Ready,
    Request,
    StepAside,
    requests,
)
from fintune_gui.engine.trainer import enable_gradient_checkpointing, is_out_of_memory
from fintune_gui.project.channel import take_protocol_stream


def main() -> int:
    """Compute for a run until its leader hangs up."""
    stream = take_protocol_stream()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    lines: SimpleQueue[bytes] = SimpleQueue()
    # Unbuffered, because a daemon thread that waits inside a buffered reader aborts the interpreter's exit.
    source = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
    Thread(target=_listen, args=(source, lines), name="requests", daemon=True).start()
    begin = requests.validate_json(lines.get())
    assert isinstance(begin, Begin)
    member = _Member(begin)
    _tell(stream, Ready())
    while True:
        answer = member.do(requests.validate_json(lines.get()))
        if answer is not None:
            _tell(stream, answer)


def _listen(source: BinaryIO, lines: SimpleQueue[bytes]) -> None:
    for line in source:
        lines.put(line)
    os._exit(0)  # the leader has gone; whatever is being computed is of no use to anybody


def _tell(stream: BinaryIO, answer: Answer) -> None:
    stream.write(answer.model_dump_json().encode() + b"\n")
    stream.flush()


class _Member:
    """A model, and a place in the team."""

    def __init__(self, begin: Begin) -> None:
        torch.set_num_threads(begin.threads)
        place = torch.device("cuda", begin.rank) if begin.device == "cuda" else torch.device(begin.device)
        if place.type == "cuda":
            torch.cuda.set_device(place)
        self.begin = begin
        self.device = Device(place, "", begin.half)
        self.model = load_for_training(begin.spec, self.device, begin.pad_id)
        self.learning = list(trainable_parameters(self.model))
        self.layout: Layout
        self.group: Group
        self.aside: MovedAside | None = None

    def do(self, request: Request) -> Answer | None:
        """What is asked; the answer, if one is expected."""
        match request:
            case Join():
                self._join(request)
            case Compute():
                self.group.share_weights(self.learning)
                return self._compute(request)
            case Give():
                self.group.add_gradients(self.learning[place] for place in request.touched)
            case StepAside(aside=True):
                self.aside = MovedAside(self.model, None, self.device)
            case StepAside() if self.aside is not None:
                self.aside.bring_back(lambda: time.sleep(LOOK_AGAIN_S))
        return None

    def _join(self, join: Join) -> None:
        module, _, name = join.layout.partition(":")
        self.device = replace(self.device, half=join.half)
        self.layout = getattr(import_module(module), name)(self.model, self.device, self.begin.pad_id)
        for option, value in join.options.items():
            setattr(self.layout, option, value)
        self.group = Group(join.meeting_place, self.begin.rank, self.begin.size, self.device.torch)

    def _compute(self, request: Compute) -> Answer:
        self.model.zero_grad()
        self.model.train(request.scale is not None)
        torch.manual_seed(request.seed + self.begin.rank)
        if request.checkpointing and not base_of(self.model).is_activation_checkpointing:
            enable_gradient_checkpointing(self.model)
        try:
            sums = _compute_all(self.layout, request.rows, request.budget, request.scale)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            message = str(error)
        else:
            touched = (place for place, weight in enumerate(self.learning) if weight.grad is not None)
            logits = None if sums.logits is None else sums.logits.tolist()
            return Computed(
                number=request.number,
                loss=sums.loss,
                row_losses=sums.row_losses,
                computed=sums.computed,
                logits=logits,
                touched=tuple(touched),
            )
        # Outside the handler: the traceback holds the tensors that must be freed first.
        self.model.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return OutOfMemory(number=request.number, message=message)


def _compute_all(layout: Layout, rows: Sequence[Example], budget: int, scale: float | None) -> Sums:
    """Sums of rows that are computed a few at a time."""
    total = Sums(0.0, [0.0] * len(rows), 0)
    for part in layout.plan(rows, budget) if rows else ():  # a step may have fewer rows than there are processes
        sums = layout.compute([rows[index] for index in part], scale)
        total.loss += sums.loss
        total.computed += sums.computed
        for place, index in enumerate(part):
            total.row_losses[index] = sums.row_losses[place]
        if sums.logits is not None:
            if total.logits is None:
                total.logits = sums.logits.new_zeros(len(rows), *sums.logits.shape[1:])
            total.logits[part] = sums.logits
    return total
