"""The left rail: the project's name with its menu, the steps with what is true of each, the computer's memory."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QMenu, QProgressBar, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from fintune_gui.project.flow import State, Step, StepState
from fintune_gui.ui.theme import Tone, font, metrics, paint_icon, tokens
from fintune_gui.ui.widgets.controls import Button, Clickable, ElidedLabel, LineEdit, set_property

_ITEM_HEIGHT = 42
_MARK_SIZE = 24

_STATE_WORDS: dict[State, str] = {
    "todo": "to do",
    "done": "done",
    "stale": "out of date",
    "failed": "failed",
    "running": "running",
}
_STATE_TONES: dict[State, Tone] = {
    "todo": "neutral",
    "done": "good",
    "stale": "warn",
    "failed": "bad",
    "running": "info",
}
_STATE_ICONS: dict[State, str] = {"done": "check", "stale": "stale", "failed": "close"}


class StepItem(Clickable):
    """One step: a mark (number, tick, arrow or cross), its name, and one line of what is true now."""

    def __init__(self, number: int, step: Step, parent: QWidget | None = None) -> None:
        super().__init__(step.display_name, parent)
        self.step = step
        self._number = number
        self._state = StepState(step=step, state="todo", line="")
        self._current = False
        self.setFixedHeight(_ITEM_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def show_state(self, state: StepState) -> None:
        self._state = state
        self._describe()

    def set_current(self, *, current: bool) -> None:
        self._current = current
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if current else Qt.FocusPolicy.ClickFocus)
        self._describe()

    def _describe(self) -> None:
        state = self._state
        words = [f"{self._number}", self.step.display_name, _STATE_WORDS[state.state], state.line, state.reason]
        words.append("shown now" if self._current else "")
        self.setAccessibleName(", ".join(word for word in words if word))
        key = "Ctrl+0" if self._number == 10 else f"Ctrl+{self._number}"
        self.setToolTip(f"{state.reason or state.line or self.step.display_name} ({key})")
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = tokens()
        box = QRectF(self.rect())
        if self._current or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.accent_soft if self._current else t.soft("neutral")))
            painter.drawRoundedRect(box, 6, 6)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(t.accent), 1.5))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 6, 6)
        self._paint_mark(painter, QRectF(10, (box.height() - _MARK_SIZE) / 2, _MARK_SIZE, _MARK_SIZE))
        self._paint_words(painter, QRectF(44, 0, box.width() - 50, box.height()))

    def _paint_mark(self, painter: QPainter, circle: QRectF) -> None:
        t = tokens()
        tone = _STATE_TONES[self._state.state]
        icon_name = _STATE_ICONS.get(self._state.state)
        if self._current and icon_name in (None, "check"):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.accent))
            painter.drawEllipse(circle)
            self._paint_number(painter, circle, t.on_accent)
        elif icon_name is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.soft(tone)))
            painter.drawEllipse(circle)
            paint_icon(painter, icon_name, circle.adjusted(4, 4, -4, -4), t.ink(tone))
        else:
            running = self._state.state == "running"
            painter.setPen(QPen(QColor(t.accent if running else t.control_line), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(circle.adjusted(1, 1, -1, -1))
            self._paint_number(painter, circle, t.ink("info") if running else t.muted)

    def _paint_number(self, painter: QPainter, circle: QRectF, colour: str) -> None:
        digits = font("small")
        digits.setWeight(digits.Weight.DemiBold)
        painter.setFont(digits)
        painter.setPen(QColor(colour))
        painter.drawText(circle, int(Qt.AlignmentFlag.AlignCenter), str(self._number))

    def _paint_words(self, painter: QPainter, box: QRectF) -> None:
        t = tokens()
        state = self._state
        alert = state.state in ("stale", "failed")
        line = (state.reason or state.line) if alert else state.line
        name = font("body")
        name.setWeight(name.Weight.Medium)
        painter.setFont(name)
        painter.setPen(QColor(t.text if self._current or state.state != "todo" else t.muted))
        top = QRectF(box.left(), 4 if line else 0, box.width(), 18 if line else box.height())
        painter.drawText(top, int(Qt.AlignmentFlag.AlignVCenter), self.step.display_name)
        if not line:
            return
        small = font("small")
        small.setPixelSize(11)
        painter.setFont(small)
        muted = t.muted_on_soft if self._current else t.muted
        painter.setPen(QColor(t.ink(_STATE_TONES[state.state]) if alert else muted))
        text = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, int(box.width()))
        painter.drawText(QRectF(box.left(), 21, box.width(), 16), int(Qt.AlignmentFlag.AlignVCenter), text)


class _ProjectName(QWidget):
    """The name with a menu; renaming turns it into a field in place.

    Signals:
        renamed: The new name.
    """

    renamed = Signal(str)

    def __init__(self, menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._button = Button("", kind="flat", icon_name="chevron_down")
        self._button.setObjectName("project_name")
        self._button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self._button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        name_font = font("card_title")
        name_font.setPixelSize(15)
        self._button.setFont(name_font)
        self._button.clicked.connect(self._open_menu)
        self._menu = menu
        self._field = LineEdit("Name of the project")
        self._field.editingFinished.connect(self._finish)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._button)
        self._stack.addWidget(self._field)
        self.setFixedHeight(metrics.CONTROL_HEIGHT)
        self._name = ""

    def set_name(self, name: str) -> None:
        self._name = name
        room = metrics.RAIL_WIDTH - 72
        self._button.setText(self._button.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room))
        self._button.setAccessibleName(f"Project {name}: menu")
        self._button.setToolTip(name)

    def edit(self) -> None:
        """Let the user type another name."""
        self._field.setText(self._name)
        self._stack.setCurrentWidget(self._field)
        self._field.setFocus()
        self._field.selectAll()

    @Slot()
    def _open_menu(self) -> None:
        self._menu.popup(self._button.mapToGlobal(self._button.rect().bottomLeft()))

    @Slot()
    def _finish(self) -> None:
        if self._stack.currentWidget() is not self._field:
            return
        self._stack.setCurrentWidget(self._button)
        name = self._field.text().strip()
        if name and name != self._name:
            self.renamed.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._stack.currentWidget() is self._field:
            self._field.setText(self._name)
            self._finish()
            self._button.setFocus()
        else:
            super().keyPressEvent(event)


class Rail(QFrame):
    """Steps in the order in which the data flows; any of them can be pressed at any time.

    Signals:
        chosen: The pressed `Step`.
        renamed: The project's new name.
    """

    chosen = Signal(object)
    renamed = Signal(str)

    def __init__(self, menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "rail")
        self.setAccessibleName("Steps")
        self.setFixedWidth(metrics.RAIL_WIDTH)
        self.name = _ProjectName(menu)
        self.name.renamed.connect(self.renamed)
        self.items = {step: StepItem(number, step) for number, step in enumerate(Step, start=1)}
        self._memory_text = ElidedLabel("", "small")
        self._memory = QProgressBar()
        self._memory.setTextVisible(False)
        self._memory.setRange(0, 1000)
        self._memory.setAccessibleName("Memory in use")
        self._saved = ElidedLabel("", "small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 10, 8, 14)
        layout.setSpacing(4)
        layout.addWidget(self.name)
        layout.addSpacing(2)
        for item in self.items.values():
            layout.addWidget(item)
            item.clicked.connect(self._press)
        layout.addStretch(1)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 0, 8, 0)
        foot.setSpacing(4)
        for widget in (self._memory_text, self._memory, self._saved):
            foot.addWidget(widget)
        layout.addLayout(foot)

    def show_states(self, states: Sequence[StepState]) -> None:
        """Show what is true of every step."""
        for state in states:
            self.items[state.step].show_state(state)

    def set_current(self, step: Step) -> None:
        """Mark the step whose page is shown; the focus goes with it if it is here."""
        focused = any(item.hasFocus() for item in self.items.values())
        for item in self.items.values():
            item.set_current(current=item.step is step)
        if focused:
            self.items[step].setFocus()

    def show_memory(self, device: str, used_bytes: float, total_bytes: float) -> None:
        """Show how full the device's memory is; amber from 85 %, red from 95 %."""
        share = used_bytes / total_bytes if total_bytes else 0.0
        self._memory_text.setText(f"{device} · {used_bytes / 1e9:.0f} of {total_bytes / 1e9:.0f} GB")
        self._memory.setValue(round(1000 * share))
        self._memory.setAccessibleDescription(self._memory_text.text())
        set_property(self._memory, "tone", "bad" if share > 0.95 else "warn" if share > 0.85 else "")

    def show_saved(self, text: str, tone: Tone | None = None) -> None:
        """One line at the foot: whether everything is saved, or why nothing can be changed."""
        self._saved.setText(text)
        self._saved.set_tone(tone)

    @Slot()
    def _press(self) -> None:
        item = self.sender()
        if isinstance(item, StepItem):
            self.chosen.emit(item.step)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down move between the steps."""
        steps = list(self.items.values())
        focused = next((place for place, item in enumerate(steps) if item.hasFocus()), None)
        move = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if focused is None or move is None:
            super().keyPressEvent(event)
            return
        steps[(focused + move) % len(steps)].setFocus(Qt.FocusReason.TabFocusReason)

    def sizeHint(self) -> QSize:
        return QSize(metrics.RAIL_WIDTH, 600)
