"""A log that may flood, and a row as the model sees it."""

from __future__ import annotations

import time
from typing import NamedTuple

from PySide6.QtTest import QTest

from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.log_view import LogView
from fintune_gui.ui.widgets.token_view import TokenView


class Token(NamedTuple):
    text: str
    kind: str
    added: bool = False


ROW = [
    Token("<|user|>", "special"), Token("\n", "special"), Token("Where is", "context"), Token(" it?", "context"),
    Token("Here", "trained"), Token("<|end|>", "trained"), Token(" and more", "cut"),
]  # fmt: skip


def test_that_a_flood_of_lines_is_bounded_and_quick(qtbot) -> None:
    log = LogView()
    qtbot.addWidget(log)
    log.show()
    began = time.process_time()
    for number in range(50_000):
        log.add(f"line {number}")
    assert time.process_time() - began < 2
    qtbot.waitUntil(lambda: "line 49999" in log.toPlainText())
    assert log.blockCount() <= 2000


def test_that_warnings_and_errors_say_so_in_words(qtbot) -> None:
    log = LogView()
    qtbot.addWidget(log)
    log.add("low on memory", "warn")
    log.add("gone", "bad")
    log.flush()
    assert log.toPlainText() == "Warning: low on memory\nError: gone"


def test_that_the_view_stays_where_the_user_reads(qtbot) -> None:
    log = LogView()
    qtbot.addWidget(log)
    log.resize(300, 100)
    log.show()
    log.set_lines([f"line {n}" for n in range(500)])
    log.verticalScrollBar().setValue(10)
    log.add("news")
    log.flush()
    assert log.verticalScrollBar().value() == 10
    log.verticalScrollBar().setValue(log.verticalScrollBar().maximum())
    log.add("more news")
    log.flush()
    assert log.verticalScrollBar().value() == log.verticalScrollBar().maximum()


def test_that_a_very_long_line_is_cut(qtbot) -> None:
    log = LogView()
    qtbot.addWidget(log)
    log.add("x" * 100_000)
    log.flush()
    assert len(log.toPlainText()) == 500


def test_that_every_token_is_shown_and_counted_by_kind(qtbot) -> None:
    view = TokenView()
    qtbot.addWidget(view)
    view.show_tokens(ROW)
    assert view.text() == "<|user|>⏎\nWhere is it?Here<|end|> and more"
    assert view.counts() == {"trained": 2, "context": 2, "special": 2, "cut": 1}
    assert "6 tokens" in view._counts.text()
    assert "1 cut off" in view._counts.text()


def test_that_kinds_differ_by_more_than_colour(qtbot) -> None:
    view = TokenView()
    qtbot.addWidget(view)
    view.show_tokens(ROW)
    block = view._view.document().lastBlock()
    looks = {}
    iterator = block.begin()
    while not iterator.atEnd():
        part = iterator.fragment()
        looks[part.text()] = (part.charFormat().fontUnderline(), part.charFormat().fontStrikeOut())
        iterator += 1
    assert looks["Here<|end|>"] == (True, False)
    assert looks[" and more"] == (False, True)
    assert looks["Where is it?"] == (False, False)


def test_that_tokens_follow_the_theme(qtbot) -> None:
    view = TokenView()
    qtbot.addWidget(view)
    view.show_tokens(ROW)
    view.show()
    theme().apply("dark")
    QTest.qWait(1)
    dark = view._view.document().firstBlock().begin().fragment().charFormat().foreground().color().lightness()
    theme().apply("light")
    QTest.qWait(1)
    light = view._view.document().firstBlock().begin().fragment().charFormat().foreground().color().lightness()
    assert dark > light


def test_that_added_tokens_are_bold_and_named(qtbot) -> None:
    view = TokenView()
    qtbot.addWidget(view)
    view.show_tokens([Token("see ", "context"), Token("<ticket>", "trained", added=True)])
    part = view._view.document().firstBlock().begin()
    weights = []
    while not part.atEnd():
        weights.append((part.fragment().text(), part.fragment().charFormat().fontWeight() >= 700))
        part += 1
    assert weights == [("see ", False), ("<ticket>", True)]
    assert "added" in view._legend.toPlainText()
    assert "cut off" not in view._legend.toPlainText()
    view.show_tokens(ROW)
    assert "added" not in view._legend.toPlainText()
