"""What the user decides: goals, splits, training settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fintune_gui.project.document import (
    CLASSIFICATION_METRICS,
    MULTI_LABEL_METRICS,
    Metric,
    Objective,
    Project,
    SplitSettings,
    Task,
    metrics_for,
    parse_goal,
)
from fintune_gui.project.errors import ProjectError, TrainingError
from fintune_gui.project.migrations import MIGRATIONS, migrate
from fintune_gui.project.settings import Method, TrainingSettings, parse_assignments


@pytest.mark.parametrize(
    ("text", "task", "metric", "target"),
    [
        ("F1 >= 0.90", Task.CLASSIFICATION, Metric.F1, 0.9),
        ("accuracy ≥ 85 %", Task.CLASSIFICATION, Metric.ACCURACY, 0.85),
        ("  f1>.5 ", Task.CLASSIFICATION, Metric.F1, 0.5),
        ("recall", Task.CLASSIFICATION, Metric.RECALL, None),
        ("micro-F1 >= 0.8", Task.MULTI_LABEL, Metric.MICRO_F1, 0.8),
        ("exact match >= 70 %", Task.MULTI_LABEL, Metric.EXACT_MATCH, 0.7),
        ("perplexity <= 12", Task.TEXT, Metric.PERPLEXITY, 12.0),
        ("ROUGE-L >= 0.3", Task.INSTRUCTION, Metric.ROUGE_L, 0.3),
        ("rouge_l = 0.3", Task.CHAT, Metric.ROUGE_L, 0.3),
        ("sacreBLEU", Task.CHAT, Metric.SACREBLEU, None),
    ],
)
def test_that_goals_are_read_as_people_write_them(text: str, task: Task, metric: Metric, target: float | None) -> None:
    assert parse_goal(text, task) == (metric, target)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("", Task.TEXT),
        ("very good", Task.TEXT),
        ("F1 >= 0.9", Task.TEXT),
        ("perplexity <= 12", Task.CLASSIFICATION),
        ("F1 <= 0.9", Task.CLASSIFICATION),
        ("F1 >= 0.9", Task.MULTI_LABEL),
        ("macro F1 >= 90", Task.MULTI_LABEL),
        ("perplexity >= 12", Task.TEXT),
        ("accuracy >= 90", Task.CLASSIFICATION),
        ("F1 >= 0.9.1", Task.CLASSIFICATION),
        ("F1 >= high", Task.CLASSIFICATION),
    ],
)
def test_that_a_goal_that_cannot_be_meant_is_refused_with_an_example(text: str, task: Task) -> None:
    with pytest.raises(ProjectError) as refusal:
        parse_goal(text, task)
    assert refusal.value.problem.code == "project.bad_goal"
    assert "Write it like" in refusal.value.problem.todo


@given(task=st.sampled_from(Task), target=st.none() | st.integers(1, 100), data=st.data())
def test_that_a_goal_survives_being_written_and_read(task: Task, target: int | None, data: st.DataObject) -> None:
    metric = data.draw(st.sampled_from(metrics_for(task)))
    is_share = metric in (*CLASSIFICATION_METRICS, *MULTI_LABEL_METRICS)
    aim = None if target is None else target / 100 if is_share else float(target)
    assert parse_goal(Objective(task=task, metric=metric, target=aim).goal, task) == (metric, aim)


def test_that_a_target_is_met_from_the_right_side() -> None:
    assert Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9).met_by(0.9) is True
    assert Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9).met_by(0.89) is False
    assert Objective(task=Task.TEXT, metric=Metric.PERPLEXITY, target=12).met_by(11) is True
    assert Objective(task=Task.TEXT, metric=Metric.PERPLEXITY).met_by(11) is None


def test_that_a_metric_must_measure_the_task() -> None:
    with pytest.raises(ValidationError, match="does not measure"):
        Objective(task=Task.TEXT, metric=Metric.F1)


@pytest.mark.parametrize("ratios", [(0.5, 0.5, 0.0), (0.7, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_that_split_ratios_must_add_up(ratios: tuple[float, float, float]) -> None:
    with pytest.raises(ValidationError):
        SplitSettings(ratios=ratios)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_that_no_decision_is_a_number_that_cannot_be_stored(number: float) -> None:
    """JSON has no such numbers: a project that held one could not be opened again."""
    with pytest.raises(ValidationError):
        SplitSettings(ratios=(number, 0.5, 0.5))
    with pytest.raises(ValidationError):
        Objective(task=Task.TEXT, metric=Metric.PERPLEXITY, target=number)
    with pytest.raises(TrainingError):
        parse_assignments(TrainingSettings(), [f"warmup_ratio={number}"])


def test_that_assignments_change_settings_by_name() -> None:
    changed = parse_assignments(TrainingSettings(), ["learning_rate=2e-4", "epochs = 2", "scheduler=linear"])
    assert (changed.learning_rate, changed.epochs, changed.scheduler) == (2e-4, 2.0, "linear")
    assert parse_assignments(changed, ["learning_rate=default"]).learning_rate is None
    assert changed.batch_size == TrainingSettings().batch_size


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["learning_rat=1e-3"], ['Did you mean "learning_rate"?']),
        (["epochs"], ["NAME=VALUE"]),
        (["epochs=-1", "batch_size=none of it"], ["epochs", "batch_size"]),
        (["nonsense=1", "more nonsense"], ["nonsense=1", "more nonsense"]),
    ],
)
def test_that_bad_assignments_are_all_told_at_once(assignments: list[str], words: list[str]) -> None:
    with pytest.raises(TrainingError) as refusal:
        parse_assignments(TrainingSettings(), assignments)
    assert all(word in refusal.value.problem.why for word in words)


def test_that_the_learning_rate_has_a_default_for_each_method() -> None:
    assert TrainingSettings().effective_learning_rate(Method.LORA) == 2e-4
    assert TrainingSettings().effective_learning_rate(Method.FULL) == 5e-5
    assert TrainingSettings(learning_rate=0.1).effective_learning_rate(Method.FULL) == 0.1


def test_that_old_documents_are_migrated_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    new = {"schema_version": 1, "name": "x"}
    monkeypatch.setitem(MIGRATIONS, -1, lambda old: {"schema_version": 0, "title": old["heading"]})
    monkeypatch.setitem(MIGRATIONS, 0, lambda old: {"schema_version": 1, "name": old["title"]})
    assert migrate({"schema_version": -1, "heading": "x"}) == new
    assert migrate(new) == new


def test_that_unknown_keys_are_refused_and_changes_are_validated() -> None:
    project = Project(name="x", objective=Objective(task=Task.CHAT, metric=Metric.PERPLEXITY))
    with pytest.raises(ValidationError):
        project.with_(colour="red")
    with pytest.raises(ValidationError):
        project.with_(name="")
