"""The top of every page: a title, one line of status, and actions with one primary button."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, ElidedLabel, Label


class PageHeader(QWidget):
    """Title, status and buttons. There is exactly one primary button, or none while nothing can be done."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Label(title, "page_title")
        self.status = ElidedLabel("", "muted")
        self.primary = Button("", kind="primary")
        self.primary.hide()
        self._primary_action: Callable[[], object] | None = None
        self.primary.clicked.connect(self._press)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.status)
        self._actions = row(spacing=metrics.GAP + 2)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addLayout(words, 1)
        self._buttons = QWidget()
        self._buttons.setLayout(self._actions)
        layout.addWidget(self._buttons)
        self._actions.setContentsMargins(0, 0, 0, 0)
        self._actions.addWidget(self.primary)

    def set_status(self, text: str) -> None:
        """One line of what is true now."""
        self.status.setText(text)

    def add_action(self, text: str, act: Callable[[], object], *, tool_tip: str = "") -> Button:
        """Add an ordinary button to the left of the primary one."""
        button = Button(text, act, tool_tip=tool_tip)
        self.add_widget(button)
        return button

    def add_widget(self, widget: QWidget) -> None:
        """Add any control to the left of the primary button."""
        self._actions.insertWidget(self._actions.count() - 1, widget)

    def show_buttons(self, *, shown: bool) -> None:
        """Hide all buttons while the page can do nothing, or show them again."""
        self._buttons.setVisible(shown)

    def set_primary(
        self, text: str, act: Callable[[], object] | None = None, *, enabled: bool = True, reason: str = ""
    ) -> None:
        """Say what the primary button does; without `act` it goes away. `reason` says why it is disabled."""
        had_focus = self.primary.hasFocus()
        self._primary_action = act
        self.primary.setText(text)
        self.primary.setVisible(act is not None)
        self.primary.setEnabled(enabled)
        if had_focus and not self.primary.hasFocus():
            self.setFocus()  # else it goes to the rail, far from what the user has just started
        self.primary.setToolTip("Ctrl+Enter" if enabled else reason)

    def commands(self, group: str) -> list[Command]:
        """The buttons, as lines of the command palette."""
        buttons = [
            self.primary,
            *(button for button in self._buttons.findChildren(Button) if button is not self.primary),
        ]
        return [
            Command(
                button.text() or button.accessibleName(),
                button.click,
                group=group,
                reason="" if button.isEnabled() else button.toolTip() or "Not possible now.",
            )
            for button in buttons
            if button.isVisible()
        ]

    def _press(self) -> None:
        if self._primary_action is not None:
            self._primary_action()
