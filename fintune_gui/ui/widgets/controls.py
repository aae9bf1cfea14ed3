"""Buttons, fields and labels in the program's own look. The wheel scrolls the page, never a closed field's value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QWidget,
)

from fintune_gui.ui.theme import Tone, font, icon, metrics, paint_icon, tokens
from fintune_gui.ui.theme.metrics import TextKind

ButtonKind = Literal["plain", "primary", "danger", "link", "flat", "icon", "bare_icon", "switch"]
LabelKind = TextKind | Literal["muted"]


def restyle(widget: QWidget) -> None:
    """Let the style sheet see that a dynamic property has changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet goes by, if it is another one."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        restyle(widget)


def set_shown(widget: QWidget, *, shown: bool) -> None:
    """Show or hide a part. One that has no parent yet is only marked: alone it would flash up as a window."""
    if shown and widget.parentWidget() is None:
        widget.setAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)
    else:
        widget.setVisible(shown)


class Label(QLabel):
    """Text of a kind: "body", "strong", "small", "muted", "card_title", "page_title", "figure", "code"."""

    def __init__(
        self,
        text: str = "",
        kind: LabelKind = "body",
        *,
        tone: Tone | None = None,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", kind)
        self.setFont(font("body" if kind == "muted" else kind))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.set_tone(tone)
        if wrap:
            self.setWordWrap(True)
        if selectable:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def set_tone(self, tone: Tone | None) -> None:
        """Colour the text; None for the usual colour."""
        set_property(self, "tone", tone or "")


class ElidedLabel(Label):
    """One line that ends in "…" where the room ends; the whole text is in the tool tip."""

    _brief = ""

    def set_brief(self, text: str) -> None:
        """Fewer words for the same, shown in place of "…" if they fit."""
        self._brief = text

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setToolTip(text if self._overflows() else "")

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setToolTip(self.text() if self._overflows() else "")

    def _overflows(self) -> bool:
        return self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        box = self.contentsRect()
        said = self._brief if self._brief and self._overflows() else self.text()
        text = self.fontMetrics().elidedText(said, Qt.TextElideMode.ElideRight, box.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(box, int(self.alignment()), text)


class Button(QPushButton):
    """A button. `kind` "link" looks like a link; "icon" and "bare_icon" show only `icon_name`, `text` is the name."""

    def __init__(
        self,
        text: str,
        on_click: Callable[[], object] | None = None,
        *,
        kind: ButtonKind = "plain",
        icon_name: str = "",
        tool_tip: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("" if kind in ("icon", "bare_icon") else text, parent)
        self.setProperty("kind", kind)
        self.setAccessibleName(text)
        self.setToolTip(tool_tip or (text if kind in ("icon", "bare_icon") else ""))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if icon_name:
            self.setIcon(icon(icon_name, "on_accent" if kind == "primary" else "text"))
            self.setIconSize(QSize(metrics.ICON_SIZE, metrics.ICON_SIZE))
        if on_click is not None:
            self.clicked.connect(lambda: on_click())  # noqa: PLW0108 - drops the bool that `clicked` sends

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(text)

    def sizeHint(self) -> QSize:
        """Room for the text in the weight that the style sheet gives it."""
        hint = super().sizeHint()
        if self.property("kind") == "primary":
            hint.setWidth(hint.width() + 6)
        return hint


class MenuButton(Button):
    """A button with a "⌄" that opens a menu of `entries`: (text, what to do), or None for a line between."""

    def __init__(
        self, text: str, entries: Sequence[tuple[str, Callable[[], object]] | None] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent=parent)
        self.setProperty("kind", "menu")
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.set_entries(entries)

    def set_entries(self, entries: Sequence[tuple[str, Callable[[], object]] | None]) -> None:
        """Replace the menu's entries."""
        self._menu.clear()
        for entry in entries:
            if entry is None:
                self._menu.addSeparator()
                continue
            text, act = entry
            action = QAction(text, self._menu)
            action.triggered.connect(lambda _checked=False, act=act: act())
            self._menu.addAction(action)

    def initStyleOption(self, option: QStyleOptionButton) -> None:
        super().initStyleOption(option)
        option.features &= ~QStyleOptionButton.ButtonFeature.HasMenu  # Qt forgets the padding beside its own arrow

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        _paint_chevron(self)


def _paint_chevron(widget: QWidget) -> None:
    painter = QPainter(widget)
    box = QRectF(widget.width() - 25, (widget.height() - 14) / 2, 14, 14)
    paint_icon(painter, "chevron_down", box, tokens().text if widget.isEnabled() else tokens().disabled_text)


class ComboBox(QComboBox):
    """A choice among a few, each with a value. `chosen` is emitted only when the user chooses.

    Values are kept here and not as Qt's item data, which would turn an enum of strings into a bare string.

    Signals:
        chosen: The value that the user has chosen.
    """

    chosen = Signal(object)

    def __init__(self, name: str, choices: Sequence[tuple[str, object]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices: list[tuple[str, object]] = []
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.set_choices(choices)
        self.activated.connect(self._tell)

    def set_choices(self, choices: Sequence[tuple[str, object]]) -> None:
        """Replace the choices, keeping the chosen value if it is still there."""
        if self._choices == list(choices):
            return
        before = self.value()
        self._choices = list(choices)
        self.clear()
        self.addItems([text for text, _ in choices])
        self.set_value(before)

    def value(self) -> object:
        """The value of the shown choice; None without choices."""
        return self._choices[self.currentIndex()][1] if self.currentIndex() >= 0 else None

    def set_value(self, value: object) -> None:
        """Show the choice with this value, if there is one."""
        for index, (_, known) in enumerate(self._choices):
            if known == value:
                self.setCurrentIndex(index)
                return

    @Slot(int)
    def _tell(self, index: int) -> None:
        self.chosen.emit(self._choices[index][1])

    def currentData(self, role: int = Qt.ItemDataRole.UserRole) -> Any:
        return self.value() if role == Qt.ItemDataRole.UserRole else super().currentData(role)

    def itemData(self, index: int, role: int = Qt.ItemDataRole.UserRole) -> Any:
        return self._choices[index][1] if role == Qt.ItemDataRole.UserRole else super().itemData(index, role)

    def findData(self, data: object, *_: object) -> int:
        """Where the choice with a value stands; -1 if there is none."""
        return next((index for index, (_text, value) in enumerate(self._choices) if value == data), -1)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        _paint_chevron(self)


class SpinBox(QSpinBox):
    """A whole number with its unit. Ignores the wheel."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setGroupSeparatorShown(True)
        self.setKeyboardTracking(False)
        self.lineEdit().setTextMargins(8, 0, 8, 0)  # Qt drops the style sheet's padding here

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class LineEdit(QLineEdit):
    """One line of text. `committed` comes when the user has finished: Enter, or leaving the field, after a change.

    Signals:
        committed: The new text.
    """

    committed = Signal(str)

    def __init__(self, name: str, text: str = "", *, placeholder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self._told = text
        self.editingFinished.connect(self._commit)

    def set_text(self, text: str) -> None:
        """Show `text` unless the user is typing in the field right now."""
        if not (self.hasFocus() and self.isModified()):
            self._told = text
            if self.text() != text:
                self.setText(text)

    def mark_invalid(self, *, invalid: bool) -> None:
        """Show a red frame around the field, or take it away."""
        set_property(self, "invalid", "true" if invalid else "")

    @Slot()
    def _commit(self) -> None:
        if self.text() != self._told:
            self._told = self.text()
            self.setModified(False)
            self.committed.emit(self.text())


class CheckBox(QCheckBox):
    """A yes or no with its words beside it. `toggled` tells every change, `clicked` only the user's."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.isChecked():
            return
        option = QStyleOptionButton()
        self.initStyleOption(option)
        box = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
        painter = QPainter(self)
        color = tokens().on_accent if self.isEnabled() else tokens().muted  # nothing is behind it where it is disabled
        paint_icon(painter, "check", QRectF(box).adjusted(1, 1, -1, -1), color)


class HorizontalLine(QFrame):
    """A thin line between parts of a card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "line")


class Clickable(QFrame):
    """A frame that can be pressed with the mouse, Enter or Space: cards on Home, steps in the rail.

    Signals:
        clicked: The user pressed it.
    """

    clicked = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.KeyPress:
            key = getattr(event, "key", lambda: 0)()
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
                self.clicked.emit()
                return True
        return super().event(event)
