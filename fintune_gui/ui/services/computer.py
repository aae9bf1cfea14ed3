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


def _graphics_card() -> Computer | None:
    """The first NVIDIA graphics card, as its own tool tells it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_S, check=True, creationflags=_CREATION_FLAGS
        ).stdout
        name, _, mebibytes = told.strip().splitlines()[0].rpartition(",")
        return Computer(name.strip(), int(mebibytes) * 1024**2, has_cuda=True)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None  # a driver that does not answer: torch would not find the card either
