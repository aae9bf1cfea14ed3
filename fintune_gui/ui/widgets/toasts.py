"""Notifications at the lower right corner: they cover nothing for long, and errors stay until they are closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, Label
from fintune_gui.ui.widgets.feedback import Action, Details
from fintune_gui.ui.widgets.icon_view import IconView

_WIDTH = 380
_MOST = 4
_TONE_ICONS: dict[Tone, str] = {"neutral": "info", "info": "info", "good": "check", "warn": "warning", "bad": "warning"}


class Toast(QFrame):
    """One notification."""

    def __init__(
        self, parent: QWidget, title: str, text: str, *, tone: Tone, key: str, actions: Sequence[Action], details: str
    ) -> None:
        super().__init__(parent)
        self.key = key
        self.setProperty("kind", "toast")
        self.setAccessibleName(f"{title} {text}")
        self.setFixedWidth(_WIDTH)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(Label(title, "strong", wrap=True, selectable=True))
        if text:
            words.addWidget(Label(text, "body", wrap=True, selectable=True))
        buttons = [Button(words_, self._acting(act), kind="link") for words_, act in actions]
        if buttons:
            words.addLayout(row(*buttons, None))
        if details:
            words.addWidget(Details(details))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 12, 8, 12)
        layout.setSpacing(10)
        layout.addWidget(IconView(_TONE_ICONS[tone], tone), 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        layout.addWidget(
            Button("Close this message", self.go, kind="bare_icon", icon_name="close"), 0, Qt.AlignmentFlag.AlignTop
        )

    def _acting(self, act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            self.go()
            act()

        return run

    def stay(self, seconds: float | None) -> None:
        """Go by itself after so long; never while the mouse is on it."""
        if seconds is not None:
            timer = QTimer(self)
            timer.setInterval(round(seconds * 1000))
            timer.timeout.connect(self._go_unless_read)
            timer.start()

    @Slot()
    def _go_unless_read(self) -> None:
        if not self.underMouse():
            self.go()

    @Slot()
    def go(self) -> None:
        area = self.parent()
        self.hide()
        self.setParent(None)
        self.deleteLater()
        if isinstance(area, ToastArea):
            area.arrange()


class ToastArea(QWidget):
    """Holds the toasts above the content of `window`, at its lower right corner."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(metrics.SMALL_GAP)
        window.installEventFilter(self)
        self.hide()

    def add(
        self,
        title: str,
        text: str = "",
        tone: Tone = "info",
        *,
        key: str = "",
        seconds: float | None = 6.0,
        actions: Sequence[Action] = (),
        details: str = "",
    ) -> None:
        """Show a notification; one with the same `key` is replaced."""
        if key:
            self.remove(key)
        for old in self.toasts()[: max(0, len(self.toasts()) - _MOST + 1)]:
            old.go()
        toast = Toast(self, title, text, tone=tone, key=key, actions=actions, details=details)
        self._layout.addWidget(toast)
        toast.show()
        toast.stay(seconds)
        self.arrange()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, f"{title} {text}"))

    def remove(self, key: str) -> None:
        """Take the notification with this key away."""
        for toast in self.toasts():
            if toast.key == key:
                toast.go()

    def toasts(self) -> list[Toast]:
        """What is shown, oldest first."""
        return self.findChildren(Toast, options=Qt.FindChildOption.FindDirectChildrenOnly)

    def arrange(self) -> None:
        """Keep to the lower right corner."""
        self.setVisible(bool(self.toasts()))
        self._layout.activate()
        self.setFixedWidth(_WIDTH)
        height = self._layout.heightForWidth(_WIDTH) if self._layout.hasHeightForWidth() else self.sizeHint().height()
        self.resize(_WIDTH, height)
        around = self._window.rect()
        self.move(around.right() - _WIDTH - 20, around.bottom() - height - 20)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self.arrange()
        return False

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self.arrange()
        return handled
