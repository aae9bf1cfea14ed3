"""Runs of the invariants are those of the engine's tests."""

from tests.engine.conftest import short_answers  # noqa: F401 (a fixture)
