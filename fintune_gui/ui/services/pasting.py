"""Text from the clipboard as a file of the project, which is then imported like any other."""

from __future__ import annotations

from pathlib import Path

from fintune_gui.project.files import write_text

_FOLDER = "pasted"
_TRIED_LINES = 5


def ending_of(text: str) -> str:
    """What kind of file `text` would be: "jsonl", "json", "tsv", "csv" or "txt"."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0].lstrip() if lines else ""
    if first.startswith("{"):
        return "jsonl" if first.rstrip().endswith("}") else "json"
    if first.startswith("["):
        return "json"
    if "\t" in first:
        return "tsv"
    tried = lines[:_TRIED_LINES]
    for delimiter in ",;":
        counts = {line.count(delimiter) for line in tried}
        if len(tried) > 1 and len(counts) == 1 and counts != {0}:
            return "csv"
    return "txt"


def keep_pasted(project_folder: Path, text: str) -> Path:
    """Write `text` into a new file of the project, and return its place.

    Raises:
        ProjectError: if it cannot be written.
        OSError: likewise.
    """
    folder = project_folder / _FOLDER
    folder.mkdir(exist_ok=True)
    number = 1 + max((int(path.stem.split("-")[-1]) for path in folder.glob("rows-*") if _numbered(path)), default=0)
    path = folder / f"rows-{number}.{ending_of(text)}"
    write_text(path, text)
    return path


def _numbered(path: Path) -> bool:
    return path.stem.split("-")[-1].isdigit()
