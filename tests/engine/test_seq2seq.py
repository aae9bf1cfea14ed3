"""Models of two halves (T5, BART): the arithmetic of their step, their answers, their verdict and their export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.dataset.results import read_results
from fintune_gui.engine import evaluate, export, fit, inspection, seq2seq, train
from fintune_gui.engine.data import Example, encode_rows, read_rows
from fintune_gui.engine.device import Device
from fintune_gui.engine.generate import Answerer
from fintune_gui.engine.model import load_for_training
from fintune_gui.engine.packing import plan_padded_pairs
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.project.document import Metric, Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.report import read_report
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import EvaluateSpec, ExportSpec, FitSpec, TrainSpec
from tests.helpers.tiny import SEQ2SEQ, job_in, make_run, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)


def loaded(folder: Path, kind: str, **settings: Any) -> tuple[TrainSpec, ModelTokenizer, Any, list[Example]]:
    spec = make_run(folder / "run", save_model(folder / "model", kind), **settings)
    tokenizer = ModelTokenizer.load(Path(spec.model.folder))
    examples = encode_rows(read_rows(folder / "run", "train"), spec, tokenizer)
    return spec, tokenizer, load_for_training(spec, CPU, pad_id=0), examples


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_that_losses_and_gradients_are_those_of_the_models_own_forward(tmp_path: Path, kind: str) -> None:
    _, _, model, examples = loaded(tmp_path, kind, method=Method.FULL)
    layout, _ = choose_layout(model, CPU, 0, examples, generates=True)
    assert isinstance(layout, seq2seq.PaddedSeq2Seq)
    assert not layout.whole
    rows = examples[:5]
    sums = [layout.compute([rows[index] for index in part], scale=1.0) for part in layout.plan(rows, 64)]
    assert len(sums) > 1
    ours = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    losses = []
    for row in rows:
        labels = torch.tensor([row.ids[1:]])
        losses.append(model(input_ids=torch.tensor([row.prompt]), labels=labels).loss * labels.shape[1])
    total = torch.stack(losses).sum()
    total.backward()
    assert sum(part.loss for part in sums) == pytest.approx(total.item(), rel=1e-5)
    theirs = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-4) for name in ours)


def test_that_logits_of_places_without_loss_are_never_computed(tmp_path: Path) -> None:
    _, _, model, examples = loaded(tmp_path, "t5")
    layout = seq2seq.PaddedSeq2Seq(model, CPU, 0)
    rows = sorted(examples[:12], key=lambda row: len(row.ids))
    places: list[int] = []
    head = layout.base.get_output_embeddings()
    head.register_forward_hook(lambda _m, _i, logits: places.append(logits[..., 0].numel()))
    layout.compute(rows)
    assert sum(places) == layout.weight(rows) + len(rows)  # one place of each row only lets the model go on


def test_that_noise_reaches_both_halves_only_while_learning(tmp_path: Path) -> None:
    _, _, model, examples = loaded(tmp_path, "t5", method=Method.FULL)
    layout, rows = seq2seq.PaddedSeq2Seq(model, CPU, 0), examples[:2]
    layout.noise = 20.0
    embedded: dict[str, list[torch.Tensor]] = {"encoder": [], "decoder": []}
    for name, seen in embedded.items():
        half = layout.base.get_submodule(name)
        half.block[0].register_forward_pre_hook(lambda _m, args, seen=seen: seen.append(args[0].detach()))
    for scale in (None, None, 1.0, 1.0):
        layout.compute(rows, scale)
    for measured, again, learning, noisy in embedded.values():
        assert torch.equal(measured, again)
        assert not torch.equal(measured, learning)
        assert not torch.equal(learning, noisy)


def test_that_rows_of_two_parts_are_laid_out_under_the_budget() -> None:
    lengths = [(90, 4), (10, 10), (12, 2), (80, 30), (11, 11), (200, 100)]
    parts = plan_padded_pairs(lengths, 240)
    assert sorted(index for part in parts for index in part) == list(range(6))
    for part in parts:
        padded = len(part) * (max(lengths[i][0] for i in part) + max(lengths[i][1] for i in part))
        assert padded <= 240 or len(part) == 1
    assert [5] in parts


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_that_answers_come_from_the_prompt_alone_and_are_the_greedy_ones(tmp_path: Path, kind: str) -> None:
    spec, tokenizer, model, _ = loaded(tmp_path, kind)
    rows = read_rows(tmp_path / "run", "validation")[:3]
    # a model that was made for summaries brings settings of its own, which must not matter
    model.get_base_model().generation_config.update(num_beams=3, min_length=20, no_repeat_ngram_size=1)
    answers = Answerer(model, tokenizer, spec, CPU, max_new_tokens=6).answer_rows(rows)
    for answer, example in zip(answers, encode_rows(rows, spec, tokenizer), strict=True):
        written = [tokenizer.start_id]
        for _ in range(5 if kind == "bart" else 6):  # in the last place BART forces an end mark
            logits = model(
                input_ids=torch.tensor([list(example.prompt)]), decoder_input_ids=torch.tensor([written])
            ).logits[0, -1]
            written.append(int(logits.argmax()))
            if written[-1] == tokenizer.eos_id:
                break
        assert answer.text == tokenizer.decode(written[1:]).strip()
        assert answer.prompt == tokenizer.decode(list(example.prompt))


@pytest.fixture(scope="module", params=[("t5", Method.FULL), ("bart", Method.LORA)], ids=lambda value: value[0])
def run_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learned a little, with dropout and gradient checkpointing as real models have."""
    kind, method = request.param
    folder = tmp_path_factory.mktemp(kind)
    spec = make_run(
        folder / "run",
        save_model(folder / "model", kind, dropout=0.1),
        method=method,
        sizes=(48, 6, 12),
        epochs=2,
        learning_rate=1e-2,
        evaluations_per_epoch=1,
        gradient_checkpointing=True,
        label_smoothing=0.1,
        metric=Metric.ROUGE_L,
    )
    job, _ = job_in(folder / "run")
    assert train.run(spec, job)[0] == "completed"
    return folder / "run"


def test_that_a_run_gets_a_verdict_against_the_untuned_model(run_folder: Path) -> None:
    job, _ = job_in(run_folder / "evaluation")
    evaluate.run(EvaluateSpec(run_folder=str(run_folder), max_new_tokens=8, generate_rows=6), job)
    report = read_report(run_folder)
    assert report is not None
    assert [scores.contender for scores in report.scores] == ["majority", "untuned", "tuned"]
    tuned, untuned = report.score("tuned"), report.score("untuned")
    assert tuned is not None
    assert untuned is not None
    assert set(tuned.metrics) == {Metric.PERPLEXITY, Metric.ROUGE_L, Metric.SACREBLEU}
    assert tuned.metrics[Metric.PERPLEXITY].value < untuned.metrics[Metric.PERPLEXITY].value
    assert len(read_results(run_folder)) == 6


@pytest.mark.expects_log("LOAD REPORT")
def test_that_an_export_loads_with_plain_libraries(run_folder: Path, tmp_path: Path) -> None:
    what = "adapter" if run_folder.parent.name.startswith("bart") else "merged"
    job, _ = job_in(run_folder)
    target = tmp_path / "out"
    outcome, result = export.run(ExportSpec(run_folder=str(run_folder), what=what, target=str(target)), job)  # type: ignore[arg-type]
    assert outcome == "completed"
    assert result["verified_rows"] == 8
    assert result["max_difference"] < 1e-3
    card = (target / "README.md").read_text(encoding="utf-8")
    assert "AutoModelForSeq2SeqLM" in card
    assert "AutoModelForCausalLM" not in card


def test_that_a_dry_run_measures_it(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model", "t5"), sizes=(12, 4, 4), batch_size=4)
    job, _ = job_in(tmp_path / "run")
    outcome, result = fit.run(FitSpec(train=spec, steps=2), job)
    assert outcome == "completed"
    assert result["tokens_per_second"] > 0


def test_that_memory_that_runs_out_halves_what_is_computed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model", "t5"), sizes=(12, 4, 4), epochs=1)
    compute, refused = seq2seq.PaddedSeq2Seq.compute, []

    def scarce(self: Any, rows: Any, scale: float | None = None) -> Any:
        if scale is not None and len(rows) > 2:
            refused.append(len(rows))
            raise MemoryError
        return compute(self, rows, scale)

    monkeypatch.setattr(seq2seq.PaddedSeq2Seq, "compute", scarce)
    job, events = job_in(tmp_path / "run")
    assert train.run(spec, job)[0] == "completed"
    assert refused
    assert any(getattr(event, "what", "") == "budget" for event in events)


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.CHAT, Task.TEXT])
def test_that_a_task_which_two_halves_cannot_learn_is_refused(tmp_path: Path, task: Task) -> None:
    model = save_model(tmp_path / "model", "t5")
    inspection.check_fits_task(model, Task.INSTRUCTION)
    with pytest.raises(ModelError) as failure:
        inspection.check_fits_task(model, task)
    assert failure.value.problem.code == "model.wrong_task"
    assert "reads a text and writes another one" in failure.value.problem.why


def test_that_a_model_that_does_not_say_how_answers_begin_is_refused(tmp_path: Path) -> None:
    import json

    model = save_model(tmp_path / "model", "bart")
    assert inspection.inspect_model("bart", model).seq2seq
    config = json.loads((model / "config.json").read_text())
    del config["decoder_start_token_id"]
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError) as failure:
        inspection.inspect_model("bart", model)
    assert failure.value.problem.code == "model.no_start_token"
