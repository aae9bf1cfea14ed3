"""Searching the hub, against a stand-in on this machine."""

from __future__ import annotations

import pytest

from fintune_gui.project.document import Task
from fintune_gui.project.errors import ModelError
from fintune_gui.ui.services.hub_search import HubModel, search_hub
from tests.helpers.hub import stand_in_hub

FOUND = [
    {"id": "one/large", "downloads": 1200, "safetensors": {"total": 7_000_000_000}, "gated": "manual"},
    {"id": "two/plain", "gated": False},
]


def test_that_models_are_found_with_what_the_hub_knows_of_them(monkeypatch) -> None:
    with stand_in_hub("one/large", {}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.found = FOUND
        found = search_hub("my words", Task.CHAT)

    assert hub.searches == ["my words"]
    assert found == [
        HubModel("one/large", 1200, 7_000_000_000, gated=True),
        HubModel("two/plain", 0, None, gated=False),
    ]


def test_that_instructions_also_find_models_of_two_halves(monkeypatch) -> None:
    with stand_in_hub("one/large", {}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.found = FOUND
        found = search_hub("summaries", Task.INSTRUCTION)
        assert hub.kinds == ["text-generation", "safetensors", "safetensors", "text2text-generation"]
        search_hub("labels", Task.CLASSIFICATION)
        assert hub.kinds[4:] == ["safetensors"]

    assert [model.id for model in found] == ["one/large", "two/plain"]


@pytest.mark.parametrize("answer", [[{"no": "id"}], ["text"], 5])
def test_that_an_answer_that_is_none_says_so(monkeypatch, answer) -> None:
    with stand_in_hub("one/large", {}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.found = answer
        with pytest.raises(ModelError, match="cannot be searched"):
            search_hub("x", Task.CHAT)


def test_that_a_hub_that_is_not_there_says_so(monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="cannot be searched"):
        search_hub("x", Task.CHAT)
