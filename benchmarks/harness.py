"""A against B, fairly: interleaved rounds, medians, one table. A figure here is a ratio in the same run, or nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

Measurement = dict[str, Any]
"""What one round of one contestant gives: numbers by name, and lists that must agree between contestants."""


@dataclass(frozen=True)
class Contestant:
    """One way to do the work. `work` runs in a process of its own, so that peaks of memory do not mix."""

    name: str
    work: Callable[[], Measurement]


def compare(contestants: Sequence[Contestant], rounds: int) -> dict[str, list[Measurement]]:
    """Run every contestant once a round, turn by turn, each round in the other direction."""
    results: dict[str, list[Measurement]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for contestant in contestants if number % 2 == 0 else reversed(contestants):
            measurement = _in_own_process(contestant.work)
            results[contestant.name].append(measurement)
            shown = {name: value for name, value in measurement.items() if not isinstance(value, list)}
            print(f"round {number + 1} {contestant.name}: {json.dumps(shown)}", file=sys.stderr, flush=True)
    return results


def table(results: dict[str, list[Measurement]], baseline: str, higher: str, lower: str) -> str:
    """Medians, and the median of the rounds' ratios to the baseline.

    Args:
        baseline: Name of the contestant that the others are compared with.
        higher: Measurement for which higher is better.
        lower: Measurement for which lower is better.
    """
    lines = [f"| | {higher} | ratio | {lower} | ratio |", "|---|---|---|---|---|"]
    for name, rounds in results.items():
        cells = [name]
        for measure in (higher, lower):
            values = [measurement[measure] for measurement in rounds]
            ratios = [mine / theirs[measure] for mine, theirs in zip(values, results[baseline], strict=True)]
            cells += [f"{statistics.median(values):,.0f}", f"{statistics.median(ratios):.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Line:
    """One promise: what was measured, the ratio that was reached, and its target."""

    what: str
    measured: str
    reached: float
    target: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.reached <= self.target if self.at_most else self.reached >= self.target

    def __str__(self) -> str:
        sign, met = ("≤" if self.at_most else "≥"), ("yes" if self.met else "**no**")
        return f"| {self.what} | {self.measured} | {self.reached:.2f} | {sign} {self.target:g} | {met} |"


def as_table(lines: Sequence[Line | str]) -> str:
    """All promises as one table; what could not be measured, and remarks, below it."""
    table = ["| what | measured | reached | target | met |", "|---|---|---|---|---|"]
    table += [str(line) for line in lines if isinstance(line, Line)]
    return "\n".join([*table, "", *(line for line in lines if isinstance(line, str))]).rstrip()


def print_table(measure: Callable[[], Sequence[Line | str]]) -> None:
    """Measure, print the table, and say how long it took and how busy the machine was."""
    began = time.monotonic()
    print(f"\n{as_table(measure())}\n")
    print(f"It took {(time.monotonic() - began) / 60:.0f} minutes; load average {os.getloadavg()[0]:.1f} at the end.")


def median_ratio(mine: Sequence[float], theirs: Sequence[float]) -> tuple[float, str]:
    """The median of the rounds' ratios, and the least and the greatest of them in words."""
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return statistics.median(ratios), f"{min(ratios):.2f}–{max(ratios):.2f}"


def largest_difference(results: dict[str, list[Measurement]], name: str) -> float:
    """The largest difference of a list of numbers between any two contestants."""
    lists = [rounds[0][name] for rounds in results.values()]
    return max(abs(a - b) for one in lists for a, b in zip(lists[0], one, strict=True))


def peak_memory_bytes() -> int:
    """The greatest resident size of this process so far, and of its largest child that has ended."""
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return peak if sys.platform == "darwin" else peak * 1024


def private_memory_bytes() -> int:
    """Memory that only this process has and that the system cannot take back by itself.

    Where the system tells, clean pages of mapped files are left out: they are a cache.
    """
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as file:
            sizes = dict(line.split()[:2] for line in file if line.startswith(("Private_Dirty:", "SwapPss:")))
        return sum(map(int, sizes.values())) * 1024
    except OSError:
        import psutil

        return int(psutil.Process().memory_full_info().uss)


class Stopwatch:
    """Wall and processor seconds of a block, with those of children that ended in it."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = _cpu_seconds() - self._cpu


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _in_own_process(work: Callable[[], Measurement]) -> Measurement:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(work, sender))
    process.start()
    sender.close()
    try:
        measurement: Measurement = receiver.recv()
    finally:
        process.join()
    if "failure" in measurement:
        raise RuntimeError(measurement["failure"])
    return measurement


def _call(work: Callable[[], Measurement], sender: Any) -> None:
    try:
        sender.send(work())
    except BaseException:
        sender.send({"failure": traceback.format_exc()})
