"""Ends this process as the kill of an operating system does, at a chosen file operation among its checkpoints.

Python imports a file of this name before anything else when its folder is on the path: nothing in the program knows.
"""

import os
import signal
import sys
import threading
from itertools import count


def kill_at(operation: int, delay_s: float = 0.0) -> None:
    """Kill this process with the `operation`-th thing that it does to a checkpoint, or so long after it began."""
    numbers = count(1)

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove"):
            return
        if "checkpoints" not in f"{arguments[0]}" or next(numbers) != operation:
            return
        if delay_s:
            threading.Timer(delay_s, kill).start()
        else:
            kill()

    sys.addaudithook(watch)


if told := os.environ.get("KILL_AT_FILE_OPERATION"):
    _operation, _, _delay = told.partition("+")
    kill_at(int(_operation), float(_delay or 0))
