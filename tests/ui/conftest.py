"""For tests with widgets: nothing said in one test is heard in another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fintune_gui.ui.services.background import wait_for_background
from fintune_gui.ui.services.notifications import Notification, notifications


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    yield
    wait_for_background(10_000)
    notifications()._waiting.clear()


@pytest.fixture
def said() -> list[Notification]:
    """What is told to the user during the test, while no window listens."""
    return notifications()._waiting
