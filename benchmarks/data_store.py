"""What the rows on disk cost: each function is one contestant's round, run in a fresh process by `harness.compare`."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import Measurement, Stopwatch, peak_memory_bytes
from benchmarks.rows_data import RARE_WORD

FILTER = "prompt contains please"
PATTERN = r"\b(repair|replac)\w+ the \w+ (letter|bakery)"
_SEED = 7
_WINDOW_ROWS = 100
_TRIALS = 300


# Import


def import_rows(source: Path, work: Path) -> Measurement:
    """Our import, as its child process does it."""
    from fintune_gui.dataset.importing import import_files

    with _scratch(work) as folder, Stopwatch() as watch:
        result = import_files([source], folder / "dataset")
    return {
        "cpu s": watch.cpu,
        "wall s": watch.wall,
        "peak MB": peak_memory_bytes() / 1e6,
        "rows": result.rows + result.rejected,
    }


def read_json(source: Path) -> Measurement:
    """`pyarrow.json.read_json`, which keeps everything in memory and writes nothing."""
    from pyarrow import json

    with Stopwatch() as watch:
        table = json.read_json(str(source))
    return {"cpu s": watch.cpu, "wall s": watch.wall, "peak MB": peak_memory_bytes() / 1e6, "rows": table.num_rows}


def keep_import(source: Path, target: Path) -> Measurement:
    """Import once for the measurements to come."""
    from fintune_gui.dataset.importing import import_files

    return {"rows": import_files([source], target).rows}


# Reading


def open_to_first_rows(dataset_folder: Path) -> Measurement:
    """From nothing to the ids of all rows and the texts of the first hundred."""
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.store import Dataset

    _touch_memory(dataset_folder)
    with Stopwatch() as watch:
        dataset = Dataset.open(dataset_folder)
        ids = dataset.view(Query(show="all"))
        dataset.cells(ids[:_WINDOW_ROWS])
    dataset.close()
    return {"ms": watch.wall * 1000, "cpu ms": watch.cpu * 1000}


def open_bare(dataset_folder: Path) -> Measurement:
    """The same hundred rows from the mapped file by PyArrow alone."""
    import pyarrow as pa
    from pyarrow import ipc

    from fintune_gui.dataset.no_pandas import keep_pandas_out

    keep_pandas_out()
    with Stopwatch() as watch:
        reader = ipc.open_file(pa.memory_map(str(_base(dataset_folder))))
        reader.get_batch(0).slice(0, _WINDOW_ROWS).to_pylist()
    return {"ms": watch.wall * 1000, "cpu ms": watch.cpu * 1000}


def scattered_rows(dataset_folder: Path) -> Measurement:
    """A hundred rows at random places, many times."""
    import numpy as np

    from fintune_gui.dataset.store import Dataset

    with Dataset.open(dataset_folder, read_only=True) as dataset:
        generator = np.random.default_rng(_SEED)

        def look() -> None:
            dataset.cells(generator.integers(0, dataset.total_rows, _WINDOW_ROWS))

        return {"p95 ms": _p95_ms(look)}


def scattered_bare(dataset_folder: Path) -> Measurement:
    """The same from the mapped batches, with no edited cell to look for."""
    import numpy as np

    table = _mapped(dataset_folder)
    batches = table.to_batches()
    starts = np.cumsum([0, *(batch.num_rows for batch in batches[:-1])])
    generator = np.random.default_rng(_SEED)

    def look() -> None:
        for row in generator.integers(0, table.num_rows, _WINDOW_ROWS).tolist():
            number = int(np.searchsorted(starts, row, "right")) - 1
            batch, offset = batches[number], row - int(starts[number])
            [column[offset].as_py() for column in batch.columns]

    return {"p95 ms": _p95_ms(look)}


# Looking for rows


def keep_edited(dataset_folder: Path, target: Path) -> Measurement:
    """A copy with as many cells edited as a tenth of the rows, in three columns so that none becomes a column file."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from fintune_gui.dataset.store import Dataset

    with linked_copy(dataset_folder) as copy:
        copy.rename(target)
    with Dataset.open(target) as dataset:
        generator = np.random.default_rng(_SEED)
        total, edited, space = 0, pa.scalar("edited", pa.large_string()), pa.scalar(" ", pa.large_string())
        for name in ("prompt", "input", "output"):
            ids = generator.choice(dataset.total_rows, dataset.total_rows // 30, replace=False)
            done = dataset.transform(
                "step",
                lambda cells, rows: f"Edited {cells} cells of {rows} rows",
                {name: lambda array: pc.binary_join_element_wise(array, edited, space)},
                ids,
                {},
            )
            total += done.cells if done else 0
    return {"cells": total}


def filter_and_sort(dataset_folder: Path) -> Measurement:
    """A third of the rows by a word in any case, sorted by two columns."""
    from fintune_gui.dataset.query import Query, Sort
    from fintune_gui.dataset.store import Dataset

    with Dataset.open(dataset_folder, read_only=True) as dataset:
        query = Query(text=FILTER, sort=(Sort(column="category"), Sort(column="prompt")))
        with Stopwatch() as watch:
            ids = dataset.view(query)
    return {"cpu s": watch.cpu, "wall s": watch.wall, "rows": len(ids), "check": [float(ids[::997].sum())]}


def filter_and_sort_bare(dataset_folder: Path) -> Measurement:
    """The same rows in the same order by PyArrow alone, from a file without edits."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _mapped(dataset_folder)
    with Stopwatch() as watch:
        mask = pc.match_substring(table["prompt"], "please", ignore_case=True)
        keys = [pc.utf8_lower(table[name].filter(mask)) for name in ("category", "prompt")]
        order = pc.sort_indices(pa.table(keys, names=["a", "b"]), sort_keys=[("a", "ascending"), ("b", "ascending")])
        values = np.flatnonzero(mask.to_numpy())[order.to_numpy()]
    return {"cpu s": watch.cpu, "wall s": watch.wall, "rows": len(values), "check": [float(values[::997].sum())]}


def count_pattern(dataset_folder: Path) -> Measurement:
    """How many outputs a regular expression matches."""
    from fintune_gui.dataset.query import Query
    from fintune_gui.dataset.store import Dataset

    with Dataset.open(dataset_folder, read_only=True) as dataset:
        pattern = PATTERN.replace("\\", "\\\\")
        with Stopwatch() as watch:
            found = len(dataset.view(Query(text=f'output ~ "{pattern}"')))
    return {"cpu s": watch.cpu, "wall s": watch.wall, "rows": found}


def count_pattern_bare(dataset_folder: Path) -> Measurement:
    """`pyarrow.compute.match_substring_regex` over the mapped column."""
    import pyarrow.compute as pc

    column = _mapped(dataset_folder)["output"]
    with Stopwatch() as watch:
        found = pc.sum(pc.match_substring_regex(column, PATTERN, ignore_case=True)).as_py()
    return {"cpu s": watch.cpu, "wall s": watch.wall, "rows": found}


# Changing


def durable_edits(dataset_folder: Path) -> Measurement:
    """Single edits of a cell, in turn with bare commits of the same text to a file of SQLite beside it."""
    from fintune_gui.dataset.store import Dataset

    generator = random.Random(_SEED)
    with linked_copy(dataset_folder) as folder, Dataset.open(folder) as dataset:
        bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("PRAGMA synchronous = FULL")
        bare.execute("CREATE TABLE cell(rid INTEGER PRIMARY KEY, value TEXT)")
        ours, theirs = [], []
        for number in range(_TRIALS):
            row = generator.randrange(dataset.total_rows)
            text = f"{number} " + "an edited text " * 15
            began = time.perf_counter()
            dataset.edit(row, "output", text)
            ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT OR REPLACE INTO cell VALUES (?, ?)", (row, text))
            bare.execute("COMMIT")
            theirs.append(time.perf_counter() - began)
        bare.close()
    return {"p95 ms": _p95(ours), "bare p95 ms": _p95(theirs), "p50 ms": _p50(ours), "bare p50 ms": _p50(theirs)}


def replace_and_undo(dataset_folder: Path) -> Measurement:
    """Find and replace a word that stands in a tenth of the outputs, then undo it."""
    from fintune_gui.dataset.query import Replace
    from fintune_gui.dataset.store import Dataset

    with linked_copy(dataset_folder) as folder, Dataset.open(folder) as dataset:
        spec = Replace(columns=("output",), find=RARE_WORD, replacement="falcon")
        _touch_memory(folder)
        with Stopwatch() as replacing:
            operation = dataset.replace(spec, None)
        with Stopwatch() as undoing:
            dataset.undo()
    assert operation is not None
    return {
        "replace s": replacing.wall,
        "replace cpu s": replacing.cpu,
        "undo s": undoing.wall,
        "undo cpu s": undoing.cpu,
        "cells": operation.cells,
    }


def write_column(dataset_folder: Path) -> Measurement:
    """Write the column once to a file of its own and flush it to disk, by PyArrow alone."""
    import pyarrow as pa
    from pyarrow import ipc

    batches = _mapped(dataset_folder).select(["output"]).to_batches()
    with _scratch(dataset_folder.parent) as folder:
        _touch_memory(folder)
        with Stopwatch() as watch, (folder / "column.arrow").open("wb") as sink:
            with ipc.new_file(sink, pa.schema([("output", pa.large_string())])) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            sink.flush()
            os.fsync(sink.fileno())
    return {"write s": watch.wall, "write cpu s": watch.cpu}


# Files


def _touch_memory(folder: Path, megabytes: int = 1024) -> None:
    """Write a file and remove it, so that memory for what comes next is at hand.

    A virtual machine gets its memory from the host page by page, at the first touch, and gives it back after a while:
    that costs more than what is measured, and hits one contestant or the other.
    """
    path, piece = folder / "touched", bytes(1 << 20)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(piece)
    path.unlink()


@contextmanager
def linked_copy(dataset_folder: Path) -> Iterator[Path]:
    """A copy of a dataset for the time of a block. Column files never change, so they are linked and not copied."""

    def copy(source: str, target: str) -> str:
        (os.link if source.endswith(".arrow") else shutil.copyfile)(source, target)
        return target

    with _scratch(dataset_folder.parent) as folder:
        shutil.copytree(dataset_folder, folder / "dataset", copy_function=copy)
        yield folder / "dataset"


def repeated(dataset_folder: Path, times: int, target: Path) -> Measurement:
    """A dataset that holds the rows of another so many times."""
    import json

    import pyarrow as pa
    from pyarrow import ipc

    from fintune_gui.project.files import sha256_file

    base = _base(dataset_folder)
    (target / base.parent.name).mkdir(parents=True)
    shutil.copytree(dataset_folder, target, ignore=shutil.ignore_patterns("*.arrow"), dirs_exist_ok=True)
    grown = target / base.relative_to(dataset_folder)
    reader = ipc.open_file(pa.memory_map(str(base)))
    with ipc.new_file(str(grown), reader.schema) as writer:
        for _ in range(times):
            for number in range(reader.num_record_batches):
                writer.write_batch(reader.get_batch(number))
    with grown.open("rb+") as file:
        os.fsync(file.fileno())  # the disk shall be at rest when something is measured
    document = json.loads((target / "source.json").read_bytes())
    document |= {"rows": document["rows"] * times, "base_sha256": sha256_file(grown)}
    (target / "source.json").write_text(json.dumps(document))
    return {"rows": document["rows"]}


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    folder = parent / f"scratch-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _base(dataset_folder: Path) -> Path:
    from fintune_gui.dataset.importing import BASE_FILE

    return dataset_folder / BASE_FILE


def _mapped(dataset_folder: Path) -> Any:
    import pyarrow as pa
    from pyarrow import ipc

    return ipc.open_file(pa.memory_map(str(_base(dataset_folder)))).read_all()


def _p95_ms(work: Callable[[], None]) -> float:
    work()
    seconds = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return _p95(seconds)


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)] * 1000


def _p50(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) // 2] * 1000
