"""The model card of an export: what it is, what it was made from, how well it does, and how to load it."""

from __future__ import annotations

from pathlib import Path

from fintune_gui import __version__
from fintune_gui.engine.data import read_rows
from fintune_gui.project.document import Task
from fintune_gui.project.exporting import auto_class
from fintune_gui.project.files import write_text
from fintune_gui.project.report import Report, read_report
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import PARTS, ExportSpec, TrainSpec

_METHODS = {Method.LORA: "LoRA", Method.QLORA: "QLoRA", Method.FULL: "full fine-tuning"}


def write_card(
    folder: Path,
    spec: ExportSpec,
    trained: TrainSpec,
    run_folder: Path,
    *,
    verified_rows: int,
    difference: float,
    places: int = 0,
) -> None:
    """Write ``README.md`` into an export. `places`: rows that the base model needs before an adapter fits, if more."""
    report = read_report(run_folder)
    sections = [
        _head(spec, trained),
        f"# {trained.project_name}",
        trained.objective.description or f"A model tuned for the task {trained.objective.task.value}.",
        "## How to load it\n\n```python\n" + _code(spec, trained, places) + "\n```",
        "## Training\n\n" + _training(trained, run_folder),
        "## Evaluation\n\n" + _evaluation(report),
        "## Limits\n\n" + _limits(trained, report),
        "## Checked\n\n"
        f"Loaded in a fresh process with the plain libraries and compared with the run on {verified_rows} rows: "
        f"the largest relative difference of a logit is {difference:.1e}.",
        f"Made with Fintune {__version__}, run {trained.run}.",
    ]
    write_text(folder / "README.md", "\n\n".join(sections) + "\n")


def _head(spec: ExportSpec, trained: TrainSpec) -> str:
    library = "peft" if spec.what == "adapter" else "transformers"
    pipeline = "text-generation" if trained.objective.task.generates else "text-classification"
    if trained.model.seq2seq:
        pipeline = "text2text-generation"
    return f"---\nbase_model: {_base_name(trained)}\nlibrary_name: {library}\npipeline_tag: {pipeline}\n---"


def _base_name(trained: TrainSpec) -> str:
    """The base model as the user named it; a path only where there is no name."""
    name = trained.model.name
    return Path(name).name if Path(name).is_absolute() else name


def _code(spec: ExportSpec, trained: TrainSpec, places: int) -> str:
    kind = auto_class(trained.objective.task, seq2seq=trained.model.seq2seq)
    labels = f", num_labels={len(trained.labels)}" if trained.labels else ""
    if trained.objective.task is Task.MULTI_LABEL:
        labels += ', problem_type="multi_label_classification"'
    if spec.what == "merged":
        return (
            f"from transformers import AutoTokenizer, {kind}\n"
            f'model = {kind}.from_pretrained("THIS_FOLDER")\n'
            'tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")'
        )
    room = f"base.resize_token_embeddings({places})  # room for the added tokens\n" if places else ""
    return (
        f"from peft import PeftModel; from transformers import AutoTokenizer, {kind}\n"
        f'base = {kind}.from_pretrained("BASE_MODEL"{labels})\n{room}'
        'model = PeftModel.from_pretrained(base, "THIS_FOLDER")\n'
        'tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")'
    )


def _training(trained: TrainSpec, run_folder: Path) -> str:
    counts = {part: len(read_rows(run_folder, part)) for part in PARTS}
    settings = trained.training
    length = f"Steps: {settings.max_steps:,}" if settings.max_steps else f"Epochs: {settings.epochs:g}"
    lines = [
        f"Base model: {_base_name(trained)} ({trained.model.architecture}, {trained.model.parameters:,} parameters)",
        f"Method: {_METHODS[trained.model.method]}",
        f"Rows: {counts['train']} to learn from, {counts['validation']} to choose the best checkpoint, "
        f"{counts['test']} to measure",
        f"{length}, batch size: {settings.batch_size}, "
        f"learning rate: {settings.effective_learning_rate(trained.model.method):g}, seed: {settings.seed}",
    ]
    if trained.format.added_tokens:
        lines.append("Tokens added to the vocabulary: " + ", ".join(f"`{t}`" for t in trained.format.added_tokens))
    if trained.model.seq2seq and trained.format.system_prompt.strip():
        lines.append(f"Before every prompt: “{trained.format.system_prompt.strip()} ”")
    if trained.labels:
        lines.append("Labels, by number: " + ", ".join(f"{n} {label}" for n, label in enumerate(trained.labels)))
    return "\n".join(f"- {line}" for line in lines)


def _evaluation(report: Report | None) -> str:
    if report is None:
        return "This run was not evaluated on test rows."
    metrics = [metric for scores in report.scores for metric in scores.metrics]
    shown = list(dict.fromkeys(metrics))
    lines = ["| | " + " | ".join(metric.display_name for metric in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for scores in report.scores:
        found = [scores.metrics.get(metric) for metric in shown]
        cells = [f"{interval.value:.3f}" if interval is not None else "" for interval in found]
        lines.append(f"| {scores.contender} | " + " | ".join(cells) + " |")
    verdict = report.verdict
    return "\n".join([*lines, "", f"**{verdict.headline}** {verdict.explanation}"])


def _limits(trained: TrainSpec, report: Report | None) -> str:
    notes = list(report.notes) if report is not None else []
    notes.append("It was measured on rows of the same kind as it learned from; other texts may fare worse.")
    if trained.objective.task is Task.MULTI_LABEL:
        notes.append("A label counts as answered when its sigmoid is more than 0.5; a text may get none.")
    elif trained.labels:
        notes.append("It always answers with one of its labels, also to texts that fit none.")
    return "\n".join(f"- {note}" for note in notes)
