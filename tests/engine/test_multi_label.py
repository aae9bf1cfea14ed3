"""Texts with several labels, or none: the losses of transformers, a verdict, and an export that keeps its names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.dataset.results import read_results
from fintune_gui.engine import evaluate, export, train
from fintune_gui.engine.data import load_examples
from fintune_gui.engine.device import Device
from fintune_gui.engine.metrics import row_tallies, scores_of_several, several_labels_metrics
from fintune_gui.engine.model import base_of, load_for_training, trainable_parameters
from fintune_gui.engine.multi_label import expected_labels
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.engine.verdict import swap_test
from fintune_gui.project.document import Metric, Task
from fintune_gui.project.events import Validated
from fintune_gui.project.report import read_report
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import EvaluateSpec, ExportSpec
from tests.helpers.tiny import LABELS, job_in, make_run, of_kind, save_model
from tests.invariants.test_same_losses import collate, losses_of_ours, losses_of_the_stock_trainer

CPU = Device(torch.device("cpu"), "CPU", half=False)


@pytest.mark.parametrize(("kind", "method"), [("bert", Method.FULL), ("llama", Method.LORA)])
def test_that_the_losses_are_those_of_the_stock_trainer(tmp_path: Path, kind: str, method: Method) -> None:
    spec = make_run(
        tmp_path / "run",
        save_model(tmp_path / "model", kind),
        Task.MULTI_LABEL,
        method=method,
        max_steps=8,
        learning_rate=5e-3,
        early_stopping_patience=0,
    )
    ours, layout = losses_of_ours(tmp_path / "run", spec)
    assert layout == ("packed rows" if kind == "llama" else "padded rows")
    assert ours == pytest.approx(losses_of_the_stock_trainer(tmp_path / "run", spec, micro_batches=1), abs=1e-4)


def test_that_the_gradients_are_those_of_transformers(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"), Task.MULTI_LABEL, method=Method.FULL)
    job, _ = job_in(tmp_path / "run")
    rows = load_examples(job, tmp_path / "run", "train", spec, ModelTokenizer.load(tmp_path / "model"))
    assert any(row.labels == () for row in rows)
    model = load_for_training(spec, CPU, pad_id=0)
    layout, _ = choose_layout(model, CPU, 0, rows, generates=False)
    sums = layout.compute(rows, scale=1 / len(rows))
    ours = [parameter.grad.clone() for parameter in trainable_parameters(model) if parameter.grad is not None]
    model.zero_grad()
    theirs = base_of(model)(**collate(rows))
    theirs.loss.backward()
    assert sums.loss / len(rows) == pytest.approx(theirs.loss.item(), abs=1e-5)
    for mine, parameter in zip(ours, trainable_parameters(model), strict=True):
        assert parameter.grad is not None
        assert torch.allclose(mine, parameter.grad, atol=1e-5)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learned the labels, measured."""
    folder = tmp_path_factory.mktemp("several")
    spec = make_run(
        folder / "run",
        save_model(folder / "model"),
        Task.MULTI_LABEL,
        method=Method.FULL,
        sizes=(240, 20, 60),
        epochs=4,
        learning_rate=5e-3,
        target=0.7,
    )
    job, events = job_in(folder / "run")
    assert train.run(spec, job)[0] == "completed"
    told = [event.metrics for event in of_kind(events, Validated)]
    assert all({"micro_f1", "macro_f1", "exact_match"} == found.keys() for found in told)
    evaluate.run(EvaluateSpec(run_folder=str(folder / "run")), job_in(folder / "run" / "evaluation")[0])
    return folder / "run"


def test_that_several_labels_are_measured_beside_both_baselines(learned: Path) -> None:
    report = read_report(learned)
    assert report is not None
    assert report.verdict.outcome == "better"
    assert report.verdict.metric is Metric.MICRO_F1
    assert report.verdict.p_value is not None
    assert report.verdict.p_value < 0.01
    assert report.verdict.test == "paired permutation test on Micro F1"
    tuned, usual = report.score("tuned"), report.score("majority")
    assert tuned is not None
    assert usual is not None
    assert tuned.metrics[Metric.MICRO_F1].value > max(0.8, usual.metrics[Metric.MICRO_F1].value)
    assert usual.metrics[Metric.MICRO_F1].value > 0  # the most frequent set is not the empty one
    low, high = tuned.metrics[Metric.MACRO_F1].low, tuned.metrics[Metric.MACRO_F1].high
    assert low is not None
    assert high is not None
    assert low <= tuned.metrics[Metric.MACRO_F1].value <= high
    assert report.confusion == ()
    assert [label.label for label in report.labels] == list(LABELS)
    assert any("0.5" in note for note in report.notes)
    rows = read_results(learned)
    assert any(row.expected == "(no label)" for row in rows)
    assert any("; " in row.expected for row in rows)
    right = sum(row.tuned == row.expected for row in rows) / len(rows)
    assert right == pytest.approx(tuned.metrics[Metric.EXACT_MATCH].value)


@pytest.mark.expects_log("LOAD REPORT")
@pytest.mark.parametrize("what", ["adapter", "merged"])
def test_that_an_export_keeps_the_names_and_that_there_may_be_several(learned: Path, tmp_path: Path, what: str) -> None:
    from transformers import AutoConfig

    folder = learned
    if what == "adapter":
        folder = tmp_path / "run"
        spec = make_run(folder, save_model(tmp_path / "model", "bert"), Task.MULTI_LABEL, sizes=(8, 4, 8), epochs=1)
        train.run(spec, job_in(folder)[0])
    wanted = ExportSpec.model_validate({"run_folder": str(folder), "what": what, "target": str(tmp_path / "out")})
    _, result = export.run(wanted, job_in(tmp_path)[0])
    assert result["verified_rows"] == 8
    assert result["max_difference"] < 1e-3
    config = AutoConfig.from_pretrained(tmp_path / "out")
    assert config.problem_type == "multi_label_classification"
    assert config.id2label == dict(enumerate(LABELS))
    card = (tmp_path / "out" / "README.md").read_text()
    assert ("multi_label_classification" in card) == (what == "adapter")
    assert "sigmoid" in card


def test_that_the_measures_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    random_ = np.random.default_rng(3)
    expected, answered = random_.random((2, 50, 4)) > 0.6
    found = several_labels_metrics(row_tallies(expected, answered).sum(0))
    assert found[Metric.MICRO_F1] == pytest.approx(f1_score(expected, answered, average="micro"))
    assert found[Metric.MACRO_F1] == pytest.approx(f1_score(expected, answered, average="macro"))
    assert found[Metric.EXACT_MATCH] == pytest.approx(accuracy_score(expected, answered))
    scores = scores_of_several("abcd", row_tallies(expected, answered).sum(0))
    assert [score.f1 for score in scores] == pytest.approx(f1_score(expected, answered, average=None).tolist())
    assert [score.rows for score in scores] == expected.sum(0).tolist()


def test_that_no_label_anywhere_is_no_success() -> None:
    none = np.zeros((5, 3), bool)
    found = several_labels_metrics(row_tallies(none, none).sum(0))
    assert found == {Metric.MICRO_F1: 0.0, Metric.MACRO_F1: 0.0, Metric.EXACT_MATCH: 1.0}


def test_that_swapped_answers_tell_chance_from_success() -> None:
    random_ = np.random.default_rng(5)
    expected = random_.random((60, 3)) > 0.5
    good, bad = expected ^ (random_.random((60, 3)) > 0.9), expected ^ (random_.random((60, 3)) > 0.5)

    def micro(sums: np.ndarray) -> np.ndarray:
        return several_labels_metrics(sums)[Metric.MICRO_F1]

    assert swap_test(row_tallies(expected, good), row_tallies(expected, bad), micro, seed=1) < 0.01
    assert swap_test(row_tallies(expected, bad), row_tallies(expected, bad), micro, seed=1) == 1.0


def test_that_expected_labels_are_a_row_of_answers_each(learned: Path) -> None:
    from fintune_gui.engine.data import Example

    rows = [Example(0, [1], [False], labels=(0, 2)), Example(1, [1], [False], labels=())]
    assert expected_labels(rows, 3).tolist() == [[True, False, True], [False] * 3]
