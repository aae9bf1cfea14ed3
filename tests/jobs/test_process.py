"""A job's process that behaves, and every way in which it can fail to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from fintune_gui.jobs.process import JobProcess, raise_if_failed, run_to_end
from fintune_gui.project.channel import EventWriter
from fintune_gui.project.errors import CancelledError, FintuneError, ModelError, Problem, ProjectError
from fintune_gui.project.events import CheckpointSaved, Ended, Log, Progress, Started, read_events
from fintune_gui.project.spec import EVENTS_FILE, PrepareSpec, write_spec
from tests.helpers.children import last_of, start_child


def test_that_events_arrive_in_order_and_are_kept_in_the_file(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        for done in range(100):
            writer(Progress(stage="counting", done=done, total=100))
        writer(Ended(outcome="completed", result={"sum": 4950}))
        """,
    )
    events = list(job.events())
    assert isinstance(events[0], Started)
    assert [event.done for event in events if isinstance(event, Progress)] == list(range(100))
    assert last_of(events).result == {"sum": 4950}
    assert list(read_events(tmp_path / EVENTS_FILE)) == events
    assert job.poll() == 0


def test_that_events_arrive_while_the_job_works(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        while commands.wait() != "stop":
            pass
        writer(Ended(outcome="stopped"))
        """,
    )
    events = job.events()
    assert isinstance(next(events), Started)  # would block for ever if it only came with the end
    job.send("save")
    job.send("stop")
    assert last_of(list(events)).outcome == "stopped"


def test_that_garbage_on_the_stream_goes_to_the_log(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        sys.stdout.write("a library says hello\\n{\\"type\\": \\"unknown\\"}\\n\\x00\\x01\\n")
        sys.stdout.flush()
        writer = EventWriter(folder, take_protocol_stream())
        print("printed later")
        os.system("echo printed by C")
        writer(Ended(outcome="completed"))
        """,
        speaking=False,
    )
    assert [event.type for event in job.events()] == ["ended"]
    log = (tmp_path / "log.txt").read_text()
    assert "a library says hello" in log
    assert "printed later" in log
    assert "printed by C" in log


def test_that_a_flood_of_messages_blocks_nobody(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        for _ in range(2000):
            sys.stderr.write("x" * 1000 + "\\n")
        writer(Ended(outcome="completed"))
        """,
    )
    assert last_of(list(job.events())).outcome == "completed"
    assert (tmp_path / "log.txt").stat().st_size >= 2_000_000


def test_that_a_killed_job_with_a_checkpoint_is_interrupted(tmp_path: Path) -> None:
    job = start_child(tmp_path, "checkpoint()\ntime.sleep(60)")
    events = job.events()
    while not isinstance(next(events), CheckpointSaved):
        pass
    os.kill(job.pid, signal.SIGKILL)
    ended = last_of(list(events))
    assert ended.outcome == "interrupted"
    assert ended.problem is not None
    assert "killed" in ended.problem.why
    assert "checkpoint" in ended.problem.todo
    assert last_of(list(read_events(tmp_path / EVENTS_FILE))) == ended


def test_that_a_killed_job_without_a_checkpoint_has_failed(tmp_path: Path) -> None:
    job = start_child(tmp_path, "time.sleep(60)")
    events = job.events()
    next(events)
    os.kill(job.pid, signal.SIGKILL)
    ended = last_of(list(events))
    assert ended.outcome == "failed"
    with pytest.raises(FintuneError, match="memory"):
        raise_if_failed(ended)


def test_that_a_crash_is_told_with_the_last_line_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("CUDA out of memory, as an earlier process said\n")
    job = start_child(tmp_path, 'raise RuntimeError("the weights are upside down")')
    ended = last_of(list(job.events()))
    assert ended.outcome == "failed"
    assert ended.problem is not None
    assert "the weights are upside down" in ended.problem.why
    assert "Traceback" in ended.problem.details
    assert "earlier process" not in ended.problem.details


def test_that_a_job_out_of_memory_says_so(tmp_path: Path) -> None:
    ended = last_of(list(start_child(tmp_path, "raise MemoryError").events()))
    assert ended.problem is not None
    assert ended.problem.why == "The memory of this computer ran out."


def test_that_an_event_torn_by_a_kill_is_mended(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        with (folder / "events.jsonl").open("ab") as file:
            file.write(b'{"type": "log", "lev')
        os.kill(os.getpid(), 9)
        """,
    )
    list(job.events())
    assert [event.type for event in read_events(tmp_path / EVENTS_FILE)] == ["started", "ended"]


def test_that_a_process_that_lingers_after_its_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fintune_gui.jobs.process.LINGER_S", 0.2)
    job = start_child(tmp_path, 'writer(Ended(outcome="completed"))\ntime.sleep(60)')
    assert last_of(list(job.events())).outcome == "completed"
    assert job.poll() is not None


def test_that_asking_is_enough_for_a_job_that_listens(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        assert commands.wait() == "stop"
        writer(Ended(outcome="stopped", result={"best_step": 3}))
        """,
    )
    ladder = threading.Thread(target=job.stop_ladder)
    ladder.start()
    assert last_of(list(job.events())).result == {"best_step": 3}
    ladder.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot ignore being terminated")
def test_that_a_job_that_ignores_everything_is_killed_in_the_end(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        import signal, subprocess
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        writer(Log(level="info", message=str(helper.pid)))
        time.sleep(60)
        """,
    )
    events = job.events()
    helper = next(int(event.message) for event in events if isinstance(event, Log))
    ladder = threading.Thread(target=job.stop_ladder, kwargs={"grace_s": 0.2, "terminate_grace_s": 0.2})
    ladder.start()
    ended = last_of(list(events))
    ladder.join()
    assert ended.outcome == "cancelled"
    assert job.poll() == -signal.SIGKILL
    assert not _runs(helper)
    with pytest.raises(CancelledError):
        raise_if_failed(ended)


def test_that_hanging_up_lets_the_job_save(tmp_path: Path) -> None:
    job = start_child(
        tmp_path,
        """
        assert commands.wait() == HANGUP
        checkpoint()
        writer(Ended(outcome="interrupted"))
        """,
    )
    job.hang_up()
    job.send("stop")  # too late, and harmless
    assert last_of(list(job.events())).outcome == "interrupted"


def test_that_a_job_whose_parent_is_killed_saves_and_ends(tmp_path: Path) -> None:
    """The parent is a process of its own with two children: neither may hold the other's line open."""
    script = f"""
import sys
from pathlib import Path
from tests.helpers.children import start_child
body = '''
writer(Log(level="info", message=str(os.getpid())))
assert commands.wait() == HANGUP
checkpoint()
writer(Ended(outcome="interrupted"))
'''
jobs = [start_child(Path({str(tmp_path)!r}) / name, body) for name in ("a", "b")]
streams = [job.events() for job in jobs]
for stream in streams:
    next(stream)
print("ready", flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        parent.kill()
    for name in ("a", "b"):
        assert _eventually(lambda folder=tmp_path / name: _last_outcome(folder) == "interrupted"), name


def test_that_every_job_that_cannot_be_read_is_refused_before_it_starts(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no job"):
        JobProcess.start(tmp_path)
    assert not list(tmp_path.glob("*.jsonl"))


def test_that_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FintuneError, match="could not be started"):
        JobProcess.start(tmp_path, program=[str(tmp_path / "missing")])


def test_that_the_real_engine_answers_and_fails_with_a_sentence(tmp_path: Path) -> None:
    write_spec(tmp_path, PrepareSpec(name=str(tmp_path / "no such model")))
    seen: list[str] = []
    ended = run_to_end(tmp_path, lambda event: seen.append(event.type))
    assert seen[0] == "started"
    assert seen[-1] == "ended"
    with pytest.raises(ModelError):
        raise_if_failed(ended)


def test_that_a_job_is_found_wherever_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present folder may hold files with the names of libraries; they must not be run."""
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    write_spec(tmp_path / "job", PrepareSpec(name=str(tmp_path / "no such model")))
    monkeypatch.chdir(tmp_path)
    ended = run_to_end(tmp_path / "job")
    assert ended.problem is not None
    assert ended.problem.code.startswith("model.")


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to itself")
def test_that_ctrl_c_stops_and_keeps_and_twice_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = start_child(tmp_path, "checkpoint()\nassert commands.wait() == 'stop'\ntime.sleep(60)")
    monkeypatch.setattr(JobProcess, "start", lambda *_, **__: stubborn)
    presses: list[int] = []

    def press(event: object) -> None:
        if isinstance(event, CheckpointSaved):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()

    before = signal.getsignal(signal.SIGINT)
    ended = run_to_end(tmp_path, press, on_interrupt=presses.append)
    assert presses == [1, 2]
    assert ended.outcome == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before


def test_that_problems_come_back_as_the_error_of_their_family() -> None:
    raise_if_failed(Ended(outcome="completed"))
    raise_if_failed(Ended(outcome="stopped"))
    with pytest.raises(ModelError, match="No weights"):
        raise_if_failed(Ended(outcome="failed", problem=Problem(code="model.no_weights", what="No weights.")))
    with pytest.raises(CancelledError):
        raise_if_failed(Ended(outcome="cancelled"))
    with pytest.raises(FintuneError, match="interrupted"):
        raise_if_failed(Ended(outcome="interrupted"))


def test_that_a_writer_whose_listener_has_gone_writes_on(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb", buffering=0) as stream, EventWriter(tmp_path, stream) as writer:
        writer(Log(level="info", message="one"))
        writer(Log(level="info", message="two"))
    assert len(list(read_events(tmp_path / EVENTS_FILE))) == 2


def _runs(pid: int) -> bool:
    return _eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie") is False


def _last_outcome(folder: Path) -> str:
    ends = [event.outcome for event in read_events(folder / EVENTS_FILE) if isinstance(event, Ended)]
    return ends[-1] if ends else ""


def _eventually(condition: object, patience_s: float = 10.0) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
