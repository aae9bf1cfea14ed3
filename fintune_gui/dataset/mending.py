"""Rejected rows that the user mends: read again as in the file they come from, and brought in as rows of the table.

The file is never changed, and neither is the list of what was rejected. Mended rows are added by one operation; when
that is undone, they count as rejected again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fintune_gui.dataset.conversations import BadConversation, parse_chatml
from fintune_gui.dataset.csv_rows import read_csv_text
from fintune_gui.dataset.importing import SOURCE_COLUMN, Rejected, read_rejected
from fintune_gui.dataset.json_rows import RawRow, read_json_text
from fintune_gui.dataset.reading import DatasetReading
from fintune_gui.dataset.shapes import MESSAGES, as_texts, with_chatml
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.wording import counted
from fintune_gui.project.errors import DataError


@dataclass(frozen=True)
class OpenReject:
    """A row that is rejected now. `number` stays the same whatever happens to others."""

    number: int
    rejected: Rejected


@dataclass(frozen=True)
class Tried:
    """What became of a text that was read as a row.

    Attributes:
        row: Its cells by column; None if it cannot be read, and then:
        reason: Why, without a full stop.
        line, column: Where in the file, from 1, if the text stood where the rejected one stands.
        offset: Character of the text at which the error is, from 0.
    """

    row: dict[str, str | None] | None
    reason: str = ""
    line: int = 0
    column: int | None = None
    offset: int | None = None


def open_rejects(dataset: DatasetReading) -> list[OpenReject]:
    """The rejected rows of the files in force that are not mended, in the order of the files."""
    mended, files = dataset.mended(), dataset.added_files()
    return [
        OpenReject(number, rejected)
        for number, rejected in enumerate(read_rejected(dataset.folder))
        if number not in mended and (rejected.segment is None or rejected.segment in files)
    ]


def try_text(dataset: DatasetReading, reject: OpenReject, text: str) -> Tried:
    """Read `text` in place of a rejected one. Nothing is changed."""
    rejected = reject.rejected
    rows = list(_read(rejected, text))
    if not rows:
        return Tried(None, "There is no row in this text", rejected.line)
    broken = next((row for row in rows if row.values is None), None)
    if broken is not None:
        return Tried(None, broken.reason, broken.line, broken.column, _offset(rejected, text, broken))
    if len(rows) > 1:
        return Tried(None, "These are several rows; one is mended at a time", rows[1].line)
    try:
        cells = _cells(dataset, rejected, rows[0])
    except BadConversation as error:
        return Tried(None, str(error), rejected.line)
    unknown = [name for name in cells if name not in dataset.columns]
    if unknown:
        return Tried(None, f"The table has no column “{unknown[0]}”", rejected.line)
    return Tried(cells)


def mend(dataset: Dataset, texts: Mapping[int, str]) -> int:
    """Bring rows in, as one operation; texts that cannot be read stay rejected.

    Args:
        texts: By number of the reject.

    Returns:
        How many rows came in.

    Raises:
        DataError: for a number that is not rejected now.
    """
    rejects = {reject.number: reject for reject in open_rejects(dataset)}
    for number in texts:
        if number not in rejects:
            raise DataError(
                "data.not_rejected",
                f"There is no rejected row {number}.",
                "It was mended before, or there never was one.",
                "Look at the list of rejected rows again.",
            )
    tried = {number: try_text(dataset, rejects[number], text).row for number, text in sorted(texts.items())}
    rows = {number: row for number, row in tried.items() if row is not None}
    if rows:
        label = f"Mended {counted(len(rows), 'rejected row')}"
        dataset.append_rows(list(rows.values()), kind="mend", label=label, mended=list(rows))
    return len(rows)


def _read(rejected: Rejected, text: str) -> Iterator[RawRow]:
    if rejected.dialect is not None:
        return read_csv_text(text, rejected.line, rejected.dialect)
    return read_json_text(text, rejected.line)


def _offset(rejected: Rejected, text: str, broken: RawRow) -> int | None:
    if broken.column is None:
        return None
    before = text.splitlines(keepends=True)[: max(0, broken.line - rejected.line)]
    return min(sum(map(len, before)) + broken.column - 1, len(text))


def _cells(dataset: DatasetReading, rejected: Rejected, row: RawRow) -> dict[str, str | None]:
    """The cells under the names that the columns have now, as the import would have filled them."""
    texts = as_texts(row.values or {})
    if MESSAGES in dataset.keys and MESSAGES not in texts:
        chatml = next((name for name, text in texts.items() if text and parse_chatml(text)), None)
        texts = with_chatml(texts, chatml) if chatml else texts
    own = SOURCE_COLUMN in texts
    source = f"{SOURCE_COLUMN}_file" if own else SOURCE_COLUMN
    if source in dataset.keys and _was_one_of_several(dataset, rejected):
        texts[source] = rejected.file
    shown = dataset.keys.values()
    continues = rejected.segment is not None  # added files continue columns by the names that were shown
    return {name if continues and name in shown else dataset.keys.get(name, name): text for name, text in texts.items()}


def _was_one_of_several(dataset: DatasetReading, rejected: Rejected) -> bool:
    sources = dataset.sources
    return rejected.segment is not None or len(sources) > 1 or Path(sources[0].path).name != rejected.file
