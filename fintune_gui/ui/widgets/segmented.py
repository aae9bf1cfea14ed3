"""Two to five choices side by side, one of them pressed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget


class Segmented(QWidget):
    """Two to five choices side by side, one of them pressed.

    Signals:
        chosen: The value that the user has chosen.
    """

    chosen = Signal(object)

    def __init__(self, name: str, choices: Sequence[tuple[str, object]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._values: list[object] = [value for _, value in choices]
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for number, (text, _value) in enumerate(choices):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setAccessibleName(f"{name}: {text}")
            button.setProperty("kind", "segment")
            button.setProperty("place", {0: "first", len(choices) - 1: "last"}.get(number, "middle"))
            self._group.addButton(button, number)
            layout.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group.idClicked.connect(self._tell)
        if choices:
            self.set_value(choices[0][1])

    def value(self) -> object:
        """The chosen value."""
        return self._values[self._group.checkedId()]

    def set_value(self, value: object) -> None:
        """Press the button of `value`."""
        self._group.button(self._values.index(value)).setChecked(True)

    @Slot(int)
    def _tell(self, number: int) -> None:
        self.chosen.emit(self._values[number])
