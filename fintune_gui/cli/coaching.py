"""The coach on the command line: what it says while a run works, and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fintune_gui.project.coach import Coach
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.events import Event, TrainStep
from fintune_gui.project.finding import Finding, read_silenced
from fintune_gui.project.history import read_history
from fintune_gui.project.spec import TrainSpec, read_spec

_LOOK_EVERY = 20


def coach_sentences(run_folder: Path) -> Callable[[Event], list[str]]:
    """A function that takes the events of the run in `run_folder` and returns what is new to say, each thing once."""
    history = read_history(run_folder)  # of a run that is resumed there is one already
    spec = read_spec(run_folder)
    assert isinstance(spec, TrainSpec)
    coach, said = Coach(spec.objective), read_silenced(run_folder)

    def sentences(event: Event) -> list[str]:
        history.add(event)
        if isinstance(event, TrainStep) and event.step % _LOOK_EVERY:
            return []
        new = [finding for finding in coach.look(history) if finding.rule not in said]
        said.update(finding.rule for finding in new)
        return [f"Coach: {finding}" for finding in new]

    return sentences


def coach_findings(run_folder: Path) -> list[Finding]:
    """What there is to say of the run in `run_folder` now; nothing if it cannot be read."""
    try:
        spec = read_spec(run_folder)
    except FintuneError:
        return []
    if not isinstance(spec, TrainSpec):
        return []
    silenced = read_silenced(run_folder)
    return [f for f in Coach(spec.objective).look(read_history(run_folder)) if f.rule not in silenced]
