"""Runs as the engine leaves them on disk, written through the project's own models: for pages, reports and tables."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from fintune_gui.dataset.results import ResultRow, write_results
from fintune_gui.project.channel import EventWriter
from fintune_gui.project.document import (
    FormatSettings,
    Metric,
    ModelChoice,
    Objective,
    Project,
    Role,
    Task,
)
from fintune_gui.project.errors import Problem
from fintune_gui.project.events import (
    CheckpointSaved,
    Decided,
    Ended,
    Event,
    Log,
    Outcome,
    Plan,
    SampleAnswer,
    Started,
    TrainStep,
    Validated,
)
from fintune_gui.project.files import write_json
from fintune_gui.project.history import read_history
from fintune_gui.project.report import REPORT_FILE, Interval, LabelScores, Report, Scores, Verdict
from fintune_gui.project.settings import TrainingSettings
from fintune_gui.project.spec import LATEST_CHECKPOINT, TrainSpec, write_spec
from fintune_gui.project.store import ProjectFolder

LABELS = ("account", "billing", "bug", "how-to", "legal", "sales")
EPOCH_START = 1_750_000_000.0


def model_choice(folder: Path) -> ModelChoice:
    """A model that is said to lie in `folder`."""
    return ModelChoice(
        name="Qwen/Qwen3-0.6B",
        folder=str(folder / "model"),
        fingerprint="f" * 8,
        parameters=596_049_920,
        context_length=32768,
        architecture="Qwen3ForCausalLM",
        has_chat_template=True,
    )


def new_project(folder: Path, task: Task = Task.CLASSIFICATION, target: float | None = 0.9) -> ProjectFolder:
    """A new project with an objective, roles and a model, but without rows."""
    metric = Metric.PERPLEXITY if task.generates else Metric.F1
    roles = (
        {Role.INSTRUCTION: "question", Role.ANSWER: "answer"}
        if task.generates
        else {Role.TEXT: "text", Role.LABEL: "label"}
    )
    project = Project(
        name="Support routing",
        objective=Objective(task=task, metric=metric, target=target),
        format=FormatSettings(roles=roles),
        model=model_choice(folder),
    )
    return ProjectFolder.create(folder, project)


def training_events(
    *,
    steps: int,
    total: int,
    first_step: int = 1,
    resumed_from: int | None = None,
    task: Task = Task.CLASSIFICATION,
    best_loss: float = 0.4,
    validate_every: int = 20,
    checkpoint_every: int = 40,
    start: float = EPOCH_START,
    turns: bool = False,
) -> list[Event]:
    """What a run says from `first_step` to `steps`, without an end event: a curve that falls and flattens.

    With `turns` the validation loss rises again after two fifths of the run.
    """
    noise = random.Random(first_step)
    per_epoch = max(1, total // 3)
    events: list[Event] = [
        Started(kind="train", pid=4242, device="CPU, 2 threads", resumed_from_step=resumed_from, time=start),
        Decided(what="precision", value="float32", reason="bf16 is slower on this processor.", time=start),
        Decided(what="batch", value="2,048 tokens a pack", reason="It fits into the memory that is free.", time=start),
        Log(level="info", message="596 million parameters loaded", time=start),
        Plan(
            total_steps=total,
            steps_per_epoch=per_epoch,
            training_rows=31_205,
            validation_rows=6_686,
            trainable_parameters=10_092_544,
            total_parameters=606_142_464,
            time=start,
        ),
    ]
    best = math.inf
    for step in range(first_step, steps + 1):
        now = start + step * 0.5
        loss = best_loss + 1.6 * math.exp(-4 * step / total) + noise.gauss(0, 0.06)
        warm = max(1, total // 20)
        rate = 5e-5 * (step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * step / total)))
        events.append(
            TrainStep(
                step=step,
                epoch=step / per_epoch,
                loss=loss,
                learning_rate=rate,
                grad_norm=1.0,
                tokens=step * 900,
                tokens_per_second=18_400.0,
                useful_share=0.94,
                memory_bytes=2 << 30,
                seconds_left=(total - step) * 0.5,
                time=now,
            )
        )
        if step % validate_every == 0 or step == total:
            measured = best_loss + 0.03 + 1.6 * math.exp(-4 * step / total)
            measured += 1.5 * max(0.0, step / total - 0.4) if turns else 0.0
            is_best = measured < best
            best = min(best, measured)
            metrics = {"perplexity": math.exp(measured)} if task.generates else {"f1": 0.95 - measured / 4}
            events.append(
                Validated(step=step, epoch=step / per_epoch, loss=measured, metrics=metrics, best=is_best, time=now)
            )
            if task.generates:
                events.append(
                    SampleAnswer(
                        step=step,
                        row_id=7,
                        prompt="How do I reset my password?",
                        expected="Open Settings and choose Reset password.",
                        answer=f"Open Settings {'and choose Reset' if step > total / 2 else ''}".strip(),
                        time=now,
                    )
                )
        if step % checkpoint_every == 0:
            events.append(
                CheckpointSaved(
                    step=step,
                    folder=f"checkpoints/step-{step:06d}",
                    best=True,
                    reason="evaluation",
                    seconds=0.2,
                    time=now,
                )
            )
    return events


def ended(outcome: Outcome, *, time: float, problem: Problem | None = None, **result: Any) -> Ended:
    """The end of a job."""
    return Ended(outcome=outcome, problem=problem, result=result, time=time)


def write_run(folder: ProjectFolder, number: int, events: list[Event], *, inputs: dict[str, str] | None = None) -> Path:
    """A run's folder with its specification and events."""
    run_folder = folder.run_folder(number)
    run_folder.mkdir(parents=True)
    project = folder.project
    assert project.model is not None
    spec = TrainSpec(
        run=number,
        project_name=project.name,
        objective=project.objective,
        model=project.model,
        format=project.format,
        labels=() if project.objective.task.generates else LABELS,
        training=TrainingSettings(),
        inputs=inputs or {},
    )
    write_spec(run_folder, spec)
    with EventWriter(run_folder) as writer:
        for event in events:
            writer(event)
    if any(isinstance(event, CheckpointSaved) for event in events):
        (run_folder / LATEST_CHECKPOINT).parent.mkdir()
        (run_folder / LATEST_CHECKPOINT).write_text("{}", encoding="utf-8")
    assert read_history(run_folder).revision == len(events)
    return run_folder


def finished_run(folder: ProjectFolder, number: int, *, total: int = 240, best_loss: float = 0.4) -> Path:
    """A run that came to its end."""
    task = folder.project.objective.task
    events = training_events(steps=total, total=total, task=task, best_loss=best_loss)
    events.append(ended("completed", time=EPOCH_START + total, best_step=total, best_loss=best_loss, steps=total))
    return write_run(folder, number, events)


def write_report(run_folder: Path, *, f1: float = 0.913, outcome: str = "better", met: bool | None = True) -> Report:
    """A report on a classification run, as an evaluation writes it."""
    number = int(run_folder.name)

    def scores(contender: str, value: float, spread: float) -> Scores:
        interval = Interval(value=value, low=value - spread, high=value + spread)
        metrics = dict.fromkeys((Metric.F1, Metric.ACCURACY, Metric.PRECISION, Metric.RECALL), interval)
        return Scores(contender=contender, metrics=metrics)  # type: ignore[arg-type]

    size = len(LABELS)
    confusion = tuple(tuple(90 - 4 * i if i == j else (i + j) % 3 for j in range(size)) for i in range(size))
    labels = tuple(
        LabelScores(
            label=label,
            rows=sum(confusion[place]),
            precision=0.97 - place * 0.03,
            recall=0.96 - place * 0.04,
            f1=0.965 - place * 0.035,
        )
        for place, label in enumerate(LABELS)
    )
    report = Report(
        run=number,
        part="test",
        rows=sum(map(sum, confusion)),
        objective=Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9),
        checkpoint_step=240,
        scores=(scores("majority", 0.31, 0.005), scores("untuned", 0.641, 0.01), scores("tuned", f1, 0.007)),
        labels=labels,
        confusion=confusion,
        verdict=Verdict(
            outcome=outcome,  # type: ignore[arg-type]
            metric=Metric.F1,
            compared_with="untuned",
            difference=Interval(value=f1 - 0.641, low=f1 - 0.66, high=f1 - 0.62),
            p_value=0.0001,
            test="McNemar's exact test",
            target_met=met,
            headline="Better, and the target is met." if met else "Better, but the target is not met.",
            explanation=(
                f"F1 is {f1:.3f} ({f1 - 0.007:.3f} to {f1 + 0.007:.3f}). The same model untuned reaches 0.641. "
                "You asked for 0.90. The difference to the better baseline is far more than chance."
            ),
        ),
        notes=("4 answers were not one of the labels and count as wrong.",),
        seconds=12.5,
    )
    write_json(run_folder / REPORT_FILE, report.model_dump(mode="json"))
    return report


RESULTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("Please send the signed DPA to our counsel", "legal", "legal", "sales", "worse"),
    ("Invoice for the licence agreement annex", "legal", "billing", "billing", "same"),
    ("Kündigung zum Monatsende, bitte bestätigen", "billing", "how-to", "billing", "better"),
    ("SSO certificate expires tomorrow", "account", "bug", "account", "better"),
    ("Why is VAT charged to a university?", "billing", "sales", "billing", "better"),
    ("The export to CSV stops at 10,000 rows\nand says nothing", "bug", "bug", "bug", "same"),
)
"""prompt, expected, untuned, tuned, change"""


def write_rows(run_folder: Path, rows: tuple[tuple[str, str, str, str, str], ...] = RESULTS) -> None:
    """The rows of an evaluation."""
    names = ("prompt", "expected", "untuned", "tuned", "change")
    write_results(
        run_folder,
        [
            ResultRow.model_validate({"row_id": 10 + n, **dict(zip(names, row, strict=True))})
            for n, row in enumerate(rows)
        ],
    )


def ready_project(folder: Path, *, rows: int = 60) -> ProjectFolder:
    """A classification project with imported rows, roles, a split, and the tiny model that comes with the program."""
    from fintune_gui.dataset.importing import import_files
    from fintune_gui.dataset.splitting import make_split
    from fintune_gui.dataset.store import Dataset
    from fintune_gui.project.paths import resource

    opened = new_project(folder)
    source = folder.parent / "tickets.csv"
    lines = [f"Message number {n} about topic {LABELS[n % 3]},{LABELS[n % 3]}" for n in range(rows)]
    source.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    import_files([source], opened.dataset)
    with Dataset.open(opened.dataset) as dataset:
        make_split(opened, dataset)
    model = model_choice(folder).model_copy(
        update={"name": "sample:tiny-base", "folder": str(resource("models", "tiny-base"))}
    )
    opened.save(opened.project.with_(model=model))
    return opened
