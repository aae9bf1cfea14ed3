"""The Format page, used with mouse and keyboard on real rows and the tiny base's tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from fintune_gui.project.document import LearnFrom, Role, Task, Template
from fintune_gui.project.flow import Step
from fintune_gui.project.store import read_project
from fintune_gui.ui.pages.format import FormatPage
from tests.helpers.pages import opened_session, shown_page
from tests.helpers.rows import bring_rows, questions, tickets, tiny_base
from tests.helpers.tiny import choice, save_model

ANSWERS = {Role.INSTRUCTION: "question", Role.ANSWER: "answer"}
LABELS = {Role.TEXT: "text", Role.LABEL: "label"}


@pytest.fixture
def session(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project", Task.INSTRUCTION) as session:
        yield session


@pytest.fixture
def sorting(qapp, tmp_path: Path):
    with opened_session(tmp_path / "project") as session:
        yield session


def saved(page: FormatPage):
    return read_project(page.session.folder.folder).format


def words(page: FormatPage) -> str:
    return " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def button(page: FormatPage, text: str) -> QPushButton:
    return next(b for b in page.findChildren(QPushButton) if b.text() == text and b.isVisible())


def with_tokens(qtbot, session, rows=None, roles=ANSWERS) -> FormatPage:
    """The page with a model, after everything was looked up."""
    bring_rows(qtbot, session, rows or questions(12), roles)
    session.apply(session.project.with_(model=tiny_base()))
    page = shown_page(qtbot, session, FormatPage)
    settle(qtbot, page)
    return page


def settle(qtbot, page: FormatPage) -> None:
    def settled() -> bool:
        return not page._tokens.busy and not page._measuring.busy and not page._proposal.busy

    qtbot.waitUntil(settled)


def choose(qtbot, combo, place: int) -> None:
    """Choose an entry with the keyboard."""
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Space)
    qtbot.waitUntil(combo.view().isVisible)
    QTest.keyClick(combo.view(), Qt.Key.Key_Home)
    for _ in range(place):
        QTest.keyClick(combo.view(), Qt.Key.Key_Down)
    QTest.keyClick(combo.view(), Qt.Key.Key_Return)


def test_that_roles_are_set_before_a_model_is_chosen_and_tokens_say_what_they_need(qtbot, session) -> None:
    bring_rows(qtbot, session, questions(5), ANSWERS)
    page = shown_page(qtbot, session, FormatPage)

    assert "Tokens need a model." in words(page)
    choose(qtbot, page.roles.fields["note"], 2)
    assert saved(page).roles == {**ANSWERS, Role.INPUT: "note"}
    with qtbot.waitSignal(page.go_to) as went:
        qtbot.mouseClick(button(page, "Go to Model"), Qt.MouseButton.LeftButton)
    assert went.args == [Step.MODEL]


def test_that_a_role_moves_from_one_column_to_another(qtbot, session) -> None:
    bring_rows(qtbot, session, questions(5), ANSWERS)
    page = shown_page(qtbot, session, FormatPage)

    choose(qtbot, page.roles.fields["note"], 3)

    assert saved(page).roles == {Role.INSTRUCTION: "question", Role.ANSWER: "note"}
    assert page.roles.fields["answer"].currentText() == "Not used"


def test_that_keys_on_a_closed_choice_of_roles_open_it_and_take_nothing_from_other_columns(qtbot, session) -> None:
    bring_rows(qtbot, session, questions(5), ANSWERS)
    page = shown_page(qtbot, session, FormatPage)
    box = page.roles.fields["note"]
    box.setFocus()

    QTest.keyClick(box, Qt.Key.Key_Down)

    assert box.view().isVisible()
    assert saved(page).roles == ANSWERS
    QTest.keyClick(box.view(), Qt.Key.Key_Escape)


def test_that_without_roles_the_proposal_is_one_click_away(qtbot, session) -> None:
    bring_rows(qtbot, session, questions(5))
    page = shown_page(qtbot, session, FormatPage)
    settle(qtbot, page)

    assert "Choose the column with the instruction and answer." in words(page)
    assert not page.header.primary.isEnabled()
    qtbot.mouseClick(page.roles.use_proposal, Qt.MouseButton.LeftButton)

    assert saved(page).roles == ANSWERS
    assert "Proposed from the names and the first 1,000 rows." in words(page)
    assert page.header.primary.isEnabled()


def test_that_a_row_is_shown_token_by_token_and_only_its_answer_is_learned(qtbot, session) -> None:
    page = with_tokens(qtbot, session)

    spans = page.browser.tokens._spans
    assert "".join(text for text, *_ in spans) == (
        "<|im_start|>user\nIs boat 0 free?<|im_end|>\n<|im_start|>assistant\nYes, boat 0 is free.<|im_end|>\n"
    )
    assert "".join(text for text, kind, _ in spans if kind == "trained") == "Yes, boat 0 is free.<|im_end|>"
    counts = page.browser.tokens.counts()
    assert f"{len(spans)} tokens · {counts['trained']} are learned" in words(page)


def test_that_next_previous_and_the_number_lead_to_a_row(qtbot, session) -> None:
    page = with_tokens(qtbot, session)

    qtbot.mouseClick(page.browser.next, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "boat 1 " in page.browser.tokens.text())
    page.browser.field.setFocus()
    page.browser.field.selectAll()
    qtbot.keyClicks(page.browser.field, "12\r")
    qtbot.waitUntil(lambda: "boat 11 " in page.browser.tokens.text())
    assert not page.browser.next.isEnabled()
    qtbot.mouseClick(page.browser.previous, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "boat 10 " in page.browser.tokens.text())


def test_that_a_removed_row_is_not_shown(qtbot, session) -> None:
    page = with_tokens(qtbot, session)

    session.dataset().remove([0])
    session.rows_were_changed()

    qtbot.waitUntil(lambda: "boat 1 " in page.browser.tokens.text())
    qtbot.waitUntil(lambda: "11 rows" in words(page))


def test_that_template_prompt_and_what_is_learned_change_the_tokens_at_once(qtbot, session) -> None:
    page = with_tokens(qtbot, session)

    page.template.system_prompt.setFocus()
    qtbot.keyClicks(page.template.system_prompt, "Be short.")
    qtbot.keyClick(page.template.system_prompt, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: "Be short." in page.browser.tokens.text())
    assert saved(page).system_prompt == "Be short."
    choose(qtbot, page.template.template, 1)
    assert saved(page).template is Template.PLAIN
    qtbot.waitUntil(lambda: "im_start" not in page.browser.tokens.text())
    choose(qtbot, page.template.learn_from, 1)
    assert saved(page).learn_from is LearnFrom.ALL
    qtbot.waitUntil(lambda: page.browser.tokens.counts()["context"] == 0)


def test_that_every_promise_is_checked_on_the_rows_and_said_with_its_count(qtbot, session) -> None:
    page = with_tokens(qtbot, session)

    lines = {line.text: (line.figure, line.tone) for line in page.checks.lines()}
    assert lines == {
        "Every row has at least one token to learn": ("12", "good"),
        "The prompt is a prefix of prompt and answer, token by token": ("12", "good"),
        "One end mark after each answer": ("12", "good"),
        "Answers cut off at 512 tokens": ("0", "good"),
    }
    assert "12 rows · every row has something to learn · no answer is cut off" in words(page)
    assert page.lengths.sentence().startswith("Every row fits; the longest has")


def test_that_a_shorter_limit_tells_what_is_cut_and_leads_to_the_row(qtbot, session) -> None:
    rows = [*questions(6), {"question": "Tell me all.", "answer": "all of it " * 60, "note": ""}]
    page = with_tokens(qtbot, session, rows)

    page.lengths.field.setFocus()
    page.lengths.field.selectAll()
    qtbot.keyClicks(page.lengths.field, "64\r")
    assert saved(page).max_length == 64
    settle(qtbot, page)

    cut = page.checks.lines()[-1]
    assert (cut.text, cut.figure, cut.tone) == ("Answers cut off at 64 tokens", "1", "warn")
    assert page.lengths.sentence() == "One row is longer than 64 and loses the end."
    qtbot.waitUntil(lambda: any(b.text() == "Show" and b.isVisible() for b in page.checks.findChildren(QPushButton)))
    qtbot.mouseClick(button(page, "Show"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Tell me all." in page.browser.tokens.text())
    assert page.browser.field.value() == 7
    assert page.browser.tokens.counts()["cut"] > 0


def test_that_a_limit_beyond_the_model_is_said_and_mended_by_a_click(qtbot, session) -> None:
    page = with_tokens(qtbot, session)
    page._choose({"max_length": 5000})

    assert "This model reads at most 1,024 tokens" in words(page)
    qtbot.mouseClick(page.lengths.use_context, Qt.MouseButton.LeftButton)

    assert saved(page).max_length == 1024
    assert "reads at most" not in words(page)


def test_that_labels_are_counted_and_rare_ones_warned_of(qtbot, sorting) -> None:
    rows = [*tickets(40, ("billing", "bug")), {"text": "Odd one", "label": "Bug ", "customer": "c"}]
    page = with_tokens(qtbot, sorting, rows, LABELS)
    qtbot.waitUntil(page.labels.isVisible)
    qtbot.waitUntil(lambda: len(page.labels.table.text().splitlines()) > 1)  # it may be shown for no rows first

    assert page.labels.table.text().splitlines()[1:] == ["billing\t20", "bug\t20", "“Bug ”\t1"]
    assert "1 label has fewer than 10 rows: “Bug ”" in page.labels.warning()
    assert not page.template.isVisible()
    assert page.browser.label.text() == "label: billing"
    assert "the label is learned" in words(page)


def test_that_one_label_only_is_a_problem_in_words(qtbot, sorting) -> None:
    page = with_tokens(qtbot, sorting, tickets(6, ("billing",)), LABELS)

    qtbot.waitUntil(lambda: "has only one label" in words(page))
    qtbot.waitUntil(lambda: "There is only one label." in page.labels.warning())


def test_that_a_column_that_is_gone_is_said_beside_the_roles(qtbot, session) -> None:
    page = with_tokens(qtbot, session, roles={Role.INSTRUCTION: "question", Role.ANSWER: "reply"})

    assert "The column “reply” is not in the data any more." in words(page)
    choose(qtbot, page.roles.fields["answer"], 3)
    assert saved(page).roles == ANSWERS
    qtbot.waitUntil(lambda: "boat 0 " in page.browser.tokens.text())


def test_that_a_row_that_cannot_be_encoded_says_why_and_the_others_stay_in_reach(qtbot, tmp_path) -> None:
    with opened_session(tmp_path / "project", Task.CHAT) as session:
        rows = [{"chat": "no conversation"}, {"chat": '[{"role":"user","content":"Hi"},'
                '{"role":"assistant","content":"Hello"}]'}]  # fmt: skip
        page = with_tokens(qtbot, session, rows, {Role.MESSAGES: "chat"})

        assert "A row holds no conversation that can be used." in words(page)
        qtbot.mouseClick(page.browser.next, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "Hello" in page.browser.tokens.text())
        assert page.checks.lines()[0].tone == "bad"


def test_that_a_model_that_is_gone_is_told(qtbot, session, tmp_path) -> None:
    bring_rows(qtbot, session, questions(5), ANSWERS)
    session.apply(session.project.with_(model=tiny_base().model_copy(update={"folder": str(tmp_path / "gone")})))
    page = shown_page(qtbot, session, FormatPage)
    settle(qtbot, page)

    assert "is missing. Bring the folder back, or choose the model again." in words(page)


def test_that_a_read_only_project_shows_everything_and_changes_nothing(qtbot, session) -> None:
    page = with_tokens(qtbot, session)
    session.folder.read_only = "Another window has it open."
    page.load(session)

    assert not page.roles.fields["note"].isEnabled()
    assert not page.lengths.field.isEnabled()
    assert page.template.system_prompt.isReadOnly()
    assert "boat 0 " in page.browser.tokens.text()


def test_that_every_control_has_a_name_for_screen_readers(qtbot, session) -> None:
    page = with_tokens(qtbot, session)

    controls = [page.lengths.field, page.browser.field, page.template.template, page.template.learn_from,
                page.template.system_prompt, page.browser.next, page.browser.previous,
                *page.roles.fields.values()]  # fmt: skip
    assert all(control.accessibleName() for control in controls)


def tagged(count: int) -> list[dict[str, str]]:
    """Rows in which a tag and a name occur again and again."""
    return [
        {"question": f"<ticket>{n} my Zendomat is stuck", "answer": f"Close <ticket>{n} please", "note": ""}
        for n in range(count)
    ]


def tokens_known(qtbot, page: FormatPage) -> None:
    settle(qtbot, page)
    qtbot.waitUntil(lambda: not page._uses.busy)


def test_that_a_suggested_token_is_added_with_a_click_and_marked_in_the_row(qtbot, session) -> None:
    page = with_tokens(qtbot, session, tagged(12))
    tokens_known(qtbot, page)
    offer = next(b for b in page.tokens_card.suggestions if b.text().startswith("<ticket>"))
    before = page.browser.tokens.counts()

    offer.click()
    tokens_known(qtbot, page)

    assert saved(page).added_tokens == ("<ticket>",)
    assert page.tokens_card.field.toPlainText() == "<ticket>"
    assert not any(b.text().startswith("<ticket>") for b in page.tokens_card.suggestions)
    assert "“<ticket>” stands 24 times and saves" in words(page)
    assert sum(page.browser.tokens.counts().values()) < sum(before.values())
    assert "added" in page.browser.tokens._legend.toPlainText()


def test_that_tokens_are_typed_one_a_line_and_wrong_ones_are_told(qtbot, session) -> None:
    page = with_tokens(qtbot, session, tagged(12))

    page.tokens_card.field.setPlainText("<ticket>\n" + "x" * 80)
    page.tokens_card.field.commit()
    assert "at most 64 characters" in words(page)
    assert saved(page).added_tokens == ()

    page.tokens_card.field.setPlainText(" <ticket> \n\nnowhere to be found\n<ticket>")
    page.tokens_card.field.commit()
    tokens_known(qtbot, page)
    assert saved(page).added_tokens == ("<ticket>", "nowhere to be found")
    assert "at most 64 characters" not in words(page)
    assert "“nowhere to be found” stands nowhere: nothing can be learned for it." in words(page)


def test_that_a_model_of_two_halves_is_asked_for_a_prefix_and_not_for_a_template(
    qtbot, session, tmp_path: Path
) -> None:
    model = choice(save_model(tmp_path / "t5", "t5"))
    bring_rows(qtbot, session, questions(6), ANSWERS)
    session.apply(session.project.with_(model=model))
    page = shown_page(qtbot, session, FormatPage)
    settle(qtbot, page)

    assert page.template.title.text() == "Prompt"
    assert page.template.system_prompt.accessibleName() == "Prefix"
    assert "chat template" not in words(page)
    assert "reads the prompt apart and writes the answer" in words(page)
    assert not page.template.template.isVisible()
    assert not page.template.learn_from.isVisible()

    page.template.system_prompt.setPlainText("summarize:")
    page.template.system_prompt.commit()
    settle(qtbot, page)
    assert saved(page).system_prompt == "summarize:"
    assert "summarize: " in page.browser.tokens.text()

    # what means nothing for it is shown where it is set, so that it can be mended
    session.apply(session.project.with_(format=session.project.format.model_copy(update={"learn_from": LearnFrom.ALL})))
    assert page.template.learn_from.isVisible()
