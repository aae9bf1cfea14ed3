"""Several processes train one run: the losses are those of one, and none of them is missed or left behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from fintune_gui.engine import checkpoints, stepping, train
from fintune_gui.engine.data import Example
from fintune_gui.engine.job import Job
from fintune_gui.engine.stepping import PackedCausal, Sums
from fintune_gui.engine.team import MemberLostError, divide
from fintune_gui.project.events import Decided, Event, Log, TrainStep, Validated, parse_event
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import TrainSpec, read_spec
from tests.helpers.tiny import Commands, make_run, of_kind, save_model

SETTINGS: dict[str, Any] = {
    "max_steps": 6,
    "eval_steps": 3,
    "warmup_ratio": 0.0,
    "learning_rate": 1e-2,
    "sizes": (24, 6, 6),
}
BEGINNING = "please help me with my the was again and have waiting since could look"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama"))


def train_in(folder: Path, watch: Any = lambda event: None) -> list[Event]:
    """Train, or go on; `watch` sees each event as it comes."""
    events: list[Event] = []

    def hear(event: Event) -> None:
        events.append(event)
        watch(event)

    spec = read_spec(folder)
    assert isinstance(spec, TrainSpec)
    try:
        train.run(spec, Job(folder, hear, Commands()))  # type: ignore[arg-type]
    except MemberLostError as lost:
        events.append(Log(level="error", message=str(lost)))
    return events


def figures(events: list[Event]) -> dict[tuple[str, int], float]:
    """Losses, gradient norms and validation losses."""
    found = {("loss", event.step): event.loss for event in of_kind(events, TrainStep)}
    found |= {("gradient", event.step): event.grad_norm for event in of_kind(events, TrainStep)}
    return found | {("validation", event.step): event.loss for event in of_kind(events, Validated)}


SHORT_OF_MEMORY = """
import torch
from fintune_gui.engine import team_member
from fintune_gui.engine.stepping import PackedCausal

compute, calls = PackedCausal.compute, []

def fail_once(self, rows, scale=None):
    calls.extend([scale] if scale else [])
    if scale and len(calls) == 5:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return compute(self, rows, scale)

PackedCausal.compute = fail_once
team_member.main()
"""
"""Stands in for the other process: in some step it lacks memory once."""


@pytest.mark.parametrize("common", [0, 200])
def test_that_rows_are_dealt_out_evenly_each_once(common: int) -> None:
    random_ = random.Random(3)
    own = [random_.randint(3, 60) for _ in range(32)]
    texts = [[1] * common + [random_.randrange(9, 99) for _ in range(length)] for length in own]
    rows = [Example(number, text, [True] * len(text)) for number, text in enumerate(texts)]
    layout = PackedCausal.__new__(PackedCausal)  # only plans
    shares = divide(layout, rows, 3)
    assert sorted(row.row_id for share in shares for row in share) == list(range(32))
    tokens = [sum(own[row.row_id] for row in share) for share in shares]
    assert max(tokens) < 1.25 * min(tokens)
    assert [len(share) for share in divide(layout, rows[:2], 3)] == [1, 1, 0]


def test_that_two_processes_give_the_losses_of_one(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "one", model, beginning=BEGINNING, **SETTINGS)
    make_run(tmp_path / "two", model, beginning=BEGINNING, gpus=2, **SETTINGS)
    one = figures(train_in(tmp_path / "one"))

    addresses: set[str] = set()
    compute = PackedCausal.compute
    fails = [False]

    def fail_once(self: PackedCausal, rows: list[Example], scale: float | None = None) -> Sums:
        if fails[0]:
            fails[0] = False
            raise torch.OutOfMemoryError
        return compute(self, rows, scale)

    def look(event: Event) -> None:
        if isinstance(event, TrainStep):
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            open_ports = [c for process in processes for c in process.net_connections() if c.status == "LISTEN"]
            addresses.update(connection.laddr.ip for connection in open_ports)
            fails[0] = event.step == 1

    monkeypatch.setattr(stepping.PackedCausal, "compute", fail_once)
    monkeypatch.setattr("fintune_gui.engine.team.own_program", lambda _role: [sys.executable, "-c", SHORT_OF_MEMORY])
    events = train_in(tmp_path / "two", look)
    assert figures(events) == pytest.approx(one, abs=1e-5)
    told = [(event.what, event.value) for event in of_kind(events, Decided)]
    assert ("processes", "2") in told
    assert sum(what == "budget" for what, _ in told) == 2  # each process lacked memory once, and both took less
    assert addresses <= {"127.0.0.1"}
    assert not psutil.Process().children(recursive=True)


def test_that_a_lost_process_costs_no_step(tmp_path: Path, model: Path) -> None:
    make_run(tmp_path / "one", model, method=Method.FULL, **SETTINGS)
    make_run(tmp_path / "two", model, method=Method.FULL, gpus=2, **SETTINGS)
    one = figures(train_in(tmp_path / "one"))

    def kill(event: Event) -> None:
        if isinstance(event, TrainStep) and event.step == 4:
            for process in psutil.Process().children(recursive=True):
                process.kill()

    events = train_in(tmp_path / "two", kill)
    assert "A part of the run has died" in of_kind(events, Log)[-1].message
    assert checkpoints.latest_step(tmp_path / "two") == 4
    assert not psutil.Process().children(recursive=True)

    spec = tmp_path / "two" / "spec.json"
    spec.write_text(spec.read_text().replace('"gpus": 2', '"gpus": 1'))  # as where a card was taken out
    resumed = train_in(tmp_path / "two")
    assert "in 2 processes before, and now in one process" in " ".join(e.message for e in of_kind(resumed, Log))
    assert figures(events) | figures(resumed) == pytest.approx(one, abs=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 on Windows")
def test_that_a_killed_team_goes_as_a_whole_and_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "gpt2", dropout=0.1)
    settings = {**SETTINGS, "gpus": 2, "lora_dropout": 0.1}
    make_run(tmp_path / "whole", model, **settings)
    make_run(tmp_path / "killed", model, **settings)
    whole = figures(train_in(tmp_path / "whole"))

    leader = subprocess.Popen(
        [sys.executable, "-m", "fintune_gui", "engine", str(tmp_path / "killed")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "log.txt").open("ab"),
    )
    events: list[Event] = []
    others: list[psutil.Process] = []
    for line in leader.stdout or ():
        events.append(parse_event(line))
        if isinstance(events[-1], TrainStep) and events[-1].step == 4:  # a checkpoint was written after the third
            others = psutil.Process(leader.pid).children(recursive=True)
            leader.kill()
    leader.wait()
    assert others
    _, alive = psutil.wait_procs(others, timeout=20)
    assert not alive
    resumed = train_in(tmp_path / "killed")
    assert figures(events) | figures(resumed) == whole
