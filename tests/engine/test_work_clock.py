"""The clock of a run: it counts what was computed, and nothing else."""

from __future__ import annotations

import time

from fintune_gui.engine.work_clock import WorkClock


def compute(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))


def test_that_a_gap_without_work_is_left_out() -> None:
    clock = WorkClock(shortest_sleep_s=0.2)
    began = clock.now()
    time.sleep(0.5)  # to the process no other than a computer that sleeps, or a signal that stops it
    assert clock.now() - began < 0.1


def test_that_a_long_stretch_of_work_counts() -> None:
    clock = WorkClock(shortest_sleep_s=0.2)
    began = clock.now()
    compute(0.4)
    assert clock.now() - began >= 0.4


def test_that_a_short_wait_counts_as_work() -> None:
    clock = WorkClock(shortest_sleep_s=60)
    began = clock.now()
    time.sleep(0.05)
    assert clock.now() - began >= 0.05


def test_that_a_pause_is_left_out_once_whatever_happens_in_it() -> None:
    clock = WorkClock(shortest_sleep_s=0.1)
    began = clock.now()
    with clock.stopped():
        time.sleep(0.3)
        clock.look()
        compute(0.1)
    assert 0 <= clock.now() - began < 0.1
