"""A field in which one writes what to look for."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from fintune_gui.ui.theme import icon
from fintune_gui.ui.widgets.controls import Label, LineEdit


class SearchField(LineEdit):
    """A line edit with a magnifier; Esc empties it. Emits `committed` on Enter.

    Signals:
        left: Enter, Down, or Esc in an empty field: the user wants to go on in what was found.
    """

    left = Signal()

    def __init__(self, name: str, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(name, placeholder=placeholder, parent=parent)
        self.setProperty("kind", "search")
        self.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.setClearButtonEnabled(False)
        self.result = Label("", "small")
        self.result.setParent(self)
        self.result.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.returnPressed.connect(self.left)

    def show_result(self, text: str) -> None:
        """Say at the right end what was found: "116 of 400 rows"."""
        if text == self.result.text():
            return
        self.result.setText(text)
        self.result.adjustSize()
        self._place_result()

    def minimumSizeHint(self) -> QSize:
        """The result does not make the field any wider: where it has no room it is not there."""
        hint, margins = super().minimumSizeHint(), self.textMargins()
        return QSize(hint.width() - margins.left() - margins.right(), hint.height())

    def _place_result(self) -> None:
        width = self.result.width()
        fits = width * 1.5 + 40 < self.width()
        self.result.setVisible(fits)
        self.setTextMargins(0, 0, width + 8 if fits and self.result.text() else 0, 0)
        self.result.move(self.width() - width - 10, (self.height() - self.result.height()) // 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_result()

    def event(self, event: QEvent) -> bool:
        """While there is something to empty, Esc belongs to this field before it belongs to any shortcut."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._empties(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._empties(event):
            self.clear()
            self._commit()
            return
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Escape) and not event.modifiers():
            self.left.emit()
        super().keyPressEvent(event)

    def _empties(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and not event.modifiers() and bool(self.text())
