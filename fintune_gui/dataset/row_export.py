"""Rows as text for the clipboard, and as files for other programs.

A file is written beside its target, read again and counted, flushed to disk and put in place in one step. Memory holds
a few thousand rows. No value (None) is a cell without quotes in CSV and TSV, an empty one in Excel, ``null`` in JSON
lines and a null in Parquet.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from fintune_gui.dataset.column import RowIds
from fintune_gui.dataset.export_files import FileKind, RowFile, open_row_file
from fintune_gui.dataset.gathering import gathered, in_parts
from fintune_gui.dataset.wording import counted, free_name
from fintune_gui.project.errors import DataError
from fintune_gui.project.files import remove_leftovers_of, write_atomic
from fintune_gui.project.settings import Frozen

if TYPE_CHECKING:
    from fintune_gui.dataset.picture import Picture
    from fintune_gui.dataset.reading import DatasetReading

TextKind = Literal["tsv", "csv", "jsonl", "markdown"]

ROW_NUMBER = "row_number"
MOST_COPIED_CHARACTERS = 50_000_000
EXCEL_ROWS = 1_048_576
EXCEL_COLUMNS = 16_384
EXCEL_CHARACTERS = 32_767
_AT_ONCE = 4096
_CELLS_LISTED = 10


class ExportedRows(Frozen):
    """What was written.

    Attributes:
        rows: Rows that were found in the file when it was read again.
        warnings: Sentences about what is different in the file.
    """

    rows: int
    bytes: int
    warnings: tuple[str, ...] = ()


def rows_as_text(
    dataset: DatasetReading, row_ids: Sequence[int] | RowIds, columns: Sequence[str], kind: TextKind,
    *, header: bool | None = None,
) -> str:  # fmt: skip
    """Rows for the clipboard, in the order of `row_ids`.

    Args:
        header: Whether the names of the columns come first; left out, they do in CSV and Markdown, and not in TSV,
            which is pasted into a block of cells. JSON lines always name them.

    Raises:
        DataError: if it is more than a clipboard should hold.
    """
    names = list(columns)
    written = io.StringIO()
    if kind != "jsonl" and (kind != "tsv" if header is None else header):
        written.write(_line(names, kind))
        if kind == "markdown":
            written.write("|" + " --- |" * len(names) + "\n")
    for _, arrays in _in_order(dataset.picture, np.asarray(row_ids, np.int64), names):
        for cells in zip(*(array.to_pylist() for array in arrays), strict=True):
            if kind == "jsonl":
                written.write(orjson.dumps(dict(zip(names, cells, strict=True))).decode() + "\n")
            else:
                written.write(_line(cells, kind))
        if written.tell() > MOST_COPIED_CHARACTERS:
            raise DataError(
                "data.too_much_to_copy",
                f"{counted(len(row_ids), 'row')} are too many to copy.",
                f"The text would be longer than {MOST_COPIED_CHARACTERS // 1_000_000} million characters.",
                "Choose fewer rows, or export them to a file.",
            )
    return written.getvalue()


def _line(cells: Sequence[str | None], kind: TextKind) -> str:
    if kind == "markdown":
        texts = ((cell or "").replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
        return "| " + " | ".join("<br>".join(text.splitlines()) for text in texts) + " |\n"
    delimiter = "\t" if kind == "tsv" else ","
    if len(cells) == 1 and kind == "csv" and not cells[0]:
        return '""\n'  # an empty line would be no row
    return delimiter.join(_quoted(cell or "", delimiter) for cell in cells) + "\n"


def _quoted(cell: str, delimiter: str) -> str:
    needed = any(sign in cell for sign in (delimiter, '"', "\n", "\r"))
    return '"' + cell.replace('"', '""') + '"' if needed else cell


def export_rows(
    dataset: DatasetReading, row_ids: Sequence[int] | RowIds, columns: Sequence[str], target: Path, kind: FileKind,
    *, report: Callable[[str, float, float | None], None] = lambda stage, done, total: None,
    check_cancelled: Callable[[], None] = lambda: None, include_row_numbers: bool = False,
    conversations_as_lists: bool = True,
) -> ExportedRows:  # fmt: skip
    """Write rows into `target`, in the order of `row_ids`. What was there before stays until the new file is complete.

    Args:
        include_row_numbers: Begin with a column of row numbers, counted from 1 as in the table, by which rows that come
            back from a spreadsheet can be told.
        conversations_as_lists: In JSON lines, write columns of conversations as lists of turns and not as text.

    Raises:
        DataError: if `target` is a source file or belongs to the rows, or the kind of file cannot hold them.
        ProjectError: if it cannot be written there.
    """
    picture, names = dataset.picture, list(columns)
    ids = np.asarray(row_ids, np.int64)
    if len(ids):
        picture.require_rows(np.array([ids.min(), ids.max()]))
    _refuse_own_files(dataset, target)
    if kind == "xlsx":
        _refuse_beyond_excel(picture, ids, names, include_row_numbers, check_cancelled)
    number = free_name(ROW_NUMBER, names) if include_row_numbers else None
    found, warnings = 0, []

    def fill(beside: Path) -> None:
        nonlocal found
        file = open_row_file(beside, kind, names, number, conversations_as_lists=conversations_as_lists)
        with file:
            done = 0
            report("Writing rows", 0, len(ids))
            for part, arrays in _in_order(picture, ids, names):
                check_cancelled()
                file.write(part, arrays)
                done += len(part)
                report("Writing rows", done, len(ids))
        report("Counting what was written", len(ids), len(ids))
        found = _counted(file, len(ids), target)
        warnings.extend(file.warnings())

    remove_leftovers_of(target)
    write_atomic(target, fill)
    return ExportedRows(rows=found, bytes=target.stat().st_size, warnings=tuple(warnings))


def _in_order(picture: Picture, ids: RowIds, names: Sequence[str]) -> Iterator[tuple[RowIds, list[pa.Array]]]:
    chosen = [picture.column_of(name) for name in names]
    for part in in_parts(ids, _AT_ONCE):
        yield part, [gathered(column, part) for column in chosen]


def _counted(file: RowFile, expected: int, target: Path) -> int:
    found = file.count()
    if found != expected:
        raise DataError(
            "data.export_incomplete",
            f"{target.name} was not written completely.",
            f"{counted(found, 'row')} of {expected:,} were found when it was read again. What was there is unchanged.",
            "Try again, perhaps on another disk.",
        )
    return found


def _refuse_own_files(dataset: DatasetReading, target: Path) -> None:
    place = target.resolve()
    sources = (Path(source.path) for source in dataset.sources)
    if any(place == source.resolve() or _is_same_file(place, source) for source in sources):
        raise DataError(
            "data.export_to_source",
            f"{target.name} is a file from which the rows came.",
            "Source files are only read, so that the import can always be done again.",
            "Choose another name.",
        )
    if place.is_relative_to(dataset.folder.resolve()):
        raise DataError(
            "data.export_into_dataset",
            f"{target.name} cannot be written there.",
            "The folder holds the rows of this project.",
            "Choose another folder.",
        )


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _refuse_beyond_excel(
    picture: Picture, ids: RowIds, names: Sequence[str], row_numbers: bool, check_cancelled: Callable[[], None]
) -> None:
    if len(ids) >= EXCEL_ROWS or len(names) + row_numbers > EXCEL_COLUMNS:
        raise DataError(
            "data.too_large_for_excel",
            f"{counted(len(ids), 'row')} with {counted(len(names), 'column')} do not fit into an Excel sheet.",
            f"A sheet holds {EXCEL_ROWS:,} rows, of which one has the names, and {EXCEL_COLUMNS:,} columns.",
            "Export fewer rows, or choose CSV or Parquet.",
        )
    long: list[tuple[int, str]] = []
    for part, arrays in _in_order(picture, ids, names):
        check_cancelled()
        for name, array in zip(names, arrays, strict=True):
            may_be = pc.indices_nonzero(pc.greater(pc.utf8_length(array), EXCEL_CHARACTERS // 2)).to_numpy()
            long += [
                (int(part[place]), name) for place in may_be if _utf16_length(array[place].as_py()) > EXCEL_CHARACTERS
            ]
    if long:
        cells = ", ".join(f"row {row + 1:,} in “{name}”" for row, name in long[:_CELLS_LISTED])
        more = f" and {len(long) - _CELLS_LISTED:,} more" if len(long) > _CELLS_LISTED else ""
        raise DataError(
            "data.cells_too_long_for_excel",
            f"{counted(len(long), 'cell')} cannot be held by an Excel sheet.",
            f"They are longer than {EXCEL_CHARACTERS:,} characters: {cells}{more}.",
            "Choose CSV, JSON lines or Parquet, or shorten these cells.",
        )


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
