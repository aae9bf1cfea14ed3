"""What is true of each step: to do, done, stale, failed, running."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fintune_gui.project.document import (
    FormatSettings,
    Metric,
    ModelChoice,
    Objective,
    Project,
    Role,
    SplitSettings,
    Task,
)
from fintune_gui.project.flow import (
    Facts,
    RunFacts,
    RunStatus,
    SplitFacts,
    State,
    Step,
    input_fingerprints,
    step_states,
)
from fintune_gui.project.settings import Method, TrainingSettings

MODEL = ModelChoice(
    name="org/tiny", folder="/models/tiny", fingerprint="abc", parameters=10, context_length=64,
    architecture="LlamaForCausalLM", has_chat_template=False,
)  # fmt: skip
PROJECT = Project(
    name="Tickets",
    objective=Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9),
    format=FormatSettings(roles={Role.TEXT: "body", Role.LABEL: "topic"}),
    model=MODEL,
)
FACTS = Facts(rows=1000, rows_kept=1000, columns=("body", "topic"), dataset_fingerprint="rows-1")


def _made(project: Project = PROJECT, facts: Facts = FACTS, status: RunStatus = "completed") -> Facts:
    """Facts after a split and a run were made from `project` and `facts`."""
    now = input_fingerprints(project, facts)
    split = SplitFacts("s1", {"train": 700, "validation": 150, "test": 150}, {n: now[n] for n in ("dataset", "split")})
    run = RunFacts(1, status, 50, 100, now, None)
    return Facts(**{**vars(facts), "split": split, "runs": (run,)})


def _states(project: Project, facts: Facts) -> dict[Step, State]:
    return {state.step: state.state for state in step_states(project, facts)}


def test_that_nothing_is_claimed_of_a_project_that_nobody_has_looked_at_yet() -> None:
    states = {state.step: state for state in step_states(PROJECT, Facts(gathered=False))}
    assert states[Step.OBJECTIVE].state == "done"
    assert {(s.state, s.line, s.missing) for step, s in states.items() if step not in (Step.OBJECTIVE, Step.MODEL)} == {
        ("todo", "", None)
    }


def test_that_a_setting_which_a_later_version_brings_makes_no_artefact_stale() -> None:
    class LaterSettings(TrainingSettings):
        brought_by_a_later_version: bool = False

    later = LaterSettings(**PROJECT.training.model_dump())
    facts = _made()
    assert _states(PROJECT.with_(training=later), facts) == _states(PROJECT, facts)
    switched_on = later.model_copy(update={"brought_by_a_later_version": True})
    assert _states(PROJECT.with_(training=switched_on), facts)[Step.TRAIN] == "stale"


def test_that_an_empty_project_asks_for_a_file_first() -> None:
    states = {state.step: state for state in step_states(PROJECT.with_(model=None), Facts())}
    assert [s for s, state in states.items() if state.state == "done"] == [Step.OBJECTIVE]
    assert states[Step.CLEAN].missing is states[Step.SPLIT].missing is Step.DATA
    assert states[Step.TRAIN].missing is Step.DATA
    assert states[Step.EVALUATE].missing is Step.TRAIN


def test_that_a_finished_project_is_done_where_it_is() -> None:
    states = _states(PROJECT, _made())
    assert {step for step, state in states.items() if state != "done"} == {Step.CLEAN, Step.EVALUATE, Step.EXPORT}


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"training": TrainingSettings(epochs=1)}, {Step.TRAIN}),
        ({"format": PROJECT.format.model_copy(update={"max_length": 64})}, {Step.TRAIN}),
        ({"split": SplitSettings(seed=7)}, {Step.SPLIT, Step.TRAIN}),
        ({"model": MODEL.model_copy(update={"method": Method.FULL})}, {Step.TRAIN}),
        ({"model": MODEL.model_copy(update={"fingerprint": "def"})}, {Step.TRAIN}),
        ({"name": "Renamed"}, set()),
    ],
)
def test_that_a_changed_decision_makes_what_was_made_from_it_stale(change: dict[str, object], stale: set[Step]) -> None:
    states = _states(PROJECT.with_(**change), _made())
    assert {step for step, state in states.items() if state == "stale"} == stale


def test_that_changed_rows_make_split_and_run_stale_until_undone() -> None:
    made = _made()
    changed = Facts(**{**vars(made), "dataset_fingerprint": "rows-2", "operations": 1, "rows_kept": 999})
    states = {state.step: state for state in step_states(PROJECT, changed)}
    assert states[Step.SPLIT].state == states[Step.TRAIN].state == "stale"
    assert states[Step.SPLIT].reason == "The rows were changed since."
    assert states[Step.CLEAN].state == "done"
    assert _states(PROJECT, made)[Step.SPLIT] == "done"


@pytest.mark.parametrize(
    ("status", "state"), [("running", "running"), ("interrupted", "stale"), ("failed", "failed"), ("stopped", "done")]
)
def test_that_the_train_step_tells_how_its_run_stands(status: RunStatus, state: State) -> None:
    assert _states(PROJECT, _made(status=status))[Step.TRAIN] == state


def test_that_a_run_that_has_no_plan_yet_is_said_to_start() -> None:
    made = _made(status="running")
    starting = Facts(**{**vars(made), "runs": (replace(made.runs[-1], step=0, total_steps=0),)})
    states = {state.step: state for state in step_states(PROJECT, starting)}
    assert states[Step.TRAIN].line == f"run {made.runs[-1].number} · starting"


def test_that_rows_that_cannot_be_read_are_said_to_be_there_and_not_to_be_changed() -> None:
    made = _made()
    damaged = Facts(damage="edits.sqlite is damaged or incomplete.", split=made.split, runs=made.runs)
    states = {state.step: state for state in step_states(PROJECT, damaged)}
    assert (states[Step.DATA].state, states[Step.DATA].reason) == ("failed", damaged.damage)
    assert states[Step.SPLIT].state == states[Step.TRAIN].state == "done"


def test_that_a_column_that_has_gone_fails_the_format_and_blocks_training() -> None:
    facts = Facts(**{**vars(FACTS), "columns": ("body", "kind")})
    states = {state.step: state for state in step_states(PROJECT, facts)}
    assert states[Step.FORMAT].state == "failed"
    assert "topic" in states[Step.FORMAT].reason
    assert states[Step.TRAIN].missing is Step.FORMAT
