"""Old project files, brought to the present shape one version at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fintune_gui.project.document import SCHEMA_VERSION
from fintune_gui.project.errors import ProjectError

Document = dict[str, Any]

MIGRATIONS: dict[int, Callable[[Document], Document]] = {}
"""From version -> a function that returns the document in version + 1."""


def migrate(document: Document) -> Document:
    """`document` in the present schema version.

    Raises:
        ProjectError: if it was made by a newer Fintune, or carries no version.
    """
    version = document.get("schema_version")
    if type(version) is not int or (version < SCHEMA_VERSION and version not in MIGRATIONS):
        raise ProjectError(
            "project.damaged",
            "This is not a Fintune project.",
            "project.json has no schema version that any Fintune wrote.",
            "Choose another folder, or bring back a backup of project.json.",
        )
    if version > SCHEMA_VERSION:
        raise ProjectError(
            "project.too_new",
            "This project was made by a newer Fintune.",
            f"Its version is {version}; this program reads versions up to {SCHEMA_VERSION}.",
            "Update Fintune, then open it again. Nothing was changed.",
        )
    while version < SCHEMA_VERSION:
        document = MIGRATIONS[version](document)
        version += 1
    return document
