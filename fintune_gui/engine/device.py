"""Where and how precisely the model computes. Settled by looking, and told with the reason."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from fintune_gui.engine.job import Job

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_GIVEN_BACK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Device:
    """The computing device of a job.

    Attributes:
        half: Whether matrix products run in bfloat16. Trainable weights are kept in float32 in any case.
    """

    torch: torch.device
    description: str
    half: bool

    def memory_bytes(self) -> int:
        """Memory in use now: on a graphics card the peak that torch reserved, else this process's resident size."""
        if self.torch.type == "cuda":
            return int(torch.cuda.max_memory_reserved(self.torch))
        return int(psutil.Process().memory_info().rss)

    def peak_memory_bytes(self) -> int:
        """The most memory that was in use since this process began, as the system itself kept count of it."""
        return self.memory_bytes() if self.torch.type == "cuda" else _peak_resident_bytes()


def choose_device(job: Job, *, half: bool | None = None) -> Device:
    """The best device of this computer; says so. `half` repeats the precision that an earlier part of a run used."""
    if torch.cuda.is_available():
        device, name = torch.device("cuda", 0), torch.cuda.get_device_name(0)
        half, reason = (half, "As before.") if half is not None else _half_on_cuda()
    elif torch.backends.mps.is_available():
        device, name = torch.device("mps"), "Apple GPU"
        half, reason = False, "float32 gives the same results everywhere."
    else:
        threads = torch.get_num_threads()
        device, name = torch.device("cpu"), f"CPU, {threads} thread{'s' if threads != 1 else ''}"
        reason = "" if half is None else "As before."  # a new run tries both with its own model
    job.decided("device", name, "The fastest that torch can use here.")
    if reason:
        job.decided("precision", "bfloat16 products, float32 weights" if half else "float32", reason)
    return Device(device, name, bool(half))


def _half_on_cuda() -> tuple[bool, str]:
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return True, "This graphics card computes bfloat16 much faster."
    return False, "This graphics card does not compute bfloat16."


def _peak_resident_bytes() -> int:
    if sys.platform == "linux":
        # Not the resource usage: what that says begins with the size of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak_size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_size if sys.platform == "darwin" else peak_size * 1024


def give_memory_back() -> None:
    """From now on let the C library return every large block to the system as soon as it is free, where it can.

    Usually it keeps them, which is quicker, but leaves holes that are not filled: with gradient checkpointing they were
    three times what was kept.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _GIVEN_BACK_BYTES)
