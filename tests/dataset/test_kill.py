"""A writer that is killed at any moment loses no edit that it was told was made."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.store import Dataset
from tests.dataset.conftest import write_csv

ROWS = 3000

_WRITER = """
import sys
from pathlib import Path
from fintune_gui.dataset.query import Replace
from fintune_gui.dataset.store import Dataset
dataset, number = Dataset.open(Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
while True:
    number += 1
    if number % 5 == 0:
        # touches every row, so it goes through a new column file
        dataset.replace(Replace(columns=("stamp",), find=r"^.*$", replacement=f"s{number}", regex=True), None)
    else:
        dataset.edit(number % 3000, "text", f"edit {number}")
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
def test_that_every_acknowledged_change_survives_kill_9(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "rows.csv", ["text", "stamp"], [[f"row {i}", "s0"] for i in range(ROWS)])
    import_files([source], tmp_path / "dataset")
    acknowledged = 0
    for delay in (0.0, 0.03, 0.08, 0.15, 0.25):
        acknowledged = _write_until_killed(tmp_path / "dataset", acknowledged, delay)
        with Dataset.open(tmp_path / "dataset") as dataset:
            present = len(dataset.history())
            assert present in (acknowledged, acknowledged + 1)  # at most the one that was on its way
            stamps = set(dataset.column("stamp").to_pylist())
            assert stamps == {f"s{present - present % 5}"}  # a bulk step is there as a whole or not at all
            for number in range(1, present + 1):
                if number % 5:
                    assert dataset.row(number % ROWS)["text"] == f"edit {number}"
            acknowledged = present
    assert acknowledged > 5


def _write_until_killed(folder: Path, number: int, delay: float) -> int:
    command = [sys.executable, "-c", _WRITER, str(folder), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(delay)
        writer.kill()
        lines = writer.stdout.read().split("\n")
    return int(lines[-2]) if len(lines) > 1 else number
