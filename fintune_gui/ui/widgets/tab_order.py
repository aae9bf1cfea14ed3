"""Where the Tab key goes: Qt goes by the order in which widgets were made, people by what they see."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def tab_before(part: QWidget, before: QWidget) -> None:
    """Let Tab go through the fields and buttons of `part`, which was made later, right before it comes to `before`."""
    at = before.previousInFocusChain()
    while at is not None and at is not before and (not _stops(at) or part.isAncestorOf(at)):
        at = at.previousInFocusChain()
    for widget in part.findChildren(QWidget):
        if at is not None and at is not before and _stops(widget):
            QWidget.setTabOrder(at, widget)
            at = widget


def _stops(widget: QWidget) -> bool:
    """Whether Tab can stop there."""
    return widget.focusProxy() is None and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
