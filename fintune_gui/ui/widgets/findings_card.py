"""What the checks found in the rows: each with its count, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import Button, Clickable, ElidedLabel, Label
from fintune_gui.ui.widgets.words import counted

_LINK_WIDTH = 58
_LINE_HEIGHT = 30


@dataclass(frozen=True)
class FindingLine:
    """One finding as the card shows it. `fix` is the word on the link that mends it, or "" when only a look helps."""

    title: str
    count: int
    tone: Tone
    fix: str = ""
    explained: str = ""


class FindingsCard(Card):
    """Lists findings.

    Signals:
        review_requested: The number of the finding whose rows shall be shown.
        fix_requested: The number of the finding that shall be mended.
        fix_all_requested: All that can be mended without losing anything.
        look_requested: Look again.
    """

    review_requested = Signal(int)
    fix_requested = Signal(int)
    fix_all_requested = Signal()
    look_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Found in your data", parent=parent)
        self._again = Button("Look again", self.look_requested.emit, kind="link")
        self._again.hide()
        self.add_action(self._again)
        self._note = Label("", "small", wrap=True)
        self.add(self._note)
        inside = QWidget()
        inside.setObjectName("lines")
        self._lines = QVBoxLayout(inside)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(0)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inside)
        for part in (inside, self._area.viewport()):  # the card's own colour lies behind
            part.setAutoFillBackground(False)
        self.add(self._area)
        self.fix_all = Button("Fix all safe ones", self.fix_all_requested.emit)
        self.fix_all.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.add(self.fix_all)
        self._area.hide()
        self.fix_all.hide()
        self.show_looking()

    def show_looking(self) -> None:
        """Say that the checks are at work; what was found before stays on screen meanwhile."""
        self._note.setText("Looking through your rows …")
        self._note.show()
        self._again.hide()

    def show_outdated(self) -> None:
        """Say that the rows were changed since, and offer to look again."""
        self._note.setText("The rows were changed since.")
        self._note.show()
        self._again.show()

    def show_findings(self, findings: Sequence[FindingLine], safe_rows: int) -> None:
        """Show what was found; `safe_rows` is how many rows the safe fixes would touch, 0 if there are none."""
        while (item := self._lines.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, finding in enumerate(findings):
            line = _Line(self, number, finding)
            line.setFixedHeight(_LINE_HEIGHT)
            self._lines.addWidget(line)
        self._area.setVisible(bool(findings))
        self._area.setMaximumHeight(_LINE_HEIGHT * len(findings) + 2)
        self._area.setMinimumHeight(_LINE_HEIGHT * min(3, len(findings)))
        self._again.hide()
        self._note.setVisible(not findings)
        self._note.setText("" if findings else "Nothing stands out: no duplicates, no empty or broken texts.")
        self.fix_all.setVisible(safe_rows > 0)
        self.fix_all.setText(f"Fix all safe ones ({counted(safe_rows, 'row')})")
        self.fix_all.setToolTip("Nothing of what the texts say is lost, and it can be undone")

    def set_enabled(self, *, enabled: bool) -> None:
        """Whether anything can be mended now."""
        self.fix_all.setEnabled(enabled)
        for line in self.findChildren(_Line):
            if line.fix is not None:
                line.fix.setEnabled(enabled)


class _Line(QWidget):
    """Title and count, which show the rows when pressed, and a link that mends them."""

    def __init__(self, card: FindingsCard, number: int, finding: FindingLine) -> None:
        super().__init__()
        words = Clickable(f"Review: {finding.title}, {counted(finding.count, 'row')}")
        words.setProperty("kind", "finding")
        words.setToolTip(f"{finding.explained or finding.title}\nShow these rows")
        words.clicked.connect(lambda: card.review_requested.emit(number))
        title = ElidedLabel(finding.title)
        title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.fix: Button | None = None
        inner = QHBoxLayout(words)
        inner.setContentsMargins(0, 2, 0, 2)
        inner.addWidget(title, 1)
        inner.addWidget(Badge(f"{finding.count:,}", finding.tone))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(words, 1)
        if finding.fix:
            self.fix = link = Button(finding.fix, lambda: card.fix_requested.emit(number), kind="link")
            link.setAccessibleName(f"{finding.fix}: {finding.title}")
        else:
            link = Button("Review", lambda: card.review_requested.emit(number), kind="link")
            link.setAccessibleName(f"Show: {finding.title}")
        link.setFixedWidth(_LINK_WIDTH)
        layout.addWidget(link)
