"""Job folders: everything is checked first, all problems are told at once, and ``spec.json`` is written last."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any, Literal

from fintune_gui.dataset.encoding import encode_row, no_chat_template
from fintune_gui.dataset.formatting import check_format, label_separator
from fintune_gui.dataset.importing import FileChoice, Files, ImportOptions, check_choice, choices_of
from fintune_gui.dataset.label_sets import split_labels
from fintune_gui.dataset.problems import raise_problems
from fintune_gui.dataset.snapshot import write_rows
from fintune_gui.dataset.splitting import SplitManifest, current_split, split_rows
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.tokenizer import ModelTokenizer
from fintune_gui.project.cheaper import cheaper_ways
from fintune_gui.project.combinations import find_abilities, find_conflicts
from fintune_gui.project.document import ModelChoice, Project, Role, Task, Template
from fintune_gui.project.errors import FintuneError, ModelError, Problem, TrainingError
from fintune_gui.project.exporting import check_export
from fintune_gui.project.files import disk_errors_explained
from fintune_gui.project.flow import Facts, changed_inputs, input_fingerprints
from fintune_gui.project.history import read_history
from fintune_gui.project.paths import user_path
from fintune_gui.project.seq2seq import seq2seq_problems
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import (
    BEST_CHECKPOINT,
    PARTS,
    SPEC_FILE,
    EvaluateSpec,
    ExportSpec,
    FitSpec,
    ImportSpec,
    JobSpec,
    LookSpec,
    PrepareSpec,
    TrainSpec,
    Trial,
    read_spec,
    write_spec,
)
from fintune_gui.project.store import ProjectFolder

_ROWS_TRIED = 20
"""So many rows are encoded before a run is made, to meet a template's refusal now and not in the run."""


def create_run(pf: ProjectFolder, dataset: Dataset) -> Path:
    """Freeze the rows and settings of a new training run. Returns its folder.

    Raises:
        FintuneError: with everything that stands in the way, all at once. No folder is left then.
    """
    pf.require_writable()
    model, split = _ready(pf, dataset)
    number = 1 + max(pf.run_numbers(), default=0)
    folder = pf.run_folder(number)
    spec = _train_spec(pf, dataset, model, split, number)
    return _make(pf, dataset, split, folder, spec)


def create_continuation(pf: ProjectFolder, run: int) -> Path:
    """Make a run that begins with the weights of the best checkpoint of run number `run`, with half its learning rate.

    It learns from the same frozen rows, with the same settings, for the passes that were left (at least one), and has
    a warm-up and an optimizer of its own. Returns its folder.

    Raises:
        TrainingError: if there is no such run, or it has no best checkpoint yet. No folder is left then.
    """
    pf.require_writable()
    source = pf.run_folder(run)
    spec = read_spec(source) if (source / SPEC_FILE).is_file() else None
    if not isinstance(spec, TrainSpec):
        raise _no_run(run)
    best = read_history(source).best
    if best is None or not (source / BEST_CHECKPOINT).is_file():
        raise TrainingError(
            "training.no_best",
            f"Run {run} has no best checkpoint to go on from.",
            "Its validation rows were never measured, or what was saved is gone.",
            "Start a new run.",
        )
    rate = spec.training.effective_learning_rate(spec.model.method) / 2
    epochs = max(1.0, round(spec.training.epochs - best.epoch, 2))
    number = 1 + max(pf.run_numbers(), default=0)
    training = spec.training.model_copy(update={"learning_rate": rate, "epochs": epochs})
    wanted = spec.model_copy(update={"run": number, "training": training, "start_from_run": run})
    folder = pf.run_folder(number)
    try:
        with disk_errors_explained(folder):
            copytree(source / "data", folder / "data")
            write_spec(folder, wanted)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    return folder


def create_fit(pf: ProjectFolder, dataset: Dataset, steps: int = 3, *, cheaper: bool = False) -> Path:
    """Freeze a measured dry run of a few steps. Returns its folder, which belongs to no run.

    Args:
        cheaper: Whether it also measures settings that need less memory.

    Raises:
        FintuneError: as `create_run`.
    """
    model, split = _ready(pf, dataset)
    folder = pf.new_job_folder("fit")
    train = _train_spec(pf, dataset, model, split, 1 + max(pf.run_numbers(), default=0))
    ways = cheaper_ways(pf.project, find_abilities()) if cheaper else []
    trials = tuple(Trial(way=way, train=_changed(train, way.applied_to(pf.project), dataset)) for way in ways)
    return _make(pf, dataset, split, folder, FitSpec(train=train, steps=steps, cheaper=trials))


def _changed(train: TrainSpec, project: Project, dataset: Dataset) -> TrainSpec:
    """A run's specification as it would be for a project whose settings were changed, with the same rows."""
    return train.model_copy(
        update={
            "model": project.model,
            "training": project.training,
            "format": train.format.model_copy(update={"max_length": project.format.max_length}),
            "inputs": input_fingerprints(project, Facts(dataset_fingerprint=dataset.fingerprint)),
        }
    )


def create_evaluation(pf: ProjectFolder, run: int) -> Path:
    """Make the job that measures run number `run` on its test rows. Returns its folder, inside the run's.

    Raises:
        TrainingError: if there is no such run, or it is not finished.
    """
    folder = _finished_run(pf, run) / "evaluation"
    rmtree(folder, ignore_errors=True)  # events of an earlier evaluation; the report itself lies in the run's folder
    write_spec(folder, EvaluateSpec(run_folder=str(folder.parent)))
    return folder


def create_export(pf: ProjectFolder, run: int, what: Literal["adapter", "merged"], target: Path) -> Path:
    """Make the job that exports run number `run` to the folder `target`. Returns the job's folder, inside the run's.

    Raises:
        TrainingError: if there is no such run, it is not finished, or it has no adapter.
        ProjectError: if `target` holds something already.
    """
    run_folder = _finished_run(pf, run)
    wanted = ExportSpec(run_folder=str(run_folder), what=what, target=str(user_path(target)))
    if isinstance(trained := read_spec(run_folder), TrainSpec):
        check_export(wanted, trained)
    number = 1 + len(list(run_folder.glob("export-*")))
    folder = run_folder / f"export-{number:04d}"
    write_spec(folder, wanted)
    return folder


def create_prepare(pf: ProjectFolder, name: str) -> Path:
    """Make the job that gets the base model `name` ready. Returns its folder."""
    if not name.strip():
        raise ModelError("model.none", "No model is named.", "", "Choose a folder, a hub name or a sample model.")
    folder = pf.new_job_folder("prepare")
    write_spec(folder, PrepareSpec(name=name.strip(), task=pf.project.objective.task))
    return folder


def record_prepared(pf: ProjectFolder, result: dict[str, Any], method: Method) -> None:
    """Put the model that a prepare job made ready into the project. `result` is that of the job's end event."""
    known = {name: value for name, value in result.items() if name in ModelChoice.model_fields}
    pf.save(pf.project.with_(model=ModelChoice.model_validate({**known, "method": method})))


def create_import(pf: ProjectFolder, files: Files, options: ImportOptions | None = None, *, add: bool = False) -> Path:
    """Make the job that imports `files`. Returns its folder.

    Args:
        options: For the files that are given by their paths alone.
        add: Whether the rows come after the present ones, and do not take their place.

    Raises:
        DataError: for the files that cannot be read, all at once.
    """
    choices = choices_of(files, options)
    problems = []
    for choice in choices:
        try:
            check_choice(_without_tilde(choice))
        except FintuneError as error:
            problems.append(error.problem)
    raise_problems(problems, "Some files cannot be read.")
    folder = pf.new_job_folder("import")
    write_spec(folder, ImportSpec(project_folder=str(pf.folder), files=_absolute(choices), add=add))
    return folder


def create_look(pf: ProjectFolder, files: Files) -> Path:
    """Make the job that says what `files` hold, which may be data sets of the hub. Returns its folder.

    The job's result is ``{"files": [{"path", "found": Sniffed} or {"path", "problem": Problem}, ...]}``.
    """
    folder = pf.new_job_folder("look")
    write_spec(folder, LookSpec(files=_absolute(choices_of(files))))
    return folder


def _absolute(choices: Sequence[FileChoice]) -> tuple[FileChoice, ...]:
    return tuple(choice if choice.is_hub else _at(choice, str(user_path(choice.path))) for choice in choices)


def _without_tilde(choice: FileChoice) -> FileChoice:
    """Links are not followed, so that a complaint names the file as the user did."""
    return choice if choice.is_hub else _at(choice, os.path.abspath(os.path.expanduser(choice.path)))


def _at(choice: FileChoice, path: str) -> FileChoice:
    return choice.model_copy(update={"path": path})


def _ready(pf: ProjectFolder, dataset: Dataset) -> tuple[ModelChoice, SplitManifest]:
    """The model and the split, if everything is ready for a run."""
    problems = check_format(pf.project, dataset)
    split = current_split(pf)
    problems += _check_split(pf, dataset, split)
    model = pf.project.model
    problems += _check_model(pf, dataset, model, rows_usable=not problems)
    if model is not None:
        rows = split.counts.get("train") if split is not None else None
        problems += find_conflicts(
            pf.project.training,
            model.method,
            model_folder=Path(model.folder),
            rows=rows,
            abilities=find_abilities(),
            added_tokens=bool(pf.project.format.added_tokens),
        )
    raise_problems(problems, f"The run cannot start yet: {len(problems)} things are missing.")
    assert model is not None
    assert split is not None
    return model, split


def _check_split(pf: ProjectFolder, dataset: Dataset, split: SplitManifest | None) -> list[Problem]:
    if split is None:
        return [
            Problem(
                code="data.no_split",
                what="The rows are not divided yet.",
                why="Training, validation and test need rows of their own.",
                todo="Divide them on the page Split.",
            )
        ]
    now = input_fingerprints(pf.project, Facts(dataset_fingerprint=dataset.fingerprint))
    changed = changed_inputs(split.inputs, now)
    if changed:
        what = "rows" if "dataset" in changed else "settings or roles"
        return [
            Problem(
                code="data.stale_split",
                what="The split is out of date.",
                why=f"The {what} were changed since the rows were divided.",
                todo="Divide the rows again on the page Split.",
            )
        ]
    train_labels = split.labels.get("train", {})
    if pf.project.objective.task is Task.CLASSIFICATION and split.stratify and len(train_labels) == 1:
        return [
            Problem(
                code="data.one_label",
                what=f"All training rows have the same value of “{split.stratify}”.",
                why="Telling labels apart needs at least two.",
                todo="Import more rows, or stratify the split by the label.",
            )
        ]
    return []


def _check_model(pf: ProjectFolder, dataset: Dataset, model: ModelChoice | None, *, rows_usable: bool) -> list[Problem]:
    if model is None:
        return [Problem(code="model.none", what="No model is chosen yet.", todo="Choose one on the page Model.")]
    if not Path(model.folder).is_dir():
        return [
            Problem(
                code="model.gone",
                what=f"The model {model.name} is not there any more.",
                why=f"The folder {model.folder} is missing.",
                todo="Choose the model again on the page Model.",
            )
        ]
    if problems := seq2seq_problems(pf.project):
        return problems
    try:
        tokenizer = ModelTokenizer.load(Path(model.folder), pf.project.format.added_tokens)
        wants_template = pf.project.format.template is Template.MODEL and pf.project.objective.task.generates
        if wants_template and not tokenizer.has_chat_template and pf.project.objective.task is not Task.TEXT:
            raise no_chat_template()
        if rows_usable:
            _try_rows(pf, dataset, tokenizer)
    except FintuneError as error:
        return [error.problem]
    return []


def _try_rows(pf: ProjectFolder, dataset: Dataset, tokenizer: ModelTokenizer) -> None:
    """Encode some training rows, so that a template that refuses them says so now."""
    split = current_split(pf)
    assert split is not None
    for _, row in dataset.rows(split_rows(pf, split, "train")[:_ROWS_TRIED]):
        encode_row(tokenizer, row, pf.project.format, pf.project.objective.task)


def _train_spec(
    pf: ProjectFolder, dataset: Dataset, model: ModelChoice, split: SplitManifest, number: int
) -> TrainSpec:
    project = pf.project
    labels: list[str] = []
    format_ = project.format
    if not project.objective.task.generates:
        separator = label_separator(dataset, format_, project.objective.task)
        format_ = format_.model_copy(update={"label_separator": separator})
        column = format_.roles[Role.LABEL]
        found: set[str | None] = set()
        for part in PARTS:
            found |= {label for (label,) in dataset.cells(split_rows(pf, split, part), [column])}
        if separator is not None:
            found = {label for cell in found for label in split_labels(cell, separator)}
        labels = sorted(label for label in found if label)
    return TrainSpec(
        run=number,
        project_name=project.name,
        objective=project.objective,
        model=model,
        format=format_,
        labels=tuple(labels),
        training=project.training,
        inputs=input_fingerprints(project, Facts(dataset_fingerprint=dataset.fingerprint)),
    )


def _make(pf: ProjectFolder, dataset: Dataset, split: SplitManifest, folder: Path, spec: JobSpec) -> Path:
    """Write the frozen rows and, last, the specification; nothing is left behind on failure."""
    try:
        with disk_errors_explained(folder):
            (folder / "data").mkdir(parents=True)
            for part in PARTS:
                write_rows(dataset, split_rows(pf, split, part), folder / "data" / f"{part}.parquet")
            write_spec(folder, spec)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    return folder


def _finished_run(pf: ProjectFolder, run: int) -> Path:
    pf.require_writable()
    folder = pf.run_folder(run)
    if not (folder / SPEC_FILE).is_file():
        raise _no_run(run)
    if not read_history(folder).finished:
        raise TrainingError(
            "training.not_finished",
            f"Run {run} is not finished.",
            "Only a run that came to its end, or was stopped by you, has a best checkpoint to use.",
            "Resume it, or choose another run.",
        )
    return folder


def _no_run(run: int) -> TrainingError:
    return TrainingError("training.no_run", f"There is no run {run}.", "", "Choose one of the runs of this project.")
