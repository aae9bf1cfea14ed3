"""A few lines of code in a box, with a button that copies them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from fintune_gui.ui.theme import font, metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button, Label


class CodeBox(QWidget):
    """Read-only code, as high as its lines.

    Signals:
        copied: A sentence about what was copied.
    """

    copied = Signal(str)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.TINY_GAP)
        self._view = QPlainTextEdit()
        self._view.setAccessibleName(title)
        self._view.setReadOnly(True)
        self._view.setFont(font("code"))
        self._view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._view.setTabChangesFocus(True)
        self._view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.copy_button = Button("Copy the code", self.copy, kind="link")
        layout.addLayout(row(Label(title, "small"), None, self.copy_button))
        layout.addWidget(self._view)

    def set_code(self, code: str) -> None:
        """Show this code."""
        self._view.setPlainText(code)
        lines = code.count("\n") + 1
        bar = self._view.horizontalScrollBar().sizeHint().height()
        self._view.setFixedHeight(lines * self._view.fontMetrics().lineSpacing() + 26 + bar)

    def code(self) -> str:
        return self._view.toPlainText()

    def copy(self) -> None:
        """Put the code on the clipboard."""
        QGuiApplication.clipboard().setText(self.code())
        self.copied.emit("The code was copied.")
