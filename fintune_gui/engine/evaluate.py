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
from fintune_gui.engine.device import Device, choose_device
from fintune_gui.engine.generation import measure_generation
from fintune_gui.engine.job import Job, Result
from fintune_gui.engine.model import load_for_training, padding_id
from fintune_gui.engine.multi_label import measure_multi_label
from fintune_gui.engine.verdict import few_rows_note
from fintune_gui.project.document import Task
from fintune_gui.project.errors import DataError, TrainingError
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
    job.progress("Reading the rows", 0)
    contest = _contest(job, spec, trained, checkpoint, device)
    task = trained.objective.task
    labelled = measure_multi_label if task is Task.MULTI_LABEL else measure_classification
    measure = measure_generation if task.generates else labelled
    report, rows = _report(contest, measure(contest), time.monotonic() - began)
    write_results(run_folder, rows)
    write_json(run_folder / REPORT_FILE, report.model_dump(mode="json"))
    return "completed", {"outcome": report.verdict.outcome, "headline": report.verdict.headline}


def _contest(job: Job, spec: EvaluateSpec, trained: TrainSpec, checkpoint: Path, device: Device) -> Contest:
    """The rows as both contenders see them, and the untuned model."""
    run_folder, folder = Path(spec.run_folder), Path(trained.model.folder)
    untuned, tokenizer = without_added_tokens(trained), ModelTokenizer.load(folder)
    examples, grown = load_examples(job, run_folder, spec.part, untuned, tokenizer), None
    if trained.format.added_tokens:
        with_tokens = ModelTokenizer.load(folder, trained.format.added_tokens)
        others = load_examples(job, run_folder, spec.part, trained, with_tokens)
        both = {example.row_id for example in examples} & {example.row_id for example in others}
        examples, others = ([row for row in rows if row.row_id in both] for rows in (examples, others))
        if not both:
            raise DataError(
                "data.nothing_to_compare",
                f"No {spec.part} row can be read both with the added tokens and without.",
                "Without them every row is longer than the greatest length allows.",
                "Raise the greatest length on the page Format, and start a new run.",
            )
        grown = (with_tokens, others)
    job.progress("Loading the model", 0)
    model = load_for_training(untuned, device, padding_id(tokenizer))
    return Contest(
        job=job,
        spec=spec,
        trained=trained,
        run_folder=run_folder,
        checkpoint=checkpoint,
        device=device,
        tokenizer=tokenizer,
        model=model,
        examples=examples,
        grown=grown,
    )


def without_added_tokens(trained: TrainSpec) -> TrainSpec:
    """The same run with the model's own vocabulary."""
    return trained.model_copy(update={"format": trained.format.model_copy(update={"added_tokens": ()})})


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


def _tokens_note(contest: Contest) -> str | None:
    """What a reader must know where the contenders cut texts into other tokens."""
    added = len(contest.trained.format.added_tokens)
    if not added:
        return None
    note = f"The run added {added} token{'s' if added > 1 else ''}; the untuned model reads the same rows without. "
    if not contest.trained.objective.task.generates:
        return note.rstrip()
    return note + "Perplexity is per token of the model's own tokenizer for both: fewer tokens alone improve nothing."


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
        notes=tuple(note for note in (few, *outcome.notes, _tokens_note(contest)) if note),
        seconds=seconds,
        inputs=contest.trained.inputs,
    )
    return report, outcome.rows
