"""The Export page, with a child process that speaks the engine's protocol and writes a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from fintune_gui.jobs.process import JobProcess
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import ExportSpec, read_spec
from fintune_gui.ui.pages.export import ExportPage
from fintune_gui.ui.services.session import ProjectSession
from tests.helpers.pages import open_session, shown_page
from tests.helpers.runs import finished_run, new_project

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Documents"
    folder.mkdir()
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _location: str(folder))
    return folder


@pytest.fixture
def session(
    qapp, tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[ProjectSession]:
    program = [sys.executable, "-m", "tests.helpers.scripted_job"]
    monkeypatch.setattr(JobProcess, "start", partial(JobProcess.start, program=program))
    folder = new_project(tmp_path / "project")
    model = folder.project.model
    assert model is not None
    method = getattr(request, "param", Method.LORA)
    folder.save(folder.project.with_(model=model.model_copy(update={"method": method})))
    finished_run(folder, 1)
    with open_session(folder) as session:
        yield session


def export_page(qtbot, session: ProjectSession) -> ExportPage:
    page = shown_page(qtbot, session, ExportPage)
    qtbot.waitUntil(page.choice.isVisible, timeout=20_000)
    return page


def words(page: ExportPage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def write_folder(page: ExportPage, qtbot, folder: Path) -> None:
    page.choice.folder_edit.setFocus()
    page.choice.folder_edit.selectAll()
    qtbot.keyClicks(page.choice.folder_edit, str(folder))


def test_that_an_adapter_is_exported_checked_and_shown_with_its_code(qtbot, session, documents: Path) -> None:
    page = export_page(qtbot, session)
    target = documents / "Support-routing-run-1-adapter"
    assert page.choice.folder == str(target)
    assert "Names of the 6 labels" in words(page)

    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(page.exported.isVisible, timeout=30_000)

    assert (target / "README.md").exists()
    assert "Loaded in a fresh process with plain peft: the answers on 8 test rows are the same." in words(page)
    qtbot.mouseClick(page.exported.code.copy_button, LEFT)
    kind = "AutoModelForSequenceClassification"
    assert QGuiApplication.clipboard().text().splitlines() == [
        f"from peft import PeftModel; from transformers import {kind}, AutoTokenizer",
        f'model = PeftModel.from_pretrained({kind}.from_pretrained("Qwen/Qwen3-0.6B", num_labels=6), "{target}")',
        f'tokenizer = AutoTokenizer.from_pretrained("{target}")',
    ]
    qtbot.waitUntil(lambda: session.facts.runs[0].exported == (str(target),), timeout=20_000)
    assert page.choice.folder == str(documents / "Support-routing-run-1-adapter-2")
    assert page.header.primary.isEnabled()


def test_that_the_merged_model_is_one_click_away(qtbot, session, documents: Path) -> None:
    page = export_page(qtbot, session)
    qtbot.mouseClick(page.choice.what_cards.card("merged"), LEFT)
    assert page.header.primary.text() == "Export the model"
    assert page.choice.folder == str(documents / "Support-routing-run-1-merged")

    qtbot.mouseClick(page.header.primary, LEFT)
    qtbot.waitUntil(page.exported.isVisible, timeout=30_000)
    spec = read_spec(session.folder.run_folder(1) / "export-0001")
    assert isinstance(spec, ExportSpec)
    assert spec.what == "merged"
    assert "from transformers import AutoModelForSequenceClassification" in page.exported.code.code()


@pytest.mark.parametrize("session", [Method.FULL], indirect=True)
def test_that_a_fully_tuned_run_gives_only_the_whole_model(qtbot, session) -> None:
    page = export_page(qtbot, session)
    assert [card.choice.title for card in page.choice.what_cards._cards] == ["Whole model"]
    assert page.header.primary.text() == "Export the model"


def test_that_a_folder_with_other_files_is_refused_before_anything_is_written(qtbot, session, tmp_path: Path) -> None:
    page = export_page(qtbot, session)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine", encoding="utf-8")

    write_folder(page, qtbot, taken)
    assert "This folder already holds other files." in words(page)
    assert not page.header.primary.isEnabled()

    write_folder(page, qtbot, taken / "new")
    assert "already holds" not in words(page)
    assert page.header.primary.isEnabled()


def test_that_a_chosen_folder_with_other_files_gets_a_folder_inside(qtbot, session, documents: Path, tmp_path) -> None:
    page = export_page(qtbot, session)
    (documents / "letter.txt").write_text("mine", encoding="utf-8")

    page.choice.use_folder(documents)
    assert page.choice.folder == str(documents / "Support-routing-run-1-adapter")
    empty = tmp_path / "empty"
    empty.mkdir()
    page.choice.use_folder(empty)
    assert page.choice.folder == str(empty)
    page.load(session)
    assert page.choice.folder == str(empty)  # what the user chose is not proposed away


def test_that_a_folder_that_fills_up_meanwhile_is_told_as_a_problem(qtbot, session, documents: Path) -> None:
    page = export_page(qtbot, session)
    target = Path(page.choice.folder)
    target.mkdir()
    (target / "other.txt").write_text("came meanwhile", encoding="utf-8")

    qtbot.mouseClick(page.header.primary, LEFT)

    qtbot.waitUntil(page.job.failure.isVisible, timeout=20_000)
    assert "already holds other files." in words(page)
    assert (target / "other.txt").read_text(encoding="utf-8") == "came meanwhile"


def test_that_past_exports_can_be_looked_at_again(qtbot, session, documents: Path) -> None:
    page = export_page(qtbot, session)
    for _ in range(2):
        qtbot.mouseClick(page.header.primary, LEFT)
        done = page.exported.earlier.count()
        qtbot.waitUntil(lambda done=done: page.exported.earlier.count() > done, timeout=30_000)
        qtbot.waitUntil(page.header.primary.isVisible, timeout=20_000)

    assert page.exported._folder.text().endswith("adapter-2")
    page.exported.earlier.setFocus()
    qtbot.keyClick(page.exported.earlier, Qt.Key.Key_Down)
    page.exported.earlier.activated.emit(page.exported.earlier.currentIndex())
    assert page.exported._folder.text().endswith("run-1-adapter")
