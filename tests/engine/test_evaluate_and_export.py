"""From a trained run to a verdict, to a folder that plain libraries load, and to an estimate of what a run needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fintune_gui.dataset.results import read_results
from fintune_gui.engine import evaluate, export, fit, train
from fintune_gui.project.document import Metric, Task
from fintune_gui.project.errors import ModelError, ProjectError, TrainingError
from fintune_gui.project.events import Plan
from fintune_gui.project.report import Report, read_report
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import EvaluateSpec, ExportSpec, FitSpec, TrainSpec
from tests.helpers.tiny import job_in, make_run, of_kind, save_model


def trained(folder: Path, task: Task, **settings: Any) -> TrainSpec:
    spec = make_run(folder / "run", save_model(folder / "model", settings.pop("kind", "llama")), task, **settings)
    job, _ = job_in(folder / "run")
    assert train.run(spec, job)[0] == "completed"
    return spec


def evaluated(run_folder: Path, **options: Any) -> Report:
    job, _ = job_in(run_folder / "evaluation")
    outcome, result = evaluate.run(EvaluateSpec(run_folder=str(run_folder), **options), job)
    report = read_report(run_folder)
    assert report is not None
    assert (outcome, result["outcome"]) == ("completed", report.verdict.outcome)
    return report


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learned the labels."""
    folder = tmp_path_factory.mktemp("tickets")
    trained(
        folder, Task.CLASSIFICATION, method=Method.FULL, sizes=(240, 30, 45), epochs=4, learning_rate=5e-3, target=0.8
    )
    return folder / "run"


def test_that_labels_are_measured_beside_both_baselines(tickets: Path) -> None:
    report = evaluated(tickets)
    assert report.verdict.outcome == "better"
    assert report.verdict.p_value is not None
    assert report.verdict.p_value < 0.001
    assert [scores.contender for scores in report.scores] == ["majority", "untuned", "tuned"]
    tuned = report.score("tuned")
    assert tuned is not None
    assert tuned.metrics[Metric.F1].value > 0.8
    assert sum(map(sum, report.confusion)) == report.rows == 45
    assert [label.rows for label in report.labels] == [sum(row) for row in report.confusion]
    assert any("untuned model" in note for note in report.notes)
    rows = read_results(tickets)
    assert len(rows) == 45
    right = sum(row.tuned == row.expected for row in rows)
    assert right / 45 == pytest.approx(tuned.metrics[Metric.ACCURACY].value)
    assert all((row.change == "better") == (row.tuned == row.expected != row.untuned) for row in rows)


def test_that_a_model_that_learned_nothing_is_not_called_better(tmp_path: Path) -> None:
    trained(tmp_path, Task.CLASSIFICATION, sizes=(16, 8, 12), epochs=1, learning_rate=1e-8)
    report = evaluated(tmp_path / "run")
    assert report.verdict.outcome != "better"
    assert any("Only 12 rows" in note for note in report.notes)


@pytest.mark.parametrize("metric", [Metric.PERPLEXITY, Metric.ROUGE_L, Metric.SACREBLEU])
def test_that_answers_are_measured(tmp_path: Path, metric: Metric) -> None:
    trained(
        tmp_path, Task.INSTRUCTION, method=Method.FULL, sizes=(120, 8, 24), epochs=3, learning_rate=5e-3, metric=metric
    )
    report = evaluated(tmp_path / "run", max_new_tokens=12, generate_rows=10)
    assert report.generated_rows == 10
    assert report.rows == 24
    untuned, tuned = report.score("untuned"), report.score("tuned")
    assert untuned is not None
    assert tuned is not None
    assert tuned.metrics[Metric.PERPLEXITY].value < untuned.metrics[Metric.PERPLEXITY].value / 3
    assert set(tuned.metrics) == {Metric.PERPLEXITY, Metric.ROUGE_L, Metric.SACREBLEU}
    assert report.verdict.metric is metric
    assert len(read_results(tmp_path / "run")) == 10
    if metric is Metric.PERPLEXITY:
        assert report.verdict.outcome == "better"


def test_that_a_run_without_a_best_checkpoint_is_not_evaluated(tmp_path: Path) -> None:
    make_run(tmp_path / "run", save_model(tmp_path / "model"))
    job, _ = job_in(tmp_path / "run")
    with pytest.raises(TrainingError) as failure:
        evaluate.run(EvaluateSpec(run_folder=str(tmp_path / "run")), job)
    assert failure.value.problem.code == "training.no_checkpoint"


def exported(run_folder: Path, target: Path, what: str = "adapter") -> dict[str, Any]:
    job, _ = job_in(run_folder)
    outcome, result = export.run(ExportSpec(run_folder=str(run_folder), what=what, target=str(target)), job)  # type: ignore[arg-type]
    assert outcome == "completed"
    return result


@pytest.mark.expects_log("LOAD REPORT")  # what transformers says of the head that the adapter brings along
@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_that_an_adapter_loads_with_plain_peft(tmp_path: Path, kind: str) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    trained(tmp_path, Task.CLASSIFICATION, kind=kind, learning_rate=1e-2)
    result = exported(tmp_path / "run", tmp_path / "out")
    assert result["verified_rows"] == 8
    assert result["max_difference"] < 1e-3
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "README.md"}
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tmp_path / "model")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "PeftModel.from_pretrained" in card
    assert "compared with the run on 8 rows" in card
    base = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model", num_labels=3)
    model = PeftModel.from_pretrained(base, str(tmp_path / "out"))
    assert torch.isfinite(model(input_ids=torch.tensor([[5, 6, 7]])).logits).all()


def test_that_a_whole_model_loads_with_plain_transformers(tickets: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    assert exported(tickets, tmp_path / "out", "merged")["max_difference"] < 1e-3
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    assert set(model.config.id2label.values()) == {"billing", "login", "shipping"}


def test_that_a_full_fine_tune_has_no_adapter(tickets: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no adapter"):
        exported(tickets, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_that_an_export_never_mixes_with_other_files(tickets: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ProjectError, match="already holds other files"):
        exported(tickets, tmp_path, "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_that_an_export_that_answers_otherwise_does_not_appear(
    tickets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_CHECK", export._CHECK.replace("found - wanted", "found * 2 - wanted"))
    with pytest.raises(ModelError) as failure:
        exported(tickets, tmp_path / "out", "merged")
    assert failure.value.problem.code == "model.export_not_verified"
    assert not list(tmp_path.iterdir())


def test_that_a_fit_check_measures_real_steps(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"))
    shutil.copytree(tmp_path / "run" / "data", tmp_path / "fit" / "data")
    job, events = job_in(tmp_path / "fit")
    outcome, result = fit.run(FitSpec(train=spec, steps=3), job)
    assert (outcome, result["steps"]) == ("completed", 3)
    assert result["tokens_per_second"] > 0
    assert 0 < result["hours"] < 1
    plan = of_kind(events, Plan)[0]
    # weights and two moments for each, four bytes each, and a step count for each tensor
    assert result["checkpoint_bytes"] == pytest.approx(12 * plan.trainable_parameters, rel=0.05)
    assert result["peak_memory_bytes"] > 50_000_000
