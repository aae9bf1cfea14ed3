"""Memory: the estimate before a run against the peak that the run's process really reached.

    python -m benchmarks.memory [--only GPT-2 vocabulary ...] [--rounds 1]

For each shape a model with random weights is written into a folder, and a dry run of two steps is started on it just as
the program does it: the same job in the same kind of child process. Its peak is the most that was resident, as the
system itself counted it. The estimate sees nothing but the model's files and the settings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness import Contestant, Measurement, compare
from benchmarks.memory_shapes import SHAPES, Shape
from fintune_gui.jobs.process import raise_if_failed, run_to_end
from fintune_gui.project.memory import PROGRAM_BYTES, MemoryEstimate, estimate_memory
from fintune_gui.project.model_shape import read_shape

WITHIN = 0.15
FEWEST_WITHIN = 6
_MEGABYTE = 1024**2


@dataclass(frozen=True)
class Line:
    """One shape: its estimate, and the median of the peaks."""

    name: str
    estimate: MemoryEstimate
    peak: float

    @property
    def ratio(self) -> float:
        """Estimate by peak."""
        return self.estimate.total / self.peak

    @property
    def within(self) -> bool:
        return abs(self.ratio - 1) <= WITHIN

    def __str__(self) -> str:
        model = (self.estimate.total - PROGRAM_BYTES) / (self.peak - PROGRAM_BYTES)
        figures = (
            f"{self.estimate.total / _MEGABYTE:,.0f} | {self.peak / _MEGABYTE:,.0f} | {self.ratio:.2f} | {model:.2f}"
        )
        return f"| {self.name} | {figures} | {'yes' if self.within else '**no**'} |"


def measure(shape: Shape, rounds: int) -> Line:
    """Write the model and the rows, and make the dry run."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # in a process of its own: this one must not import torch, whose memory every process that it starts would see
        compare([Contestant(f"write: {shape.name}", partial(_write, shape, folder))], 1)
        measures = read_shape(folder / "model")
        assert measures is not None
        estimate = estimate_memory(
            measures, shape.method, shape.settings, max_length=shape.words, task=shape.task, on_gpu=False
        )
        peaks = []
        for _ in range(rounds):
            ended = run_to_end(folder / "job")
            raise_if_failed(ended)
            peaks.append(float(ended.result["peak_memory_bytes"]))
    line = Line(shape.name, estimate, statistics.median(peaks))
    print(line, {part.name: part.bytes // _MEGABYTE for part in estimate.parts}, file=sys.stderr, flush=True)
    return line


def _write(shape: Shape, folder: Path) -> Measurement:
    shape.write_job(folder)
    return {}


def main() -> int:
    """Measure what was asked for, print the table, and tell by the exit code whether enough is within reach."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of shapes")
    parser.add_argument("--rounds", type=int, default=1, help="peaks of the same shape differ by some megabytes")
    options = parser.parse_args()
    chosen = [shape for shape in SHAPES if any(part in shape.name for part in options.only)]
    lines = [measure(shape, options.rounds) for shape in chosen]
    print("| shape | estimate MB | measured MB | ratio | without the program | within 15 % |")
    print("|---|---|---|---|---|---|")
    print("\n".join(map(str, lines)))
    return 0 if sum(line.within for line in lines) >= min(FEWEST_WITHIN, len(lines)) else 1


if __name__ == "__main__":
    sys.exit(main())
