"""The catalogue: complete, each model once, and its figures agree with each other."""

from __future__ import annotations

import json

import pytest
import torch
from pydantic import ValidationError

from fintune_gui.project.catalogue import Catalogue, CatalogueModel, catalogue
from fintune_gui.project.document import Task
from fintune_gui.project.paths import resource


@pytest.mark.parametrize("model", catalogue().models, ids=lambda model: model.id)
def test_that_the_measures_of_a_model_add_up_to_its_parameters(model: CatalogueModel) -> None:
    build = model.shape
    attention = 2 * build.hidden * build.query + 2 * build.hidden * build.key_value
    feed_forward = build.feed_forward_matrices * build.hidden * build.feed_forward
    layers = build.layers * (attention + feed_forward) + build.writing_layers * (2 * attention + feed_forward)
    tables = build.vocabulary * build.hidden * (1 if build.tied else 2)

    assert layers + tables == pytest.approx(model.parameters, rel=0.02)  # without norms, biases, positions
    assert model.good_for.endswith(".")


def test_that_a_model_that_stands_twice_is_refused() -> None:
    data = json.loads(resource("catalogue", "models.json").read_bytes())
    data["models"].append(data["models"][0])
    with pytest.raises(ValidationError, match="twice"):
        Catalogue.model_validate(data)


@pytest.mark.parametrize("field", ["licence", "gated", "shape", "good_for"])
def test_that_a_model_with_a_missing_fact_is_refused(field: str) -> None:
    data = json.loads(resource("catalogue", "models.json").read_bytes())
    del data["models"][0][field]
    with pytest.raises(ValidationError, match=field):
        Catalogue.model_validate(data)


def test_that_models_that_only_read_are_not_offered_for_writing() -> None:
    assert all(model.family == "decoder" for model in catalogue().for_task(Task.CHAT))
    sorting = catalogue().for_task(Task.CLASSIFICATION)
    assert {model.family for model in sorting} == {"encoder", "decoder"}
    assert "google/flan-t5-base" in [model.id for model in catalogue().for_task(Task.INSTRUCTION)]
    assert "google/flan-t5-base" not in [model.id for model in (*sorting, *catalogue().for_task(Task.CHAT))]
    assert sorting[0].name == "MiniLM L6"
    encoders = [model.family == "encoder" for model in sorting]
    assert encoders == sorted(encoders, reverse=True), "models made for sorting come first"


def test_that_a_search_finds_words_of_name_licence_language_and_use() -> None:
    def found(text: str) -> set[str]:
        return {model.name for model in catalogue().models if model.matches(text)}

    assert found("qwen3 0.6") == {"Qwen3 0.6B"}
    assert "Gemma 3 270M" in found("gemma TERMS")
    assert "Llama 3.2 1B Instruct" in found("thai")
    assert found("nothing of the kind") == set()


def test_that_every_family_that_is_asked_for_most_is_there() -> None:
    names = " ".join(model.id for model in catalogue().models)
    for family in ("Llama-3", "Qwen3", "gemma-3", "Mistral", "phi", "SmolLM2", "distilbert", "ModernBERT", "MiniLM"):
        assert family in names
    assert {"google-t5/t5-small", "facebook/bart-base"} <= {model.id for model in catalogue().models}


@pytest.mark.parametrize(
    "name", [model.id for model in catalogue().models if model.family == "seq2seq"], ids=lambda name: name
)
def test_that_the_width_of_two_halves_is_that_of_the_real_matrices(name: str) -> None:
    """The estimate of memory reads the same from the catalogue as from the model itself."""
    import transformers

    shape = next(model.shape for model in catalogue().models if model.id == name)
    heads = {"num_heads": shape.query // 64, "d_kv": 64, "d_ff": shape.feed_forward, "num_layers": shape.layers}
    if "t5" in name:
        gated = {"feed_forward_proj": "gated-gelu" if shape.feed_forward_matrices == 3 else "relu"}
        sizes = {"d_model": shape.hidden, "num_decoder_layers": shape.writing_layers, **heads, **gated}
        config = transformers.T5Config(vocab_size=shape.vocabulary, **sizes)
        kind = transformers.T5ForConditionalGeneration
    else:
        config = transformers.BartConfig(
            d_model=shape.hidden, encoder_layers=shape.layers, decoder_layers=shape.writing_layers,
            encoder_ffn_dim=shape.feed_forward, decoder_ffn_dim=shape.feed_forward, vocab_size=shape.vocabulary,
        )  # fmt: skip
        kind = transformers.BartForConditionalGeneration
    with torch.device("meta"):
        model = kind(config)
    matrices = {
        weight
        for part, weight in model.named_parameters()
        if weight.ndim == 2 and not any(word in part for word in ("embed", "shared", "lm_head", "relative"))
    }
    assert sum(sum(matrix.shape) for matrix in matrices) == shape.matrix_width
