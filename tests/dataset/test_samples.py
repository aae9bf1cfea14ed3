"""The sample projects are ready but for their model."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.dataset import samples
from fintune_gui.dataset.formatting import check_format
from fintune_gui.dataset.samples import SAMPLES, create_sample, sample_model
from fintune_gui.dataset.splitting import make_split
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError, ProjectError


@pytest.mark.parametrize("key", [sample.key for sample in SAMPLES])
def test_that_a_sample_can_be_checked_and_divided_at_once(key: str, tmp_path: Path) -> None:
    with create_sample(key, tmp_path / key) as pf, Dataset.open(pf.dataset) as dataset:
        assert check_format(pf.project, dataset) == []
        assert pf.project.sources[0].rows == dataset.total_rows > 300
        assert make_split(pf, dataset).counts["test"] > 40
        assert not pf.read_only
    assert sample_model(key).startswith("sample:")


def test_that_an_unknown_sample_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="The samples are: tickets, faq"):
        create_sample("nope", tmp_path / "x")


def test_that_a_sample_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "resource", lambda *_: tmp_path / "gone.csv")
    with pytest.raises(DataError):
        create_sample("tickets", tmp_path / "x")
    assert not (tmp_path / "x").exists()
