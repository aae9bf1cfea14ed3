"""The engine's process: reads one specification, does the work, and ends with exactly one end event."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

from fintune_gui.engine.job import Job, Result
from fintune_gui.project.channel import CommandReader, EventWriter, take_protocol_stream
from fintune_gui.project.errors import CancelledError, FintuneError, Problem
from fintune_gui.project.events import Ended, Started
from fintune_gui.project.files import disk_errors_explained, write_errors_explained
from fintune_gui.project.lock import FolderLock
from fintune_gui.project.spec import (
    EVENTS_FILE,
    SPEC_FILE,
    EvaluateSpec,
    ExportSpec,
    FitSpec,
    JobSpec,
    PrepareSpec,
    TrainSpec,
    read_spec,
)

logger = logging.getLogger(__name__)

_AT_WORK = Problem(
    code="job.at_work",
    what="Another process is still at work here.",
    why="It was started before, by a window or command that has gone, and is saving what there is.",
    todo="Wait some seconds, then try again.",
)
_DEVICE_SIGNS = ("CUDA error", "CUDA driver", "cuDNN error", "CUBLAS_STATUS", "HIP error", "AcceleratorError")
_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "numpy")


def main(folder: Path) -> int:
    """Do the job in `folder` and return the exit code: 0 when it ended as asked, 1 when it failed."""
    stream = take_protocol_stream()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    faulthandler.enable()  # a library that crashes leaves in the log where it was
    for chatty in ("httpx", "httpcore", "filelock", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        with write_errors_explained(folder / EVENTS_FILE):
            writer = EventWriter(folder, stream)
    except FintuneError as error:
        _only_tell(stream, error.problem)
        return 1
    lock = FolderLock(folder)  # the system takes it back when this process ends, however it ends
    if not lock.acquire():
        _only_tell(stream, _AT_WORK)  # the events in the file are those of the process at work
        writer.close()
        return 1
    with writer:
        # Unbuffered, because a daemon thread that waits inside a buffered reader aborts the interpreter's exit.
        commands = CommandReader(open(0, "rb", buffering=0, closefd=False))  # noqa: SIM115
        ended = _end_of(Job(folder, writer, commands, writer.flush))
        writer(ended)
    return 1 if ended.outcome == "failed" else 0


def _only_tell(stream: BinaryIO, problem: Problem) -> None:
    """Tell why nothing was done to who listens, and write nothing down."""
    stream.write(Ended(outcome="failed", problem=problem).model_dump_json().encode() + b"\n")
    stream.flush()


def _end_of(job: Job) -> Ended:
    """Do the work; every way in which it can end becomes an end event."""
    try:
        spec = read_spec(job.folder)
        job.emit(_started(job.folder, spec))
        job.progress("Starting", 0)  # the libraries take seconds to import
        with disk_errors_explained(job.folder / EVENTS_FILE):
            outcome, result = _work(spec, job)
        if not (job.folder / SPEC_FILE).exists():  # what it tells of is not there
            return Ended(outcome="failed", problem=_folder_gone(job.folder))
        return Ended(outcome=outcome, result=result)
    except CancelledError as cancelled:
        return Ended(outcome="cancelled", problem=cancelled.problem)
    except FintuneError as error:
        logger.info("The job failed: %s", error, exc_info=True)
        return Ended(outcome="failed", problem=error.problem)
    except Exception as error:
        logger.exception("The job failed")
        return Ended(outcome="failed", problem=_problem_of(error, job.folder))


def _problem_of(error: Exception, folder: Path) -> Problem:
    """What an error that nobody foresaw means."""
    details = traceback.format_exc()
    if not (folder / SPEC_FILE).exists():
        return _folder_gone(folder, details)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return _out_of_memory(details)
    if any(sign in f"{type(error).__name__}: {error}" for sign in _DEVICE_SIGNS):
        return _device_failed(details)
    return _defect(error)


def _work(spec: JobSpec, job: Job) -> Result:
    # Each kind is imported when it is needed: preparing a folder must not pay for the import of torch.
    match spec:
        case PrepareSpec():
            from fintune_gui.engine import prepare

            return prepare.run(spec, job)
        case TrainSpec():
            from fintune_gui.engine import train

            return train.run(spec, job)
        case EvaluateSpec():
            from fintune_gui.engine import evaluate

            return evaluate.run(spec, job)
        case ExportSpec():
            from fintune_gui.engine import export

            return export.run(spec, job)
        case FitSpec() if spec.cheaper:
            from fintune_gui.engine import fit_series

            return fit_series.run(spec, job)
        case FitSpec():
            from fintune_gui.engine import fit

            return fit.run(spec, job)
        case _:
            raise FintuneError(
                "engine.wrong_worker",
                f"The engine cannot do a job of the kind “{spec.kind}”.",
                "Rows are read by another worker.",
                "Start the job again from the project.",
            )


def _started(folder: Path, spec: JobSpec) -> Started:
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    resumed = None
    if isinstance(spec, TrainSpec):
        from fintune_gui.engine.checkpoints import latest_step

        resumed = latest_step(folder)
    return Started(kind=spec.kind, pid=os.getpid(), versions=versions, resumed_from_step=resumed)


def _folder_gone(folder: Path, details: str = "") -> Problem:
    return Problem(
        code="job.folder_gone",
        what="The work stopped, because its folder was deleted or moved while it was going on.",
        why=f"{folder} is not there any more, or lacks what it held.",
        todo="Put it back from the trash to go on from what was saved there, or start anew.",
        details=details,
    )


def _out_of_memory(details: str) -> Problem:
    return Problem(
        code="training.out_of_memory",
        what="There is not enough memory for this.",
        why="The model and one row together need more memory than is free.",
        todo="Close other programs, choose a smaller model, or a smaller greatest length on the page Format.",
        details=details,
    )


def _device_failed(details: str) -> Problem:
    return Problem(
        code="training.device_failed",
        what="The graphics card stopped working.",
        why="Its driver reported an error, after which nothing more can be computed in the same process.",
        todo="Start it again; a run goes on from its last checkpoint. If it happens again, restart the computer and "
        "bring the graphics card's driver up to date.",
        details=details,
    )


def _defect(error: Exception) -> Problem:
    return Problem(
        code="engine.defect",
        what="The work stopped because of a fault in the program.",
        why=f"{type(error).__name__}: {error}",
        todo="Nothing is lost that was saved before. Try again; if it happens again, report it with the details.",
        details=traceback.format_exc(),
    )
