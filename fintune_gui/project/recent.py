"""Projects opened lately, newest first. A damaged or unwritable list never keeps the program from starting."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from fintune_gui.project.errors import FintuneError
from fintune_gui.project.files import write_json
from fintune_gui.project.paths import config_folder
from fintune_gui.project.store import PROJECT_FILE

_MOST = 12
_log = logging.getLogger(__name__)


def _file() -> Path:
    return config_folder() / "recent.json"


def recent_projects() -> list[Path]:
    """Folders of recent projects that are still there."""
    try:
        entries = json.loads(_file().read_text(encoding="utf-8"))
        folders = [Path(entry) for entry in entries if isinstance(entry, str)]
    except (OSError, ValueError, TypeError):
        return []
    return [folder for folder in folders if (folder / PROJECT_FILE).is_file()]


def remember_project(folder: Path) -> None:
    """Put `folder` at the head of the list."""
    _write([folder, *(other for other in recent_projects() if other != folder)][:_MOST])


def forget_project(folder: Path) -> None:
    """Take `folder` off the list; the project itself is not touched."""
    _write([other for other in recent_projects() if other != folder])


def _write(folders: list[Path]) -> None:
    try:
        write_json(_file(), [str(folder) for folder in folders])
    except (OSError, FintuneError) as error:
        _log.info("The list of recent projects was not saved: %s", error)
