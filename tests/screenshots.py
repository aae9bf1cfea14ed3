"""Pictures of every page: ``python -m tests.screenshots OUT [STEP ...]``, or ``OUT --project FOLDER``.

Each page (and Home) is drawn at 1280 × 800 and 1024 × 700, in light and dark, with an empty project, a normal one and a
broken one. Pages are taken from the registry, so that a new one is in the pictures by itself; what a page shows only
when it is asked for is in `VIEWS`. With a project of one's own there is one picture of each page and view, for the
documentation.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QThreadPool
from PySide6.QtWidgets import QApplication, QScrollArea

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.cleaning import apply_recipe, find_problems, safe_steps
from fintune_gui.dataset.importing import add_files
from fintune_gui.dataset.samples import create_sample
from fintune_gui.dataset.splitting import make_split
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.cheaper import cheaper_ways
from fintune_gui.project.combinations import Abilities
from fintune_gui.project.document import Metric, Objective, Project, Task
from fintune_gui.project.errors import Problem
from fintune_gui.project.flow import Facts, Step, input_fingerprints
from fintune_gui.project.measured import Measured, MeasuredWay
from fintune_gui.project.recent import remember_project
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.services.background import wait_for_background
from fintune_gui.ui.services.imported_rows import HISTORY, REJECTS, ROWS
from fintune_gui.ui.services.model_words import measured_facts
from fintune_gui.ui.theme import theme
from fintune_gui.ui.theme.theme import Appearance
from fintune_gui.ui.widgets.live_plot import LivePlot
from fintune_gui.ui.window import MainWindow
from tests.helpers.rows import tiny_base
from tests.helpers.runs import EPOCH_START, ended, finished_run, training_events, write_report, write_rows, write_run

SIZES = ((1280, 800), (1024, 700))
SCHEMES: tuple[Appearance, ...] = ("light", "dark")
_SETTLE_MS = 1500


@contextmanager
def _facets(page: Any) -> Iterator[None]:
    """The facets beside the table, and a row with marks in the detail pane."""
    page.bench.rows.show_facets(True)
    page.bench.asking.go_to_flagged()
    yield
    page.bench.rows.show_facets(False)


@contextmanager
def _find(page: Any) -> Iterator[None]:
    page.bench.open_find()
    page.bench.finder.what.setText("invoice")
    page.bench.finder.replacement.setText("bill")
    yield
    page.bench.finder.close_bar()


@contextmanager
def _import_sheet(page: Any) -> Iterator[None]:
    page.import_again()
    yield
    page.leave_sheet()


@contextmanager
def _show(name: str, page: Any) -> Iterator[None]:
    """One of the views beside the rows."""
    page.rows.show_view(name)
    yield
    page.rows.show_view(ROWS)


@contextmanager
def _measured(page: Any) -> Iterator[None]:
    """What a dry run found, with the cheaper settings that it tried."""
    ways = cheaper_ways(page.session.project, Abilities(cuda=False, bitsandbytes=False))
    figures = [Measured(peak * 1e9, speed, 300 / speed, 4e6, 2) for peak, speed in ((0.9, 250), (1.0, 420))]
    cheaper = [MeasuredWay(way, found) for way, found in zip(ways, figures, strict=False)]
    cheaper += [MeasuredWay(way, None, "It does not fit into memory.") for way in ways[2:3]]
    found = Measured(1.5e9, 310, 1.1, 6e6, 3, tuple(cheaper))
    page.bench.measured.show_facts(measured_facts(found))
    page.bench.measured.show()
    page.bench.cheaper.show_ways(found, enabled=True)
    _settle()
    page.findChild(QScrollArea).ensureWidgetVisible(page.bench.cheaper)
    yield
    page.bench.cheaper.show_ways(None, enabled=True)
    page.bench.measured.hide()


VIEWS: dict[Step, dict[str, Callable[[Any], AbstractContextManager[None]]]] = {
    Step.MODEL: {"measured": _measured},
    Step.DATA: {
        "facets": _facets,
        "history": partial(_show, HISTORY),
        "sheet": _import_sheet,
        "rejects": partial(_show, REJECTS),
    },
    Step.CLEAN: {"find": _find},
}


def empty_project(folder: Path) -> Path:
    """Only an objective."""
    objective = Objective(task=Task.CLASSIFICATION, metric=Metric.F1, target=0.9)
    ProjectFolder.create(folder, Project(name="Product tone of voice", objective=objective)).close()
    return folder


def normal_project(folder: Path) -> Path:
    """The tickets sample with a second file, cleaning, a split, a model, two runs and a report."""
    more = folder.with_name("more tickets.csv")
    more.write_text("text,topic\nThe printer is not found,bug\nWhere is my invoice?,billing,twice\n", encoding="utf-8")
    with create_sample("tickets", folder) as opened:
        record_import(opened, add_files(opened.dataset, [more]))
        with Dataset.open(opened.dataset) as dataset:
            dataset.mark([4], flag=True)
            dataset.set_note(4, "Ask Mia: is this a question about sales?")
            dataset.edit(3, "text", "Cannot log in after the update, it says the token expired")
            apply_recipe(dataset, safe_steps(find_problems(dataset, opened.project.format.roles)))
            dataset.remove([8, 9], "Removed by hand")
            make_split(opened, dataset)
        opened.save(opened.project.with_(model=tiny_base(), name="Support routing"))
        finished_run(opened, 1, best_loss=0.5)
        run = finished_run(opened, 2)
        write_report(run)
        write_rows(run)
    return folder


def broken_project(folder: Path) -> Path:
    """Rows that cannot be read, a model that is gone, and a run that failed."""
    with create_sample("tickets", folder) as opened:
        opened.save(opened.project.with_(model=tiny_base().model_copy(update={"folder": str(folder / "gone")})))
        problem = Problem(
            code="training.memory",
            what="The computer's memory is full.",
            why="One row with 4,096 tokens does not fit, even alone.",
            todo="Choose a smaller model, or cut the rows to fewer tokens.",
            details="RuntimeError: out of memory",
        )
        events = [*training_events(steps=40, total=240), ended("failed", time=EPOCH_START + 40, problem=problem)]
        write_run(opened, 1, events, inputs=input_fingerprints(opened.project, Facts()))
        for file in opened.dataset.rglob("*.arrow"):
            file.write_bytes(b"this is not Arrow data")
    return folder


def take_all(out: Path, steps: list[Step]) -> int:
    """Draw everything into `out`. Returns how many pictures there are."""
    _application()
    home = Path(tempfile.mkdtemp(prefix="fintune-pictures-"))
    os.environ["FINTUNE_HOME"] = str(home)
    projects = {
        "empty": empty_project(home / "empty"),
        "normal": normal_project(home / "normal"),
        "broken": broken_project(home / "broken"),
    }
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for state, folder in projects.items():
        window = MainWindow()
        window.show()
        window.open_project(folder)
        for step in steps:
            window.show_step(step)
            _settle()
            count += _take(window, out, f"{step.value}-{state}")
            for name, view in VIEWS.get(step, {}).items() if state == "normal" else ():
                with view(window.pages.page):
                    _settle()
                    count += _take(window, out, f"{step.value}-{state}-{name}")
        window.close()
        wait_for_background(5000)
        remember_project(folder)
    window = MainWindow()
    window.show()
    _settle()
    count += _take(window, out, "home")
    window.home.begin_new_project()
    _settle()
    count += _take(window, out, "home-new")
    window.close()
    wait_for_background(5000)
    return count


def take_project(out: Path, folder: Path) -> int:
    """Draw the pages of the project in `folder` and their views, once each. Returns how many pictures there are."""
    _application()
    out.mkdir(parents=True, exist_ok=True)
    theme().apply("light")
    window = MainWindow()
    window.resize(*SIZES[0])
    window.show()
    window.open_project(folder)
    for step in Step:
        window.show_step(step)
        _settle()
        _draw(window, out / f"{step.value}-light.png")
    for step, views in VIEWS.items():  # afterwards, as they leave the focus somewhere
        window.show_step(step)
        _settle()
        for name, view in views.items():
            with view(window.pages.page):
                _settle()
                _draw(window, out / f"{step.value}-{name}-light.png")
    window.close()
    wait_for_background(5000)
    return len(Step) + sum(map(len, VIEWS.values()))


def _application() -> QApplication:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    return app


def _draw(window: MainWindow, path: Path) -> None:
    QApplication.processEvents()
    for plot in window.findChildren(LivePlot):
        if plot.isVisible():
            plot.redraw()
    QApplication.processEvents()
    window.grab().save(str(path))


def _take(window: MainWindow, out: Path, name: str) -> int:
    """One picture for each size and scheme, first in the scheme in force: to change it takes the longest."""
    for scheme in sorted(SCHEMES, key=lambda scheme: scheme != theme().tokens.name):
        theme().apply(scheme)
        for width, height in SIZES:
            window.resize(width, height)
            _draw(window, out / f"{name}-{width}-{scheme}.png")
    return len(SIZES) * len(SCHEMES)


def _settle() -> None:
    """Let background work come back and everything be laid out."""
    loop, least, most = QEventLoop(), QDeadlineTimer(_SETTLE_MS), QDeadlineTimer(10 * _SETTLE_MS)
    while not least.hasExpired() or (QThreadPool.globalInstance().activeThreadCount() and not most.hasExpired()):
        loop.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 50)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    target, names = Path(sys.argv[1]), sys.argv[2:]
    if names[:1] == ["--project"]:
        taken = take_project(target, Path(names[1]))
    else:
        taken = take_all(target, [Step(name) for name in names] or list(Step))
    sys.stdout.write(f"{taken} pictures in {target}\n")
