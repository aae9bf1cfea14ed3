"""A process for Python work on very many texts.

Python holds the interpreter while it works, and the window can neither paint nor answer meanwhile, in whatever thread
that is. The process starts when it is first needed, ends when nobody has needed it for a while, and ends by itself
when the program does: its input is closed then. Texts go there and back as Arrow batches, over its input and output.
"""

from __future__ import annotations

import atexit
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock, Timer

import pyarrow as pa
from pyarrow import ipc

from fintune_gui.project.program import child_environment, own_program

ROLE = "texts"
_SCHEMA = pa.schema([("text", pa.large_string())])
_FUNCTION = b"function"
_IDLE_S = 10.0
_CREATION_FLAGS = 0
if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NO_WINDOW

_log = logging.getLogger(__name__)


def elsewhere(function: str, texts: pa.LargeStringArray) -> pa.LargeStringArray | None:
    """What a function of `cleaners.by_text` makes of each text, done in the process for texts.

    Returns:
        None if the process could not be started or has died; the caller does the work itself.
    """
    return _keeper.ask(function, texts)


def main() -> int:
    """What the process does: answer, until its input is closed."""
    from fintune_gui.dataset.cleaners import by_text
    from fintune_gui.project.channel import take_protocol_stream

    with take_protocol_stream() as output, ipc.new_stream(output, _SCHEMA) as answers:
        try:
            questions = ipc.open_stream(sys.stdin.buffer)
        except pa.ArrowInvalid:  # closed before anything was asked
            return 0
        for texts, metadata in _until_closed(questions):
            answers.write_batch(pa.record_batch([by_text(metadata[_FUNCTION].decode(), texts)], schema=_SCHEMA))
            output.flush()
    return 0


def _until_closed(questions: ipc.RecordBatchStreamReader) -> Iterator[tuple[pa.LargeStringArray, dict[bytes, bytes]]]:
    while True:
        try:
            question = questions.read_next_batch_with_custom_metadata()
        except (StopIteration, pa.ArrowInvalid, OSError):  # closed, perhaps inside a question by the program's end
            return
        yield question.batch.column(0), dict(question.custom_metadata)


class _Process:
    """One process at work."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [*own_program(ROLE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,  # Ctrl+C in the terminal is for us
            creationflags=_CREATION_FLAGS,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._questions = ipc.new_stream(self._input, _SCHEMA)
        self._answers: ipc.RecordBatchStreamReader | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, function: str, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Raises `OSError` or `pa.ArrowException` if the process has died."""
        question = pa.record_batch([texts], schema=_SCHEMA)
        self._questions.write_batch(question, custom_metadata={_FUNCTION: function})
        self._input.flush()
        if self._answers is None:
            self._answers = ipc.open_stream(self._output)
        return self._answers.read_next_batch().column(0)

    def close(self) -> None:
        """End it; at once if it does not go by itself."""
        with suppress(OSError):
            self._input.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


class _Keeper:
    """Starts the process, lets one thread at a time ask, and ends it when it is idle."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: _Process | None = None
        self._timer: Timer | None = None
        self._last_asked = 0.0

    def ask(self, function: str, texts: pa.LargeStringArray) -> pa.LargeStringArray | None:
        with self._lock:
            try:
                if self._process is None:
                    self._process = _Process()
                    self._look_after(_IDLE_S)
                return self._process.ask(function, texts)
            except (OSError, pa.ArrowException, StopIteration) as error:
                _log.info("The process for texts is gone: %s", error)
                self._end()
                return None
            finally:
                self._last_asked = time.monotonic()

    def close(self) -> None:
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one now."""
        process = self._process
        return None if process is None else process.pid

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._process is not None:
            self._process.close()
            self._process = None

    def _look_after(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._end_if_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_if_idle(self) -> None:
        with self._lock:
            if self._process is None:
                return
            left = self._last_asked + _IDLE_S - time.monotonic()
            if left > 0:
                self._look_after(left)
            else:
                self._end()


_keeper = _Keeper()
atexit.register(_keeper.close)
