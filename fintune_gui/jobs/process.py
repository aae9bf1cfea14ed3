"""A job in a process of its own: started, listened to and stopped. Whatever happens to it ends in one event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from pydantic import ValidationError

from fintune_gui.jobs.aftermath import ended_without_event, log_tail
from fintune_gui.project.channel import EventWriter
from fintune_gui.project.errors import CancelledError, FintuneError, raise_for_problem
from fintune_gui.project.events import Command, Ended, Event, parse_event
from fintune_gui.project.files import write_errors_explained
from fintune_gui.project.hub_token import token_environment
from fintune_gui.project.program import child_environment, own_program
from fintune_gui.project.spec import LOG_FILE, read_spec

STOP_GRACE_S = 30.0
"""How long a job may take to save after it was asked to stop."""
TERMINATE_GRACE_S = 5.0
"""How long it may take to go after it was told to."""
LINGER_S = 10.0
"""How long the process may live on after its end event."""
LONGEST_LINE_BYTES = 16 << 20
"""No event is longer: what is, is noise, and must not fill the memory."""

_CREATION_FLAGS = 0
if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW


class JobProcess:
    """One child process at work on one job folder.

    `events` is read by one thread; `send`, `stop_ladder` and `poll` may be called from any other.
    """

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self.folder = folder
        self._process = process
        self._log = log
        self._log_start = log.seek(0, os.SEEK_END)
        self._sending = threading.RLock()
        self._asked_to_stop = False

    @classmethod
    def start(cls, folder: Path, *, threads: int | None = None, program: Sequence[str] | None = None) -> Self:
        """Start the job whose specification is in `folder`.

        Args:
            folder: The job's folder; it must hold ``spec.json``.
            threads: Processor cores that numerical libraries may use; all of them by default.
            program: What to run instead of Fintune itself, without the folder.

        Raises:
            ProjectError: if the folder holds no job.
        """
        kind = read_spec(folder).kind if program is None else None
        role = "data" if kind in ("import", "look") else "engine"
        command = [*(program or own_program(role)), str(folder)]
        with write_errors_explained(folder / LOG_FILE):
            log = (folder / LOG_FILE).open("ab")
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,  # a file and not a pipe: a flood of messages can never block the child
                env=_environment(threads) | (token_environment() if kind == "prepare" else {}),
                # Ctrl+C in the terminal must reach us and not the child, and killing it must reach what it started
                start_new_session=True,
                creationflags=_CREATION_FLAGS,
            )
        except OSError as error:
            log.close()
            raise FintuneError(
                "job.not_started",
                "The work could not be started.",
                f"The system refused a new process: {error}.",
                "Close other programs and try again.",
            ) from error
        return cls(folder, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while the process lives."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the process to go: its exit code, or None when `timeout_s` passed first."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def events(self) -> Iterator[Event]:
        """Everything the job says, as it says it; always ends with one `Ended`.

        A process that goes without an end event (killed, crashed, out of memory) gets one from here, and it is
        appended to the job's event file as well. When the iteration is over, the process is gone.
        """
        ended: Ended | None = None
        try:
            while ended is None and (line := self._next_line()):
                event = self._parse(line)
                if isinstance(event, Ended):
                    ended = event
                elif event is not None:
                    yield event
            self._make_sure_it_goes()
            yield ended or self._explain_silence()
        finally:
            self.close()

    def send(self, command: Command) -> None:
        """Say something to the job; harmless when it has gone already."""
        self._asked_to_stop |= command in ("stop", "cancel")
        assert self._process.stdin is not None
        with self._sending, suppress(OSError, ValueError):  # it has gone; its end is told by events()
            self._process.stdin.write(f"{command}\n".encode())
            self._process.stdin.flush()

    def hang_up(self) -> None:
        """Close the line to the job: it saves a checkpoint and ends, as it does when the parent dies."""
        assert self._process.stdin is not None
        with self._sending, suppress(OSError):  # a half-written command to a process that has gone
            self._process.stdin.close()

    def stop_ladder(
        self,
        command: Command = "stop",
        *,
        grace_s: float = STOP_GRACE_S,
        terminate_grace_s: float = TERMINATE_GRACE_S,
    ) -> None:
        """End the job for certain: ask, wait `grace_s`, terminate, wait `terminate_grace_s`, kill. Blocks so long.

        Another thread must be reading `events` meanwhile, or the job may hang on a full pipe and lose its result.
        """
        self.send(command)
        if self.wait(grace_s) is not None:
            return
        self._process.terminate()
        if self.wait(terminate_grace_s) is None:
            self.kill()

    def kill(self) -> None:
        """End the process, and what it started, at once. The job's last checkpoint is what remains."""
        self._asked_to_stop = True
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):  # gone already
                os.killpg(self.pid, signal.SIGKILL)  # a session of its own: the group's id is the process's
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Let go of everything. A process that is still alive is killed: nobody could ever hear it."""
        if self.poll() is None:
            self.kill()
        self.hang_up()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def _next_line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline(LONGEST_LINE_BYTES)

    def _parse(self, line: bytes) -> Event | None:
        try:
            return parse_event(line)
        except ValidationError:
            self._log.write(line if line.endswith(b"\n") else line + b"\n")
            self._log.flush()
            return None

    def _make_sure_it_goes(self) -> None:
        if self.wait(LINGER_S) is None:
            self.kill()

    def _explain_silence(self) -> Ended:
        code = self._process.wait()
        log = log_tail(self.folder, self._log_start)
        ended = ended_without_event(self.folder, code, log, asked_to_stop=self._asked_to_stop)
        with suppress(OSError), EventWriter(self.folder) as writer:  # a file without an end reads as interrupted
            writer(ended)
        return ended


def run_to_end(
    folder: Path,
    on_event: Callable[[Event], None] | None = None,
    *,
    threads: int | None = None,
    on_interrupt: Callable[[int], None] | None = None,
) -> Ended:
    """Do the job in `folder` and wait for it.

    Ctrl+C asks it to stop and keep what it has; Ctrl+C again kills it. `on_interrupt` is told how often it was pressed.
    """
    process = JobProcess.start(folder, threads=threads)
    presses = 0

    def interrupted(*_: object) -> None:
        nonlocal presses
        presses += 1
        if on_interrupt:
            on_interrupt(presses)
        if presses == 1:
            process.send("stop")
        else:
            process.kill()

    in_main_thread = threading.current_thread() is threading.main_thread()
    # a handler and not KeyboardInterrupt: the reading goes on, so that the job's last words are heard
    before = signal.signal(signal.SIGINT, interrupted) if in_main_thread else None
    ended = Ended(outcome="failed")
    try:
        for event in process.events():
            if on_event:
                on_event(event)
            if isinstance(event, Ended):
                ended = event
    finally:
        process.close()
        if in_main_thread:
            signal.signal(signal.SIGINT, before)
    return ended


def raise_if_failed(ended: Ended) -> None:
    """Raise the job's problem as the error of its family; nothing if it completed, or was stopped and kept its best.

    Raises:
        FintuneError: when the job failed or was interrupted; `CancelledError` when the user cancelled it.
    """
    if ended.problem is not None:
        raise_for_problem(ended.problem)
    if ended.outcome == "cancelled":
        raise CancelledError
    if ended.outcome in ("failed", "interrupted"):
        raise FintuneError(
            f"job.{ended.outcome}",
            "The work did not come to its end.",
            "It was interrupted." if ended.outcome == "interrupted" else "",
            "Start it again; a training run goes on from its last checkpoint.",
        )


def _environment(threads: int | None) -> dict[str, str]:
    environment = {**child_environment(), "TOKENIZERS_PARALLELISM": "false", **threads_environment()}
    if threads is not None:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return environment


def threads_environment() -> dict[str, str]:
    """How threads that compute wait for each other: spinning for a moment, then asleep, unless the user has said how.

    Beside a busy window or browser, threads that only spin make a run on two cores seven times slower; threads that
    sleep at once make a run on quiet cores half as fast. See docs/decisions/0002. Counts are about 10 nanoseconds each.
    """
    wanted = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}
    return {} if wanted.keys() & os.environ.keys() else wanted
