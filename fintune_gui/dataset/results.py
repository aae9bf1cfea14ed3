"""The rows of an evaluation: what was asked, what was expected, and what each model answered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from fintune_gui.project.errors import DataError
from fintune_gui.project.report import RESULTS_FILE
from fintune_gui.project.settings import Frozen


class ResultRow(Frozen):
    """One test row. For labels the answers are labels; for texts they are what the models wrote."""

    row_id: int
    prompt: str
    expected: str
    untuned: str
    tuned: str
    change: Literal["better", "same", "worse"]
    """Whether the tuned model did better on this row than the untuned one."""


def write_results(run_folder: Path, rows: list[ResultRow]) -> None:
    """Store the rows of an evaluation beside its report, in one step."""
    from fintune_gui.project.files import write_atomic

    schema = pa.schema([(name, pa.int64() if name == "row_id" else pa.string()) for name in ResultRow.model_fields])
    table = pa.Table.from_pylist([row.model_dump() for row in rows], schema=schema)
    write_atomic(run_folder / RESULTS_FILE, lambda beside: pq.write_table(table, beside, compression="zstd"))


def read_results(run_folder: Path) -> list[ResultRow]:
    """The rows of a run's evaluation; none if it was not evaluated.

    Raises:
        DataError: if the file is damaged.
    """
    path = run_folder / RESULTS_FILE
    if not path.exists():
        return []
    try:
        table = pq.read_table(path, columns=list(ResultRow.model_fields))
        return [ResultRow.model_validate(row) for row in table.to_pylist()]
    except (OSError, ValueError) as error:
        raise DataError(
            "data.no_results",
            "The results of this run cannot be read.",
            f"{path.name} is damaged or was written by another version.",
            "Evaluate the run again.",
            details=str(error),
        ) from error
