"""The window over many rows: how late it is during an import, how soon it repaints, and how much memory it takes."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.data_store import FILTER
from benchmarks.harness import Measurement, private_memory_bytes
from benchmarks.rows_data import RARE_WORD
from benchmarks.window import Lateness, bare_timer, lateness, open_window, wait

_PATIENCE_S = 900
_JUMPS = 200
_EDITS = 50
_SEED = 11


def during_import(source: Path, work: Path, rows: int) -> Measurement:
    """Lateness of a 5 ms timer in the window's thread while the Data page imports a file, until its rows are shown."""
    with _project(work) as folder, open_window(folder) as (app, window):
        from fintune_gui.project.flow import Step

        window.show_step(Step.DATA)
        page = window.pages.page
        page.import_files([str(source)])
        wait(app, page.header.primary.isEnabled, 60)
        with bare_timer() as bare:
            page.start_import()
            measurement = lateness(app, _PATIENCE_S, lambda: _table(window, rows) is not None)
        if _table(window, rows) is None:
            raise RuntimeError("the import did not end")
    return measurement | {"bare max ms": bare["max ms"]}


def repaints(dataset_folder: Path, work: Path, rows: int) -> Measurement:
    """Milliseconds from moving the scroll bar to the painted rows: by three rows, and to random places."""
    generator = random.Random(_SEED)
    with _project(work, dataset_folder) as folder, open_window(folder) as (app, window):
        table = _shown_table(app, window, rows)
        bar = table.verticalScrollBar()

        def go(place: int) -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.thread_time()
            bar.setValue(place)
            table.viewport().repaint()
            took = (time.perf_counter() - wall) * 1000, (time.thread_time() - cpu) * 1000
            app.processEvents()
            return took

        ways = {
            "scroll": [go(min(bar.maximum(), 3 * number)) for number in range(_JUMPS)],
            "jump": [go(generator.randrange(bar.maximum())) for _ in range(_JUMPS)],
        }
    found: Measurement = {}
    for way, times in ways.items():
        walls, cpus = ([one[clock] for one in times] for clock in (0, 1))
        found |= {f"{way} p95 ms": _p95(walls), f"{way} max ms": max(walls), f"{way} cpu p95 ms": _p95(cpus)}
    return found


def private_memory(dataset_folder: Path, work: Path, rows: int) -> Measurement:
    """The window's private memory at its peak while somebody works on the rows."""
    with _project(work, dataset_folder) as folder, open_window(folder) as (app, window):
        page = _data_page(app, window, rows)
        peaks: dict[str, float] = {}
        with _sampled_memory() as sampled:
            for stage in _work_of_a_person(app, page):
                peaks[f"{stage} MB"] = round(max(sampled) / 1e6)
                sampled.clear()
    return {"peak MB": max(peaks.values()), **peaks}


def during_work(dataset_folder: Path, work: Path, rows: int) -> Measurement:
    """Lateness of a 5 ms timer in the window's thread while somebody works on the rows, and what was its own work."""
    with _project(work, dataset_folder) as folder, open_window(folder) as (app, window):
        page = _data_page(app, window, rows)
        latest: dict[str, float] = {}
        own: dict[str, float] = {}
        with bare_timer() as bare, Lateness() as late:
            for stage in _work_of_a_person(app, page):
                latest[stage] = late.most_ms()
                own[stage] = late.most_own_work_ms()
                late.forget()
    stages = ", ".join(f"{stage} {latest[stage]:.0f} ({own[stage]:.0f})" for stage in latest)
    return {"max ms": max(latest.values()), "stages": stages, "bare max ms": bare["max ms"]}


def _work_of_a_person(app: Any, page: Any) -> Iterator[str]:
    """What somebody does to many rows on the Data page, stage by stage. Each is over when its name is given."""
    from fintune_gui.dataset.query import Replace

    bench, generator = page.bench, random.Random(_SEED)

    def settle() -> None:
        wait(app, lambda: False, 0.5)  # filters wait a little for more letters
        wait(app, lambda: not bench.view.busy and bench.free, _PATIENCE_S)
        wait(app, lambda: False, 0.5)

    settle()
    yield "open"
    bar = bench.table.verticalScrollBar()
    for _ in range(_JUMPS):
        bar.setValue(generator.randrange(bar.maximum()))
        wait(app, lambda: False, 0.016)
    yield "scroll"
    for number in range(_EDITS):
        bench.editing.edit(number * 37, "output", f"edited {number}")
        wait(app, lambda: False, 0.05)
    settle()
    yield "edit"
    bench.table.selectAll()
    bench.editing.flag()
    settle()
    bench.editing.undo()
    settle()
    yield "flag everything"
    bench.filter.set_text(FILTER)
    settle()
    bench.view.sort_by([("category", False), ("prompt", False)])
    settle()
    yield "filter and sort"
    bench.view.unsort()
    settle()
    bench.view.show_all()
    settle()
    spec = Replace(columns=("output",), find=RARE_WORD, replacement="falcon")
    bench.work.start("Replacing", lambda dataset, _task: dataset.replace(spec, None))
    settle()
    yield "replace"
    bench.editing.undo()
    settle()
    yield "undo"


@contextmanager
def _sampled_memory() -> Iterator[list[int]]:
    """Private memory of this process, measured in a thread of its own ten times a second during a block."""
    sampled, over = [private_memory_bytes()], threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            sampled.append(private_memory_bytes())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield sampled
    finally:
        over.set()
        thread.join()


@contextmanager
def _project(work: Path, dataset_folder: Path | None = None) -> Iterator[Path]:
    """A project for the time of a block, over a copy of a dataset if one is given."""
    from benchmarks.data_store import linked_copy

    work.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(dir=work))
    os.environ["FINTUNE_HOME"] = str(home / "home")
    from fintune_gui.project.document import Metric, Objective, Project, Task
    from fintune_gui.project.store import ProjectFolder

    document = Project(name="rows", objective=Objective(task=Task.INSTRUCTION, metric=Metric.ROUGE_L))
    try:
        with ProjectFolder.create(home / "rows", document) as opened:
            if dataset_folder is not None:
                with linked_copy(dataset_folder) as copy:
                    copy.rename(opened.dataset)
        yield home / "rows"
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _data_page(app: Any, window: Any, rows: int) -> Any:
    _shown_table(app, window, rows)
    return window.pages.page


def _shown_table(app: Any, window: Any, rows: int) -> Any:
    from fintune_gui.project.flow import Step

    window.show_step(Step.DATA)
    wait(app, lambda: _table(window, rows) is not None, 120)
    table = _table(window, rows)
    if table is None:
        raise RuntimeError("the rows are not shown")
    return table


def _table(window: Any, rows: int) -> Any:
    """The visible table that shows so many rows, or None."""
    from fintune_gui.ui.widgets.data_table import DataTable

    tables = [table for table in window.findChildren(DataTable) if table.isVisible() and table.model()]
    return next((table for table in tables if table.model().rowCount() == rows), None)


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]
