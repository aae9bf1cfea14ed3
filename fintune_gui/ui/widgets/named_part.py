"""A part of a form with its name: above it where the room is narrow, beside it where it is wide."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from fintune_gui.ui.widgets.controls import ElidedLabel, Label

_NAME_WIDTH = 110
_NO_LIMIT = 16_777_215


class NamedPart(QWidget):
    """Name and a word of state, and whatever is put into `body`."""

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = ElidedLabel(name, "small")
        self.state = Label("", "small", tone="info")
        self._names = QWidget()
        names = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._names)
        names.setContentsMargins(6, 4, 8, 2)
        names.setSpacing(6)
        names.addWidget(self.name)
        names.addWidget(self.state)
        names.addStretch(1)
        self._inside = names
        self.body = QVBoxLayout()
        self.body.setSpacing(0)
        self._layout = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._names)
        self._layout.addLayout(self.body, 1)

    def set_wide(self, *, wide: bool) -> None:
        """The name beside the content instead of above it."""
        beside, above = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._layout.setDirection(beside if wide else above)
        self._inside.setDirection(above if wide else beside)
        self._inside.setSpacing(0 if wide else 6)
        self._names.setMinimumWidth(_NAME_WIDTH if wide else 0)
        self._names.setMaximumWidth(_NAME_WIDTH if wide else _NO_LIMIT)
