"""What this computer can compute with, found out without torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache

import psutil

_ASK_S = 10.0
_CREATION_FLAGS = 0
if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NO_WINDOW


@dataclass(frozen=True)
class Computer:
    """Where a model would be trained.

    Attributes:
        name: "NVIDIA RTX 6000", or "this computer" where the processor does the work.
        memory_bytes: The graphics card's memory, or the computer's.
        has_cuda: Whether there is an NVIDIA graphics card.
    """

    name: str
    memory_bytes: int
    has_cuda: bool


@lru_cache(maxsize=1)
def this_computer() -> Computer:
    """Look once. May take seconds where there is a graphics card: ask in the background."""
    return _graphics_card() or Computer("this computer", int(psutil.virtual_memory().total), has_cuda=False)


def free_memory(computer: Computer) -> int:
    """Bytes of its memory that nobody uses at this moment. May take seconds, as `this_computer` may."""
    if not computer.has_cuda:
        return min(computer.memory_bytes, int(psutil.virtual_memory().available))
    free = _ask_card("memory.free")
    return int(free) * 1024**2 if free.isdigit() else computer.memory_bytes


def _graphics_card() -> Computer | None:
    """The first NVIDIA graphics card, as its own tool tells it."""
    name, _, mebibytes = _ask_card("name,memory.total").rpartition(",")
    # a driver that does not answer: torch would not find the card either
    return Computer(name.strip(), int(mebibytes) * 1024**2, has_cuda=True) if mebibytes.strip().isdigit() else None


def _ask_card(what: str) -> str:
    """What the first graphics card's own tool says; "" if there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    command = [tool, f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_S, check=True, creationflags=_CREATION_FLAGS
        ).stdout
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return next(iter(told.strip().splitlines()), "").strip()
