"""The sample projects are ready but for their model."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fintune_gui.dataset import samples
from fintune_gui.dataset.formatting import check_format
from fintune_gui.dataset.samples import SAMPLES, create_sample, sample_model
from fintune_gui.dataset.splitting import make_split
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError, ProjectError
from fintune_gui.project.store import ProjectFolder


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


_MAKE = """
import sys
from pathlib import Path
from fintune_gui.dataset.samples import create_sample
print("ready", flush=True)
create_sample("tickets", Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
def test_that_a_kill_leaves_a_whole_sample_or_none(tmp_path: Path) -> None:
    for number, delay in enumerate((0.0, 0.2, 0.4, 0.6)):
        folder = tmp_path / str(number)
        command = [sys.executable, "-c", _MAKE, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as maker:
            assert maker.stdout is not None
            maker.stdout.readline()
            time.sleep(delay)
            maker.kill()
        if folder.exists():
            with ProjectFolder.open(folder) as pf, Dataset.open(pf.dataset) as dataset:
                assert pf.project.sources[0].rows == dataset.total_rows
        else:
            create_sample("tickets", folder).close()
