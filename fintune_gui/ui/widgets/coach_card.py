"""What the coach has to say, across the page: what it saw in bold, what it means, and its buttons."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QSizePolicy, QWidget

from fintune_gui.project.finding import Act, Finding
from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.controls import Label, set_property
from fintune_gui.ui.widgets.feedback import Action, ActionButtons, escape

ACT_WORDS: dict[Act, str] = {
    "stop": "Stop at best",
    "halve": "Half the rate from the best",
    "raise": "New run with 3 times the rate",
    "keep": "Keep going",
}
_GRAVE = ("not_a_number", "divergence")
_NARROW = 860
"""Below this width the buttons go under the words."""


class CoachCard(QFrame):
    """One finding at a time; hidden while there is none.

    Signals:
        asked: An `Act` that the user has chosen for the shown finding.
    """

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding: Finding | None = None
        self.setProperty("kind", "banner")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._words = Label(wrap=True, selectable=True)
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._buttons = ActionButtons(("plain", "link"))
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(14, 8, 10, 8)
        self._layout.setSpacing(metrics.SMALL_GAP)
        self._layout.addWidget(self._words, 1)
        self._layout.addWidget(self._buttons)
        self.hide()

    def show_finding(self, finding: Finding | None, *, working: bool, can: Collection[Act], more: int = 0) -> None:
        """Show a finding, or nothing.

        Args:
            working: Whether the run still works; if not, there is nothing to keep going.
            can: What is possible now; the finding's other buttons are left out.
            more: How many other findings wait behind this one.
        """
        self.finding = finding
        self.setVisible(finding is not None)
        if finding is None:
            return
        tone: Tone = "info" if not working else "bad" if finding.rule in _GRAVE else "warn"
        set_property(self, "tone", tone)
        waiting = f"{more} more {'remark' if more == 1 else 'remarks'} after this one." if more else ""
        rest = " ".join(part for part in (finding.means, finding.todo, waiting) if part)
        self._words.setText(f"<b>{escape(finding.saw)}</b> {escape(rest)}")
        self.setAccessibleName(f"{finding.saw} {rest}")
        self._buttons.set([self._button(act, working=working) for act in finding.actions if act in can])

    def _button(self, act: Act, *, working: bool) -> Action:
        words = "Dismiss" if act == "keep" and not working else ACT_WORDS[act]
        return words, lambda: self.asked.emit(act)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW
        self._layout.setAlignment(self._buttons, Qt.AlignmentFlag.AlignLeft if narrow else Qt.AlignmentFlag(0))
        self._layout.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
