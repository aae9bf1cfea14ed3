"""Sets of rows are written as bits; what older versions wrote row by row is read, and means the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from fintune_gui.dataset import row_sets
from fintune_gui.dataset.changes import compress
from fintune_gui.dataset.log_file import LOG_FILE
from fintune_gui.dataset.recipe import recipe_of
from fintune_gui.dataset.recipe_steps import MarkDone, RemoveDone, RestoreDone
from fintune_gui.dataset.store import Dataset
from fintune_gui.dataset.summary import read_summary

ids = st.sets(st.integers(0, 200))


@given(rows=ids)
def test_that_rows_come_back_from_json_and_from_the_log(rows: set[int]) -> None:
    wanted = sorted(rows)
    array = np.array(wanted, np.int64)
    assert row_sets.from_json(orjson.loads(orjson.dumps(row_sets.to_json(array)))).tolist() == wanted
    mask = row_sets.joined(np.zeros(0, bool), array, join=True)
    assert np.flatnonzero(row_sets.from_blob(row_sets.to_blob(mask))).tolist() == wanted
    assert len(row_sets.from_blob(row_sets.to_blob(mask), 300)) == 300


@given(rows=ids, some=ids)
def test_that_rows_join_and_leave_a_set(rows: set[int], some: set[int]) -> None:
    mask = row_sets.joined(np.zeros(0, bool), np.array(sorted(rows), np.int64), join=True)
    for join, wanted in ((True, rows | some), (False, rows - some)):
        after = row_sets.joined(mask, np.array(sorted(some), np.int64), join=join)
        assert set(np.flatnonzero(after).tolist()) == wanted


def test_that_a_million_rows_are_written_in_little_room() -> None:
    everything = np.arange(1_000_000)
    assert len(orjson.dumps(row_sets.to_json(everything))) < 200_000
    assert len(row_sets.to_blob(np.ones(1_000_000, bool))) < 1000


OLD_TABLES = """
DROP TABLE row_set; DROP TABLE note;
CREATE TABLE removed(rid INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE mark(name TEXT, rid INTEGER, val TEXT NOT NULL, PRIMARY KEY(name, rid)) WITHOUT ROWID;
INSERT INTO removed VALUES (2, 'Too short'), (4, 'Empty');
INSERT INTO mark VALUES ('flag', 0, '1'), ('flag', 3, '1'), ('star', 3, '1'), ('note', 1, 'ask Ida');
PRAGMA user_version = 2;
"""
NOTHING: dict[str, Any] = {
    "cells": {},
    "generations": {},
    "removed_rows": [],
    "reasons_before": [],
    "reasons_after": [],
}
OLD_OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("remove", {"removed_rows": [1, 2], "reasons_before": [None] * 2, "reasons_after": ["Too short"] * 2}),
    ("remove", {"removed_rows": [4], "reasons_before": [None], "reasons_after": ["Empty"]}),
    ("restore", {"removed_rows": [1], "reasons_before": ["Too short"], "reasons_after": [None]}),
    (
        "mark",
        {
            "marks": {
                "flag": {"rows": [0, 3], "before": [None, None], "edited": [], "after": ["1", "1"]},
                "star": {"rows": [3], "before": [None], "edited": [], "after": ["1"]},
            }
        },
    ),
    ("note", {"marks": {"note": {"rows": [1], "before": [None], "edited": [], "after": ["ask Ida"]}}}),
]


def write_old_log(folder: Path) -> None:
    """The log as version 2 left it after a few operations."""
    with closing(sqlite3.connect(folder / LOG_FILE, isolation_level=None)) as db:
        db.executescript(OLD_TABLES)
        for place, (kind, change) in enumerate(OLD_OPERATIONS):
            plain = orjson.dumps(NOTHING | change)
            db.execute(
                "INSERT INTO op(parent, time, kind, label, params, cells, rows, digest, size, change) "
                "VALUES (?, 0, ?, ?, '{}', 0, 1, ?, ?, ?)",
                (place, kind, f"old {kind}", f"digest {min(place, 2)}", len(plain), compress(plain)),
            )
        db.execute("UPDATE place SET head = 5, tip = 5")


def seen(dataset: Dataset) -> list[tuple[str | None, bool, bool, str]]:
    rows = range(dataset.total_rows)
    marks = [dataset.marks_of(row) for row in rows]
    return [(dataset.removal_reason(row), marks[row].flag, marks[row].star, marks[row].note) for row in rows]


PLAIN = (None, False, False, "")
PRESENT = [
    (None, True, False, ""), (None, False, False, "ask Ida"), ("Too short", False, False, ""), (None, True, True, ""),
    ("Empty", False, False, ""), PLAIN,
]  # fmt: skip


def test_that_a_log_of_version_2_is_read_and_goes_on(make_dataset: Callable[..., Dataset]) -> None:
    dataset = make_dataset([[f"text {row}", "a"] for row in range(6)])
    dataset.close()
    write_old_log(dataset.folder)
    with Dataset.open(dataset.folder, read_only=True) as watching:  # nothing is written
        assert seen(watching) == PRESENT
        before = watching.fingerprint
    summary = read_summary(dataset.folder)
    assert summary is not None
    assert summary.removed == 2
    with Dataset.open(dataset.folder) as again:
        assert seen(again) == PRESENT
        assert again.fingerprint == before
        kinds = [type(step) for step in recipe_of(again).steps[:4]]
        assert kinds == [RemoveDone, RemoveDone, RestoreDone, MarkDone]
        while again.undo():
            pass
        assert seen(again) == [PLAIN] * 6
        again.go_to(5)
        assert seen(again) == PRESENT
        again.restore([2, 4])
        again.undo()
        assert seen(again) == PRESENT
        assert again.fingerprint == before
