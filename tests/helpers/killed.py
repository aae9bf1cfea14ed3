"""Trainers in real processes that are killed: from outside, or by themselves in the middle of a save."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from fintune_gui.project.events import TrainStep, parse_event

_HOOKS = Path(__file__).parent / "killing"
_ROOT = _HOOKS.parents[2]


def train(folder: Path, *, kill_at: str = "", kill_after_steps: int = 0) -> int:
    """Run ``python -m fintune_gui engine`` on `folder` until it ends or is killed. Returns its exit code.

    Args:
        kill_at: "12" for the twelfth file operation among the checkpoints, "12+0.003" for so many seconds after it.
        kill_after_steps: Kill it from outside as soon as it told of so many steps.
    """
    path = os.pathsep.join([str(_HOOKS), str(_ROOT)])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "KILL_AT_FILE_OPERATION": kill_at}
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fintune_gui", "engine", str(folder)],
            stdin=subprocess.PIPE,  # held open: a run whose parent has gone ends by itself
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        )
    steps = 0
    with process:
        for line in process.stdout or ():
            steps += isinstance(parse_event(line), TrainStep)
            if steps == kill_after_steps > 0:
                process.send_signal(signal.SIGKILL)
                break
    return process.returncode


class TrainerNursery:
    """As `train`, with the seconds that importing takes paid once: each trainer is a fork of one that has imported."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(_HOOKS), str(_ROOT)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.killed"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        )

    def train(self, folder: Path, *, kill_at: int = 0) -> int:
        """Train on `folder` in a process of its own. Returns its exit code, negative for a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), kill_at]).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def _bear_trainers() -> None:
    import sitecustomize

    from fintune_gui.engine import train as _train  # noqa: F401 - the imports are what takes time
    from fintune_gui.engine import worker

    for line in sys.stdin:
        folder, operation = json.loads(line)
        parents_end, childs_end = os.pipe(), os.open(os.devnull, os.O_WRONLY)
        child = os.fork()
        if child == 0:
            os.dup2(parents_end[0], 0)
            os.dup2(childs_end, 1)
            os.dup2(os.open(Path(folder) / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
            if operation:
                sitecustomize.kill_at(operation)
            os._exit(worker.main(Path(folder)))
        _, status = os.waitpid(child, 0)
        for end in (*parents_end, childs_end):
            os.close(end)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    _bear_trainers()
