"""Pauses, the user's and the run's own: nothing is computed, and the graphics card's memory is given back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import torch

from fintune_gui.engine.device import Device
from fintune_gui.engine.job import Job
from fintune_gui.engine.model import Model
from fintune_gui.project.channel import HANGUP
from fintune_gui.project.events import Continued, Event, Paused

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 5.0
"""How often a run that paused by itself looks whether it can go on."""


class MovedAside:
    """A model and its optimizer, moved to the computer's memory until `bring_back`. Nothing changes but the place."""

    def __init__(self, model: Model, optimizer: torch.optim.Optimizer | None, device: Device) -> None:
        self._model = model
        self._optimizer = optimizer
        self._device = device.torch
        self._away = False
        if self._device.type == "cpu":
            return
        try:
            with torch.inference_mode(mode=False):
                self._move(torch.device("cpu"))
            self._away = True
        except ValueError as error:  # a model in 4 bits stays where it is; what torch keeps in reserve still goes
            logger.info("The model stays on the graphics card: %s", error)
        _give_back_reserve(self._device)

    def bring_back(self, wait: Callable[[], None]) -> None:
        """Put everything where it was; while another program has the memory, `wait` is called before each new try."""
        while self._away:
            try:
                with torch.inference_mode(mode=False):
                    self._move(self._device)
                self._away = False
                return
            except torch.OutOfMemoryError:
                pass
            # Outside the handler: the traceback holds what must be freed first.
            with torch.inference_mode(mode=False):
                self._move(torch.device("cpu"))
            _give_back_reserve(self._device)
            wait()

    def _move(self, place: torch.device) -> None:
        self._model.to(place)
        for fields in self._optimizer.state.values() if self._optimizer is not None else ():
            for name, value in fields.items():
                # The count of steps stays where the optimizer keeps it, unless it lies on the card.
                if isinstance(value, torch.Tensor) and (value.ndim or value.device.type != "cpu" or self._fused):
                    fields[name] = value.to(place)

    @property
    def _fused(self) -> bool:
        return self._optimizer is not None and bool(self._optimizer.defaults.get("fused"))


def _give_back_reserve(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def hold(
    job: Job,
    event: Paused,
    put_aside: Callable[[], MovedAside],
    save: Callable[[], None],
    over: Callable[[], bool] | None = None,
) -> str | None:
    """Wait until the user says a word, or, for a run that paused by itself, until `over`.

    Args:
        put_aside: Makes room while nothing is computed.
        save: Called when the user wants a checkpoint meanwhile.
        over: Asked every few seconds whether the reason of the pause is gone.

    Returns:
        The user's word ("continue", "stop", "cancel" or `HANGUP`), None if the pause is over by itself.
    """
    _tell(job, event)
    aside = put_aside()
    word = _listen(job, save, over)
    if word not in ("cancel", HANGUP):
        aside.bring_back(lambda: time.sleep(LOOK_AGAIN_S))
    if word in (None, "continue"):
        _tell(job, Continued(step=event.step))
    return word


def _listen(job: Job, save: Callable[[], None], over: Callable[[], bool] | None) -> str | None:
    while True:
        word = job.commands.wait() if over is None else job.commands.wait(LOOK_AGAIN_S)
        if word is None:
            if over is not None and over():
                return None
        elif word == "save":
            save()
        elif word == "pause":
            over = None  # now it is the user's pause, which does not end by itself
        else:
            return word


def _tell(job: Job, event: Event) -> None:
    with suppress(OSError):  # a full disk may be the very reason; it is written down later
        job.emit(event)
