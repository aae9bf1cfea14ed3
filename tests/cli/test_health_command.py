"""`fintune health`: damage is said, and each way out can be taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Fintune


@pytest.fixture
def edited(fintune: Fintune, tickets_csv: Path, tmp_path: Path) -> Path:
    """A project with one edit."""
    assert fintune("new", tmp_path / "p", "--task", "classification").code == 0
    assert fintune("import", tmp_path / "p", tickets_csv).code == 0
    assert fintune("edit", tmp_path / "p", "--row", 1, "--column", "topic", "--value", "mine").code == 0
    return tmp_path / "p"


def test_that_whole_rows_are_said_to_be_whole(fintune: Fintune, edited: Path) -> None:
    answer = fintune("health", edited)
    assert (answer.code, answer.out.splitlines()[0]) == (0, "The rows and your changes are whole.")
    assert fintune("health", edited, "--json").json == {"whole": True, "problems": []}


def test_that_whole_rows_are_never_replaced(fintune: Fintune, edited: Path) -> None:
    assert "nothing was changed" in fintune("health", edited, "--use", "import").out
    assert "mine" in fintune("rows", edited, "--limit", 1, "--as", "jsonl").out


@pytest.mark.parametrize(("way", "label"), [("backup", "mine"), ("import", None)])
def test_that_a_lost_record_of_changes_is_said_and_mended(
    fintune: Fintune, edited: Path, way: str, label: str | None
) -> None:
    (edited / "dataset" / "edits.sqlite").write_bytes(b"")
    answer = fintune("rows", edited)
    assert answer.code == 1
    assert "The record of your changes to the rows is missing." in answer.err
    assert "The last backup holds 1 change." in fintune("health", edited).out
    assert fintune("health", edited, "--use", way, "--json").json["whole"]
    shown = fintune("rows", edited, "--limit", 1, "--as", "jsonl").out
    assert ("mine" in shown) == (label is not None)
