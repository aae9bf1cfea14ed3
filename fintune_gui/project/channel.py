"""The child's end of the line: events out, commands in.

The protocol stream is the standard output that the process was started with. It is taken away from everybody else at
once: later prints of any library, also from C code, go to standard error, which the parent keeps as ``log.txt``.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import BinaryIO, Self, get_args, overload

from fintune_gui.project.errors import CancelledError
from fintune_gui.project.events import CheckpointSaved, Command, Ended, Event
from fintune_gui.project.spec import EVENTS_FILE

HANGUP = "hangup"
"""Read instead of a command when the parent has gone: save, and end."""


class EventWriter:
    """Appends events to the job's file and repeats them on the protocol stream."""

    def __init__(self, folder: Path, stream: BinaryIO | None = None) -> None:
        path = folder / EVENTS_FILE
        # an earlier process may have been killed inside a line
        self._torn = _is_torn(path)
        self._file = path.open("ab", buffering=0)
        self._unwritten: list[bytes] = []
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Tell `event`. Who listens hears it even if the file cannot take it.

        Raises:
            OSError: if the file cannot take it; it is kept, to be written before the next one or by `flush`. Never for
                the end event: nothing is left to be stopped, and a file without an end reads as interrupted.
        """
        line = event.model_dump_json().encode() + b"\n"
        with self._lock:
            self._unwritten.append(line)
            try:
                self._append()
                if isinstance(event, CheckpointSaved):  # a power cut must not take the curve before a checkpoint
                    os.fsync(self._file.fileno())
            except OSError:
                if not isinstance(event, Ended):
                    raise
            finally:  # after the file: a process that is killed in between has told nothing that is not there
                self._repeat(line)

    def flush(self) -> None:
        """Write what the file could not take before.

        Raises:
            OSError: if it still cannot.
        """
        with self._lock:
            self._append()

    def _append(self) -> None:
        while self._unwritten:
            whole = b"\n" + self._unwritten[0] if self._torn else self._unwritten[0]
            written = self._file.write(whole)
            if written:
                self._torn = written < len(whole)
            if written != len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)
            del self._unwritten[0]

    def _repeat(self, line: bytes) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(line)
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._stream = None  # nobody listens any more; the file goes on

    def sync(self) -> None:
        """Make everything written so far durable."""
        with self._lock:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a full disk: the end was told, and is not taken back by this
            self.sync()
        self.close()


def _is_torn(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def take_protocol_stream() -> BinaryIO:
    """Keep the process's standard output for events, and send everything else that is printed to standard error."""
    stream = os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stream


class CommandReader:
    """Reads commands from standard input in a daemon thread, so that work can look for them without waiting."""

    def __init__(self, source: BinaryIO | None = None) -> None:
        self._queue: SimpleQueue[str] = SimpleQueue()
        # unbuffered: a daemon thread that waits inside a buffered reader aborts the interpreter when it ends
        self._source = source or open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def _read(self) -> None:
        known = get_args(Command)
        for line in self._source:
            word = line.decode(errors="replace").strip()
            if word in known:
                self._queue.put(word)
        self._queue.put(HANGUP)

    def poll(self) -> str | None:
        """The next command, `HANGUP`, or None."""
        try:
            return self._queue.get_nowait()
        except Empty:
            return None

    @overload
    def wait(self, timeout_s: None = None) -> str: ...
    @overload
    def wait(self, timeout_s: float) -> str | None: ...
    def wait(self, timeout_s: float | None = None) -> str | None:
        """Block until there is a command or `HANGUP`; None when `timeout_s` passed first. Used while paused."""
        try:
            return self._queue.get(timeout=timeout_s)
        except Empty:
            return None

    def cancel_check(self) -> Callable[[], None]:
        """A function that raises `CancelledError` once the user cancelled or the parent has gone."""

        def check() -> None:
            command = self.poll()
            if command in ("cancel", "stop", HANGUP):
                raise CancelledError

        return check
