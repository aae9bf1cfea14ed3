"""Cleaning steps, and the recipe: everything that was done to the rows, as data that can be done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fintune_gui.dataset import cleaners
from fintune_gui.dataset.bulk import Transform
from fintune_gui.dataset.changes import Operation
from fintune_gui.dataset.column import Mask
from fintune_gui.dataset.findings import CleaningStep, Finding, find_problems
from fintune_gui.dataset.formatting import label_values
from fintune_gui.dataset.keys import repeated, text_keys
from fintune_gui.dataset.labels import spelling_variants
from fintune_gui.dataset.picture import Picture
from fintune_gui.dataset.recipe import Recipe, apply_recipe_file, recipe_of
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.text_facts import blank
from fintune_gui.dataset.wording import counted
from fintune_gui.project.errors import DataError

__all__ = [
    "STEPS",
    "CleaningStep",
    "Finding",
    "Recipe",
    "StepKind",
    "apply_recipe",
    "apply_recipe_file",
    "apply_step",
    "find_problems",
    "recipe_of",
    "safe_steps",
]


Progress = Mapping[str, Any]
"""`report` and `check_cancelled` of `Dataset.transform`, or nothing."""
Apply = Callable[["Dataset", "CleaningStep", "StepKind", Progress], "Operation | None"]


@dataclass(frozen=True)
class StepKind:
    """A kind of cleaning step.

    Attributes:
        title: What it does, as an order.
        done: What it did, for the history; followed by the counts.
        safe: Whether it can be done without looking at each row.
    """

    name: str
    title: str
    done: str
    safe: bool
    help: str
    apply: Apply


def apply_step(dataset: Dataset, step: CleaningStep, **progress: Any) -> Operation | None:
    """Do one cleaning step on the kept rows. None if there was nothing to do.

    Args:
        progress: `report` and `check_cancelled`, as in `Dataset.transform`.

    Raises:
        DataError: for a step or a column that does not exist.
    """
    kind = STEPS.get(step.name)
    if kind is None:
        raise DataError(
            "data.no_step",
            f"There is no cleaning step “{step.name}”.",
            f"The steps are: {', '.join(STEPS)}.",
            "Correct the recipe.",
        )
    return kind.apply(dataset, step, kind, progress)


def apply_recipe(dataset: Dataset, steps: Iterable[CleaningStep], **progress: Any) -> list[Operation]:
    """Do several steps in order; those that had nothing to do are left out of the result. A cancel keeps the steps
    that are done already."""
    return [operation for step in steps if (operation := apply_step(dataset, step, **progress)) is not None]


def safe_steps(findings: Sequence[Finding]) -> list[CleaningStep]:
    """The steps that mend what is safe to mend, each once, texts first and removals last."""
    steps = {step.model_dump_json(): step for f in findings if f.safe and (step := f.step) is not None}
    order = list(STEPS)
    return sorted(steps.values(), key=lambda step: order.index(step.name))


def _texts(transform: Transform) -> Apply:
    def apply(dataset: Dataset, step: CleaningStep, kind: StepKind, progress: Progress) -> Operation | None:
        return _transform(dataset, step, kind, transform, progress)

    return apply


def _transform(
    dataset: Dataset, step: CleaningStep, kind: StepKind, transform: Transform, progress: Progress
) -> Operation | None:
    def label(cells: int, rows: int) -> str:
        return f"{kind.done} in {counted(cells, 'cell')} of {counted(rows, 'row')}"

    columns = step.columns or dataset.columns
    transforms = dict.fromkeys(columns, transform)
    return dataset.transform("step", label, transforms, params={"step": step.model_dump()}, **progress)


def _remove(dataset: Dataset, step: CleaningStep, kind: StepKind, rows: np.ndarray, reason: str) -> Operation | None:
    label = f"{kind.done}: {counted(len(rows), 'row')}"
    return dataset.remove(rows, reason, kind="step", label=label, params={"step": step.model_dump()})


def _remove_empty(dataset: Dataset, step: CleaningStep, kind: StepKind, progress: Progress) -> Operation | None:
    rows = dataset.picture
    columns = step.columns or rows.columns
    empty = ~rows.removed_mask & _any_blank(rows, columns, progress)
    return _remove(dataset, step, kind, np.flatnonzero(empty), f"Empty: {', '.join(columns)}")


def _remove_exact_duplicates(
    dataset: Dataset, step: CleaningStep, kind: StepKind, progress: Progress
) -> Operation | None:
    rows = dataset.picture
    columns = step.columns or rows.columns
    filled = ~rows.removed_mask & ~_any_blank(rows, columns[:1], progress)
    again = repeated(text_keys(rows, columns, None, _check(progress)), filled)
    return _remove(dataset, step, kind, np.flatnonzero(again), "Repeats an earlier row")


def _any_blank(rows: Picture, columns: Sequence[str], progress: Progress) -> Mask:
    """For each row whether one of the columns has nothing but white space."""
    found = np.zeros(rows.total_rows, bool)
    for start, arrays in rows.batches(columns):
        _check(progress)()
        for array in arrays:
            found[start : start + len(array)] |= blank(array)
    return found


def _check(progress: Progress) -> Callable[[], None]:
    check: Callable[[], None] = progress.get("check_cancelled", lambda: None)
    return check


def _normalise_labels(dataset: Dataset, step: CleaningStep, kind: StepKind, progress: Progress) -> Operation | None:
    done = {column: cleaners.renamer(spelling_variants(label_values(dataset, column))) for column in step.columns}

    def label(cells: int, rows: int) -> str:
        return f"{kind.done} in {counted(rows, 'row')}"

    return dataset.transform("step", label, done, params={"step": step.model_dump()}, **progress)


def _rename_values(dataset: Dataset, step: CleaningStep, kind: StepKind, progress: Progress) -> Operation | None:
    return _transform(dataset, step, kind, cleaners.renamer(step.options), progress)


STEPS: dict[str, StepKind] = {
    kind.name: kind
    for kind in (
        StepKind("repair_mojibake", "Repair broken characters", "Repaired broken characters", True,
                 "Mends letters that were read in a wrong encoding.", _texts(cleaners.repair_mojibake)),
        StepKind("decode_html", "Decode HTML codes", "Decoded HTML codes", True,
                 "Writes & for &amp; and so on.", _texts(cleaners.decode_html)),
        StepKind("strip_html_tags", "Strip HTML tags", "Stripped HTML tags", False,
                 "Takes out tags such as <b>; look first whether the texts are about HTML.",
                 _texts(cleaners.strip_html_tags)),
        StepKind("remove_control_characters", "Remove invisible characters", "Removed invisible characters", True,
                 "Takes out control characters and characters without width.",
                 _texts(cleaners.remove_control_characters)),
        StepKind("mask_personal_data", "Mask personal data", "Masked personal data", False,
                 "Replaces e-mail addresses, phone and card numbers by [email], [phone] and [card].",
                 _texts(cleaners.mask_personal_data)),
        StepKind("trim_white_space", "Trim white space", "Trimmed white space", True,
                 "Takes out spaces and line breaks at both ends.", _texts(cleaners.trim_white_space)),
        StepKind("normalise_labels", "Unify the spelling of labels", "Unified the spelling of labels", True,
                 "Gives labels that differ only in case, spaces or hyphens the most frequent spelling.",
                 _normalise_labels),
        StepKind("rename_values", "Rename values", "Renamed values", False,
                 "Replaces whole values by others, for example misspelled labels.", _rename_values),
        StepKind("remove_empty", "Remove empty rows", "Removed rows with an empty cell", True,
                 "Takes out rows of which nothing can be learned.", _remove_empty),
        StepKind("remove_exact_duplicates", "Remove repeated rows", "Removed rows that repeat an earlier one", True,
                 "Keeps the first of several equal rows.", _remove_exact_duplicates),
    )
}  # fmt: skip
"""Every kind of step, in the order in which they help most."""
