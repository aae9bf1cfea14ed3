"""Training, validation and test rows: seeded, with the shares of the labels kept, and duplicates never divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
from pydantic import Field, ValidationError

from fintune_gui.dataset.column import RowIds, are_among, distinct
from fintune_gui.dataset.formatting import FEWEST_ROWS, check_format, label_separator, usable_rows
from fintune_gui.dataset.keys import prompt_columns, text_keys
from fintune_gui.dataset.label_sets import split_labels
from fintune_gui.dataset.label_strata import divide_label_sets
from fintune_gui.dataset.problems import raise_problems
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Role, SplitSettings
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import fingerprint, write_atomic, write_json
from fintune_gui.project.flow import Facts, SplitFacts, input_fingerprints
from fintune_gui.project.settings import Frozen
from fintune_gui.project.spec import PARTS, Part
from fintune_gui.project.store import ProjectFolder

MANIFEST_FILE = "manifest.json"
Groups = npt.NDArray[np.int64]


class SplitManifest(Frozen):
    """What a split holds and what it was made from. Row ids lie beside it in ``train.npy`` and so on."""

    id: str
    ratios: tuple[float, float, float]
    seed: int
    stratify: str | None
    group: str | None
    counts: dict[Part, int]
    labels: dict[Part, dict[str, int]] = Field(default_factory=dict)
    """Rows per value of the stratified column; empty without one."""
    by_label: bool = False
    """Whether `labels` counts single labels, of which a row may have several or, under "", none."""
    inputs: dict[str, str]
    duplicates_kept_together: int
    """Rows that have an earlier row with the same text, and went where that one went."""
    left_out: int = 0
    """Kept rows that cannot be used, because a required column is empty."""
    made: datetime


def make_split(pf: ProjectFolder, dataset: Dataset) -> SplitManifest:
    """Divide the usable rows by the project's settings, and store the result as the project's present split.

    Raises:
        DataError: if the format is not ready, a column does not exist, or there are fewer than three groups of rows.
    """
    pf.require_writable()
    project, settings = pf.project, pf.project.split
    task = project.objective.task
    raise_problems(check_format(project, dataset), "The rows cannot be divided yet.")
    label = None if task.generates else project.format.roles[Role.LABEL]
    stratify = settings.stratify or label
    separator = label_separator(dataset, project.format, task) if stratify == label else None
    _check_columns(settings, dataset)

    rows = np.flatnonzero(usable_rows(dataset, project.format, task)).astype(np.int64)
    same_text = _numbered(text_keys(dataset, prompt_columns(project.format, task))[rows])
    groups = same_text
    if settings.group:
        groups = _joined(same_text, _numbered(text_keys(dataset, [settings.group], form=None)[rows]))
    if (count := int(groups.max()) + 1) < FEWEST_ROWS:
        raise _too_few_groups(count, len(rows), settings.group)
    strata, names = _strata(dataset, stratify, rows)
    sets: list[tuple[str, ...]] = []
    if separator is None:
        part_of_row = divide(groups, strata, settings.ratios, settings.seed)[groups]
    else:
        sets = [split_labels(cell, separator) or ("",) for cell in names]
        part_of_group = divide_label_sets(groups, strata, sets, settings.ratios, settings.seed)
        fill_empty_parts(part_of_group, np.bincount(groups), len(PARTS))
        part_of_row = part_of_group[groups]

    inputs = _inputs(pf, dataset)
    described = orjson.loads(settings.model_dump_json())
    manifest = SplitManifest(
        id=fingerprint([inputs, described, len(rows)]),
        ratios=settings.ratios,
        seed=settings.seed,
        stratify=stratify,
        group=settings.group,
        counts={part: int((part_of_row == number).sum()) for number, part in enumerate(PARTS)},
        labels=_label_counts(part_of_row, strata, sets or [(name,) for name in names]) if stratify else {},
        by_label=separator is not None,
        inputs=inputs,
        duplicates_kept_together=len(rows) - int(same_text.max()) - 1,
        left_out=dataset.kept_rows() - len(rows),
        made=datetime.now(UTC),
    )
    _store(pf.splits / manifest.id, manifest, {part: rows[part_of_row == n] for n, part in enumerate(PARTS)})
    return manifest


def current_split(pf: ProjectFolder) -> SplitManifest | None:
    """The newest split of the project, stale or not; None if there is none."""
    found = []
    for path in pf.splits.glob(f"*/{MANIFEST_FILE}"):
        try:
            found.append(SplitManifest.model_validate_json(path.read_bytes()))
        except (ValidationError, OSError):
            continue  # made by another version, or damaged: as if it were not there
    return max(found, key=lambda manifest: manifest.made, default=None)


def split_facts(manifest: SplitManifest | None) -> SplitFacts | None:
    """What the rail needs to know about a split."""
    if manifest is None:
        return None
    return SplitFacts(manifest.id, {part: manifest.counts[part] for part in PARTS}, manifest.inputs)


def split_rows(pf: ProjectFolder, manifest: SplitManifest, part: Part) -> RowIds:
    """Row ids of one part, rising.

    Raises:
        DataError: if the file is missing or damaged.
    """
    path = pf.splits / manifest.id / f"{part}.npy"
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.int64)
    except (OSError, ValueError) as error:
        raise DataError(
            "data.no_split_rows",
            "The present split cannot be read.",
            f"{path.name} is missing or damaged.",
            "Divide the rows again on the page Split.",
            details=str(error),
        ) from error


def leaks(dataset: Dataset, pf: ProjectFolder, manifest: SplitManifest) -> int:
    """Rows for validation and test whose text (normalised) is also among the rows that are learned."""
    keys = text_keys(dataset, prompt_columns(pf.project.format, pf.project.objective.task))
    train = np.sort(keys[split_rows(pf, manifest, "train")])
    others = np.concatenate([split_rows(pf, manifest, part) for part in ("validation", "test")])
    return int(are_among(keys[others], train).sum())


def divide(groups: Groups, strata: Groups, ratios: Sequence[float], seed: int) -> Groups:
    """The part (0, 1, 2) of each group.

    Args:
        groups: For each row the number of its group, 0 … G-1; rows of a group are never divided.
        strata: For each row the number of its stratum. A group belongs to the stratum of its first row.
        ratios: Wanted shares of the rows; within each stratum too, as far as whole groups allow.
    """
    generator = np.random.default_rng(seed)
    _, first_row = np.unique(groups, return_index=True)
    sizes = np.bincount(groups)
    parts: Groups = np.zeros(len(sizes), np.int64)
    owed = np.zeros(len(ratios))
    of_group = strata[first_row]
    for stratum in generator.permutation(distinct(of_group)):
        members = generator.permutation(np.flatnonzero(of_group == stratum))
        wanted = sizes[members].sum() * np.asarray(ratios) + owed
        parts[members] = _fill(sizes[members], wanted)
        owed = wanted - np.bincount(parts[members], weights=sizes[members], minlength=len(ratios))
    fill_empty_parts(parts, sizes, len(ratios))
    return parts


def _fill(sizes: Groups, wanted: npt.NDArray[np.float64]) -> Groups:
    """Parts for the groups of one stratum, in their random order, so that the rows come near to `wanted`.

    Large groups are placed first, one by one; the many single rows then fill what is left in one go.
    """
    parts = np.zeros(len(sizes), np.int64)
    left = wanted.copy()
    large = np.flatnonzero(sizes > 1)
    for group in large[np.argsort(-sizes[large], kind="stable")].tolist():
        parts[group] = int(np.argmax(left))
        left[parts[group]] -= sizes[group]
    single = np.flatnonzero(sizes == 1)
    counts = _whole(np.maximum(left, 0), len(single))
    if len(sizes) == len(single) and len(single) >= len(wanted):
        while (counts == 0).any():  # a label with at least three rows is in every part
            counts[int(np.argmax(counts))] -= 1
            counts[int(np.argmin(counts))] += 1
    parts[single] = np.repeat(np.arange(len(wanted)), counts)
    return parts


def _whole(shares: npt.NDArray[np.float64], total: int) -> Groups:
    """`total` divided in proportion to `shares`, in whole numbers, the largest remainders first."""
    exact = shares * (total / shares.sum()) if shares.sum() > 0 else np.full(len(shares), total / len(shares))
    counts: Groups = np.floor(exact).astype(np.int64)
    for place in np.argsort(-(exact - counts), kind="stable")[: total - int(counts.sum())]:
        counts[place] += 1
    return counts


def fill_empty_parts(parts: Groups, sizes: Groups, number: int) -> None:
    """Every part gets at least one group; the smallest groups of the part with most groups are moved."""
    for part in range(number):
        if not (parts == part).any():
            richest = int(np.argmax(np.bincount(parts, minlength=number)))
            members = np.flatnonzero(parts == richest)
            parts[members[int(np.argmin(sizes[members]))]] = part


def _numbered(keys: npt.NDArray[Any]) -> Groups:
    """Equal keys as equal numbers from 0."""
    numbers: Groups = np.unique(keys, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return numbers


def _joined(first: Groups, second: Groups) -> Groups:
    """Groups of rows that hang together by either of two groupings."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    offset = int(first.max()) + 1
    size = offset + int(second.max()) + 1
    edges = coo_array((np.ones(len(first), np.int8), (first, second + offset)), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    return _numbered(component[first])


def _strata(dataset: Dataset, column: str | None, rows: RowIds) -> tuple[Groups, list[str]]:
    """For each row the number of its value in `column`, and the values by number."""
    if column is None:
        return np.zeros(len(rows), np.int64), [""]
    chunks, mask = [], np.zeros(dataset.total_rows, bool)
    mask[rows] = True
    for start, (array,) in dataset.batches([column]):
        chunks.append(array.filter(pa.array(mask[start : start + len(array)])))
    values = pa.chunked_array(chunks, pa.large_string()).fill_null("").combine_chunks().dictionary_encode()
    return np.asarray(values.indices.to_numpy(), np.int64), values.dictionary.to_pylist()


def _label_counts(parts: Groups, strata: Groups, names: Sequence[tuple[str, ...]]) -> dict[Part, dict[str, int]]:
    """Rows of each part by the names of their strata, the most frequent first."""
    counts: dict[Part, dict[str, int]] = {}
    for number, part in enumerate(PARTS):
        found: Counter[str] = Counter()
        for stratum, rows in enumerate(np.bincount(strata[parts == number], minlength=len(names)).tolist()):
            for name in names[stratum] if rows else ():
                found[name] += rows
        counts[part] = dict(found.most_common())
    return counts


def _inputs(pf: ProjectFolder, dataset: Dataset) -> dict[str, str]:
    now = input_fingerprints(pf.project, Facts(dataset_fingerprint=dataset.fingerprint))
    return {name: now[name] for name in ("dataset", "split")}


def _store(folder: Path, manifest: SplitManifest, rows: dict[Part, RowIds]) -> None:
    for part, ids in rows.items():

        def fill(beside: Path, ids: RowIds = ids) -> None:
            with beside.open("wb") as file:
                np.save(file, ids, allow_pickle=False)

        write_atomic(folder / f"{part}.npy", fill)
    write_json(folder / MANIFEST_FILE, orjson.loads(manifest.model_dump_json()))


def _check_columns(settings: SplitSettings, dataset: Dataset) -> None:
    for use, column in (("keep shares of", settings.stratify), ("keep together", settings.group)):
        if column is not None and column not in dataset.columns:
            raise DataError(
                "data.no_column",
                f"There is no column “{column}” to {use}.",
                f"The columns are: {', '.join(dataset.columns)}.",
                "Choose one of them on the page Split.",
            )


def _too_few_groups(groups: int, rows: int, group_column: str | None) -> DataError:
    by = f" or the same “{group_column}”" if group_column else ""
    return DataError(
        "data.too_few_groups",
        "The rows cannot be divided into three parts.",
        f"The {rows:,} rows are only {groups} when those with the same text{by} stay together.",
        "Import more rows, or choose another column to keep together.",
    )
