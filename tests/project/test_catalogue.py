"""The catalogue: complete, each model once, and its figures agree with each other."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from fintune_gui.project.catalogue import Catalogue, CatalogueModel, catalogue
from fintune_gui.project.document import Task
from fintune_gui.project.paths import resource


@pytest.mark.parametrize("model", catalogue().models, ids=lambda model: model.id)
def test_that_the_measures_of_a_model_add_up_to_its_parameters(model: CatalogueModel) -> None:
    build = model.shape
    attention = 2 * build.hidden * build.query + 2 * build.hidden * build.key_value
    layer = attention + build.feed_forward_matrices * build.hidden * build.feed_forward
    tables = build.vocabulary * build.hidden * (1 if build.tied else 2)

    assert build.layers * layer + tables == pytest.approx(
        model.parameters, rel=0.02
    )  # without norms, biases, positions
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
    assert len(sorting) == len(catalogue().models)
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
