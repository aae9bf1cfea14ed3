"""Choosing one of the tables inside a file."""

from __future__ import annotations

from collections.abc import Sequence

from fintune_gui.dataset.readers.reader import Source
from fintune_gui.project.errors import DataError


def choose_table(source: Source, kind: str, names: Sequence[str], wanted: str | None, likely: Sequence[str]) -> str:
    """The table `wanted`, or the first likely one; that others are left unread is noted.

    Args:
        kind: What people call a table here: "sheet", "table", "split".

    Raises:
        DataError: if it is not there, or there is none at all.
    """
    if wanted is not None:
        if wanted in names:
            return wanted
        shown = ", ".join(f"“{name}”" for name in names[:20])
        raise DataError(
            "data.no_table",
            f"{source.name} has no {kind} “{wanted}”.",
            f"It has {shown or 'none at all'}.",
            f"Choose another {kind}.",
        )
    if not names:
        raise DataError(
            "data.no_rows", f"{source.name} holds no {kind}.", "There is nothing to read in it.", "Choose another file."
        )
    if len(likely) > 1:
        source.notes[f"Other {kind}s of {source.name}, left unread"] += len(likely) - 1
    return (likely or names)[0]
