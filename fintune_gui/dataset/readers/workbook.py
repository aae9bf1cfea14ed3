"""Excel and OpenDocument workbooks: the cells of one sheet as the text that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from typing import Any

import python_calamine as calamine

from fintune_gui.dataset.csv_rows import column_names
from fintune_gui.dataset.json_rows import RawRow
from fintune_gui.dataset.readers.arrow_text import number_text
from fintune_gui.dataset.readers.reader import Piece, Reader, Settled, Source
from fintune_gui.dataset.readers.tables import choose_table
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import ImportOptions

LONGEST_CELL = 32_767
"""Characters that a cell of Excel can hold."""
CUT_NOTE = "Cells of exactly 32,767 characters, which Excel has probably cut off"


@contextmanager
def _opened(source: Source) -> Iterator[calamine.CalamineWorkbook]:
    try:
        with calamine.CalamineWorkbook.from_path(source.path) as book:
            yield book
    except calamine.CalamineError as error:
        locked = isinstance(error, calamine.PasswordError) or _is_encrypted(source)
        raise DataError(
            "data.encrypted" if locked else "data.damaged_file",
            f"{source.name} is protected by a password." if locked else f"{source.name} cannot be read as a workbook.",
            "Its cells cannot be read without it."
            if locked
            else "It is damaged, incomplete, or not a workbook of Excel or OpenDocument.",
            "Open it in your spreadsheet, remove the password, and save it."
            if locked
            else "Open it in your spreadsheet and save it again, for example as .xlsx.",
            details=str(error),
        ) from error


def _is_encrypted(source: Source) -> bool:
    """A new workbook with a password is wrapped into an old container with this stream."""
    with source.path.open("rb") as file:
        return "EncryptedPackage".encode("utf-16-le") in file.read(1 << 20)


def _settle(source: Source, options: ImportOptions) -> Settled:
    with _opened(source) as book:
        sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
        names = tuple(sheet.name for sheet in sheets)
        likely = [sheet.name for sheet in sheets if sheet.visible == calamine.SheetVisibleEnum.Visible] or list(names)
        if options.table is None and len(likely) > 1:
            likely = [name for name in likely if book.get_sheet_by_name(name).height] or likely
        table = choose_table(source, "sheet", names, options.table, likely)
        height = book.get_sheet_by_name(table).height
    header = True if options.header is None else options.header
    rows = max(0, height - int(bool(header)))
    settled = options.model_copy(update={"format": "excel", "table": table, "header": header})
    return Settled(settled, tables=names, rows=rows)


def _read(source: Source, options: ImportOptions) -> Iterator[Piece]:
    with _opened(source) as book:
        names: list[str] | None = None
        for number, cells in enumerate(book.get_sheet_by_name(options.table or "").iter_rows(), start=1):
            texts = [_text(cell) for cell in cells]
            if all(text is None for text in texts):
                continue
            if names is None:
                names = column_names([text or "" for text in texts] if options.header else [""] * len(texts))
                if options.header:
                    continue
            source.notes.update({CUT_NOTE: cut} if (cut := _cut_off(texts)) else {})
            yield RawRow(number, dict(zip(names, texts, strict=True)))


def _text(cell: Any) -> str | None:
    """What stands in a cell. An empty cell has no value."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return number_text(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _cut_off(texts: list[str | None]) -> int:
    return sum(text is not None and len(text) == LONGEST_CELL for text in texts)


EXCEL = Reader("excel", "Excel or OpenDocument", _settle, _read)
