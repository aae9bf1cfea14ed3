"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fintune_gui.engine import loop


@pytest.fixture(scope="module", autouse=True)
def short_answers() -> Iterator[None]:
    """Writing sample answers takes half of a tiny run; some words of them show as much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SAMPLE_TOKENS", 8)
        yield
