"""A data set by name from the Hugging Face hub, streamed. Only in the data worker: the library is large.

No code of the data set is ever run: the library does not, and nothing here asks it to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from fintune_gui.dataset.readers.arrow_text import as_pieces
from fintune_gui.dataset.readers.reader import Piece, Reader, Settled, Source
from fintune_gui.dataset.readers.saved_datasets import SPLIT_COLUMN
from fintune_gui.dataset.readers.tables import choose_table
from fintune_gui.project.errors import CancelledError, DataError, FintuneError
from fintune_gui.project.import_options import ImportOptions

_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)
_ROWS_AT_ONCE = 1000


def check_hub_name(name: str) -> None:
    """Raise `DataError` if no data set of the hub can have this name."""
    if not _NAME.fullmatch(name):
        raise DataError(
            "data.bad_hub_name",
            f"“{name}” is not the name of a data set.",
            "A name looks like owner/name, with letters, digits, dots, hyphens and underscores.",
            "Copy the name from the data set's page on huggingface.co.",
        )


def _refuse_folder(name: str) -> None:
    if Path(name).is_dir():
        raise DataError(
            "data.hub_or_folder",
            f"“{name}” is a data set of the hub, or the folder of this name here.",
            "The library “datasets” would take the folder.",
            "Import the folder by its path, or start Fintune in another folder.",
        )


def _settle(source: Source, options: ImportOptions) -> Settled:
    name = str(source.path)
    check_hub_name(name)
    _refuse_folder(name)
    with errors_explained(name):
        import datasets

        splits = datasets.get_dataset_split_names(name, options.subset, revision=options.revision)
    if options.table is not None:
        choose_table(source, "split", splits, options.table, splits)
    return Settled(options.model_copy(update={"format": "hub"}), tables=tuple(splits))


def _read(source: Source, options: ImportOptions) -> Iterator[Piece]:
    name = str(source.path)
    with errors_explained(name):
        import datasets

        found = datasets.load_dataset(
            name, options.subset, split=options.table, revision=options.revision, streaming=True
        )
        yield from read_streams(found if options.table is None else {options.table: found}, source, options.most_rows)


def read_streams(streams: Any, source: Source, most_rows: int | None = None) -> Iterator[Piece]:
    """Rows of iterable data sets by split, with a split column if there are several."""
    for split, stream in streams.items():
        extra = {SPLIT_COLUMN: str(split)} if len(streams) > 1 else {}
        limited = stream if most_rows is None else stream.take(most_rows)
        yield from as_pieces(_batches(limited), source.notes, extra)


def _batches(stream: Any) -> Iterable[pa.RecordBatch]:
    for table in stream.with_format("arrow").iter(batch_size=_ROWS_AT_ONCE):
        yield from table.combine_chunks().to_batches()


@contextmanager
def errors_explained(name: str) -> Iterator[None]:
    try:
        yield
    except (FintuneError, CancelledError):
        raise
    except Exception as error:
        raise _explained(name, error) from error


def _explained(name: str, error: Exception) -> FintuneError:
    """A sentence for what the library, the hub or the network says. They raise errors of many unrelated kinds."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    said = " ".join(str(one) for one in chain)
    details = f"{type(error).__name__}: {error}"
    if "GatedRepoError" in kinds or "gated" in said.lower():
        return DataError(
            "data.hub_gated",
            f"The data set “{name}” is not open to everybody.",
            "Its owner gives access on request, to those who are logged in.",
            "Ask for access on its page, log in with “hf auth login”, and try again.",
            details,
        )
    if "OfflineModeIsEnabled" in kinds or kinds & {"ConnectionError", "ConnectError", "ConnectTimeout", "ReadTimeout"}:
        return DataError(
            "data.hub_offline",
            f"The data set “{name}” cannot be fetched, because the hub cannot be reached.",
            "This computer is offline, or something between it and huggingface.co refuses.",
            "Connect to the internet and try again, or download the files elsewhere and import them.",
            details,
        )
    if kinds & {"DatasetNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError"}:
        return DataError(
            "data.hub_unknown",
            f"The hub has no data set “{name}” that you may read.",
            "The name or revision is wrong, or the data set is private.",
            "Copy the name from its page; for a private one, log in with “hf auth login”.",
            details,
        )
    if "Config name is missing" in said or "BuilderConfig" in said:
        return DataError(
            "data.hub_subset",
            f"The data set “{name}” has several parts, and one must be chosen.",
            str(error).splitlines()[0],
            "Name one of them as the subset.",
            details,
        )
    if "scripts are no longer supported" in said or "trust_remote_code" in said:
        return DataError(
            "data.hub_code",
            f"The data set “{name}” can only be read by running its own program.",
            "Programs from the hub are never run here.",
            "Look on its page for a version as Parquet files, and import that.",
            details,
        )
    return DataError(
        "data.hub_failed",
        f"The data set “{name}” cannot be read.",
        f"The library “datasets” says: {str(error).splitlines()[0] if str(error) else type(error).__name__}.",
        "Try again later, or download its files and import them.",
        details,
    )


HUB = Reader("hub", "data set from the hub", _settle, _read)
