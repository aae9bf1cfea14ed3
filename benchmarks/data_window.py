"""The window over many rows: how late it is during an import, how soon it repaints, and how much memory it takes."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.data_store import FILTER
from benchmarks.harness import Measurement, private_memory_bytes
from benchmarks.rows_data import RARE_WORD
from benchmarks.window import bare_timer, lateness, open_window, wait

_PATIENCE_S = 900
_JUMPS = 200
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
    """The window's private memory at its peak while rows are looked at, sorted, edited, replaced and undone."""
    peaks: dict[str, int] = {}
    with _project(work, dataset_folder) as folder, open_window(folder) as (app, window):
        table = _shown_table(app, window, rows)
        dataset = window.session.dataset()

        from fintune_gui.dataset.query import Query, Replace, Sort
        from fintune_gui.ui.services.background import run_in_background

        def work_on(stage: str, act: Callable[[], object]) -> None:
            done: list[object] = []
            seen: list[int] = []

            def look() -> bool:
                seen.append(private_memory_bytes())
                return bool(done)

            run_in_background(window, lambda _task: act(), success=done.append)
            wait(app, look, _PATIENCE_S)
            window.session.rows_were_changed()
            wait(app, look, 1)
            peaks[f"{stage} MB"] = round(max(seen) / 1e6)

        def scroll() -> None:
            generator, bar = random.Random(_SEED), table.verticalScrollBar()
            for _ in range(_JUMPS):
                bar.setValue(generator.randrange(bar.maximum()))
                app.processEvents()

        def edit() -> bool:
            for number in range(_JUMPS):
                dataset.edit(number * 37, "output", f"edited {number}")
            return True

        query = Query(text=FILTER, sort=(Sort(column="category"), Sort(column="prompt")))
        replace = Replace(columns=("output",), find=RARE_WORD, replacement="falcon")
        work_on("open", lambda: True)
        scroll()
        work_on("scrolled", lambda: True)
        work_on("edited", edit)
        work_on("filtered and sorted", lambda: dataset.view(query))
        work_on("replaced", lambda: dataset.replace(replace, None))
        work_on("undone", dataset.undo)
    return {"peak MB": float(max(peaks.values())), **peaks}


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
