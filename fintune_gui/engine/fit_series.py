"""Dry runs of a project's settings and of cheaper ones, one after another.

Each is a process of its own. A process's peak cannot be taken back, and what one model left behind in the allocator
would count for the next: only a fresh process measures its own settings. This one loads no model and not even torch.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from pydantic import ValidationError

from fintune_gui.engine.job import Job, Result
from fintune_gui.project.errors import CancelledError, Problem, raise_for_problem
from fintune_gui.project.events import Decided, Ended, Event, Log, Plan, Progress, parse_event
from fintune_gui.project.measured import TRIALS
from fintune_gui.project.program import child_environment, own_program
from fintune_gui.project.spec import LOG_FILE, FitSpec, write_spec

_LOOK_S = 0.2
_GO_S = 5.0
_KILLED = -9
"""What a process ends with that the system killed, where it has such a signal."""
_TRIAL_STEPS = 2
"""One that pays for allocating memory, and one that is timed."""
_NO_MEMORY = Problem(
    code="training.out_of_memory",
    what="It does not fit into memory.",
    why="The system ended the process, which is what it does when memory runs out.",
    todo="Take cheaper settings, or choose a smaller model.",
)

_NOTHING = Problem(code="training.no_measurement", what="The dry run gave no result.", todo="Try again.")


def run(spec: FitSpec, job: Job) -> Result:
    """Measure the settings as they are, then each cheaper way.

    Raises:
        FintuneError: if the settings as they are fail for another reason than a lack of memory, or nothing fits.
    """
    total = 1 + len(spec.cheaper)
    first = spec.model_copy(update={"cheaper": (), "rows_folder": str(job.folder)})
    base = _measure(job, 0, first, lambda stage: job.progress(stage, 0, total, "settings"), tell=True)
    if base.problem is not None and base.problem.code != _NO_MEMORY.code:
        raise_for_problem(base.problem)
    longest, ways = int(base.result.get("longest_row", 0)), []
    for number, trial in enumerate(spec.cheaper, start=1):
        if trial.way.max_length is not None and 0 < longest <= trial.way.max_length:
            continue  # no row would be cut

        def told(_stage: str, title: str = trial.way.title, done: int = number) -> None:
            job.progress(f"Trying: {title}", done, total, "settings")

        told("")
        child = FitSpec(train=trial.train, steps=min(spec.steps, _TRIAL_STEPS), rows_folder=str(job.folder))
        ended = _measure(job, number, child, told)
        ways.append({"way": trial.way.model_dump(mode="json"), **_told(ended)})
    if base.problem is not None and all(way.get("problem") for way in ways):
        raise_for_problem(base.problem)
    return "completed", {**base.result, "cheaper": ways}


def _told(ended: Ended) -> dict[str, Any]:
    return {"problem": ended.problem.what} if ended.problem is not None else ended.result


def _measure(job: Job, number: int, spec: FitSpec, told: Callable[[str], None], *, tell: bool = False) -> Ended:
    """One dry run in a process of its own. With `tell` what it decides is told as this job's.

    Raises:
        CancelledError: when the user cancels, or the parent has gone.
    """
    folder = job.folder / f"{TRIALS}{number}"
    write_spec(folder, spec)
    ended: Ended | None = None
    with _child(folder) as (process, events):
        while True:
            try:
                job.check_cancelled()
            except CancelledError:
                _end(process)
                raise
            try:
                event = events.get(timeout=_LOOK_S)
            except Empty:
                continue
            if event is None:
                break
            if isinstance(event, Ended):
                ended = event
            elif isinstance(event, Progress):
                told(event.stage)
            elif tell and isinstance(event, Decided | Plan | Log):
                job.emit(event)
        code = process.wait()
    if ended is not None and ended.outcome == "completed":
        return ended
    if ended is not None and ended.problem is not None:
        return ended
    problem = _NO_MEMORY if code == _KILLED else _NOTHING.model_copy(update={"why": f"It ended with {code}."})
    return Ended(outcome="failed", problem=problem)


@contextmanager
def _child(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], SimpleQueue[Event | None]]]:
    """The process at work in `folder` and what it says; None is the end. When its parent goes it ends by itself."""
    events: SimpleQueue[Event | None] = SimpleQueue()
    with (folder / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            [*own_program("engine"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=child_environment(),
        )

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                with suppress(ValidationError):  # a library's word
                    events.put(parse_event(line))
            events.put(None)

        listener = threading.Thread(target=listen, name="dry run", daemon=True)
        listener.start()
        try:
            yield process, events
        finally:
            _end(process)
            listener.join()
            assert process.stdout is not None
            process.stdout.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it go: it is asked by the closing of its input, and killed if it does not."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_GO_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
