"""Where things live: the user's folders, and the resources that come with the program."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent.parent


def _user_folder(kind: str) -> Path:
    """The user's folder of one kind; ``FINTUNE_HOME`` moves all of them, for tests and portable installations."""
    home = os.environ.get("FINTUNE_HOME")
    if home:
        return Path(home) / kind
    folders = platformdirs.PlatformDirs("Fintune", appauthor=False)
    return {"config": folders.user_config_path, "cache": folders.user_cache_path}[kind]


def config_folder() -> Path:
    """Settings of the program and the list of recent projects."""
    return _user_folder("config")


def cache_folder() -> Path:
    """Things that can be made again: downloaded and converted models."""
    return _user_folder("cache")


def default_projects_folder() -> Path:
    """Where a new project is put unless the user says otherwise."""
    home = os.environ.get("FINTUNE_HOME")
    return Path(home) / "projects" if home else platformdirs.user_documents_path() / "Fintune"


def user_path(path: Path | str) -> Path:
    """The absolute path that a user means, links followed. What cannot be followed stays as written, for the reader of
    the file to complain about: a loop of links, a user that does not exist."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def resource(*parts: str) -> Path:
    """A file or folder that ships with the program: inside an installed package, or the repository's ``resources``."""
    installed = _PACKAGE / "resources"
    root = installed if installed.is_dir() else _PACKAGE.parent / "resources"
    return root.joinpath(*parts)
