"""A stand-in for the engine's process: speaks the real protocol, and leaves what the engine leaves, without a model.

Started as ``python -m tests.helpers.scripted_job FOLDER``. A training run takes 20 steps an epoch; one with a batch
size of `FAILING_BATCH` fails at once, and the validation loss of one with `TURNING_BATCH` turns.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from fintune_gui.project.channel import HANGUP, CommandReader, EventWriter, take_protocol_stream
from fintune_gui.project.errors import CancelledError, Problem
from fintune_gui.project.events import (
    CheckpointSaved,
    Continued,
    Ended,
    Event,
    Paused,
    Progress,
    Started,
    TrainStep,
    Validated,
)
from fintune_gui.project.files import write_json
from fintune_gui.project.history import read_history
from fintune_gui.project.spec import BEST_CHECKPOINT, EvaluateSpec, ExportSpec, TrainSpec, read_spec
from tests.helpers.runs import training_events, write_report, write_rows

FAILING_BATCH = 13
TURNING_BATCH = 11
_STEP_S = 0.01


def main(folder: Path) -> None:
    """Do the job of `folder`."""
    stream = take_protocol_stream()
    with EventWriter(folder, stream) as writer:
        commands = CommandReader(open(0, "rb", buffering=0, closefd=False))  # noqa: SIM115
        spec = read_spec(folder)
        try:
            match spec:
                case TrainSpec():
                    end = _train(folder, spec, writer, commands)
                case EvaluateSpec():
                    end = _evaluate(spec, writer, commands)
                case ExportSpec():
                    end = _export(spec, writer)
                case _:
                    raise AssertionError(spec.kind)
        except CancelledError as cancelled:
            end = Ended(outcome="cancelled", problem=cancelled.problem)
        writer(end)


def _train(folder: Path, spec: TrainSpec, writer: EventWriter, commands: CommandReader) -> Ended:
    before = read_history(folder)
    first = before.checkpoints[-1].step if before.checkpoints else 0
    total = round(20 * spec.training.epochs)
    task = spec.objective.task
    events = training_events(
        steps=total,
        total=total,
        first_step=first + 1,
        resumed_from=first or None,
        task=task,
        start=time.time(),
        turns=spec.training.batch_size == TURNING_BATCH,
    )
    for event in events:
        _say(writer, event)
        if isinstance(event, Started) and spec.training.batch_size == FAILING_BATCH:
            sys.stderr.write("CUDA error: the last words of a library\n")
            problem = Problem(
                code="training.bad", what="The numbers are not finite.", why="Too fast.", todo="Go slower."
            )
            return Ended(outcome="failed", problem=problem)
        if not isinstance(event, TrainStep):
            continue
        time.sleep(_STEP_S)
        command = commands.poll()
        if command == "pause":
            writer(Paused(step=event.step))
            command = commands.wait()
            writer(Continued(step=event.step))
        if command == "save":
            writer(_checkpoint(event.step))
        if command == "stop":
            writer(Validated(step=event.step, epoch=event.epoch, loss=0.5, metrics={"f1": 0.8}, best=True))
            write_json(folder / BEST_CHECKPOINT, {"folder": "step-000020", "step": 20})
            return Ended(outcome="stopped", result={"best_step": event.step})
        if command == HANGUP:
            writer(_checkpoint(event.step))
            return Ended(outcome="interrupted")
    return Ended(outcome="completed", result={"best_step": total})


def _say(writer: EventWriter, event: Event) -> None:
    own = {"pid": os.getpid()} if isinstance(event, Started) else {}
    writer(event.model_copy(update={"time": time.time(), **own}))


def _checkpoint(step: int) -> CheckpointSaved:
    return CheckpointSaved(step=step, folder=f"checkpoints/step-{step:06d}", best=False, reason="asked", seconds=0.1)


def _evaluate(spec: EvaluateSpec, writer: EventWriter, commands: CommandReader) -> Ended:
    writer(Started(kind="evaluate", pid=os.getpid()))
    check = commands.cancel_check()
    for done in range(40):
        writer(Progress(stage="Asking the tuned model", done=done, total=40, unit="rows"))
        time.sleep(_STEP_S)
        check()
    write_rows(Path(spec.run_folder))
    write_report(Path(spec.run_folder))
    return Ended(outcome="completed", result={"outcome": "better"})


def _export(spec: ExportSpec, writer: EventWriter) -> Ended:
    writer(Started(kind="export", pid=os.getpid()))
    writer(Progress(stage="Writing the adapter", done=1, total=2, unit="files"))
    target = Path(spec.target)
    target.mkdir(parents=True)
    (target / "README.md").write_text("model card", encoding="utf-8")
    return Ended(outcome="completed", result={"folder": str(target), "verified_rows": 8, "max_difference": 0.0})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
