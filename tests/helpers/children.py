"""Small children that stand in for a job's process: they speak the real protocol and then misbehave in one way."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from fintune_gui.jobs.process import JobProcess
from fintune_gui.project.events import Ended, Event
from fintune_gui.project.spec import PrepareSpec, write_spec

_PRELUDE = """
import os, sys, time
from pathlib import Path
from fintune_gui.project.channel import HANGUP, CommandReader, EventWriter, take_protocol_stream
from fintune_gui.project.events import CheckpointSaved, Ended, Log, Progress, Started
from fintune_gui.project.spec import LATEST_CHECKPOINT
folder = Path(sys.argv[1])
"""
_SPEAKING = """
writer = EventWriter(folder, take_protocol_stream())
commands = CommandReader(open(0, "rb", buffering=0, closefd=False))
writer(Started(kind="train", pid=os.getpid()))
def checkpoint():
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / LATEST_CHECKPOINT).write_text("{}")
    writer(CheckpointSaved(step=3, folder="checkpoints/step-000003", best=True, reason="time", seconds=0.1))
"""


def start_child(folder: Path, body: str, *, speaking: bool = True) -> JobProcess:
    """Start a child that runs `body`, with `writer`, `commands` and `checkpoint()` at hand unless not `speaking`."""
    write_spec(folder, PrepareSpec(name="stand-in"))
    script = _PRELUDE + (_SPEAKING if speaking else "") + textwrap.dedent(body)
    return JobProcess.start(folder, program=[sys.executable, "-c", script])


def last_of(events: list[Event]) -> Ended:
    """The end event, which must be the last and the only one."""
    ends = [event for event in events if isinstance(event, Ended)]
    assert len(ends) == 1
    assert events[-1] is ends[0]
    return ends[0]
