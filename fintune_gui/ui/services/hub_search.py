"""Searching the model hub by words, made off the window's thread: one request for each kind of model."""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlencode

from fintune_gui.project.document import Task
from fintune_gui.project.errors import ModelError
from fintune_gui.project.memory import short_count

_MOST = 10
_TIMEOUT_S = 10.0
_LARGEST_ANSWER_BYTES = 4_000_000


@dataclass(frozen=True)
class HubModel:
    """One model that was found: its name, how often it was fetched last month, and its size in weights if known."""

    id: str
    downloads: int
    parameters: int | None
    gated: bool

    @property
    def known(self) -> str:
        """What is known of it, in a few words."""
        size = f"{short_count(self.parameters)} parameters" if self.parameters else ""
        often = f"fetched {short_count(self.downloads)} times last month" if self.downloads else ""
        return " · ".join(filter(None, ("needs access" if self.gated else "", size, often)))


def search_hub(words: str, task: Task) -> list[HubModel]:
    """Models with safetensors weights whose name matches `words`, the most used first.

    Raises:
        ModelError: ``model.no_network`` when the hub does not answer, or answers something else.
    """
    kinds: list[tuple[str, str] | None] = [("pipeline_tag", "text-generation") if task.generates else None]
    if task is Task.INSTRUCTION:
        kinds.append(("filter", "text2text-generation"))  # T5 and BART; the hub counts them among other things
    try:
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise OSError("HF_HUB_OFFLINE is set")
        found = {model.id: model for kind in kinds for model in _ask(words, kind)}
        return sorted(found.values(), key=lambda model: -model.downloads)[:_MOST]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            "model.no_network",
            "The hub cannot be searched.",
            "It cannot be reached from this computer.",
            "Connect to the internet, or choose from the catalogue or a folder.",
            details=str(error),
        ) from error


def _ask(words: str, kind: tuple[str, str] | None) -> list[HubModel]:
    """One request, for models of one kind."""
    query = [("search", words), ("filter", "safetensors"), ("sort", "downloads"), ("limit", str(_MOST))]
    query += [("expand[]", name) for name in ("downloads", "safetensors", "gated")]
    query += [kind] if kind else []
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    with urllib.request.urlopen(f"{hub}/api/models?{urlencode(query)}", timeout=_TIMEOUT_S) as answer:
        return [_model(item) for item in json.loads(answer.read(_LARGEST_ANSWER_BYTES))]


def _model(item: dict[str, object]) -> HubModel:
    weights = item.get("safetensors")
    total = weights.get("total") if isinstance(weights, dict) else None
    downloads = item.get("downloads")
    return HubModel(
        id=str(item["id"]),
        downloads=downloads if isinstance(downloads, int) else 0,
        parameters=total if isinstance(total, int) else None,
        gated=bool(item.get("gated")),
    )
