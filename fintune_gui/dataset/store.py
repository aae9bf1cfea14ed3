"""The rows of a project: an immutable base on disk, with everything the user did to it laid over as a log.

Row id = position in the order in which rows came, for ever. A change is on disk when the call returns. Reads work on
an immutable `Picture` and may come from any thread while another one changes rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, Self

import pyarrow as pa

from fintune_gui.dataset.base import TEXT
from fintune_gui.dataset.bulk import Transform, changed_cells, typed_cells
from fintune_gui.dataset.changes import FLAG, STAR, Change, NoteChange, Operation, Segment, SetChange
from fintune_gui.dataset.column import NO_ROWS, RowIds
from fintune_gui.dataset.health import back_up
from fintune_gui.dataset.loading import Files
from fintune_gui.dataset.log import CHANGED_ELSEWHERE, LOG_FILE, ROOT, Draft, EditLog
from fintune_gui.dataset.log_file import log_missing
from fintune_gui.dataset.picture import Picture, RowMarks
from fintune_gui.dataset.places import BASE_FILE, BASE_FOLDER, recover
from fintune_gui.dataset.query import Replace, replacer
from fintune_gui.dataset.reading import DatasetReading
from fintune_gui.dataset.rewriting import Rewriting
from fintune_gui.dataset.row_sets import MARKED, OUT
from fintune_gui.dataset.summary import log_is_lost, read_source
from fintune_gui.dataset.wording import counted
from fintune_gui.project.document import SourceFile
from fintune_gui.project.errors import DataError, FintuneError

__all__ = ["Dataset", "Draft", "Operation", "Picture", "RowMarks"]

Report = Callable[[str, float, float | None], None]


class Dataset(DatasetReading):
    """An open dataset. Whoever asks for several things that must fit together asks one `picture`."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        source = read_source(folder)
        if log_is_lost(folder, source):
            raise log_missing(folder / LOG_FILE)
        self._lock = RLock()
        self._changed = False
        self._files = Files(folder)
        with ExitStack() as opened:
            self._log = EditLog(folder / LOG_FILE, read_only=read_only)
            opened.callback(self._log.close)
            # a second connection, so that the window can look at the history while a long change is made
            reader = EditLog(folder / LOG_FILE, read_only=True)
            opened.callback(reader.close)
            super().__init__(folder, source["base_sha256"], reader)
            if not read_only:
                self._files.remove_orphans(self._log)
            self._picture = self._files.picture(self._log)
            opened.pop_all()

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> Dataset:
        """Open the dataset in `folder`.

        Raises:
            DataError: if nothing was imported yet, or the files are damaged.
        """
        if not read_only:
            recover(folder)
        if not (folder / BASE_FILE).exists():
            raise DataError(
                "data.no_dataset",
                "There are no rows yet.",
                "Nothing has been imported into this project.",
                "Import a file first.",
            )
        return cls(folder, read_only=read_only)

    def close(self) -> None:
        """Close the files. What was changed since the last backup is backed up, if the disk allows."""
        with self._lock:
            if self._changed:
                with suppress(FintuneError, OSError):
                    back_up(self.folder)
            self.close_reader()
            self._log.close()  # last, because only a writer can fold the write-ahead log into the file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # changing cells

    def edit(self, row_id: int, column: str, value: str | None) -> Operation | None:
        """Set one cell. None if it already has that value."""
        label = f"Edited “{column}” in row {row_id + 1:,}"
        return self.set_cells({column: ([row_id], [value])}, kind="edit", label=lambda _cells, _rows: label)

    def set_cells(
        self, cells: Mapping[str, tuple[Sequence[int] | RowIds, Sequence[str | None]]], *, kind: str,
        label: Callable[[int, int], str], params: Mapping[str, Any] | None = None,
        new_rows: Sequence[Mapping[str, str | None]] = (),
    ) -> Operation | None:  # fmt: skip
        """Set single cells in one operation: for each column row ids, each once, and their new values.

        Args:
            label: Gives the operation's sentence from the number of cells and rows that changed, new ones included.
            new_rows: Rows that are added behind all others in the same operation, as in `append_rows`.

        Returns:
            None if every cell already has its value, and no row is added.
        """
        with self._changing() as picture:
            change = self._with_new_rows(picture, new_rows) if new_rows else Change()
            old_rows: set[int] = set()
            for name, (row_ids, values) in cells.items():
                column = picture.column_of(name)
                picture.require_rows(row_ids)
                part = changed_cells(column, [int(row) for row in row_ids], [_storable(value) for value in values])
                if part.rows:
                    old_rows.update(part.rows)
                    key = picture.key_of(name)
                    change.cells[key] = part.and_then(change.cells[key]) if key in change.cells else part
            if not change.cells and not new_rows:
                return None
            touched, rows = sum(len(part.rows) for part in change.cells.values()), len(old_rows) + len(new_rows)
            return self._do(kind, label(touched, rows), {**(params or {}), "rows_touched": rows}, change)

    def set_value(self, column: str, row_ids: RowIds | None, value: str | None, **progress: Any) -> Operation | None:
        """Set the same value in a column of the kept rows of `row_ids` (None: all). None if nothing changes.

        Args:
            progress: `report` and `check_cancelled`, as in `transform`.
        """
        value = _storable(value)
        scalar = pa.scalar(value, TEXT)
        shown = "nothing" if not value else f"“{value if len(value) <= 60 else value[:59] + '…'}”"
        return self.transform(
            "set",
            lambda cells, _rows: f"Set “{column}” to {shown} in {counted(cells, 'row')}",
            {column: lambda array: pa.repeat(scalar, len(array))},
            row_ids,
            {"column": column, "value": value, "limited": row_ids is not None},
            **progress,
        )

    def replace(self, spec: Replace, row_ids: RowIds | None, **progress: Any) -> Operation | None:
        """Find and replace in the kept rows of `row_ids` (None: all kept rows). None if nothing was found.

        Args:
            progress: `report` and `check_cancelled`, as in `transform`.
        """
        params = {"replace": spec.model_dump(), "limited": row_ids is not None}

        def label(cells: int, rows: int) -> str:
            where = f"{counted(cells, 'cell')} of {counted(rows, 'row')}"
            return f"Replaced “{spec.find}” with “{spec.replacement}” in {where}"

        transforms = dict.fromkeys(spec.columns or self.columns, replacer(spec))
        return self.transform("replace", label, transforms, row_ids, params, **progress)

    def transform(
        self, kind: str, label: Callable[[int, int], str], transforms: Mapping[str, Transform],
        row_ids: RowIds | None = None, params: Mapping[str, Any] | None = None, *,
        report: Report = lambda stage, done, total: None, check_cancelled: Callable[[], None] = lambda: None,
    ) -> Operation | None:  # fmt: skip
        """Change whole columns in one operation, in the kept rows of `row_ids` (None: all kept rows).

        Args:
            label: Gives the operation's sentence from the number of cells and rows that changed.
            report: Told how many of how many batches are done.
            check_cancelled: Called after each batch; may raise `CancelledError`, and nothing has changed then.
        """
        with self._changing() as picture:
            rewriting = Rewriting(self.folder / BASE_FOLDER, picture, self._log.shown_files())
            try:
                bulk = rewriting.run(transforms, row_ids, report, check_cancelled)
                if bulk is None:
                    return None
                params = {**(params or {}), **bulk.known}
                operation = self._log.append(kind, label(bulk.cells, bulk.rows), params, bulk.change)
            except BaseException:
                rewriting.abandon()
                raise
            self._show(bulk.change)
            return operation

    # changing rows

    def remove(
        self, row_ids: Iterable[int] | RowIds, reason: str = "Removed by hand", *, kind: str = "remove",
        label: str = "", params: Mapping[str, Any] | None = None,
    ) -> Operation | None:  # fmt: skip
        """Take rows out, with a reason. They can come back. None if all of them are out already."""
        with self._changing() as picture:
            rows = picture.require_rows(row_ids)
            rows = rows[~picture.removed_mask[rows]]
            label = label or f"Removed {counted(len(rows), 'row')}: {reason}"
            if not len(rows):
                return None
            return self._do(kind, label, dict(params or {}), Change(sets=[SetChange(OUT, reason, rows, True)]))

    def restore(self, row_ids: Iterable[int] | RowIds) -> Operation | None:
        """Bring removed rows back. None if none of them was out."""
        with self._changing() as picture:
            rows = picture.require_rows(row_ids)
            sets = self._log.row_sets(OUT, picture.total_rows)
            back = {reason: rows[out[rows]] for reason, out in sets.items()}
            change = Change(sets=[SetChange(OUT, reason, some, False) for reason, some in back.items() if len(some)])
            if not change.sets:
                return None
            return self._do("restore", f"Brought back {counted(change.touched_rows(), 'row')}", {}, change)

    def append_rows(
        self, rows: Sequence[Mapping[str, str | None]], *, kind: str = "add", label: str = "",
        mended: Sequence[int] = (),
    ) -> Operation:  # fmt: skip
        """Add rows behind all others; columns that a row lacks are empty (None).

        Args:
            mended: Which rejected rows these are, if they are mended ones.

        Raises:
            DataError: for a column that is not there, or no rows at all.
        """
        if not rows:
            raise DataError("data.no_new_rows", "There are no rows to add.", "The list is empty.", "Give one row.")
        with self._changing() as picture:
            change = self._with_new_rows(picture, rows, mended)
            label = label or f"Added {counted(len(rows), 'row')}"
            return self._do(kind, label, {"rows_touched": len(rows)}, change)

    def append_file(
        self, file: str, sources: Sequence[SourceFile], *, label: str, names: Mapping[str, str] | None = None,
        fill: Mapping[str, str] | None = None,
    ) -> Operation:  # fmt: skip
        """Add the rows of an Arrow file that lies, durable, in the folder of the base.

        The file's columns are named by the keys of the columns that they continue; other names make new columns.

        Args:
            names: Key of a new column -> its name, where it is another; one that is taken meanwhile gets a number.
            fill: New columns of the file -> what stands in them in all rows so far.
        """
        with self._changing() as picture:
            added = self._files.open(file)
            known = [source.model_dump(mode="json") for source in sources]
            columns = list(added.columns)
            segment = Segment(picture.total_rows, added.total_rows, file, columns, dict(fill or {}), known)
            change = Change(segment=segment, renamed=picture.new_names(columns, names or {}))
            return self._do("files", label, {"rows_touched": added.total_rows}, change)

    def rename(self, column: str, new_name: str) -> Operation | None:
        """Give a column another name. None if it has that name.

        Raises:
            DataError: if there is no such column, or the name is empty or taken.
        """
        with self._changing() as picture:
            picture.column_of(column)
            new_name = (_storable(new_name) or "").strip()
            if new_name == column:
                return None
            if not new_name or new_name in picture.columns:
                why = "Another column has it already." if new_name else "It is empty."
                raise DataError(
                    "data.bad_column_name", f"“{new_name}” cannot be a column's name.", why, "Choose another name."
                )
            change = Change(renamed={picture.key_of(column): (column, new_name)})
            return self._do(
                "rename", f"Renamed “{column}” to “{new_name}”", {"before": column, "after": new_name}, change
            )

    # marking

    def mark(
        self, row_ids: Iterable[int] | RowIds, *, flag: bool | None = None, star: bool | None = None
    ) -> Operation | None:
        """Set or take off the flag or the star (None: leave it). None if nothing changes."""
        with self._changing() as picture:
            rows = picture.require_rows(row_ids)
            change = Change()
            for name, wanted, now in ((FLAG, flag, picture.flagged_mask), (STAR, star, picture.starred_mask)):
                changing = rows[now[rows] != wanted] if wanted is not None else NO_ROWS
                if len(changing):
                    change.sets.append(SetChange(MARKED, name, changing, bool(wanted)))
            if not change.sets:
                return None
            words = {FLAG: ("Unflagged", "Flagged"), STAR: ("Took the star off", "Starred")}
            label = " and ".join(words[part.name][part.join] for part in change.sets).capitalize()
            return self._do("mark", f"{label} {counted(change.touched_rows(), 'row')}", {}, change)

    def set_note(self, row_id: int, text: str) -> Operation | None:
        """Write a note on a row; "" takes it off. None if it says that already."""
        with self._changing() as picture:
            picture.require_rows([row_id])
            before, after = picture.notes().get(row_id), (_storable(text) or "").strip() or None
            if before == after:
                return None
            change = Change(note=NoteChange(row_id, before, after))
            what = "Wrote a note on" if after else "Took the note off"
            return self._do("note", f"{what} row {row_id + 1:,}", {}, change)

    def save_view(self, name: str, state: Mapping[str, Any] | None) -> None:
        """Keep a view under a name, or forget it (None). Views are no part of the history."""
        with self._changing():
            self._log.save_view(name, None if state is None else dict(state))

    def save_draft(self, draft: Draft | None) -> None:
        """Keep what is being typed, so that a crash does not lose it; None once it is a change, or thrown away."""
        with self._changing():
            self._log.save_draft(draft)

    # going back and forth

    def undo(self) -> Operation | None:
        """Take back the last operation and return it; None if there is nothing to take back."""
        with self._changing():
            if not self.can_undo:
                return None
            operation = self._log.operation(self._log.head)
            self._show(self._log.step_back(self._log.head))
            return operation.model_copy(update={"in_force": False})

    def redo(self) -> Operation | None:
        """Do again what was undone last and return it; None if there is nothing."""
        with self._changing():
            if not self.can_redo:
                return None
            path = self._log.path_to(self._log.tip)
            following = path[path.index(self._log.head) + 1] if self.can_undo else path[0]
            self._show(self._log.step_forward(following))
            return self._log.operation(following)

    def go_to(self, seq: int) -> None:
        """Go back or forth to the state right after operation `seq` (0: the import), also on another branch."""
        with self._changing():
            if seq != ROOT:
                self._log.operation(seq)
            wanted, changes = self._log.path_to(seq), []
            with self._log.in_one():
                while self.head != ROOT and self.head not in wanted:
                    changes.append(self._log.step_back(self.head))
                at = wanted.index(self.head) + 1 if self.head != ROOT else 0
                changes += [self._log.step_forward(following) for following in wanted[at:]]
            self._show(*changes)

    # inside

    @staticmethod
    def _with_new_rows(
        picture: Picture, rows: Sequence[Mapping[str, str | None]], mended: Sequence[int] = ()
    ) -> Change:
        """The change that adds rows behind all others. Raises `DataError` for a column that is not there."""
        for name in dict.fromkeys(name for row in rows for name in row):
            picture.column_of(name)
        change = Change(segment=Segment(picture.total_rows, len(rows), mended=list(mended)))
        for name in picture.columns:
            part = typed_cells(picture.total_rows, [_storable(row.get(name)) for row in rows])
            if part.rows:
                change.cells[picture.key_of(name)] = part
        return change

    def _do(self, kind: str, label: str, params: dict[str, Any], change: Change) -> Operation:
        operation = self._log.append(kind, label, params, change)
        self._show(change)
        return operation

    def _show(self, *changes: Change) -> None:
        """Show the rows as the log has them after `changes`."""
        self._changed = self._changed or bool(changes)
        if len(changes) == 1:
            self._picture = self._files.picture_after(self._picture, changes[0], self._log)
        elif changes:
            self._picture = self._files.picture(self._log)

    @contextmanager
    def _changing(self) -> Iterator[Picture]:
        """The present rows, while nobody else in this process changes them; newly read if another process did."""
        with self._lock:
            try:
                yield self._picture
            except DataError as error:
                if error.problem.code == CHANGED_ELSEWHERE:
                    self._log.refresh()
                    self._picture = self._files.picture(self._log)
                raise


def _storable(value: str | None) -> str | None:
    """A lone surrogate cannot be stored as UTF-8."""
    return None if value is None else value.encode("utf-8", "replace").decode()
