"""A dataset in plain Python, slow and obvious: what every sequence of operations must lead to.

An operation is a tuple, its name first, made of plain values, so that it can be generated, printed and done twice: by
`do` on a real dataset and by `RowModel.do` on this one. Row ids are taken modulo the rows that there are, columns are
numbers, so that every operation is possible in every state.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fintune_gui.dataset.cleaning import CleaningStep, apply_step
from fintune_gui.dataset.query import Query, Replace
from fintune_gui.dataset.store import Dataset

Action = tuple[Any, ...]
REASON = "Not wanted"


@dataclass
class State:
    """The rows after some operation. `marks` holds ids by "flag" and "star"."""

    columns: list[str]
    rows: list[list[str | None]]
    imported: int
    removed: dict[int, str] = field(default_factory=dict)
    marks: dict[str, set[int]] = field(default_factory=lambda: {"flag": set(), "star": set()})
    notes: dict[int, str] = field(default_factory=dict)

    def kept(self) -> list[int]:
        return [row for row in range(len(self.rows)) if row not in self.removed]


class RowModel:
    """States as a tree: operation 0 is the import, `head` the last in force, `tip` what redo leads to."""

    def __init__(self, columns: list[str], rows: list[list[str | None]]) -> None:
        self.states: list[State] = [State(columns, rows, len(rows))]
        self.parents: list[int] = [0]
        self.head = self.tip = 0

    @property
    def now(self) -> State:
        return self.states[self.head]

    def do(self, action: Action) -> None:
        """Do what `do` does to a dataset."""
        match action:
            case ("undo",):
                self.head = self.parents[self.head]
            case ("redo",):
                path = self.path_to(self.tip)
                if self.head != self.tip:
                    self.head = path[path.index(self.head) + 1]
            case ("go_to", place):
                self._go_to(place % len(self.states))
            case ("reopen",):
                pass
            case _:
                state = deepcopy(self.now)
                _ACTIONS[action[0]](state, *action[1:])
                if state != self.now or action[0] == "append":
                    self.states.append(state)
                    self.parents.append(self.head)
                    self.head = self.tip = len(self.states) - 1

    def copy(self) -> RowModel:
        """Another one that goes its own way from here."""
        other = copy(self)
        other.states, other.parents = list(self.states), list(self.parents)
        return other

    def path_to(self, place: int) -> list[int]:
        path = [place]
        while path[-1]:
            path.append(self.parents[path[-1]])
        return path[::-1]

    def _go_to(self, place: int) -> None:
        self.head = place
        if place not in self.path_to(self.tip):
            behind = {place}
            for child, parent in enumerate(self.parents):
                if child > place and parent in behind:
                    behind.add(child)
            self.tip = max(behind)


def do(dataset: Dataset, action: Action) -> Dataset:
    """Do one operation. Returns the dataset, which is another object after a reopening."""
    match action:
        case ("undo",):
            dataset.undo()
        case ("redo",):
            dataset.redo()
        case ("go_to", place):
            seqs = [0, *(operation.seq for operation in dataset.all_operations())]
            dataset.go_to(seqs[place % len(seqs)])
        case ("reopen",):
            dataset.close()
            return Dataset.open(dataset.folder)
        case _:
            _change(dataset, action)
    return dataset


def _change(dataset: Dataset, action: Action) -> None:
    total, names = dataset.total_rows, dataset.columns
    match action:
        case ("edit", row, column, value):
            dataset.edit(row % total, names[column % len(names)], value)
        case ("paste", row, values):
            rows = [place for place in range(row % total, row % total + len(values)) if place < total]
            cells = {names[0]: (rows, values[: len(rows)]), names[1]: (rows, values[::-1][: len(rows)])}
            dataset.set_cells(cells, kind="paste", label=lambda cells, rows: f"Pasted {cells} cells in {rows} rows")
        case ("paste_on", value, new):
            cells = {names[0]: ([total - 1], [value])}
            new_rows = [dict(zip(names, pair, strict=False)) for pair in new]
            label = f"Pasted on {value}"
            dataset.set_cells(cells, kind="paste", label=lambda *_: label, new_rows=new_rows)
        case ("set", rows, column, value):
            dataset.set_value(names[column % len(names)], _ids(rows, total), value)
        case ("replace", find, replacement, rows):
            dataset.replace(Replace(find=find, replacement=replacement), _ids(rows, total))
        case ("trim",):
            apply_step(dataset, CleaningStep(name="trim_white_space"))
        case ("remove", rows):
            dataset.remove(_ids(rows, total), REASON)
        case ("restore", rows):
            dataset.restore(_ids(rows, total))
        case ("append", values):
            dataset.append_rows([dict(zip(names, pair, strict=False)) for pair in values], label="Added rows")
        case _:
            _describe(dataset, action)


def _describe(dataset: Dataset, action: Action) -> None:
    total, names = dataset.total_rows, dataset.columns
    match action:
        case ("mark", rows, mark, on):
            dataset.mark(_ids(rows, total), **{mark: on})
        case ("note", row, text):
            dataset.set_note(row % total, text)
        case ("rename", column, name):
            if name not in names:
                dataset.rename(names[column % len(names)], name)
        case _:
            raise ValueError(action)


def observe(dataset: Dataset) -> State:
    """Everything that can be seen of a dataset, by each way of reading; they must agree."""
    total, names = dataset.total_rows, dataset.columns
    everything = range(total)
    by_cell = dataset.cells(everything)
    assert by_cell == list(zip(*(dataset.column(name).to_pylist() for name in names), strict=True))
    in_batches = [row for _, arrays in dataset.batches(names) for row in zip(*map(list, arrays), strict=True)]
    assert [tuple(cell.as_py() for cell in row) for row in in_batches] == by_cell
    assert dict(dataset.rows(np.arange(total))) == {
        row: dict(zip(names, cells, strict=True)) for row, cells in enumerate(by_cell)
    }
    removed = {row: dataset.removal_reason(row) or "" for row in everything if dataset.is_removed(row)}
    kept = [row for row in everything if row not in removed]
    assert dataset.kept_rows() == len(kept)
    assert dataset.view().tolist() == kept == [row for row, _ in dataset.rows()]
    assert dataset.view(Query(show="removed")).tolist() == sorted(removed)
    edited = [any(dataset.is_edited(row, name) for name in names) for row in everything]
    assert dataset.edited_mask().tolist() == edited
    added = np.flatnonzero(dataset.added_mask()).tolist()
    assert added == list(range(total - len(added), total))
    flagged, starred = (set(np.flatnonzero(mask).tolist()) for mask in (dataset.flagged_mask, dataset.starred_mask))
    notes = dict(dataset.notes())
    marks = [dataset.marks_of(row) for row in everything]
    assert {row for row in everything if marks[row].flag} == flagged
    assert {row for row in everything if marks[row].star} == starred
    assert {row: marks[row].note for row in everything if marks[row].note} == notes
    return State(
        list(names), [list(cells) for cells in by_cell], total - len(added), removed,
        {"flag": flagged, "star": starred}, notes,
    )  # fmt: skip


def _ids(rows: list[int] | None, total: int) -> Any:
    return None if rows is None else np.unique(np.array(rows, np.int64) % total)


def _chosen(state: State, rows: list[int] | None) -> list[int]:
    return state.kept() if rows is None else sorted({row % len(state.rows) for row in rows})


def _edit(state: State, row: int, column: int, value: str | None) -> None:
    state.rows[row % len(state.rows)][column % len(state.columns)] = value


def _paste(state: State, row: int, values: list[str | None]) -> None:
    first = row % len(state.rows)
    places = [place for place in range(first, first + len(values)) if place < len(state.rows)]
    for column, texts in ((0, values), (1, values[::-1])):
        for place, text in zip(places, texts, strict=False):
            state.rows[place][column] = text


def _paste_on(state: State, value: str | None, new: list[tuple[str | None, str | None]]) -> None:
    state.rows[-1][0] = value
    _append(state, new)


def _set(state: State, rows: list[int] | None, column: int, value: str | None) -> None:
    for row in set(_chosen(state, rows)) - set(state.removed):
        _edit(state, row, column, value)


def _replace(state: State, find: str, replacement: str, rows: list[int] | None) -> None:
    for row in set(_chosen(state, rows)) - set(state.removed):
        state.rows[row] = [None if cell is None else cell.replace(find, replacement) for cell in state.rows[row]]


def _trim(state: State) -> None:
    for row in state.kept():
        state.rows[row] = [None if cell is None else cell.strip() for cell in state.rows[row]]


def _remove(state: State, rows: list[int]) -> None:
    state.removed |= {row: REASON for row in _chosen(state, rows) if row not in state.removed}


def _restore(state: State, rows: list[int]) -> None:
    for row in _chosen(state, rows):
        state.removed.pop(row, None)


def _mark(state: State, rows: list[int], mark: str, on: bool) -> None:
    marked = set(_chosen(state, rows))
    state.marks[mark] = state.marks[mark] | marked if on else state.marks[mark] - marked


def _note(state: State, row: int, text: str) -> None:
    row %= len(state.rows)
    state.notes.pop(row, None)
    if text.strip():
        state.notes[row] = text.strip()


def _append(state: State, values: list[tuple[str | None, str | None]]) -> None:
    state.rows += [[first, second] + [None] * (len(state.columns) - 2) for first, second in values]


def _rename(state: State, column: int, name: str) -> None:
    if name not in state.columns:
        state.columns[column % len(state.columns)] = name


_ACTIONS: dict[str, Callable[..., None]] = {
    "edit": _edit, "paste": _paste, "paste_on": _paste_on, "set": _set, "replace": _replace, "trim": _trim,
    "remove": _remove, "restore": _restore, "mark": _mark, "note": _note, "append": _append, "rename": _rename,
}  # fmt: skip
