"""Searching the model hub by words: one request, made off the window's thread."""

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
    query: list[tuple[str, str]] = [("search", words), ("filter", "safetensors"), ("sort", "downloads")]
    query += [("limit", str(_MOST))] + [("expand[]", name) for name in ("downloads", "safetensors", "gated")]
    if task.generates:
        query.append(("pipeline_tag", "text-generation"))
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise OSError("HF_HUB_OFFLINE is set")
        with urllib.request.urlopen(f"{hub}/api/models?{urlencode(query)}", timeout=_TIMEOUT_S) as answer:
            found = json.loads(answer.read(_LARGEST_ANSWER_BYTES))
        return [_model(item) for item in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            "model.no_network",
            "The hub cannot be searched.",
            "It cannot be reached from this computer.",
            "Connect to the internet, or choose from the catalogue or a folder.",
            details=str(error),
        ) from error


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
