"""The Model page, used with mouse and keyboard; models are prepared and measured by real child processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from fintune_gui.dataset.runs import create_fit
from fintune_gui.dataset.splitting import make_split
from fintune_gui.project import combinations, hub_token
from fintune_gui.project.combinations import Abilities
from fintune_gui.project.computer import Computer
from fintune_gui.project.document import Role, Task
from fintune_gui.project.events import Ended
from fintune_gui.project.flow import Step
from fintune_gui.project.memory import GIGABYTE
from fintune_gui.project.paths import resource
from fintune_gui.project.recent import remember_project
from fintune_gui.project.settings import Method
from fintune_gui.project.spec import EVENTS_FILE, FitSpec, read_spec, write_spec
from fintune_gui.project.store import ProjectFolder, read_project
from fintune_gui.ui.pages import model as model_page
from fintune_gui.ui.pages.model import ModelPage
from fintune_gui.ui.services import memory_bench
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.memory_view import fitting
from fintune_gui.ui.widgets.model_sources import FOLDER, HUB, SMOLLM2, TINY_BASE
from tests.helpers.hub import stand_in_hub
from tests.helpers.pages import opened_session, shown_page
from tests.helpers.rows import bring_rows, tickets, tiny_base

CHILD_MS = 60_000
LABELS = {Role.TEXT: "text", Role.LABEL: "label"}


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        yield session


@pytest.fixture
def computer(monkeypatch):
    """Say what computer this is; without it, it is the one that the test runs on."""

    def say(memory_gb: float, *, has_cuda: bool = False) -> None:
        found = Computer("NVIDIA RTX 6000" if has_cuda else "this computer", int(memory_gb * GIGABYTE), has_cuda)
        monkeypatch.setattr(memory_bench, "this_computer", lambda: found)

    return say


def chosen(page: ModelPage):
    return read_project(page.session.folder.folder).model


def words(page: ModelPage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def with_model(qtbot, session, **changes: object) -> ModelPage:
    session.apply(session.project.with_(model=tiny_base().model_copy(update=changes)))
    page = shown_page(qtbot, session, ModelPage)
    qtbot.waitUntil(page.bench.view.isVisible)
    return page


def prepared(qtbot, page: ModelPage) -> None:
    qtbot.waitUntil(lambda: not page.preparing.busy, timeout=CHILD_MS)
    qtbot.waitUntil(lambda: not page.session.jobs.running, timeout=CHILD_MS)


def test_that_without_a_model_the_page_offers_four_places_and_no_facts(qtbot, session) -> None:
    page = shown_page(qtbot, session, ModelPage)

    for title in ("Tiny base", "SmolLM2-135M-Instruct", "A model on this computer", "A model from the hub"):
        assert title in words(page)
    assert "works offline" in words(page)
    assert "fluent and often wrong" in words(page)
    assert not page.facts.isVisible()
    assert not page.header.primary.isVisible()
    assert not page.sources.buttons[HUB].isEnabled(), "there is no name yet"


def test_that_the_tiny_base_is_prepared_by_a_child_and_then_in_use(qtbot, session) -> None:
    page = shown_page(qtbot, session, ModelPage)

    qtbot.mouseClick(page.sources.buttons[TINY_BASE], Qt.MouseButton.LeftButton)
    assert page.preparing.progress.isVisible()
    assert not page.sources.isEnabled()
    prepared(qtbot, page)

    model = chosen(page)
    assert model is not None
    assert model.name == TINY_BASE
    assert model.method is Method.LORA
    assert page.facts.value("Longest text") == "1,024 tokens"
    assert page.facts.value("Chat template") == "yes, its own"
    assert page.sources.cards[TINY_BASE].accessibleDescription() == "in use"
    assert not page.preparing.progress.isVisible()
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    assert went.args == [Step.TRAIN]


def test_that_a_folder_is_chosen_in_a_dialog_and_the_method_is_kept(qtbot, session, tmp_path) -> None:
    folder = tmp_path / "my-model"
    shutil.copytree(resource("models", "tiny-base"), folder)
    page = with_model(qtbot, session, method=Method.FULL)

    qtbot.mouseClick(page.sources.buttons[FOLDER], Qt.MouseButton.LeftButton)
    dialog = page.findChild(QFileDialog)
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile(str(folder))
    dialog.accept()
    prepared(qtbot, page)

    model = chosen(page)
    assert (model.name, model.folder, model.method) == (str(folder), str(folder), Method.FULL)
    assert page.sources.cards[FOLDER].accessibleDescription() == "in use"
    assert "my-model · full" in words(page)


def _folder(tmp_path: Path, name: str, *files: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(resource("models", "tiny-base") / file, folder)
    for file in files:
        (folder / file).write_bytes(b"\x80\x04N.")
    return folder


@pytest.mark.parametrize(
    ("files", "sentences"),
    [
        ((), ("has no weights", "Choose the complete folder")),
        (("pytorch_model.bin",), ("has only pickled weights", "Choose a model with safetensors weights")),
    ],
)
def test_that_a_folder_that_cannot_be_used_is_told_in_three_sentences(
    qtbot, session, tmp_path, files: tuple[str, ...], sentences: tuple[str, ...]
) -> None:
    page = with_model(qtbot, session)
    page.prepare(str(_folder(tmp_path, "broken", *files)))
    prepared(qtbot, page)

    assert page.preparing.failure.isVisible()
    assert all(sentence in words(page) for sentence in sentences)
    assert chosen(page).name == TINY_BASE, "the model before stays"


def test_that_a_model_that_wants_to_run_code_is_refused(qtbot, session, tmp_path) -> None:
    folder = _folder(tmp_path, "code")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))
    page = shown_page(qtbot, session, ModelPage)
    page.prepare(str(folder))
    prepared(qtbot, page)

    assert "Fintune never runs such code." in words(page)


def test_that_without_a_network_a_hub_name_says_so_and_can_be_tried_again(qtbot, session, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    page = shown_page(qtbot, session, ModelPage)

    page.sources.hub_name.setFocus()
    qtbot.keyClicks(page.sources.hub_name, "someone/some-model\r")
    prepared(qtbot, page)

    assert "The model someone/some-model cannot be fetched." in words(page)
    assert "Connect to the internet" in words(page)
    again = next(b for b in page.preparing.failure.findChildren(QPushButton) if b.text() == "Try again")
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    assert page.preparing.busy
    prepared(qtbot, page)
    assert page.preparing.failure.isVisible()


def test_that_preparing_can_be_cancelled_and_leaves_everything_as_it_was(qtbot, session) -> None:
    page = with_model(qtbot, session)

    page.prepare("someone/some-model")
    cancel = next(b for b in page.preparing.progress.findChildren(QPushButton) if b.text() == "Cancel")
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    prepared(qtbot, page)

    assert chosen(page) == tiny_base()
    assert not page.preparing.progress.isVisible()
    assert not page.preparing.failure.isVisible()


def test_that_a_model_of_another_project_is_one_click_away(qtbot, session, tmp_path) -> None:
    other = tmp_path / "other-model"
    shutil.copytree(resource("models", "tiny-base"), other)
    document = session.project.with_(model=tiny_base().model_copy(update={"name": str(other)}))
    ProjectFolder.create(tmp_path / "other", document).close()
    remember_project(tmp_path / "other")
    page = shown_page(qtbot, session, ModelPage)
    qtbot.waitUntil(lambda: bool(page.sources.recent_buttons()))

    assert [b.text() for b in page.sources.recent_buttons()] == ["other-model"]
    qtbot.waitUntil(page.sources.recent_buttons()[0].isVisible)
    qtbot.mouseClick(page.sources.recent_buttons()[0], Qt.MouseButton.LeftButton)
    prepared(qtbot, page)
    assert chosen(page).name == str(other)


def test_that_the_method_is_stored_and_changes_the_estimate(qtbot, session, computer) -> None:
    computer(16)
    page = with_model(qtbot, session)
    assert page.bench.view.parts()["Adapter"] == "1 MB"

    qtbot.mouseClick(page.methods.card(Method.FULL), Qt.MouseButton.LeftButton)

    assert chosen(page).method is Method.FULL
    assert "Adapter" not in page.bench.view.parts()
    assert page.bench.view.parts()["Optimizer"] == "20 MB"
    assert "of this computer’s 16 GB" in page.bench.view.sentence()
    assert page.bench.badge.text() == "fits"


def test_that_each_method_says_what_it_would_need_and_whether_it_fits(qtbot, session, computer) -> None:
    computer(0.7)
    page = with_model(qtbot, session)

    told = {method: page.methods.card(method).accessibleDescription() for method in Method}
    assert told[Method.LORA].endswith("About 0.6 GB: tight.")
    assert told[Method.FULL].endswith("About 0.7 GB: tight.")


@pytest.mark.parametrize("installed", [False, True])
def test_that_qlora_is_open_only_where_its_library_is(qtbot, session, monkeypatch, installed: bool) -> None:
    monkeypatch.setattr(combinations.sys, "platform", "linux")
    monkeypatch.setattr(model_page, "find_abilities", lambda: Abilities(cuda=False, bitsandbytes=installed))
    page = with_model(qtbot, session)

    qtbot.mouseClick(page.methods.card(Method.QLORA), Qt.MouseButton.LeftButton)

    assert chosen(page).method is (Method.QLORA if installed else Method.LORA)
    told = page.methods.card(Method.QLORA).accessibleDescription()
    assert ("it needs the library bitsandbytes" in told) is not installed


def test_that_a_model_that_reads_and_then_writes_is_not_offered_qlora(qtbot, session) -> None:
    page = with_model(qtbot, session, seq2seq=True)

    card = page.methods.card(Method.QLORA)
    assert not card.isEnabled()
    assert card.accessibleDescription().startswith("Not with this model")


def test_that_on_a_graphics_card_its_memory_counts(qtbot, session, computer) -> None:
    computer(48, has_cuda=True)
    page = with_model(qtbot, session)

    assert "of NVIDIA RTX 6000’s 48 GB" in page.bench.view.sentence()


@pytest.mark.parametrize(("needed", "word"), [(5.0, "fits"), (7.5, "tight"), (11.0, "too large")])
def test_that_a_sum_is_judged_against_what_there_is(needed: float, word: str) -> None:
    assert fitting(needed * GIGABYTE, 10 * GIGABYTE)[0] == word


def test_that_measuring_says_what_it_still_needs(qtbot, session) -> None:
    page = with_model(qtbot, session)
    assert "Measuring needs your rows: finish Data first." in words(page)

    bring_rows(qtbot, session, tickets(30), LABELS)

    qtbot.waitUntil(lambda: "finish Split first" in words(page))
    assert not page.bench.measure_button.isEnabled()


@pytest.mark.slow
def test_that_measuring_shows_real_figures_and_they_are_still_there_later(qtbot, session) -> None:
    bring_rows(qtbot, session, tickets(60), LABELS)
    make_split(session.folder, session.dataset())
    session.refresh_facts()
    page = with_model(qtbot, session)
    qtbot.waitUntil(page.bench.measure_button.isEnabled)
    page.bench.with_cheaper.setChecked(False)

    qtbot.mouseClick(page.bench.measure_button, Qt.MouseButton.LeftButton)
    assert page.bench.measuring.progress.isVisible()
    qtbot.waitUntil(lambda: not page.bench.measuring.busy, timeout=120_000)
    qtbot.waitUntil(lambda: not session.jobs.running)

    assert page.bench.measured.value("Peak memory").endswith("measured in 3 steps")
    assert "tokens a second" in page.bench.measured.value("Speed")
    later = shown_page(qtbot, session, ModelPage)
    assert later.bench.measured.value("Peak memory") == page.bench.measured.value("Peak memory")
    session.apply(session.project.with_(training=session.project.training.model_copy(update={"batch_size": 2})))
    assert not page.bench.measured.isVisible(), "other settings need another measurement"


def _measured_dry_run(qtbot, session: ProjectSession) -> Path:
    """A dry run with two cheaper ways, as it lies in the project when it is over."""
    bring_rows(qtbot, session, tickets(60), LABELS)
    make_split(session.folder, session.dataset())
    session.apply(session.project.with_(model=tiny_base()))
    session.refresh_facts()
    folder = create_fit(session.folder, session.dataset(), cheaper=True)
    spec = read_spec(folder)
    figures = {"peak_memory_bytes": 2e9, "tokens_per_second": 100.0, "hours": 1.0, "checkpoint_bytes": 5e6, "steps": 3}
    saved = {**figures, "peak_memory_bytes": 1e9, "tokens_per_second": 80.0}
    ways = {trial.way.name: trial.way.model_dump(mode="json") for trial in spec.cheaper}
    cheaper = [{"way": ways["checkpointing"], **saved}, {"way": ways["attention"], "problem": "It does not fit."}]
    ended = Ended(outcome="completed", result={**figures, "cheaper": cheaper})
    (folder / EVENTS_FILE).write_text(ended.model_dump_json() + "\n", encoding="utf-8")
    return folder


def test_that_a_cheaper_setting_tells_its_effect_and_is_taken_with_a_click_and_undone(qtbot, session) -> None:
    _measured_dry_run(qtbot, session)
    page = shown_page(qtbot, session, ModelPage)
    qtbot.waitUntil(page.bench.cheaper.isVisible)

    checkpointing, attention = page.bench.cheaper.rows
    assert checkpointing.effect.text() == "0.9 GB instead of 1.9 GB, 20 % slower"
    assert attention.effect.text() == "It does not fit."
    assert not attention.button.isEnabled()
    qtbot.mouseClick(checkpointing.button, Qt.MouseButton.LeftButton)

    assert read_project(session.folder.folder).training.gradient_checkpointing
    assert not page.bench.cheaper.isVisible(), "what was measured was measured with other settings"
    session.undo()
    assert not read_project(session.folder.folder).training.gradient_checkpointing
    assert page.bench.cheaper.isVisible()


def test_that_a_cheaper_setting_that_was_taken_brings_its_own_measurement(qtbot, session) -> None:
    folder = _measured_dry_run(qtbot, session)
    trial = next(trial for trial in read_spec(folder).cheaper if trial.way.name == "checkpointing")
    write_spec(folder / "trial-1", FitSpec(train=trial.train))
    figures = {"peak_memory_bytes": 1e9, "tokens_per_second": 80.0, "hours": 1.2, "checkpoint_bytes": 5e6, "steps": 2}
    ended = Ended(outcome="completed", result=figures)
    (folder / "trial-1" / EVENTS_FILE).write_text(ended.model_dump_json() + "\n", encoding="utf-8")
    page = shown_page(qtbot, session, ModelPage)
    qtbot.waitUntil(page.bench.cheaper.isVisible)

    qtbot.mouseClick(page.bench.cheaper.rows[0].button, Qt.MouseButton.LeftButton)

    assert page.bench.measured.value("Peak memory") == "0.9 GB, measured in 2 steps"


def test_that_settings_that_do_not_fit_are_called_too_large_beside_those_that_do(qtbot, session, computer) -> None:
    computer(16)
    folder = _measured_dry_run(qtbot, session)
    told = json.loads((folder / EVENTS_FILE).read_text(encoding="utf-8"))["result"]["cheaper"]
    ended = Ended(outcome="completed", result={"cheaper": told})
    (folder / EVENTS_FILE).write_text(ended.model_dump_json() + "\n", encoding="utf-8")
    page = shown_page(qtbot, session, ModelPage)
    qtbot.waitUntil(page.bench.cheaper.isVisible)

    qtbot.waitUntil(lambda: page.bench.badge.text() == "too large")
    assert page.bench.measured.value("Measured") == "does not fit into memory with these settings"
    assert page.bench.cheaper.rows[0].effect.text() == "0.9 GB: fits; 80 tokens a second"


def test_that_a_read_only_project_shows_its_model_and_changes_nothing(qtbot, session) -> None:
    page = with_model(qtbot, session)
    session.folder.read_only = "Another window has it open."
    page.load(session)

    qtbot.mouseClick(page.methods.card(Method.FULL), Qt.MouseButton.LeftButton)

    assert chosen(page).method is Method.LORA
    assert not page.sources.isEnabled()
    assert not page.bench.measure_button.isEnabled()


def test_that_every_button_says_to_a_screen_reader_what_it_is_for(qtbot, session) -> None:
    page = shown_page(qtbot, session, ModelPage)

    names = {key: button.accessibleName() for key, button in page.sources.buttons.items()}
    assert names[SMOLLM2] == "Fetch and use: SmolLM2-135M-Instruct"
    assert len(set(names.values())) == 4
    assert page.sources.hub_name.accessibleName()


def catalogue_names(page: ModelPage) -> list[str]:
    return [row.model.name for row in page.catalogue.shown_rows()]


def test_that_the_catalogue_offers_what_suits_the_task_with_a_badge(qtbot, tmp_path, computer) -> None:
    computer(16)
    with opened_session(tmp_path / "chat", Task.CHAT) as session:
        page = shown_page(qtbot, session, ModelPage)
        qtbot.waitUntil(lambda: bool(page.catalogue.rows[-1].badge.text()))

        assert catalogue_names(page)[0] == "SmolLM2 135M Instruct"
        assert "DistilBERT" not in catalogue_names(page)
        qtbot.mouseClick(page.catalogue.more, Qt.MouseButton.LeftButton)
        badges = {row.model.name: row.badge.text() for row in page.catalogue.shown_rows()}
        assert badges["Qwen3 14B"] == "too large"
        assert badges["SmolLM2 135M Instruct"] in ("fits", "tight"), "as much as other programs leave"
        page.catalogue.only_suited.click()
        assert "DistilBERT" in catalogue_names(page)


def test_that_the_catalogue_is_searched_while_typing(qtbot, session) -> None:
    page = shown_page(qtbot, session, ModelPage)

    qtbot.keyClicks(page.catalogue.search, "thai")
    assert set(catalogue_names(page)) == {
        "Llama 3.2 1B Instruct",
        "Llama 3.2 3B Instruct",
        "Llama 3.1 8B Instruct",
    }
    page.catalogue.search.clear()
    qtbot.keyClicks(page.catalogue.search, "klingon")
    assert catalogue_names(page) == []
    assert page.catalogue.none_found.isVisible()


def test_that_the_parts_of_an_estimate_are_there_for_mouse_keyboard_and_screen_reader(qtbot, session, computer) -> None:
    computer(16)
    page = shown_page(qtbot, session, ModelPage)
    row = page.catalogue.rows[0]
    qtbot.waitUntil(lambda: bool(row.toolTip()))

    assert "Optimizer" in row.toolTip()
    assert row.accessibleDescription() == row.toolTip()
    assert row.badge.text() in row.accessibleName()
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Down)
    assert page.catalogue.rows[1].hasFocus()


def test_that_enter_on_a_model_of_the_catalogue_fetches_it(qtbot, session, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    page = shown_page(qtbot, session, ModelPage)
    row = page.catalogue.shown_rows()[0]

    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Return)
    assert page.preparing.busy
    assert not page.catalogue.isEnabled()
    prepared(qtbot, page)

    assert f"The model {row.model.id} cannot be fetched." in words(page)
    assert page.catalogue.isEnabled()


def test_that_a_gated_model_says_how_to_get_access_and_takes_a_token(qtbot, session, monkeypatch, tmp_path) -> None:
    base = resource("models", "tiny-base")
    monkeypatch.setattr(hub_token, "_in_memory", {})
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    opened: list[str] = []
    monkeypatch.setattr(model_page.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    page = shown_page(qtbot, session, ModelPage)
    files = {path.name: path.read_bytes() for path in base.iterdir() if path.is_file()}
    with stand_in_hub("someone/closed", files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.token = "hf_abcdefghijklmnop"
        page.prepare("someone/closed")
        prepared(qtbot, page)
        assert page.access.isVisible()
        qtbot.mouseClick(page.access.open_model, Qt.MouseButton.LeftButton)
        assert opened == ["https://huggingface.co/someone/closed"]

        qtbot.keyClicks(page.access.token, "no\r")
        qtbot.waitUntil(lambda: "This is not an access token." in words(page))
        qtbot.keyClicks(page.access.token, hub.token)
        qtbot.mouseClick(page.access.keep, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: page.preparing.busy)
        assert not page.access.token.text()
        prepared(qtbot, page)

    assert chosen(page).name == "someone/closed"
    assert not page.access.isVisible()
    assert not [path for path in tmp_path.rglob("*.json*") if hub.token in path.read_text(errors="replace")]


def test_that_the_hub_is_searched_for_what_the_catalogue_lacks(qtbot, session, monkeypatch) -> None:
    page = shown_page(qtbot, session, ModelPage)
    results = page.catalogue.hub
    assert not results.isVisible()
    with stand_in_hub("x/y", {}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.found = [{"id": "one/klingon", "downloads": 1200, "safetensors": {"total": 7_000_000_000}, "gated": "auto"}]
        qtbot.keyClicks(page.catalogue.search, "klingon")
        qtbot.mouseClick(results.search, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bool(results.buttons))

    assert hub.searches == ["klingon"]
    assert "needs access · 7.0 billion parameters · fetched 1.2 thousand times last month" in words(page)
    with qtbot.waitSignal(page.catalogue.wanted) as wanted:
        page.catalogue.wanted.disconnect(page.prepare)
        qtbot.mouseClick(results.buttons[0], Qt.MouseButton.LeftButton)
    assert wanted.args == ["one/klingon"]
    qtbot.keyClicks(page.catalogue.search, "s")
    assert results.buttons == [], "they were found for other words"


def test_that_a_search_without_a_network_says_so_where_it_was_asked(qtbot, session, monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    page = shown_page(qtbot, session, ModelPage)

    qtbot.keyClicks(page.catalogue.search, "klingon")
    qtbot.mouseClick(page.catalogue.hub.search, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: "The hub cannot be searched." in words(page))
    assert page.catalogue.hub.search.isEnabled()


def test_that_what_a_tight_model_takes_is_said_beside_its_memory(qtbot, session, computer) -> None:
    computer(0.62)
    page = with_model(qtbot, session)
    qtbot.mouseClick(page.methods.card(Method.FULL), Qt.MouseButton.LeftButton)

    assert page.bench.badge.text() == "tight"
    assert "Only with gradient checkpointing: slower, with the same result." in words(page)
    assert "of this computer’s 0.6 GB" in page.bench.view.sentence()
