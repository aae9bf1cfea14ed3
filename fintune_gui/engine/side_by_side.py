"""Parts of a step computed side by side on a processor, each by a thread on its own share of the cores.

Left alone, torch lets all cores compute one product together and wait for each other, hundreds of times in a step; what
is too small to be divided is computed by one of them while the others rest. Parts of a step have nothing to do with
each other until their gradients are added, so here each thread computes whole parts and nobody waits before the end.
Which thread computes which part, and in which order gradients are added, depends on the rows alone: the numbers do not
depend on who was faster.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import torch
from torch import nn

from fintune_gui.engine.data import Example
from fintune_gui.engine.fused_adapter import FusedLinear, drawing_from
from fintune_gui.engine.model import Model, base_of, trainable_parameters
from fintune_gui.engine.stepping import Layout, Sums
from fintune_gui.project.memory import MOST_FURTHER_GRADIENTS, PARTS_AT_ONCE

_OF_A_LAYER = ("summary_", "classifier_")
"""Settings of dropout in heads, whose layers, where there are any, are among the model's."""
_ROOM = (1.05, 1.15, 1.25)
"""How much larger than the mean parts may be, since rows are not cut."""
_MOSTLY_ALONE = 0.7
"""Share of a part during which the other thread has nothing to do, from which on all cores compute it sooner."""
_WORTHWHILE = 0.85
"""Larger parts are computed where they spare so many tokens that others would compute again: shared beginnings."""


def why_not(model: Model, layout: Layout) -> str:
    """Why parts of a step cannot be computed side by side here; empty if they can."""
    gradients = sum(parameter.nbytes for parameter in trainable_parameters(model)) * (PARTS_AT_ONCE - 1)
    obstacles = {
        "there is one device": layout.device.torch.type != "cpu",
        "there are too few cores": torch.get_num_threads() < PARTS_AT_ONCE,
        "parts would share weights that were rounded for them": layout.device.half,
        "memory is short": base_of(model).is_activation_checkpointing or gradients > MOST_FURTHER_GRADIENTS,
        "compressed weights cannot be shared": any(type(weight) is not nn.Parameter for weight in model.parameters()),
        "random numbers are drawn in the order of the parts": bool(layout.noise) or _draws_numbers(model),
    }
    return next((why for why, stands in obstacles.items() if stands), "")


def _draws_numbers(model: Model) -> bool:
    """Whether training draws random numbers anywhere but in our own adapters, which can have them from elsewhere."""
    ours = {
        id(dropout)
        for module in model.modules()
        if isinstance(module, FusedLinear) and not module.lora_variant
        for dropout in module.lora_dropout.values()
    }
    random = (nn.modules.dropout._DropoutNd, nn.RReLU)
    layers = (module for module in model.modules() if isinstance(module, random) and id(module) not in ours)
    settings = base_of(model).config.get_text_config().to_dict().items()
    return any(getattr(layer, "p", 1) for layer in layers) or any(
        isinstance(value, float) and value > 0
        for name, value in settings
        if "drop" in name and not name.startswith(_OF_A_LAYER)
    )


class SideBySide:
    """Threads that compute parts of a step, each with a view of the model that has gradients of its own."""

    def __init__(self, model: Model, layout: Layout) -> None:
        self._model = model
        self._threads = torch.get_num_threads()
        self._further = [_sharing_weights(model) for _ in range(PARTS_AT_ONCE - 1)]
        self._layout = layout
        self._layouts = [layout, *(layout.bound_to(further) for further in self._further)]

    def plan(self, rows: Sequence[Example], budget: int) -> list[list[int]]:
        """Divide rows into parts that take together the memory of one part of `budget` tokens, or a little more."""
        small, large = (self._layout.plan(rows, size) for size in (max(1, budget // PARTS_AT_ONCE), budget))
        if self._computed(rows, large) < _WORTHWHILE * self._computed(rows, small):
            return self._evened(rows, large)
        return small

    def _evened(self, rows: Sequence[Example], plan: list[list[int]]) -> list[list[int]]:
        """As many parts for each thread, and about as large, where rows can be divided so."""
        parts = math.ceil(len(plan) / PARTS_AT_ONCE) * PARTS_AT_ONCE
        for room in _ROOM:
            even = self._layout.plan(rows, math.ceil(room * self._computed(rows, plan) / parts))
            if len(even) <= parts:
                return even
        return plan

    def _computed(self, rows: Sequence[Example], plan: list[list[int]]) -> int:
        return sum(self._layout.computed([rows[index] for index in part]) for part in plan)

    def compute(
        self, parts: Sequence[Sequence[Example]], scale: float, budget: int, check: Callable[[], None]
    ) -> list[Sums]:
        """Sums of all parts, in their order; the gradients of scale times their loss are added to the model's.

        Args:
            budget: A part of more tokens is computed alone with all cores, as is one that would have no other beside
                it: long rows need memory, and keep all cores busy.
            check: Called before each part of this thread; what it raises is raised when the other threads have ended.
        """
        self._share_weights()
        seeds = torch.randint(2**62, (len(parts),)).tolist()
        found: dict[int, Sums] = {}

        def compute(number: int, layout: Layout) -> None:
            with drawing_from(torch.Generator().manual_seed(seeds[number])):
                found[number] = layout.compute(parts[number], scale)

        sizes = {number: self._layout.computed(part) for number, part in enumerate(parts)}
        together = {number: size for number, size in sizes.items() if size <= budget}
        hands = _dealt(together)
        dealt = {number for hand in hands for number in hand}
        for number in sizes.keys() - dealt:
            check()
            compute(number, self._layout)
        self._compute_together(hands, compute, check)
        return [found[number] for number in range(len(parts))]

    def _compute_together(
        self, hands: list[list[int]], compute: Callable[[int, Layout], None], check: Callable[[], None]
    ) -> None:
        """Let each thread compute the parts in its hand, the first one being this thread."""
        over = Event()

        def work(worker: int, check: Callable[[], None]) -> None:
            torch.set_num_threads(max(1, self._threads // PARTS_AT_ONCE))
            for number in hands[worker]:
                if over.is_set():
                    return
                check()
                compute(number, self._layouts[worker])

        others: list[Future[None]] = []
        try:
            with ThreadPoolExecutor(PARTS_AT_ONCE - 1, thread_name_prefix="parts") as pool:
                others += [pool.submit(work, worker, _no_check) for worker in range(1, PARTS_AT_ONCE)]
                try:
                    work(0, check)
                except BaseException:
                    over.set()
                    raise
            for other in others:
                other.result()
        finally:
            torch.set_num_threads(self._threads)
            gradients = self._take_gradients()
        for parameter, gradient in gradients:
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)

    def _share_weights(self) -> None:
        """Let the views follow weights that were put elsewhere meanwhile, and train as the model does."""
        for further in self._further:
            further.train(self._model.training)
            for own, shared in zip(further.parameters(), self._model.parameters(), strict=True):
                own.data = shared.data

    def _take_gradients(self) -> list[tuple[nn.Parameter, torch.Tensor]]:
        """The gradients of the further threads, each with the weights that they belong to; none are left behind."""
        taken = []
        for further in self._further:
            for own, shared in zip(further.parameters(), self._model.parameters(), strict=True):
                if own.grad is not None:
                    taken.append((shared, own.grad))
                    own.grad = None
        return taken


def _no_check() -> None:
    """Only the thread that trains looks for the user's commands."""


def _sharing_weights(model: Model) -> Model:
    """A copy of a model's modules around the same weights."""
    same: dict[int, object] = {id(buffer): buffer for buffer in model.buffers()}
    for parameter in model.parameters():
        same[id(parameter)] = nn.Parameter(parameter.data, requires_grad=parameter.requires_grad)
    return copy.deepcopy(model, same)


def _dealt(sizes: Mapping[int, int]) -> list[list[int]]:
    """Numbers of the parts for each thread: the largest first, each to the one that has the least to do.

    A last part that most of the threads would only wait for is dealt to nobody.
    """
    hands: list[list[int]] = [[] for _ in range(PARTS_AT_ONCE)]
    loads = [0] * PARTS_AT_ONCE
    for number in sorted(sizes, key=lambda part: (-sizes[part], part)):
        hand = min(range(PARTS_AT_ONCE), key=lambda one: (loads[one], one))
        hands[hand].append(number)
        loads[hand] += sizes[number]
    fullest = max(range(PARTS_AT_ONCE), key=lambda one: loads[one])
    if hands[fullest] and loads[fullest] - min(loads) > _MOSTLY_ALONE * sizes[hands[fullest][-1]]:
        hands[fullest].pop()
    return hands
