"""What to import, and how each file is read; everything that is left alone is found out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from fintune_gui.project.settings import Frozen

FileFormat = Literal["csv", "jsonl", "json", "text", "parquet", "arrow", "excel", "sqlite", "datasets", "hub"]
"""A way in which rows are written. "datasets" is a folder made by ``save_to_disk``; "hub" is a data set's name."""
AnyFormat = Literal["auto", "csv", "jsonl", "json", "text", "parquet", "arrow", "excel", "sqlite", "datasets", "hub"]
TextUnit = Literal["file", "line", "paragraph"]


class ImportOptions(Frozen):
    """What the user knows better than the program about one file. None: it is found out."""

    format: AnyFormat = "auto"
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    """Character around cells of a CSV file; "" for none."""
    escape: str | None = None
    """Character that takes the next one's meaning away in a CSV file, for example a backslash; "" for none."""
    header: bool | None = None
    """Whether the first line of a CSV file or a sheet holds the columns' names."""
    table: str | None = None
    """Sheet of a workbook, table of a database, or split of a data set. A data set without one is read whole."""
    member: str | None = None
    """The only file to read of an archive or a folder; None: all of them."""
    text_unit: TextUnit | None = None
    """What becomes a row of a plain text."""
    subset: str | None = None
    """Configuration of a data set from the hub."""
    revision: str | None = None
    """Branch or commit of a data set from the hub."""
    most_rows: int | None = Field(default=None, ge=1)
    """Stop after so many rows of a data set from the hub."""


class FileChoice(Frozen):
    """A file or folder (or the name of a data set on the hub) and how it is read. A plain path is one, too."""

    path: str = Field(min_length=1)
    options: ImportOptions = ImportOptions()

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @property
    def is_hub(self) -> bool:
        return self.options.format == "hub"
