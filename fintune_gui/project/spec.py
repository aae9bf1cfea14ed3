"""What a job is told: one frozen model per kind of work, stored as ``spec.json`` in the job's folder.

A job folder explains itself: ``spec.json`` (what was asked), ``events.jsonl`` (what happened), ``log.txt`` (everything
that libraries printed). Paths inside a specification are absolute unless they say otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from fintune_gui.project.cheaper import CheaperWay
from fintune_gui.project.document import FormatSettings, ModelChoice, Objective, Task
from fintune_gui.project.errors import ProjectError
from fintune_gui.project.files import write_json
from fintune_gui.project.import_options import FileChoice
from fintune_gui.project.settings import Frozen, TrainingSettings

SPEC_FILE = "spec.json"
EVENTS_FILE = "events.jsonl"
LOG_FILE = "log.txt"
LATEST_CHECKPOINT = "checkpoints/latest.json"
"""In a run's folder: names the checkpoint to go on from, and is there once one is whole."""
BEST_CHECKPOINT = "checkpoints/best.json"
"""In a run's folder: names the checkpoint whose weights are the run's result."""

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class ImportSpec(Frozen):
    """Read files into a new dataset, or into the present one. Done by the data worker, without torch."""

    kind: Literal["import"] = "import"
    project_folder: str
    files: tuple[FileChoice, ...]
    add: bool = False
    """Whether the rows come after the present ones, and do not take their place."""


class LookSpec(Frozen):
    """Find out what files hold, without importing them. Done by the data worker: also asks the hub."""

    kind: Literal["look"] = "look"
    files: tuple[FileChoice, ...]


class PrepareSpec(Frozen):
    """Make a base model ready: find or fetch it, check it, and convert it to a plain folder if needed."""

    kind: Literal["prepare"] = "prepare"
    name: str
    """A folder, a hub name, or the name of a sample model."""
    task: Task | None = None
    """What the model shall learn; a model that cannot is refused at once. None: it is not asked."""


class TrainSpec(Frozen):
    """One training run; lives in ``runs/NNNN/spec.json``, with the frozen rows beside it in ``data/*.parquet``."""

    kind: Literal["train"] = "train"
    run: int
    project_name: str
    objective: Objective
    model: ModelChoice
    format: FormatSettings
    labels: tuple[str, ...] = ()
    """Class names in the order of their ids; empty unless the task is classification."""
    training: TrainingSettings
    inputs: dict[str, str] = Field(default_factory=dict)
    """Fingerprints of what the run was made from: dataset, format, split, model."""
    start_from_run: int | None = None
    """Number of an earlier run of the project: this one begins with the weights of that one's best checkpoint."""


class EvaluateSpec(Frozen):
    """Measure a run's best checkpoint, the untuned model and the majority answer on one part."""

    kind: Literal["evaluate"] = "evaluate"
    run_folder: str
    part: Part = "test"
    max_new_tokens: int = Field(default=64, ge=1, le=4096)
    generate_rows: int = Field(default=100, ge=0)
    """Generated answers cost time: at most so many rows, drawn with the run's seed, are answered in words."""


class ExportSpec(Frozen):
    """Write a run's result into a folder of the user's, and verify it by loading it in a fresh process."""

    kind: Literal["export"] = "export"
    run_folder: str
    what: Literal["adapter", "merged"] = "adapter"
    target: str
    verify_rows: int = Field(default=8, ge=1)


class Trial(Frozen):
    """A cheaper way, and the run as it would be with it."""

    way: CheaperWay
    train: TrainSpec


class FitSpec(Frozen):
    """A measured dry run of a few steps on the longest rows: peak memory, speed, hours."""

    kind: Literal["fit"] = "fit"
    train: TrainSpec
    steps: int = Field(default=3, ge=1, le=50)
    cheaper: tuple[Trial, ...] = ()
    """What is measured after it, each in a process of its own: a peak is never that of another one before."""
    rows_folder: str = ""
    """The folder whose rows are used; "" is the job's own."""


JobSpec = Annotated[
    ImportSpec | LookSpec | PrepareSpec | TrainSpec | EvaluateSpec | ExportSpec | FitSpec, Field(discriminator="kind")
]
_adapter: TypeAdapter[JobSpec] = TypeAdapter(JobSpec)


def write_spec(folder: Path, spec: JobSpec) -> None:
    """Store `spec` in a job folder, which is made if needed."""
    write_json(folder / SPEC_FILE, json.loads(spec.model_dump_json()))


def read_spec(folder: Path) -> JobSpec:
    """The specification in a job folder.

    Raises:
        ProjectError: if there is none, or this version cannot read it.
    """
    path = folder / SPEC_FILE
    try:
        return _adapter.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ProjectError(
            "project.no_spec", f"There is no job in {folder}.", f"The file {SPEC_FILE} is missing.", "Start it again."
        ) from None
    except (OSError, ValidationError) as error:
        raise ProjectError(
            "project.bad_spec",
            f"The job in {folder} cannot be read.",
            "It was written by another version of Fintune, or changed by hand.",
            "Start the job again from the project.",
            details=str(error),
        ) from error
