"""The sample projects that come with the program."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

from fintune_gui.project.document import (
    FormatSettings,
    Metric,
    Objective,
    Project,
    Role,
    Task,
)
from fintune_gui.project.errors import ProjectError
from fintune_gui.project.files import sync_folder, write_errors_explained
from fintune_gui.project.paths import resource, user_path
from fintune_gui.project.settings import Frozen, TrainingSettings
from fintune_gui.project.store import ProjectFolder, require_free


class Sample(Frozen):
    """One sample project. `file` is a path below ``resources/samples``; `model` is a name that a prepare job knows."""

    key: str
    title: str
    description: str
    objective: Objective
    file: tuple[str, ...]
    format: FormatSettings
    model: str
    model_on_board: bool
    """Whether the model comes with the program; others are fetched only when the user asks for them."""
    training: TrainingSettings
    """What suits the sample's small model; the defaults are made for larger ones."""

    @property
    def task(self) -> Task:
        return self.objective.task

    @property
    def goal(self) -> str:
        return self.objective.goal


SAMPLES = (
    Sample(
        key="tickets",
        title="Support tickets",
        description="Sort 1,500 tickets of an invented help desk into seven topics. "
        "Everything is on board: rows with real-life dirt, and a tiny model. Takes about a minute and a half.",
        objective=Objective(
            task=Task.CLASSIFICATION,
            description="Find the topic of a support ticket from its text.",
            metric=Metric.F1,
            target=0.8,
        ),
        file=("support_tickets", "tickets.csv"),
        format=FormatSettings(roles={Role.TEXT: "text", Role.LABEL: "topic"}, max_length=128),
        model="sample:tiny-base",
        model_on_board=True,
        training=TrainingSettings(learning_rate=2e-3, batch_size=8, epochs=4, lora_dropout=0.0),
    ),
    Sample(
        key="faq",
        title="FAQ answers",
        description="Teach a small language model to answer like the people of an invented boat rental, from some "
        "300 questions and answers. The model (90 MB) is fetched on request. A model of this size is fluent and often "
        "wrong.",
        objective=Objective(
            task=Task.INSTRUCTION,
            description="Answer customers' questions the way the people at the counter would.",
            metric=Metric.PERPLEXITY,
        ),
        file=("faq_answers", "faq.jsonl"),
        format=FormatSettings(roles={Role.INSTRUCTION: "question", Role.ANSWER: "answer"}, max_length=256),
        model="sample:smollm2",
        model_on_board=False,
        training=TrainingSettings(batch_size=8, epochs=2, evaluations_per_epoch=1),
    ),
)


def find_sample(key: str) -> Sample:
    """The sample named `key`.

    Raises:
        ProjectError: if there is none.
    """
    for sample in SAMPLES:
        if sample.key == key:
            return sample
    known = ", ".join(sample.key for sample in SAMPLES)
    raise ProjectError("project.no_sample", f"There is no sample “{key}”.", f"The samples are: {known}.", "Choose one.")


def sample_model(key: str) -> str:
    """The name under which a prepare job finds the sample's model."""
    return find_sample(key).model


def create_sample(key: str, folder: Path, **changes: Any) -> ProjectFolder:
    """Make a new project of a sample in `folder`: rows imported, roles and goal set. The model is still to be prepared.

    Args:
        changes: Other values for fields of the project document.

    Raises:
        ProjectError: if there is no such sample, or the folder is in use.
    """
    from fintune_gui.dataset.importing import import_files  # brings pyarrow, which the list of samples does not need

    sample = find_sample(key)
    source = resource("samples", *sample.file)
    document = {
        "name": sample.title,
        "objective": sample.objective,
        "format": sample.format,
        "training": sample.training,
        **changes,
    }
    folder = user_path(folder)
    require_free(folder)
    # made beside its place, so that a kill leaves no project without rows
    beside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.tmp")
    try:
        with ProjectFolder.create(beside, Project.model_validate(document)) as pf:
            result = import_files([source], pf.dataset)
            pf.save(pf.project.with_(sources=result.sources))
        with write_errors_explained(folder):
            if folder.is_dir():
                folder.rmdir()
            beside.rename(folder)
            sync_folder(folder.parent)
    except BaseException:
        rmtree(beside, ignore_errors=True)
        raise
    return ProjectFolder.open(folder)
