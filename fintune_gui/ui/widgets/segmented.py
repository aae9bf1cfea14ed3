"""Two to five choices side by side, one of them pressed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from fintune_gui.ui.widgets.controls import set_property, set_shown


class Segmented(QWidget):
    """Two to five choices side by side, one of them pressed.

    Signals:
        chosen: The value that the user has chosen.
    """

    chosen = Signal(object)

    def __init__(self, name: str, choices: Sequence[tuple[str, object]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._name = name
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

    def set_text(self, value: object, text: str) -> None:
        """Say another text on the button of `value`."""
        button = self._group.button(self._values.index(value))
        button.setText(text)
        button.setAccessibleName(f"{self._name}: {text}")

    def set_choice_shown(self, value: object, *, shown: bool) -> None:
        """Offer `value`, or do not; the buttons at both ends stay round."""
        set_shown(self._group.button(self._values.index(value)), shown=shown)
        offered = [button for button in self._group.buttons() if not button.isHidden()]
        for number, button in enumerate(offered):
            set_property(button, "place", {0: "first", len(offered) - 1: "last"}.get(number, "middle"))

    @Slot(int)
    def _tell(self, number: int) -> None:
        self.chosen.emit(self._values[number])
