"""Cards of Home: a recent project with its last result, and a sample to try."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import Badge, row
from fintune_gui.ui.widgets.charts import Sparkline
from fintune_gui.ui.widgets.controls import Clickable, ElidedLabel, Label
from fintune_gui.ui.widgets.icon_view import IconView


class ProjectCard(Clickable):
    """A project: name, model and day, the curve of its last run, and its verdict.

    Signals:
        forgotten: Take it off the list (its files stay).
    """

    forgotten = Signal()

    def __init__(
        self, name: str, line: str, *, curve: Sequence[float], verdict: str, tone: Tone, parent: QWidget | None = None
    ) -> None:
        super().__init__(f"Open {name}. {line}. {verdict}", parent)
        self.setProperty("kind", "card")
        self.setFixedHeight(170)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(2)
        layout.addWidget(ElidedLabel(name, "card_title"))
        layout.addWidget(ElidedLabel(line, "small"))
        layout.addSpacing(4)
        layout.addWidget(Sparkline(curve), 1)
        layout.addSpacing(6)
        layout.addLayout(row(Badge(verdict, tone), None))
        forget = QAction("Take off this list", self)
        forget.triggered.connect(self.forgotten)
        self.addAction(forget)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)


class SampleCard(Clickable):
    """A sample: its title and one sentence."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(f"Try {title}. {text}", parent)
        self.setProperty("kind", "sample")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(metrics.GAP)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Label(title, "strong"))
        words.addWidget(Label(text, "muted", wrap=True))
        layout.addLayout(words, 1)
        layout.addWidget(IconView("forward"))
