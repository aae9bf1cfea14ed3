"""The coach on the command line."""

from __future__ import annotations

from pathlib import Path

from fintune_gui.cli.coaching import coach_sentences
from fintune_gui.project.document import Role
from fintune_gui.project.events import Event
from fintune_gui.project.finding import silence
from fintune_gui.project.store import ProjectFolder
from tests.cli.conftest import Fintune
from tests.helpers.runs import model_choice, training_events, write_run


def diverging() -> list[Event]:
    told = training_events(steps=200, total=600)
    return [e.model_copy(update={"loss": 4.0}) if e.type == "step" and e.step > 150 else e for e in told]


def run_in(project: Path, number: int, events: list[Event]) -> Path:
    with ProjectFolder.open(project) as opened:
        roles = {Role.TEXT: "body", Role.LABEL: "topic"}
        format_ = opened.project.format.model_copy(update={"roles": roles})
        opened.save(opened.project.with_(model=model_choice(project), format=format_))
        return write_run(opened, number, events)


def test_that_each_thing_is_said_once_while_a_run_works(project: Path) -> None:
    events = diverging()
    remarks = coach_sentences(run_in(project, 1, events[:5]))
    said = [sentence for event in events[5:] for sentence in remarks(event)]
    assert len(said) == 1
    assert said[0].startswith("Coach: Training loss has risen from ")
    assert "Half the rate, from the best checkpoint, usually mends it." in said[0]


def test_that_status_tells_what_the_coach_sees_in_the_newest_run(fintune: Fintune, project: Path) -> None:
    run_in(project, 1, diverging())
    assert "Coach on run 1: Training loss has risen" in fintune("status", project).out
    (found,) = fintune("status", project, "--json").json["coach"]
    assert found["rule"] == "divergence"
    run_in(project, 2, training_events(steps=200, total=600))
    assert fintune("status", project, "--json").json["coach"] == []


def test_that_status_leaves_out_what_was_silenced(fintune: Fintune, project: Path) -> None:
    silence(run_in(project, 1, diverging()), "divergence")
    assert "Coach" not in fintune("status", project).out


def test_that_a_run_from_anothers_best_takes_no_settings_and_needs_that_best(fintune: Fintune, project: Path) -> None:
    run_in(project, 1, diverging())
    assert fintune("train", project, "--from-best", "1", "--resume").code == 2
    answer = fintune("train", project, "--from-best", "1")
    assert answer.code == 1
    assert "no best checkpoint" in answer.err
