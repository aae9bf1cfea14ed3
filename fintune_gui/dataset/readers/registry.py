"""Which reader is for a source: its first bytes decide, and only for texts also how its name ends."""

from __future__ import annotations

from fintune_gui.dataset.readers import columnar, hub, saved_datasets, sqlite, text, workbook
from fintune_gui.dataset.readers.reader import Reader, Settled, Source
from fintune_gui.dataset.readers.unpacking import is_workbook_archive
from fintune_gui.project.import_options import ImportOptions

READERS: dict[str, Reader] = {
    reader.format: reader
    for reader in (
        text.CSV,
        text.JSON_LINES,
        text.JSON,
        text.PLAIN,
        columnar.PARQUET,
        columnar.ARROW,
        workbook.EXCEL,
        sqlite.SQLITE,
        saved_datasets.SAVED,
        hub.HUB,
    )
}
"""All formats by name, in the order in which they are offered."""

_BEGINNINGS = (
    (b"PAR1", columnar.PARQUET),
    (b"PARE", columnar.PARQUET),
    (columnar.ARROW_FILE, columnar.ARROW),
    (b"\xff\xff\xff\xff", columnar.ARROW),
    (b"SQLite format 3\0", sqlite.SQLITE),
    (b"\xd0\xcf\x11\xe0", workbook.EXCEL),
)


def settle(source: Source, options: ImportOptions) -> Settled:
    """How `source` will be read.

    Raises:
        DataError: if it cannot be read that way, or in no way at all.
    """
    if options.format != "auto":
        return READERS[options.format].settle(source, options)
    reader = _recognise(source)
    return reader.settle(source, options) if reader else text.settle_text(source, options)


def _recognise(source: Source) -> Reader | None:
    """The reader for what is no text."""
    if source.path.is_dir():
        return saved_datasets.SAVED
    with source.path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"PK") and is_workbook_archive(source.path):
        return workbook.EXCEL
    return next((reader for beginning, reader in _BEGINNINGS if head.startswith(beginning)), None)
