"""The Data page when files vanish or break, and rows that leave for a file of the user's."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from fintune_gui.dataset.apply import record_import
from fintune_gui.dataset.health import back_up
from fintune_gui.dataset.importing import import_files
from fintune_gui.dataset.store import Dataset
from fintune_gui.project.document import Objective, Project, Task, metrics_for
from fintune_gui.project.store import ProjectFolder
from fintune_gui.ui.pages.data import DataPage
from tests.helpers.data_page import press, words
from tests.helpers.pages import open_session, shown_page

ROWS = "text,label\n" + "".join(f"ticket {n},{'billing' if n % 2 else 'bug'}\n" for n in range(20))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def folder(tmp_path: Path, source: Path) -> Path:
    """A project with rows, one change, a backup of it, and one more change; closed."""
    objective = Objective(task=Task.CLASSIFICATION, metric=metrics_for(Task.CLASSIFICATION)[0])
    with ProjectFolder.create(tmp_path / "project", Project(name="Tickets", objective=objective)) as opened:
        record_import(opened, import_files([source], opened.dataset))
        with Dataset.open(opened.dataset) as dataset:
            dataset.edit(0, "text", "first change")
        back_up(opened.dataset)
        with Dataset.open(opened.dataset) as dataset:
            dataset.edit(1, "text", "second change")
        # the backup is that of the first change, as after a crash
        return opened.folder


def opened_page(qtbot, session) -> DataPage:
    return shown_page(qtbot, session, DataPage)


def damage_log(folder: Path) -> None:
    log = folder / "dataset" / "edits.sqlite"
    for beside in log.parent.glob("edits.sqlite-*"):
        beside.unlink()
    log.write_bytes(b"this is not a database" * 400)


# Damage


def test_that_a_damaged_log_offers_its_backup_and_says_what_is_lost(qtbot, folder) -> None:
    damage_log(folder)
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)
        qtbot.waitUntil(lambda: any("Use the backup of" in text for text in buttons(page)), timeout=10_000)
        backup = next(text for text in buttons(page) if "Use the backup of" in text)
        press(qtbot, page, backup)

        qtbot.waitUntil(lambda: page.bench.isVisible() and page.bench.model.rowCount() == 20, timeout=10_000)
        assert session.dataset().row(0)["text"] == "first change"
        assert not page.unreadable.isVisible()


def test_that_a_damaged_log_can_be_left_for_the_import(qtbot, folder) -> None:
    damage_log(folder)
    (folder / "dataset" / "edits.backup.sqlite").unlink()
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)
        qtbot.waitUntil(lambda: "Start again from the import" in buttons(page), timeout=10_000)
        assert not any("backup" in text for text in buttons(page))
        press(qtbot, page, "Start again from the import")

        qtbot.waitUntil(lambda: page.bench.isVisible() and page.bench.model.rowCount() == 20, timeout=10_000)
        assert session.dataset().row(0)["text"] == "ticket 0"


def test_that_rows_which_changed_on_disk_are_said_above_the_table(qtbot, folder) -> None:
    base = folder / "dataset" / "base" / "g0.arrow"
    data = bytearray(base.read_bytes())
    at = data.index(b"ticket 7")
    data[at : at + 6] = b"TICKET"
    base.write_bytes(bytes(data))
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)

        qtbot.waitUntil(page._banner.isVisible, timeout=10_000)
        assert "The imported rows are not what they were." in page._banner.accessibleName()
        assert page.bench.isVisible(), "the rows can still be looked at"


def test_that_rows_which_cannot_be_opened_are_one_explanation_with_a_way_on(qtbot, folder, source) -> None:
    (folder / "dataset" / "base" / "g0.arrow").write_bytes(b"rubbish")
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)
        qtbot.waitUntil(page.unreadable.isVisible, timeout=10_000)
        assert not page.header.primary.isVisible()
        page.load(session)
        qtbot.wait(50)
        assert page.unreadable.isVisible(), "it stays while nothing has changed"

        press(qtbot, page, "Import again…")
        qtbot.waitUntil(lambda: page.incoming.usable)
        assert [file.path for file in page.incoming.files] == [str(source)]


# Files that vanish


def test_that_a_vanished_source_is_said_and_nothing_is_lost(qtbot, folder, source) -> None:
    source.unlink()
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)
        press(qtbot, page, "Files")
        qtbot.waitUntil(lambda: page.rows.sources.model.rowCount() == 1, timeout=10_000)

        qtbot.waitUntil(lambda: page.rows.sources.model.index(0, 5).data() == "Not there any more", timeout=10_000)
        assert "nothing here is lost" in words(page.rows.sources)
        qtbot.waitUntil(lambda: page.bench.model.rowCount() == 20, timeout=10_000)


def test_that_a_source_that_was_changed_since_is_said(qtbot, folder, source) -> None:
    source.write_text(ROWS + "one more,bug\n")
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)

        qtbot.waitUntil(lambda: page.rows.sources.model.index(0, 5).data() == "Changed since", timeout=10_000)


# Rows into a file


def test_that_matching_rows_are_exported_in_the_words_of_the_card(qtbot, folder, tmp_path, said, monkeypatch) -> None:
    target = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)
        qtbot.waitUntil(lambda: page.bench.model.rowCount() == 20, timeout=10_000)
        page.bench.filter.set_text("label = billing")
        qtbot.waitUntil(lambda: page.bench.model.rowCount() == 10, timeout=10_000)

        press(qtbot, page, "Export rows…")
        card = page.rows.export_card
        assert card.scope.currentText() == "10 matching rows"
        card.kind.set_value("csv")
        label = card.columns.list.item(1)
        label.setCheckState(Qt.CheckState.Unchecked)
        assert card.columns.text() == "1 of 2 columns"
        press(qtbot, page, "Choose where…")

        qtbot.waitUntil(lambda: not card.isVisible(), timeout=10_000)
        with target.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
        assert lines[:2] == [["text"], ["second change"]]
        assert len(lines) == 11
        assert said[-1].title == "The rows were exported."
        assert said[-1].text.startswith("10 rows, ")


def test_that_the_source_itself_is_never_overwritten_by_an_export(qtbot, folder, source, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(source), ""))
    with open_session(ProjectFolder.open(folder)) as session:
        page = opened_page(qtbot, session)
        qtbot.waitUntil(lambda: page.bench.model.rowCount() == 20, timeout=10_000)
        press(qtbot, page, "Export rows…")
        page.rows.export_card.kind.set_value("csv")
        press(qtbot, page, "Choose where…")

        qtbot.waitUntil(page.rows.export_card.error.isVisible, timeout=10_000)
        assert source.read_text() == ROWS


def buttons(page: DataPage) -> list[str]:
    from PySide6.QtWidgets import QPushButton

    return [button.text() for button in page.findChildren(QPushButton) if button.isVisible()]
