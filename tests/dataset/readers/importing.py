"""What the tests of readers share: import for real, and look at the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from fintune_gui.dataset.importing import FileChoice, ImportOptions, ImportResult, import_files, sniff
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.errors import DataError

Rows = list[dict[str, str | None]]


def imported(source: Path, **options: object) -> tuple[Rows, ImportResult]:
    """The rows of a file or folder, and what the import told."""
    target = source.parent / "the dataset"
    choice = FileChoice(path=str(source), options=ImportOptions.model_validate(options))
    result = import_files([choice], target)
    with Dataset.open(target) as dataset:
        return [row for _, row in dataset.rows()], result


def refused(source: Path, **options: object) -> str:
    """The code with which both the look and the import refuse a file."""
    choice = FileChoice(path=str(source), options=ImportOptions.model_validate(options))
    codes, before = [], sorted(source.parent.glob("the dataset*"))
    for attempt in (lambda: sniff(choice), lambda: import_files([choice], source.parent / "the dataset")):
        with pytest.raises(DataError) as error:
            attempt()
        assert error.value.problem.what
        assert error.value.problem.todo
        codes.append(error.value.problem.code)
    assert codes[0] == codes[1]
    assert sorted(source.parent.glob("the dataset*")) == before
    return codes[0]
