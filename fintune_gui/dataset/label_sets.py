"""Cells that hold several labels: how they are parted, recognised from the cells and said how surely."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

from fintune_gui.project.document import LabelSeparator
from fintune_gui.project.settings import Frozen

_SIGNS = {LabelSeparator.SEMICOLON: ";", LabelSeparator.BAR: "|", LabelSeparator.COMMA: ","}
"""In the order in which they are believed: commas also stand inside labels."""
_CELLS_LOOKED_AT = 5000
_MOSTLY = 0.9
"""With so large a share of lists among the cells, the column holds lists."""
_SURE, _LIKELY = 0.9, 0.6
_ALIKE = 0.05
"""Separators whose evidence differs by less are equally likely; the first of `_SIGNS` is taken."""


class FoundSeparator(Frozen):
    """How labels seem to be parted in the cells of a column.

    Attributes:
        sure: 0 (no cell shows it) to 1 (all labels that it gives occur in several cells).
        why: One sentence.
    """

    separator: LabelSeparator
    sure: float
    why: str

    @property
    def sentence(self) -> str:
        """What was recognised and how surely, for people."""
        how = "surely" if self.sure >= _SURE else "probably" if self.sure >= _LIKELY else "perhaps"
        if not self.sure:
            return self.why
        return f"Labels are {how} parted by {self.separator.display_name}: {self.why}"


def split_labels(cell: str | None, separator: LabelSeparator) -> tuple[str, ...]:
    """The labels in a cell, each once, in their order; () if there are none.

    A cell that should be a list and is none counts as one label; `is_list` tells.
    """
    text = (cell or "").strip()
    if not text:
        return ()
    if separator is LabelSeparator.LIST:
        found = _list(text)
        parts = [text] if found is None else found
    else:
        parts = text.split(_SIGNS[separator])
    return tuple(dict.fromkeys(label for part in parts if (label := part.strip())))


def join_labels(labels: Iterable[str], separator: LabelSeparator) -> str:
    """The cell that holds these labels."""
    if separator is LabelSeparator.LIST:
        return json.dumps(list(labels), ensure_ascii=False)
    return ("|" if separator is LabelSeparator.BAR else f"{_SIGNS[separator]} ").join(labels)


def is_list(cell: str) -> bool:
    """Whether a cell holds a list of labels as JSON or Python writes it."""
    return _list(cell.strip()) is not None


def count_labels(cells: Mapping[str, int], separator: LabelSeparator) -> dict[str, int]:
    """Each label with the number of rows that have it, the most frequent first.

    Args:
        cells: How many rows have each cell.
    """
    counts: Counter[str] = Counter()
    for cell, rows in cells.items():
        for label in split_labels(cell, separator):
            counts[label] += rows
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def renamed_cells(cells: Iterable[str], names: Mapping[str, str], separator: LabelSeparator) -> dict[str, str]:
    """For each cell the one in which its labels have their new names; cells that stay as they are are left out."""
    renamed = {}
    for cell in cells:
        labels = split_labels(cell, separator)
        if not names.keys().isdisjoint(labels):
            renamed[cell] = join_labels(dict.fromkeys(names.get(label, label) for label in labels), separator)
    return renamed


def set_key(cell: str | None, separator: LabelSeparator) -> str:
    """Equal for cells that hold the same labels, in whatever order and spelling."""
    return "\x1e".join(sorted(re.sub(r"[\s_-]+", "", label.casefold()) for label in split_labels(cell, separator)))


def recognise_separator(cells: Iterable[str]) -> FoundSeparator:
    """How the labels of these cells are parted. What is right gives labels that come back in other cells.

    Args:
        cells: Different cells of the column; the first 5,000 are looked at.
    """
    looked_at = [cell.strip() for cell in islice((cell for cell in cells if cell.strip()), _CELLS_LOOKED_AT)]
    lists = sum(map(is_list, looked_at))
    if looked_at and lists >= _MOSTLY * len(looked_at):
        why = f"{lists:,} of {len(looked_at):,} different cells are lists."
        return FoundSeparator(separator=LabelSeparator.LIST, sure=lists / len(looked_at), why=why)
    evidence = {separator: _labels_that_come_back(looked_at, separator) for separator in _SIGNS}
    best = max(evidence.values())
    if not best:
        why = "No cell shows a separator, so each cell is taken as one label."
        return FoundSeparator(separator=LabelSeparator.SEMICOLON, sure=0.0, why=why)
    separator = next(separator for separator, share in evidence.items() if share >= best - _ALIKE)
    share = evidence[separator]
    why = f"{share:.0%} of the labels that this gives also stand in other cells."
    return FoundSeparator(separator=separator, sure=share, why=why)


def _labels_that_come_back(cells: list[str], separator: LabelSeparator) -> float:
    """Of the labels in cells that have the separator, the share that stands in another cell too; 0 to 1."""
    parted = [split_labels(cell, separator) for cell in cells]
    counts = Counter(label for labels in parted for label in labels)
    found = [label for labels in parted if len(labels) > 1 for label in labels]
    return sum(counts[label] > 1 for label in found) / len(found) if found else 0.0


def _list(text: str) -> list[str] | None:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(found, list) or any(isinstance(item, list | dict | tuple | set) for item in found):
        return None
    return [str(item) for item in found if item is not None]
