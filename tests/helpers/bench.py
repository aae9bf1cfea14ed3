"""A bench over real rows on screen, and waiting for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.importing import import_files
from fintune_gui.project.flow import Step
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.row_bench import RowBench
from fintune_gui.ui.services.session import ProjectSession


class BenchPage(Page):
    """Nothing but a bench, as a page uses it."""

    step = Step.CLEAN
    title = "Rows"
    scrolls = False

    def build(self) -> None:
        self.bench = RowBench(self.session)
        self.bench.add_undo_buttons(self.header)
        self.body.addWidget(self.bench, 1)

    def load(self, session: ProjectSession) -> None:
        self.bench.load()

    def page_hidden(self) -> None:
        self.bench.leave()


def bring_rows(session: ProjectSession, file: Path, text: str) -> None:
    """Import `text`, the content of a file."""
    file.write_text(text, encoding="utf-8")
    record_import(session.folder, import_files([file], session.folder.dataset))


def idle(qtbot: Any, bench: RowBench) -> None:
    """Until nothing is at work and the bench shows the rows as they are."""

    def settled() -> bool:
        dataset = bench.session.dataset()
        assert dataset is not None
        return not bench.work.busy and bench.view._query is None and bench._shown_as == dataset.revision

    qtbot.waitUntil(settled)


def go(bench: RowBench, place: int, column: str) -> None:
    """Put the cursor on a cell, with the focus in the table."""
    bench.table.setFocus()
    bench.table.go_to(place, column)
