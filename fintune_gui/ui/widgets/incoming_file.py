"""A file that shall come in, as the import sheet shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fintune_gui.project.errors import Problem
from fintune_gui.project.import_options import FileChoice, ImportOptions

if TYPE_CHECKING:
    from fintune_gui.dataset.importing import Sniffed

Choices = Mapping[str, Any]
"""What the user knows better than the program: fields of `ImportOptions`; what is not named is found out."""


@dataclass(frozen=True)
class Incoming:
    """A file (or folder) with what was found, or why it cannot be used as it is read now.

    While `looking` is True, `found` and `problem` tell of the options before.
    """

    path: str
    choices: Choices = field(default_factory=dict)
    bytes: int = 0
    found: Sniffed | None = None
    problem: Problem | None = None
    looking: bool = True

    @property
    def name(self) -> str:
        return self.path if self.is_hub else os.path.basename(self.path.rstrip("/\\")) or self.path

    @property
    def is_hub(self) -> bool:
        """Whether `path` is the name of a data set on the hub."""
        return bool(self.choices.get("format") == "hub")

    def as_choice(self) -> FileChoice:
        """The file as an import is told of it."""
        return FileChoice(path=self.path, options=ImportOptions.model_validate(dict(self.choices)))
