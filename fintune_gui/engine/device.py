"""Where and how precisely the model computes. Settled by looking, and told with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from fintune_gui.engine.job import Job


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
