"""A field below its words, as cards and sheets show it where a whole form would be too much."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.controls import Label


def labelled(words: str, editor: QWidget) -> QWidget:
    """`editor` below `words`, which are its buddy."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(metrics.TINY_GAP)
    label = Label(words, "small")
    label.setBuddy(editor)
    layout.addWidget(label)
    layout.addWidget(editor)
    return box
