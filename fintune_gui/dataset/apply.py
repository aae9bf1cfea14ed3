"""What an import means for the project document."""

from __future__ import annotations

from itertools import islice

from fintune_gui.dataset.formatting import propose_roles
from fintune_gui.dataset.importing import ImportResult
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.store import ProjectFolder

_SAMPLE_ROWS = 200


def record_import(pf: ProjectFolder, result: ImportResult) -> None:
    """Note the sources in the project; propose roles unless the present ones fit the new columns.

    Raises:
        ProjectError: if the project is open read-only.
    """
    project = pf.project
    format_ = project.format
    present = {role: column for role, column in format_.roles.items() if column in result.columns}
    if not present or present != format_.roles:
        with Dataset.open(pf.dataset) as dataset:
            rows = [row for _, row in islice(dataset.rows(), _SAMPLE_ROWS)]
        proposed = propose_roles(result.columns, rows, project.objective.task)
        taken = present.values()
        present |= {role: column for role, column in proposed.items() if role not in present and column not in taken}
    pf.save(project.with_(sources=result.sources, format=format_.model_copy(update={"roles": present})))
