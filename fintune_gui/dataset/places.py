"""Where the files of a dataset lie, and how a new dataset takes the place of an old one in one step."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree

from fintune_gui.project.files import sync_folder
from fintune_gui.project.store import ProjectFolder

BASE_FOLDER = "base"
BASE_FILE = f"{BASE_FOLDER}/g0.arrow"
REJECTED_FILE = "rejected.jsonl"
SOURCE_FILE = "source.json"


def recover(dataset_folder: Path) -> None:
    """Finish an import that was killed between its last two renames."""
    if dataset_folder.exists() or not dataset_folder.parent.is_dir():
        return
    finished = [p for p in dataset_folder.parent.glob(f"{dataset_folder.name}.tmp-*") if (p / SOURCE_FILE).exists()]
    if finished:
        max(finished, key=lambda p: (p / SOURCE_FILE).stat().st_mtime_ns).rename(dataset_folder)


def remove_unfinished(dataset_folder: Path) -> None:
    """Delete what killed imports left beside the dataset."""
    for leftover in dataset_folder.parent.glob(f"{dataset_folder.name}.tmp-*"):
        rmtree(leftover, ignore_errors=True)


def put_in_place(built: Path, dataset_folder: Path) -> None:
    """Let `built` become the dataset. One that is there is kept as ``dataset-previous-N``."""
    if dataset_folder.exists():
        number = 1
        while (kept := dataset_folder.with_name(f"{dataset_folder.name}-previous-{number}")).exists():
            number += 1
        dataset_folder.rename(kept)
    built.rename(dataset_folder)
    sync_folder(dataset_folder.parent)


def import_is_unrecorded(pf: ProjectFolder) -> bool:
    """Whether an import was killed before the project's document was told of it.

    One that was killed before its last step is finished. Quick, and says nothing of damaged files.
    """
    if pf.read_only:
        return False
    recover(pf.dataset)
    try:
        imported = json.loads((pf.dataset / SOURCE_FILE).read_bytes())["sources"]
        known = [(source.sha256, source.rows) for source in pf.project.sources[: len(imported)]]
        return [(source["sha256"], source["rows"]) for source in imported] != known
    except (OSError, ValueError, TypeError, KeyError):
        return False
