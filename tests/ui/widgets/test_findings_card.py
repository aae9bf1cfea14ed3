"""The card that lists what the checks found."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from fintune_gui.ui.theme import theme
from fintune_gui.ui.widgets.controls import Clickable
from fintune_gui.ui.widgets.findings_card import FindingLine, FindingsCard


def test_that_a_finding_shows_the_focus_and_is_looked_at_by_a_key(qtbot) -> None:
    theme().apply("light")
    card = FindingsCard()
    qtbot.addWidget(card)
    card.show_findings([FindingLine("Empty text", 6, "bad"), FindingLine("Exact duplicates", 20, "warn", "Fix")], 20)
    card.resize(300, 240)
    card.show()
    qtbot.waitActive(card)
    first, second = card.findChildren(Clickable)
    before = second.grab().toImage()

    second.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    assert second.grab().toImage() != before

    with qtbot.waitSignal(card.review_requested) as told:
        QTest.keyClick(second, Qt.Key.Key_Return)
    assert told.args == [1]
    assert first.accessibleName() == "Review: Empty text, 6 rows"
