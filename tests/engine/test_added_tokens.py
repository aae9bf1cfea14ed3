"""Tokens that the user added: room for them, their rows in an adapter, their way through a run and out of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft.tuners.trainable_tokens import TrainableTokensLayer
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer

from fintune_gui.dataset.tokenizer import ModelTokenizer
from fintune_gui.engine import evaluate, export, train
from fintune_gui.engine.added_tokens import FusedTokens, make_room
from fintune_gui.engine.data import load_examples
from fintune_gui.engine.device import Device
from fintune_gui.engine.model import base_of, load_base, load_for_training, trainable_parameters
from fintune_gui.engine.stepping import choose_layout
from fintune_gui.project.document import Metric, Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.events import TrainStep
from fintune_gui.project.report import read_report
from fintune_gui.project.settings import LoraVariant, Method
from fintune_gui.project.spec import EvaluateSpec, ExportSpec, TrainSpec, write_spec
from tests.helpers.tiny import SEQ2SEQ, job_in, make_run, of_kind, save_model

CPU = Device(torch.device("cpu"), "CPU", half=False)
TOKENS = ("<ticket>", "Zendomat", "<end/of#case>")
FULL = 368
"""Rows of a table without any to spare: as many as the tiny tokenizer has tokens; BART's has a mark more."""


def task_of(kind: str) -> Task:
    return Task.CLASSIFICATION if kind == "bert" else Task.INSTRUCTION


def untrained(model: Path, task: Task = Task.INSTRUCTION) -> Any:
    return load_base(model, task, ("a", "b") if task is Task.CLASSIFICATION else (), CPU, seed=1, pad_id=0)[0]


@pytest.mark.parametrize("kind", ["llama", "qwen", "gpt2", "bert", *SEQ2SEQ])
@pytest.mark.parametrize("to_spare", [30, 0], ids=["with rows to spare", "without rows to spare"])
def test_that_a_new_row_begins_as_the_mean_of_the_pieces(tmp_path: Path, kind: str, to_spare: int) -> None:
    first = FULL + (kind == "bart")
    folder = save_model(tmp_path / "model", kind, vocab_size=first + to_spare)
    model, tokenizer = untrained(folder, task_of(kind)), ModelTokenizer.load(folder, TOKENS)
    before = model.get_input_embeddings().weight.detach().clone()
    head = model.get_output_embeddings()
    apart = head is not None and head.weight is not model.get_input_embeddings().weight
    head_before = head.weight.detach().clone() if apart else None
    assert make_room(model, tokenizer) == [first, first + 1, first + 2]
    after = model.get_input_embeddings().weight
    assert len(after) == first + max(to_spare, 3)
    assert torch.equal(after[:first], before[:first])
    tables = [(after, before)] + ([(model.get_output_embeddings().weight, head_before)] if apart else [])
    assert apart == (kind == "llama")
    for number, pieces in tokenizer.added.items():
        assert len(pieces) > 3
        for new, old in tables:
            assert old is not None
            assert torch.allclose(new[number], old[pieces].mean(0), atol=1e-6)


def test_that_places_which_the_model_lacked_are_given_too(tmp_path: Path) -> None:
    """As of Gemma 3 1B, whose tokenizer has a mark for pictures and whose table has no row for it."""
    folder = save_model(tmp_path / "model", "qwen", vocab_size=FULL)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken("<picture>", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    model = untrained(folder)
    before = model.get_input_embeddings().weight.detach().clone()
    assert make_room(model, ModelTokenizer.load(folder, ("<ticket>",))) == [FULL, FULL + 1]
    assert torch.allclose(model.get_input_embeddings().weight[FULL], before.mean(0), atol=1e-6)


def with_head_of_its_own(folder: Path) -> Path:
    """As Flan-T5: the configuration says that one table serves for both, and the file holds two."""
    save_model(folder, "t5", vocab_size=FULL)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = torch.randn(FULL, 32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.expects_log("we will NOT tie them")
def test_that_a_head_of_its_own_stays_what_it_was(tmp_path: Path) -> None:
    folder = with_head_of_its_own(tmp_path / "model")
    model = untrained(folder)
    head = model.get_output_embeddings().weight.detach().clone()
    make_room(model, ModelTokenizer.load(folder, TOKENS))
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    assert torch.equal(model.get_output_embeddings().weight[:FULL], head)
    assert model.encoder.embed_tokens.weight is model.get_input_embeddings().weight
    model.save_pretrained(tmp_path / "saved")
    shutil.copy(folder / "tokenizer.json", tmp_path / "saved")
    again = untrained(tmp_path / "saved")
    assert torch.equal(again.get_output_embeddings().weight, model.get_output_embeddings().weight)


@pytest.mark.expects_log("we will NOT tie them")
def test_that_an_adapter_refuses_a_head_that_it_would_mix_up(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", with_head_of_its_own(tmp_path / "model"), added_tokens=TOKENS)
    with pytest.raises(ModelError) as failure:
        load_for_training(spec, CPU, pad_id=0)
    assert failure.value.problem.code == "model.rows_cannot_learn"


def plain_peft(model: Any) -> Any:
    """The same model with the library's own layers in place of ours."""
    for module in model.modules():
        if isinstance(module, FusedTokens):
            module.__class__ = TrainableTokensLayer
        elif type(module).__name__ == "FusedLinear":
            module.__class__ = type(module).__mro__[1]
    return model


@pytest.mark.parametrize("kind", ["llama", "qwen", "gpt2", *SEQ2SEQ])
def test_that_fused_rows_compute_what_the_library_computes(tmp_path: Path, kind: str) -> None:
    changes = {"scale_embedding": True} if kind == "bart" else {}
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model", kind, **changes), added_tokens=TOKENS)
    fused = load_for_training(spec, CPU, pad_id=0)
    assert sum(isinstance(module, FusedTokens) for module in fused.modules()) >= 2
    generator = torch.Generator().manual_seed(3)
    for weight in trainable_parameters(fused):
        weight.data += 0.3 * torch.randn(weight.shape, generator=generator)
    first = FULL + (kind == "bart")
    ids = torch.tensor([[5, first, 7, first + 2, first + 1, 9, first]])
    found = []
    for model in (fused, plain_peft(fused)):
        model.zero_grad()
        logits = model(input_ids=ids, **({"decoder_input_ids": ids} if kind in SEQ2SEQ else {})).logits
        torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]).backward()
        found.append((logits.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}))
    (ours, our_gradients), (theirs, their_gradients) = found
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert our_gradients.keys() == their_gradients.keys()
    assert any("trainable_tokens_delta" in name for name in our_gradients)
    for name, gradient in our_gradients.items():
        assert torch.allclose(gradient, their_gradients[name], rtol=1e-4, atol=1e-5), name


def test_that_no_table_is_copied_in_a_step(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model", "qwen"), added_tokens=TOKENS)
    model = load_for_training(spec, CPU, pad_id=0)
    job, _ = job_in(tmp_path / "run")
    examples = load_examples(job, tmp_path / "run", "train", spec, ModelTokenizer.load(tmp_path / "model", TOKENS))
    layout, _ = choose_layout(model, CPU, 0, examples, generates=True)
    with torch.profiler.profile(record_shapes=True) as profile:
        layout.compute(examples[:4], scale=1.0)
    table = list(base_of(model).get_input_embeddings().original_module.weight.shape)
    made = [event.name for event in profile.events() if event.input_shapes[:1] == [table] and "copy" in event.name]
    assert made == []


@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
def test_that_only_new_rows_learn_in_an_adapter_and_all_in_full(tmp_path: Path, method: Method) -> None:
    frozen = {"frozen_layers": 1}
    spec = make_run(
        tmp_path / "run", save_model(tmp_path / "model"), method=method, added_tokens=TOKENS, learning_rate=1e-2,
        epochs=1, **frozen,
    )  # fmt: skip
    before = load_for_training(spec, CPU, pad_id=0)
    start = base_of(before).get_input_embeddings().weight.detach().clone()
    job, _ = job_in(tmp_path / "run")
    assert train.run(spec, job)[0] == "completed"
    from fintune_gui.engine import checkpoints
    from fintune_gui.engine.model import load_trainable_state

    best = checkpoints.find_checkpoint(tmp_path / "run", "best")
    assert best is not None
    load_trainable_state(before, best / checkpoints.WEIGHTS_FILE)
    moved = (base_of(before).get_input_embeddings().weight.detach() - start).abs().amax(1) > 0
    assert moved[FULL : FULL + 3].all()
    assert bool(moved[:FULL].any()) == (method is Method.FULL)


@pytest.mark.parametrize("variant", list(LoraVariant))
def test_that_every_kind_of_adapter_learns_new_tokens(tmp_path: Path, variant: LoraVariant) -> None:
    spec = make_run(
        tmp_path / "run", save_model(tmp_path / "model", "qwen"), added_tokens=TOKENS, lora_variant=variant,
        neftune_noise_alpha=5.0, gradient_checkpointing=True, learning_rate=1e-2,
    )  # fmt: skip
    job, events = job_in(tmp_path / "run")
    assert train.run(spec, job)[0] == "completed"
    losses = [event.loss for event in of_kind(events, TrainStep)]
    assert losses[-1] < losses[0]


def test_that_a_table_for_writing_with_a_bias_learns_as_a_whole(tmp_path: Path) -> None:
    import transformers as t

    folder = save_model(tmp_path / "model")
    torch.manual_seed(3)
    config = t.PhiConfig(
        vocab_size=FULL, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=256, bos_token_id=None, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = t.PhiForCausalLM(config)
    model.lm_head.bias.data.normal_()
    model.save_pretrained(folder)
    spec = make_run(tmp_path / "run", folder, added_tokens=TOKENS)
    adapted = load_for_training(spec, CPU, pad_id=0)
    learning = {name for name, weight in adapted.named_parameters() if weight.requires_grad and "lora" not in name}
    assert learning == {
        "base_model.model.lm_head.modules_to_save.default.weight",
        "base_model.model.lm_head.modules_to_save.default.bias",
        "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta.default",
    }
    job, _ = job_in(tmp_path / "run")
    assert train.run(spec, job)[0] == "completed"


def test_that_a_run_without_added_tokens_is_as_before(tmp_path: Path) -> None:
    spec = make_run(tmp_path / "run", save_model(tmp_path / "model"))
    written = json.loads(spec.model_dump_json(exclude_defaults=True))
    assert "added_tokens" not in written["format"]
    model = load_for_training(spec, CPU, pad_id=0)
    assert not any(isinstance(module, TrainableTokensLayer) for module in model.modules())
    assert isinstance(spec, TrainSpec)


_LLAMA = ("llama", Method.LORA, FULL)
_T5 = ("t5", Method.LORA, FULL)
_QWEN = ("qwen", Method.FULL, FULL)


@pytest.fixture(
    scope="module",
    params=[
        _LLAMA,
        ("bert", Method.LORA, FULL),
        pytest.param(_T5, marks=pytest.mark.slow),
        pytest.param(_QWEN, marks=pytest.mark.exhaustive),
        pytest.param(("llama", Method.LORA, 400), marks=pytest.mark.exhaustive),
        pytest.param(("gpt2", Method.LORA, FULL), marks=pytest.mark.exhaustive),
    ],
    ids=lambda value: f"{value[0]}-{value[1].value}-{value[2]}",
)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainSpec:
    """A run with added tokens that learned a little."""
    kind, method, rows = request.param
    folder = tmp_path_factory.mktemp(kind)
    spec = make_run(
        folder / "run",
        save_model(folder / "model", kind, vocab_size=rows),
        task_of(kind),
        method=method,
        sizes=(48, 6, 12),
        added_tokens=TOKENS,
        learning_rate=1e-2,
    )
    job, _ = job_in(folder / "run")
    assert train.run(spec, job)[0] == "completed"
    return spec


def run_folder_of(spec: TrainSpec) -> Path:
    return Path(spec.model.folder).parent / "run"


@pytest.mark.expects_log("LOAD REPORT")
@pytest.mark.parametrize("what", ["adapter", "merged"])
def test_that_an_export_with_tokens_answers_the_same_in_plain_libraries(
    finished: TrainSpec, tmp_path: Path, what: str
) -> None:
    if what == "adapter" and finished.model.method is Method.FULL:
        pytest.skip("a model that learned as a whole has no adapter")
    job, _ = job_in(run_folder_of(finished))
    target = tmp_path / "out"
    wanted = ExportSpec(run_folder=str(run_folder_of(finished)), what=what, target=str(target))  # type: ignore[arg-type]
    outcome, result = export.run(wanted, job)
    assert (outcome, result["verified_rows"]) == ("completed", 8)
    assert result["max_difference"] < 1e-3
    tokenizer = transformers.AutoTokenizer.from_pretrained(target)
    first = FULL + ("bart" in finished.model.architecture.lower())
    assert tokenizer.convert_tokens_to_ids(list(TOKENS)) == [first, first + 1, first + 2]
    assert tokenizer.tokenize("see <ticket>!")[-2:] == ["<ticket>", "!"]
    card = (target / "README.md").read_text(encoding="utf-8")
    grown = json.loads((Path(finished.model.folder) / "config.json").read_text())["vocab_size"] == FULL
    assert ("resize_token_embeddings(371)" in card) == (grown and what == "adapter")
    assert "Tokens added to the vocabulary: `<ticket>`, `Zendomat`, `<end/of#case>`" in card


@pytest.mark.parametrize("finished", [_LLAMA], indirect=True)
def test_that_an_export_whose_tokenizer_forgot_the_tokens_does_not_appear(
    finished: TrainSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_write_added_tokens", lambda *_: None)
    job, _ = job_in(run_folder_of(finished))
    wanted = ExportSpec(run_folder=str(run_folder_of(finished)), what="merged", target=str(tmp_path / "out"))
    with pytest.raises(ModelError) as failure:
        export.run(wanted, job)
    assert failure.value.problem.code == "model.export_not_verified"
    assert "The tokenizer cuts" in failure.value.problem.details
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "finished", [_LLAMA, *(pytest.param(one, marks=pytest.mark.exhaustive) for one in (_T5, _QWEN))], indirect=True
)
def test_that_the_untuned_model_is_the_one_that_came(finished: TrainSpec) -> None:
    """Its figures are those of a run without the tokens, to the last digit."""
    run_folder = run_folder_of(finished)
    job, _ = job_in(run_folder / "evaluation")
    options = {"max_new_tokens": 8, "generate_rows": 6}
    evaluate.run(EvaluateSpec(run_folder=str(run_folder), **options), job)
    report = read_report(run_folder)
    assert report is not None
    without = run_folder.parent / "without"
    if not without.exists():
        shutil.copytree(run_folder / "data", without / "data")
        plain = evaluate.without_added_tokens(finished).model_copy(
            update={"training": finished.training.model_copy(update={"max_steps": 1})}
        )
        write_spec(without, plain)
        assert train.run(plain, job_in(without)[0])[0] == "completed"
    evaluate.run(EvaluateSpec(run_folder=str(without), **options), job_in(without / "evaluation")[0])
    other = read_report(without)
    assert other is not None
    assert report.score("untuned") == other.score("untuned")
    assert report.score("majority") == other.score("majority")
    assert any("The run added 3 tokens" in note for note in report.notes)
    assert not any("added" in note for note in other.notes)


def test_that_a_token_alone_does_not_improve_perplexity(tmp_path: Path) -> None:
    """A run that learned nothing: fewer tokens for the same texts are no gain."""
    model = save_model(tmp_path / "model", "qwen")
    spec = make_run(
        tmp_path / "run", model, sizes=(16, 6, 24), added_tokens=TOKENS, learning_rate=1e-9, epochs=1,
    )  # fmt: skip
    train.run(spec, job_in(tmp_path / "run")[0])
    evaluate.run(
        EvaluateSpec(run_folder=str(tmp_path / "run"), generate_rows=0), job_in(tmp_path / "run" / "evaluation")[0]
    )
    report = read_report(tmp_path / "run")
    assert report is not None
    tuned, untuned = report.score("tuned"), report.score("untuned")
    assert tuned is not None
    assert untuned is not None
    counts = {}
    for name, tokens in (("with", TOKENS), ("without", ())):
        tokenizer = ModelTokenizer.load(model, tokens)
        rows = load_examples(job_in(tmp_path)[0], tmp_path / "run", "test", spec, tokenizer)
        counts[name] = sum(row.learned_tokens for row in rows)
    assert counts["with"] < counts["without"]
    # Of a random model each token costs about log(400); what has fewer tokens costs less, and the unit is the same.
    expected = untuned.metrics[Metric.PERPLEXITY].value ** (counts["with"] / counts["without"])
    assert tuned.metrics[Metric.PERPLEXITY].value == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("gpt2", Method.LORA),
        pytest.param("gpt2", Method.FULL, marks=pytest.mark.slow),
        pytest.param("t5", Method.LORA, marks=pytest.mark.slow),
        ("t5", Method.FULL),
    ],
)
def test_that_a_resumed_run_with_tokens_repeats_the_uninterrupted_one(
    tmp_path: Path, kind: str, method: Method
) -> None:
    model = save_model(tmp_path / "model", kind, dropout=0.1, vocab_size=FULL)
    settings = {"epochs": 3, "lora_dropout": 0.1, "evaluations_per_epoch": 1, "early_stopping_patience": 0}
    spec = make_run(tmp_path / "whole", model, method=method, added_tokens=TOKENS, **settings)
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    job, events = job_in(tmp_path / "whole")
    result = train.run(spec, job)
    whole = {event.step: event.loss for event in of_kind(events, TrainStep)}
    parts: dict[int, float] = {}
    for look in (8, 10_000):
        job, events = job_in(tmp_path / "parts", [(look, "hangup")])
        again = train.run(spec, job)
        parts |= {event.step: event.loss for event in of_kind(events, TrainStep)}
    assert again == result
    assert parts == whole
    assert len(whole) == 15
