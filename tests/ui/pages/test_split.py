"""The Split page, used with mouse and keyboard on real rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from fintune_gui.dataset.splitting import current_split, leaks
from fintune_gui.project.document import Role, Task
from fintune_gui.project.flow import Step
from fintune_gui.project.store import read_project
from fintune_gui.ui.pages.split import SplitPage, label_lines
from tests.helpers.pages import opened_session, shown_page
from tests.helpers.rows import bring_rows, questions, tickets

LABELS = {Role.TEXT: "text", Role.LABEL: "label"}


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        yield session


@pytest.fixture
def page(qtbot, session) -> SplitPage:
    bring_rows(qtbot, session, tickets(60), LABELS)
    return shown_page(qtbot, session, SplitPage)


def saved(page: SplitPage):
    return read_project(page.session.folder.folder).split


def words(page: SplitPage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def press(qtbot, page: SplitPage) -> None:
    """Press the primary button, and wait until the result is shown."""
    qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._working is None and page.bars.isVisible())
    qtbot.waitUntil(lambda: page.header.primary.text() == "Continue to Model")


def set_number(qtbot, field, number: int) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, f"{number}\r")


def test_that_before_the_split_the_page_says_what_the_parts_are_for(page) -> None:
    assert page.header.primary.text() == "Split"
    assert "Not split yet." in words(page)
    assert "Locked until the end: only the verdict uses it." in words(page)


def test_that_one_press_divides_the_rows_and_tells_the_result(qtbot, page) -> None:
    press(qtbot, page)

    manifest = current_split(page.session.folder)
    assert manifest is not None
    assert manifest.counts == {"train": 42, "validation": 9, "test": 9}
    assert page.bars.words() == [
        "Training: 42 rows, 70.0 %",
        "Validation: 9 rows, 15.0 %",
        "Test: 9 rows, 15.0 %",
    ]
    assert page.badge.text() == "no leaks"
    assert "The test part is locked." in words(page)
    assert page.labels.text().splitlines()[1] == "billing\t20\t33.3 %\t33.3 %\t33.3 %"
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    assert went.args == [Step.MODEL]


def test_that_duplicates_are_told_to_be_together_and_empty_rows_to_be_left_out(qtbot, session) -> None:
    rows = [*tickets(30), *tickets(6), {"text": "no label", "label": "", "customer": "x"}]
    bring_rows(qtbot, session, rows, LABELS)
    page = shown_page(qtbot, session, SplitPage)
    press(qtbot, page)

    assert "No leaks: 6 duplicates were kept together with the rows that they repeat" in words(page)
    assert "1 row is left out, because a column that is needed is empty there." in words(page)
    manifest = current_split(session.folder)
    assert leaks(session.dataset(), session.folder, manifest) == 0


def test_that_a_typed_share_moves_the_others_and_is_on_disk(qtbot, page) -> None:
    set_number(qtbot, page.shares.fields[2], 20)

    assert saved(page).ratios == (0.65, 0.15, 0.20)
    assert [field.value() for field in page.shares.fields] == [65, 15, 20]


def test_that_changed_settings_make_the_split_stale_until_it_is_made_again(qtbot, page) -> None:
    press(qtbot, page)
    set_number(qtbot, page.shares.fields[0], 50)
    qtbot.waitUntil(lambda: page.header.primary.text() == "Split again")

    assert "This split is out of date. The split settings were changed since." in _banner(page)
    assert page.badge.text() == "out of date"
    press(qtbot, page)
    qtbot.waitUntil(lambda: page.bars.words()[0] == "Training: 30 rows, 50.0 %")
    assert page.badge.text() == "no leaks"


def _banner(page: SplitPage) -> str:
    return words(page).replace("<b>", "").replace("</b>", "")


def test_that_edited_rows_make_the_split_stale_too(qtbot, page) -> None:
    press(qtbot, page)

    page.session.dataset().edit(0, "text", "Something else")
    page.session.rows_were_changed()

    qtbot.waitUntil(lambda: page.header.primary.text() == "Split again")
    again = [b for b in page.findChildren(QPushButton) if b.text() == "Split again" and b.isVisible()]
    assert len(again) == 2, "one in the header, one in the banner"


def test_that_the_seed_is_stored_and_divides_in_another_way(qtbot, page) -> None:
    press(qtbot, page)
    before = current_split(page.session.folder)
    set_number(qtbot, page.seed, 7)
    assert saved(page).seed == 7
    qtbot.waitUntil(lambda: page.header.primary.text() == "Split again")
    press(qtbot, page)

    after = current_split(page.session.folder)
    assert after.id != before.id
    assert after.seed == 7


def test_that_rows_of_one_customer_stay_together_when_asked(qtbot, page) -> None:
    page.group.setFocus()
    qtbot.keyClicks(page.group, "customer")
    assert saved(page).group == "customer"
    press(qtbot, page)

    from fintune_gui.dataset.splitting import split_rows

    manifest = current_split(page.session.folder)
    customers = [
        {c for (c,) in page.session.dataset().cells(split_rows(page.session.folder, manifest, part), ["customer"])}
        for part in ("train", "validation", "test")
    ]
    assert not customers[0] & customers[1]
    assert not customers[0] & customers[2]
    assert not customers[1] & customers[2]


@pytest.mark.parametrize(
    ("data", "said", "step"),
    [
        ((tickets(2), LABELS), "Only 2 of 2 rows can be used.", Step.DATA),
        ((tickets(9, ("billing",)), LABELS), "has only one label: “billing”", Step.FORMAT),
        ((tickets(9), {Role.TEXT: "text"}), "No column is chosen as the label.", Step.FORMAT),
    ],
)
def test_that_rows_that_cannot_be_divided_are_told_with_the_way_to_mend_them(
    qtbot, session, data, said: str, step: Step
) -> None:
    bring_rows(qtbot, session, *data)
    page = shown_page(qtbot, session, SplitPage)
    qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page._working is None)
    qtbot.waitUntil(page.error.isVisible)

    assert said in words(page)
    assert current_split(session.folder) is None
    go = next(b for b in page.error.findChildren(QPushButton) if b.text() == f"Go to {step.display_name}")
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(go, Qt.MouseButton.LeftButton)
    assert went.args == [step]


def test_that_without_labels_there_is_no_table_of_shares(qtbot, tmp_path) -> None:
    with opened_session(tmp_path / "answers", Task.INSTRUCTION) as session:
        bring_rows(qtbot, session, questions(20), {Role.INSTRUCTION: "question", Role.ANSWER: "answer"})
        page = shown_page(qtbot, session, SplitPage)
        press(qtbot, page)

        assert not page.labels.isVisible()
        assert page.stratify.currentText() == "nothing"
        assert page.bars.words()[0] == "Training: 14 rows, 70.0 %"


def test_that_a_label_that_a_part_lacks_is_said_in_a_word() -> None:
    lines = label_lines({"train": {"a": 3, "b": 1}, "validation": {"a": 1}, "test": {"a": 1}})

    assert lines == [["a", "5", "75.0 %", "100.0 %", "100.0 %"], ["b", "1", "25.0 %", "none", "none"]]


def test_that_a_read_only_project_cannot_be_divided(qtbot, session, page) -> None:
    session.folder.read_only = "Another window has it open."
    page.load(session)

    assert not page.header.primary.isEnabled()
    assert page.header.primary.toolTip() == "Another window has it open."
    assert not page.seed.isEnabled()
