"""Parquet and Arrow files (also Feather, and what ``datasets`` caches): batch by batch, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc, parquet

from fintune_gui.dataset.readers.arrow_text import as_pieces
from fintune_gui.dataset.readers.reader import ROWS_AT_ONCE, Piece, Reader, Settled, Source
from fintune_gui.project.errors import DataError
from fintune_gui.project.import_options import ImportOptions

_BATCH_BYTES = 16 << 20
_BUFFER_BYTES = 1 << 20
"""What is read of a column of a Parquet file at once; without it, whole columns are."""
ARROW_FILE = b"ARROW1"


@contextmanager
def damage_explained(source: Source, kind: str) -> Iterator[None]:
    """Turn what Arrow says about a broken file into a sentence."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, EOFError) as error:
        if "encrypt" in str(error).lower():
            raise DataError(
                "data.encrypted",
                f"{source.name} is encrypted.",
                "Its rows cannot be read without the key.",
                f"Save it as a {kind} file without encryption.",
                details=str(error),
            ) from error
        raise DataError(
            "data.damaged_file",
            f"{source.name} cannot be read as a {kind} file.",
            "It is damaged, incomplete, or of another kind.",
            "Copy or download it again, or choose its format by hand.",
            details=str(error),
        ) from error


def _settle_parquet(source: Source, options: ImportOptions) -> Settled:
    with damage_explained(source, "Parquet"), parquet.ParquetFile(source.path) as file:
        rows = file.metadata.num_rows
    return Settled(options.model_copy(update={"format": "parquet"}), rows=rows)


def _read_parquet(source: Source, options: ImportOptions) -> Iterator[Piece]:
    with (
        damage_explained(source, "Parquet"),
        parquet.ParquetFile(source.path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
    ):
        yield from as_pieces(file.iter_batches(_rows_at_once(file.metadata), use_threads=False), source.notes)


def _rows_at_once(metadata: parquet.FileMetaData) -> int:
    """So many rows that a batch takes some megabytes, whatever the length of the texts."""
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    each = max(1, size // max(1, metadata.num_rows))
    return max(16, min(ROWS_AT_ONCE, int(_BATCH_BYTES // each)))


def _settle_arrow(source: Source, options: ImportOptions) -> Settled:
    with damage_explained(source, "Arrow"):
        rows = count_rows(source.path)
    return Settled(options.model_copy(update={"format": "arrow"}), rows=rows)


def _read_arrow(source: Source, options: ImportOptions) -> Iterator[Piece]:
    with damage_explained(source, "Arrow"):
        yield from as_pieces(arrow_batches(source.path), source.notes)


def arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of an Arrow file, in the file format or the streaming format."""
    with pa.memory_map(str(path)) as mapped:
        if mapped.read(len(ARROW_FILE)) == ARROW_FILE:
            with ipc.open_file(mapped) as file:
                for number in range(file.num_record_batches):
                    yield file.get_batch(number)
            return
        mapped.seek(0)
        with ipc.open_stream(mapped) as stream:
            yield from stream


def count_rows(path: Path) -> int | None:
    """Rows of an Arrow file in the file format; None for a stream, which would have to be read.

    Raises:
        pa.ArrowInvalid: if it is damaged at its beginning or end.
    """
    with pa.memory_map(str(path)) as mapped:
        if mapped.read(len(ARROW_FILE)) != ARROW_FILE:
            mapped.seek(0)
            ipc.open_stream(mapped).close()
            return None
        with ipc.open_file(mapped) as file:
            return sum(int(file.get_batch(number).num_rows) for number in range(file.num_record_batches))


PARQUET = Reader("parquet", "Parquet", _settle_parquet, _read_parquet)
ARROW = Reader("arrow", "Arrow or Feather", _settle_arrow, _read_arrow)
