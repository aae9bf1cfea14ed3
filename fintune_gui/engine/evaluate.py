"""Measure a run's best checkpoint beside what it has to beat: the untuned model and the most frequent answer."""

from __future__ import annotations

import time
from pathlib import Path

from fintune_gui.dataset.encoding import ModelTokenizer
from fintune_gui.dataset.results import ResultRow, write_results
from fintune_gui.engine import checkpoints
from fintune_gui.engine.classification import measure_classification
from fintune_gui.engine.contest import Contest, Outcome
from fintune_gui.engine.data import load_examples
from fintune_gui.engine.device import choose_device
from fintune_gui.engine.generation import measure_generation
from fintune_gui.engine.job import Job, Result
from fintune_gui.engine.model import load_for_training, padding_id
from fintune_gui.engine.multi_label import measure_multi_label
from fintune_gui.engine.verdict import few_rows_note
from fintune_gui.project.document import Task
from fintune_gui.project.errors import TrainingError
from fintune_gui.project.files import write_json
from fintune_gui.project.report import REPORT_FILE, Report, Scores
from fintune_gui.project.spec import EvaluateSpec, TrainSpec, read_spec


def run(spec: EvaluateSpec, job: Job) -> Result:
    """Measure the run; ``samples.parquet`` and, last, ``report.json`` go into the run's folder.

    Raises:
        FintuneError: if the run has no checkpoint, or its rows or model cannot be read.
    """
    began = time.monotonic()
    run_folder = Path(spec.run_folder)
    trained, checkpoint = finished_run(run_folder)
    device = choose_device(job, half=checkpoints.read_state(checkpoint).half)
    tokenizer = ModelTokenizer.load(Path(trained.model.folder))
    job.progress("Reading the rows", 0)
    examples = load_examples(job, run_folder, spec.part, trained, tokenizer)
    job.progress("Loading the model", 0)
    model = load_for_training(trained, device, padding_id(tokenizer))
    contest = Contest(
        job=job,
        spec=spec,
        trained=trained,
        run_folder=run_folder,
        checkpoint=checkpoint,
        device=device,
        tokenizer=tokenizer,
        model=model,
        examples=examples,
    )
    task = trained.objective.task
    labelled = measure_multi_label if task is Task.MULTI_LABEL else measure_classification
    measure = measure_generation if task.generates else labelled
    report, rows = _report(contest, measure(contest), time.monotonic() - began)
    write_results(run_folder, rows)
    write_json(run_folder / REPORT_FILE, report.model_dump(mode="json"))
    return "completed", {"outcome": report.verdict.outcome, "headline": report.verdict.headline}


def finished_run(run_folder: Path) -> tuple[TrainSpec, Path]:
    """What a run was told, and its best checkpoint.

    Raises:
        TrainingError: if the folder holds no training run, or none with a checkpoint.
    """
    trained = read_spec(run_folder)
    best = checkpoints.find_checkpoint(run_folder, "best")
    if not isinstance(trained, TrainSpec) or best is None:
        raise TrainingError(
            "training.no_checkpoint",
            f"There is no result of training in {run_folder.name}.",
            "The run has no checkpoint that was measured on the validation rows.",
            "Let the run go on until its first evaluation, or start a new one.",
        )
    return trained, best


def _report(contest: Contest, outcome: Outcome, seconds: float) -> tuple[Report, list[ResultRow]]:
    few = few_rows_note(outcome.verdict_rows)
    report = Report(
        run=contest.trained.run,
        part=contest.spec.part,
        rows=len(contest.examples),
        generated_rows=outcome.generated_rows,
        objective=contest.trained.objective,
        checkpoint_step=checkpoints.read_state(contest.checkpoint).step,
        scores=tuple(
            Scores(contender=name, metrics={metric: found.interval() for metric, found in metrics.items()})
            for name, metrics in outcome.measured.items()
        ),
        labels=outcome.labels,
        confusion=outcome.confusion,
        verdict=outcome.verdict,
        notes=tuple(note for note in (few, *outcome.notes) if note),
        seconds=seconds,
        inputs=contest.trained.inputs,
    )
    return report, outcome.rows
