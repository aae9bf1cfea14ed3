"""Small datasets, imported for real."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.store import ProjectFolder

Rows = Sequence[Sequence[str]]


def write_csv(path: Path, header: Sequence[str], rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@pytest.fixture
def make_dataset(tmp_path: Path) -> Iterator[Callable[..., Dataset]]:
    """Import rows through a CSV file and open the dataset."""
    opened: list[Dataset] = []

    def make(rows: Rows, header: Sequence[str] = ("text", "label"), name: str = "dataset") -> Dataset:
        source = write_csv(tmp_path / f"{name}.csv", header, rows)
        import_files([source], tmp_path / name)
        opened.append(Dataset.open(tmp_path / name))
        return opened[-1]

    yield make
    for dataset in opened:
        dataset.close()


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., tuple[ProjectFolder, Dataset]]]:
    """A classification project with imported rows and roles, and its open dataset."""
    opened: list[ProjectFolder | Dataset] = []

    def make(
        rows: Rows, header: Sequence[str] = ("text", "label"), name: str = "project", **changes: object
    ) -> tuple[ProjectFolder, Dataset]:
        source = write_csv(tmp_path / f"{name}.csv", header, rows)
        objective = Objective(task=Task.CLASSIFICATION, metric=Metric.F1)
        document = {"name": name, "objective": objective, **changes}
        pf = ProjectFolder.create(tmp_path / name, Project.model_validate(document))
        record_import(pf, import_files([source], pf.dataset))
        opened.append(pf)
        dataset = Dataset.open(pf.dataset)
        opened.append(dataset)
        return pf, dataset

    yield make
    for item in reversed(opened):
        item.close()
