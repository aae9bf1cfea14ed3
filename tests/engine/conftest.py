"""What the tests of the engine share."""

from __future__ import annotations

import pytest

from fintune_gui.engine import loop


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing sample answers takes half of a tiny run; some words of them show as much."""
    monkeypatch.setattr(loop, "SAMPLE_TOKENS", 8)
