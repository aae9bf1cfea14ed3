"""What happens to the rows means something for the project document too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

from fintune_gui.dataset.formatting import propose_roles
from fintune_gui.dataset.importing import ImportResult
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Project
from fintune_gui.project.errors import FintuneError
from fintune_gui.project.store import ProjectFolder

_SAMPLE_ROWS = 200


def record_import(pf: ProjectFolder, result: ImportResult) -> None:
    """Note the sources in the project; propose roles unless the present ones fit the new columns.

    Raises:
        ProjectError: if the project is open read-only.
    """
    with Dataset.open(pf.dataset) as dataset:
        _record(pf, dataset, result.columns)


def record_killed_import(pf: ProjectFolder) -> None:
    """As `record_import`, for what `places.import_is_unrecorded` found. Of damaged rows those tell who read them."""
    with suppress(FintuneError), Dataset.open(pf.dataset) as dataset:
        _record(pf, dataset, dataset.columns)


def _record(pf: ProjectFolder, dataset: Dataset, columns: Sequence[str]) -> None:
    project = pf.project
    format_ = project.format
    present = {role: column for role, column in format_.roles.items() if column in columns}
    if not present or present != format_.roles:
        rows = [row for _, row in islice(dataset.rows(), _SAMPLE_ROWS)]
        proposed = propose_roles(columns, rows, project.objective.task)
        taken = present.values()
        present |= {role: column for role, column in proposed.items() if role not in present and column not in taken}
    pf.save(project.with_(sources=dataset.sources, format=format_.model_copy(update={"roles": present})))


def follow_dataset(project: Project, keys_before: Mapping[str, str], dataset: Dataset) -> Project:
    """The document after a change of the rows: roles and split stay with columns that were renamed, and the sources
    are those of the rows that are there now.

    Args:
        keys_before: `Dataset.keys` before the change.
    """
    now = dataset.keys
    renamed = {name: now[key] for key, name in keys_before.items() if key in now and now[key] != name}
    roles = {role: renamed.get(column, column) for role, column in project.format.roles.items()}
    split = project.split
    columns = {"stratify": split.stratify, "group": split.group}
    moved = {field: renamed[name] for field, name in columns.items() if name is not None and name in renamed}
    return project.with_(
        sources=dataset.sources,
        format=project.format.model_copy(update={"roles": roles}),
        split=split.model_copy(update=moved),
    )
