"""Several graphics cards of one computer: the rows of each step are divided among processes, one for each card.

The job's own process leads. It alone decides, tells, saves, listens to the user, and owns the optimizer. For each step
it gives the others its weights and some of the rows, and adds their gradients to its own: sums are divided at will, so
the losses are those of one process. The others can go at any time, and nothing that was saved or learnt goes with them.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

import torch
from torch import nn

from fintune_gui.engine.data import Example
from fintune_gui.engine.device import Device
from fintune_gui.engine.job import Job
from fintune_gui.engine.model import Model, trainable_parameters
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
    Request,
    StepAside,
    answers,
)
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.program import child_environment, own_program
from fintune_gui.project.spec import TrainSpec

logger = logging.getLogger(__name__)

_PIECES = 4
"""Into so many pieces for each process a step is divided, before they are dealt out."""
_LOOK_S = 0.05
_PLAIN = (bool, int, float, str)
_GO_S = 5.0
_STUCK_S = 60.0
"""How long the leader may hang in a sum whose other side has gone: some drivers never notice."""


class MemberLostError(TrainingError):
    """One of the processes has gone. The run's weights and optimizer are as they were before the step."""


@contextmanager
def assembled(job: Job, spec: TrainSpec, device: Device, pad_id: int) -> Iterator[Team | None]:
    """The processes beside this one while the context lasts; None if one is asked for, or all that there can be.

    On a processor, as in tests, the setting for graphics cards is the number of processes.
    """
    asked = spec.training.gpus
    on_cards = device.torch.type == "cuda"
    cards = torch.cuda.device_count() if on_cards else 1
    size = min(asked, cards) if on_cards else asked if device.torch.type == "cpu" else 1
    if cards > 1 or asked > 1:
        job.decided("graphics cards" if on_cards else "processes", str(size), _reason(asked, size, cards))
    if size == 1:
        yield None
        return
    team = Team(size)
    try:
        team.start(spec, device, pad_id)
        yield team
    finally:
        team.close()


def _reason(asked: int, size: int, cards: int) -> str:
    if size < asked:
        return f"The settings ask for {asked}, and here {'is' if size == 1 else 'are'} {size}."
    if size == 1:
        return f"Here are {cards}; the settings ask for one."
    return "As the settings ask: the rows of each step are divided among them, and the losses are those of one."


class Team:
    """The processes beside the leader's own, from the leader's side.

    Attributes:
        size: Number of processes, the leader included.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._threads_before = torch.get_num_threads()
        self._meeting = Path(tempfile.mkdtemp(prefix="fintune-team-"))
        self._number = 0
        self._handed_out: list[list[Example]] = []
        self._learning: list[nn.Parameter] = []
        self._group: Group
        self._noticed = threading.Event()
        self._exchange_began: float | None = None
        self._members: list[_Member] = []

    def start(self, spec: TrainSpec, device: Device, pad_id: int) -> None:
        """Start the others; they load the model while the leader does."""
        if device.torch.type == "cpu":
            torch.set_num_threads(max(1, self._threads_before // self.size))
        for rank in range(1, self.size):
            begin = Begin(
                spec=spec,
                rank=rank,
                size=self.size,
                device=device.torch.type,
                half=device.half,
                threads=torch.get_num_threads(),
                pad_id=pad_id,
            )
            self._tell(self._start(begin.threads), begin)

    def _start(self, threads: int) -> _Member:
        process = subprocess.Popen(
            own_program("team"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment() | {"OMP_NUM_THREADS": str(threads)},
        )
        member = _Member(process)
        self._members.append(member)
        threading.Thread(target=self._listen, args=(member,), name="team", daemon=True).start()
        return member

    def join(self, model: Model, layout: Layout) -> None:
        """Meet the others, when the leader knows how rows are laid out."""
        for member in self._members:
            self._answer(member)
        self._learning = list(trainable_parameters(model))
        kind = type(layout)
        options = {name: value for name, value in vars(layout).items() if isinstance(value, _PLAIN) or value is None}
        join = Join(
            meeting_place=self._meeting / "store",
            layout=f"{kind.__module__}:{kind.__qualname__}",
            options=options,
            half=layout.device.half,
        )
        self._tell_all(join)
        with self._exchange():
            self._group = Group(join.meeting_place, 0, self.size, layout.device.torch)

    def hand_out(
        self,
        layout: Layout,
        rows: Sequence[Example],
        budget: int,
        *,
        scale: float | None = None,
        seed: int = 0,
        checkpointing: bool = False,
    ) -> list[Example]:
        """Let all compute some of `rows` with the leader's present weights.

        Args:
            budget: Tokens that each computes at once.
            scale: What gradients are multiplied by; None: only measure.
            seed: Of what the others draw at random.

        Returns:
            The rows that are left for the leader. Those of the others come with `collect`.
        """
        mine, *self._handed_out = divide(layout, rows, self.size)
        self._number += 1
        for member, share in zip(self._members, self._handed_out, strict=True):
            compute = Compute(
                number=self._number, rows=share, scale=scale, budget=budget, seed=seed, checkpointing=checkpointing
            )
            self._tell(member, compute)
        with self._exchange():
            self._group.share_weights(self._learning)
        return mine

    def collect(
        self, *, gradients: bool = False, check: Callable[[], None] = lambda: None
    ) -> list[tuple[list[Example], Sums]]:
        """What the others were handed and what it adds up to, for each of them; `check` is called while waiting.

        With `gradients` theirs are added to the leader's.

        Raises:
            torch.OutOfMemoryError: if the memory of one of them ran out; no gradients were added.
        """
        found = [self._answer(member, check) for member in self._members]
        for answer in found:
            if isinstance(answer, OutOfMemory):
                raise torch.OutOfMemoryError(answer.message)
        done = [answer for answer in found if isinstance(answer, Computed)]
        if gradients:
            touched = {place for place, weight in enumerate(self._learning) if weight.grad is not None}
            touched.update(*(answer.touched for answer in done))
            give = Give(touched=tuple(sorted(touched)))
            self._tell_all(give)
            with self._exchange():
                self._group.add_gradients(self._learning[place] for place in give.touched)
        return [(rows, _sums(answer)) for rows, answer in zip(self._handed_out, done, strict=True)]

    def step_aside(self, *, aside: bool) -> None:
        """Let the others free their graphics cards during a pause, or take them again."""
        self._tell_all(StepAside(aside=aside))

    def close(self) -> None:
        """Let the others go."""
        self._noticed.set()
        for member in self._members:
            member.hang_up()
        for member in self._members:
            try:
                member.process.wait(_GO_S)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()
        shutil.rmtree(self._meeting, ignore_errors=True)
        torch.set_num_threads(self._threads_before)

    def _tell_all(self, request: Request) -> None:
        for member in self._members:
            self._tell(member, request)

    def _tell(self, member: _Member, request: Request) -> None:
        assert member.process.stdin is not None
        try:
            member.process.stdin.write(request.model_dump_json().encode() + b"\n")
            member.process.stdin.flush()
        except OSError as error:
            raise self._lost(str(error)) from error

    def _answer(self, member: _Member, check: Callable[[], None] = lambda: None) -> Answer:
        """The answer to the last request; those to requests that were given up are passed over."""
        while True:
            check()
            with suppress(Empty):
                answer = member.said.get(timeout=_LOOK_S)
                if answer is None:
                    raise self._lost()
                if answer.number == self._number:
                    return answer

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """While tensors are exchanged, which fails, or hangs, when somebody has gone."""
        self._exchange_began = time.monotonic()
        try:
            yield
        except RuntimeError as error:
            raise self._lost(str(error)) from error
        finally:
            self._exchange_began = None

    def _listen(self, member: _Member) -> None:
        assert member.process.stdout is not None
        for line in member.process.stdout:
            member.said.put(answers.validate_json(line))
        member.said.put(None)
        while not self._noticed.wait(_STUCK_S):
            began = self._exchange_began
            if began is not None and time.monotonic() - began > _STUCK_S:
                logger.error("A process of the run has gone, and the exchange with it hangs.")
                os._exit(1)  # what was saved stays; who started the run tells its end

    def _lost(self, details: str = "") -> MemberLostError:
        self._noticed.set()
        codes = (member.exit_code() for member in self._members)
        code = next((code for code in codes if code is not None), None)
        how = f" It ended with code {code}." if code is not None else ""
        return MemberLostError(
            "training.member_lost",
            "A part of the run has died, so the run has ended.",
            f"One of the {self.size} processes that compute together was killed or crashed.{how}",
            "Resume it: it goes on from its last checkpoint. If it ends the same way, look at the log, or train with "
            "fewer graphics cards.",
            details=details,
        )


@dataclass
class _Member:
    process: subprocess.Popen[bytes]
    said: SimpleQueue[Answer | None] = field(default_factory=SimpleQueue)
    """None: it has gone."""

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):  # a request that it did not live to hear
            self.process.stdin.close()

    def exit_code(self) -> int | None:
        """How it ended, if it has."""
        try:
            return self.process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            return None


def divide(layout: Layout, rows: Sequence[Example], shares: int) -> list[list[Example]]:
    """Deal rows out so that each share takes about as long to compute; what a share repeats it computes once."""
    tokens = min(layout.computed(rows), sum(map(len, rows)))  # without padding, and shared beginnings once
    budget = max(1, tokens // (_PIECES * shares))
    pieces = [[rows[index] for index in piece] for piece in layout.plan(rows, budget)]
    dealt: list[list[Example]] = [[] for _ in range(shares)]
    held = [0] * shares
    for piece in sorted(pieces, key=lambda piece: -sum(map(len, piece))):
        least = held.index(min(held))
        dealt[least] += piece
        held[least] += sum(map(len, piece))
    return dealt


def _sums(answer: Computed) -> Sums:
    logits = None if answer.logits is None else torch.tensor(answer.logits)
    return Sums(answer.loss, answer.row_losses, answer.computed, logits)
