"""train, evaluate, compare and export around the training itself, which tests/journeys does for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.project.channel import EventWriter
from fintune_gui.project.document import FormatSettings, Metric, ModelChoice, Objective, Role, Task
from fintune_gui.project.events import CheckpointSaved, Ended, Outcome, Started, TrainStep, Validated
from fintune_gui.project.files import write_text
from fintune_gui.project.presets import Preset, offered_presets
from fintune_gui.project.report import REPORT_FILE, Interval, Report, Scores, Verdict
from fintune_gui.project.settings import TrainingSettings
from fintune_gui.project.spec import TrainSpec, write_spec
from fintune_gui.project.store import read_project
from tests.cli.conftest import Fintune

OBJECTIVE = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
MODEL = ModelChoice(
    name="org/tiny", folder="/models/tiny", fingerprint="abc", parameters=10, context_length=64,
    architecture="LlamaForCausalLM", has_chat_template=False,
)  # fmt: skip


def _run(project: Path, number: int, outcome: Outcome | None, *, loss: float = 0.5, rate: float = 1e-3) -> Path:
    """A run as the engine leaves it: specification, events, report."""
    folder = project / "runs" / f"{number:04d}"
    spec = TrainSpec(
        run=number, project_name="p", objective=OBJECTIVE, model=MODEL, labels=("a", "b"),
        format=FormatSettings(roles={Role.TEXT: "body", Role.LABEL: "topic"}),
        training=TrainingSettings(learning_rate=rate), inputs={"dataset": "rows-1", "split": f"split-{number}"},
    )  # fmt: skip
    write_spec(folder, spec)
    with EventWriter(folder) as write:
        write(Started(kind="train", pid=1))
        write(
            TrainStep(
                step=10, epoch=1, loss=loss, learning_rate=rate, grad_norm=1, tokens=10, tokens_per_second=5,
                useful_share=1, memory_bytes=1,
            )
        )  # fmt: skip
        write(Validated(step=10, epoch=1, loss=loss, metrics={"f1": 1 - loss}, best=True))
        write(CheckpointSaved(step=10, folder="checkpoints/step-000010", best=True, reason="best", seconds=1))
        if outcome:
            write(Ended(outcome=outcome))
    return folder


def _report(folder: Path, number: int, f1: float) -> None:
    scores = tuple(
        Scores(contender=contender, metrics={Metric.F1: Interval(value=value)})
        for contender, value in (("majority", 0.3), ("untuned", 0.4), ("tuned", f1))
    )
    verdict = Verdict(
        outcome="better", metric=Metric.F1, compared_with="untuned", difference=Interval(value=f1 - 0.4), p_value=0.01,
        test="paired bootstrap", target_met=False, headline="Better.", explanation="It is.",
    )  # fmt: skip
    report = Report(
        run=number, part="test", rows=100, objective=OBJECTIVE, checkpoint_step=10, scores=scores, verdict=verdict,
        seconds=1, inputs={"dataset": "rows-1", "split": f"split-{number}"},
    )  # fmt: skip
    write_text(folder / REPORT_FILE, report.model_dump_json())


def test_that_compare_tells_figures_differences_and_what_cannot_be_compared(fintune: Fintune, project: Path) -> None:
    _report(_run(project, 1, "completed", loss=0.5), 1, 0.8)
    _report(_run(project, 2, "stopped", loss=0.25, rate=2e-3), 2, 0.9)
    answer = fintune("compare", project, 1, 2, "--json").json
    figures = {row["name"]: (row["first"], row["second"]) for row in answer["figures"]}
    assert figures["best validation loss"] == (0.5, 0.25)
    assert figures["test F1, tuned"] == (0.8, 0.9)
    assert figures["outcome"] == ("completed", "stopped")
    differences = {row["name"] for row in answer["differences"]}
    assert differences == {"learning_rate", "learning_rate (effective)", "version of the split"}
    assert any("different rows" in note for note in answer["notes"])
    text = fintune("compare", project, 1, 2).out
    assert "run 1" in text
    assert "0.25" in text


def test_that_a_run_without_a_report_can_still_be_compared(fintune: Fintune, project: Path) -> None:
    _run(project, 1, "completed")
    _run(project, 2, None)
    answer = fintune("compare", project, 1, 2)
    assert answer.code == 0
    assert "fintune evaluate" in answer.out


def test_that_a_run_that_is_not_there_is_told_with_those_that_are(fintune: Fintune, project: Path) -> None:
    _run(project, 1, "completed")
    for arguments in (["compare", project, 1, 5], ["evaluate", project, "--run", 5], ["export", project, "--run", 5]):
        answer = fintune(*arguments)
        assert answer.code == 1
        assert "no run 5" in answer.err
        assert "these runs: 1" in answer.err


def test_that_only_a_finished_run_is_evaluated_or_exported(fintune: Fintune, project: Path) -> None:
    _run(project, 1, "interrupted")
    for command in ("evaluate", "export"):
        answer = fintune(command, project, "--run", 1)
        assert answer.code == 1
        assert "train --resume" in answer.err


@pytest.mark.parametrize("outcome", ["completed", "stopped"])
def test_that_a_finished_run_is_not_resumed(fintune: Fintune, project: Path, outcome: Outcome) -> None:
    assert "no run yet" in fintune("train", project, "--resume").err
    _run(project, 1, outcome)
    answer = fintune("train", project, "--resume")
    assert answer.code == 1
    assert "It is finished." in answer.err


def test_that_a_bad_setting_starts_no_run(fintune: Fintune, project: Path) -> None:
    before = read_project(project)
    answer = fintune("train", project, "--set", "learning_rat=1")
    assert answer.code == 1
    assert 'Did you mean "learning_rate"?' in answer.err
    assert read_project(project) == before
    assert not (project / "runs").exists()


def test_that_training_too_early_names_what_is_missing(fintune: Fintune, project: Path) -> None:
    answer = fintune("train", project)
    assert answer.code == 1
    assert "model" in answer.err
    assert not list((project / "runs").glob("*/spec.json"))


def test_that_a_preset_is_explained_and_settings_win_over_it(fintune: Fintune, project: Path) -> None:
    offered = offered_presets(read_project(project).objective.task)
    refused = next(preset for preset in Preset if preset not in offered)
    answer = fintune("train", project, "--preset", refused.value)
    assert answer.code == 1
    assert offered[0].value in answer.err
    answer = fintune("train", project, "--preset", "few_rows", "--set", "batch_size=5")
    assert "batch_size = 4: Small batches" in answer.out
    training = read_project(project).training
    assert (training.batch_size, training.early_stopping_patience) == (5, 2)
