"""The catalogue of base models as a list that can be searched, each with a badge for this computer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QPoint, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from fintune_gui.project.catalogue import CatalogueModel, catalogue
from fintune_gui.project.document import Task
from fintune_gui.project.fitting import Outlook
from fintune_gui.project.memory import short_count
from fintune_gui.ui.theme import colour, metrics, tokens
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import Button, CheckBox, ElidedLabel, HorizontalLine, Label
from fintune_gui.ui.widgets.hub_results import HubResults
from fintune_gui.ui.widgets.memory_view import FIT_TONES
from fintune_gui.ui.widgets.search_field import SearchField

_FEW = 6
"""So many models are shown until the user asks for more, or searches."""
_NAME_WIDTH = 248
_BADGE_WIDTH = 112
_ACCESS = {True: "needs access", None: "may need access", False: ""}


class CatalogueRow(QFrame):
    """One model. Reached with Tab and the arrow keys; Enter wants it. Its tool tip has the parts of the estimate.

    Signals:
        wanted: The user wants this model.
        moved: The user goes up (-1) or down (1).
    """

    wanted = Signal()
    moved = Signal(int)

    def __init__(self, model: CatalogueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.badge = Badge()
        self.button = Button("Use", self.wanted.emit, tool_tip="Fetch it, unless it is here already, and use it")
        self.button.setAccessibleName(f"Use: {model.name}")
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Enter on the row does the same
        measures = f"{short_count(model.parameters)} parameters · {model.context_length:,} tokens"
        terms = " · ".join(filter(None, (_ACCESS[model.gated], model.licence, model.spoken)))
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addStretch(1)
        for text, kind in ((model.name, "strong"), (measures, "small"), (terms, "small")):
            label = ElidedLabel(text, "strong" if kind == "strong" else "small")
            label.setFixedWidth(_NAME_WIDTH)
            names.addWidget(label)
        names.addStretch(1)
        use = Label(model.good_for, "muted", wrap=True)
        use.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._badge_place = QWidget()
        self._badge_place.setFixedWidth(_BADGE_WIDTH)
        place = QHBoxLayout(self._badge_place)
        place.setContentsMargins(0, 0, 0, 0)
        place.addStretch(1)
        place.addWidget(self.badge)
        line = QHBoxLayout(self)
        line.setContentsMargins(metrics.SMALL_GAP, metrics.SMALL_GAP, metrics.SMALL_GAP, metrics.SMALL_GAP)
        line.setSpacing(metrics.GAP)
        line.addLayout(names)
        line.addWidget(use, 1)
        line.addWidget(self._badge_place)
        line.addWidget(self.button)
        self._words = f"{model.name}, {measures}, {terms}. {model.good_for}"
        self.setAccessibleName(self._words)
        self.badge.hide()

    def show_outlook(self, outlook: Outlook | None) -> None:
        """Show the judgement for this computer, or none while it is not known."""
        self.badge.setVisible(outlook is not None)
        if outlook is not None:
            self.badge.set(outlook.fit.value, FIT_TONES[outlook.fit])
        sentences = outlook.sentences if outlook is not None else ""
        self.setAccessibleName(f"{self._words} {self.badge.text()}".strip())
        self.setAccessibleDescription(sentences)
        self.setToolTip(sentences)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space:
                if self.button.isEnabled():
                    self.wanted.emit()
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                self.moved.emit(1 if event.key() == Qt.Key.Key_Down else -1)
            case _:
                super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()
        by_key = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if (by_key or event.reason() is Qt.FocusReason.OtherFocusReason) and self.toolTip():
            QToolTip.showText(self.mapToGlobal(QPoint(_NAME_WIDTH, self.height())), self.toolTip(), self)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        QToolTip.hideText()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(colour(tokens().accent))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


class CatalogueCard(Card):
    """The models that suit the task; all of them when the user wants that.

    Signals:
        wanted: The hub name of the model that the user wants.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Catalogue", parent=parent)
        self._task: Task | None = None
        self._everything = False
        self.search = SearchField("Search the catalogue", "Name, language, licence, use")
        self.search.setFixedWidth(260)
        self.search.textChanged.connect(self._narrow)
        self.only_suited = CheckBox("Only for this task")
        self.only_suited.setChecked(True)
        self.only_suited.toggled.connect(self._narrow)
        self.add_action(self.only_suited, self.search)
        self.rows: list[CatalogueRow] = []
        self._lines: list[HorizontalLine] = []
        self.body.setSpacing(0)
        for model in catalogue().for_task(None):
            line, row = HorizontalLine(), CatalogueRow(model)
            row.wanted.connect(partial(self.wanted.emit, model.id))
            row.moved.connect(self._move)
            self.body.addWidget(line)
            self.body.addWidget(row)
            self._lines.append(line)
            self.rows.append(row)
        self.none_found = Label("No model of the catalogue is like that.", "muted", wrap=True)
        self.body.addWidget(self.none_found)
        self.body.addSpacing(metrics.SMALL_GAP)
        self.more = Button("", self._show_everything, kind="link")
        self.body.addWidget(self.more)
        self.hub = HubResults()
        self.hub.wanted.connect(self.wanted)
        self.body.addWidget(self.hub)
        written = catalogue().written
        self.body.addSpacing(metrics.TINY_GAP)
        self.add_note(
            f"Written down on {written.day} {written:%B %Y}; the badge is an estimate for the chosen method and your "
            "settings. Point at a model to see its parts."
        )
        self._narrow()

    def show_models(self, outlooks: Mapping[str, Outlook], task: Task, in_use: str | None) -> None:
        """Judge the models, by hub name, and narrow the list to `task`; the one in use needs no button."""
        self._task = task
        for row in self.rows:
            row.show_outlook(outlooks.get(row.model.id))
            row.button.setEnabled(row.model.id != in_use)
            row.button.setText("In use" if row.model.id == in_use else "Use")
            row.button.setAccessibleName(f"{row.button.text()}: {row.model.name}")
        self._narrow()

    def shown_rows(self) -> list[CatalogueRow]:
        """The rows that are shown now, from top to bottom."""
        return [row for row in self.rows if not row.isHidden()]

    @Slot()
    def _narrow(self) -> None:
        text = self.search.text()
        task = self._task if self.only_suited.isChecked() else None
        found = [row for row in self.rows if row.model.matches(text) and (task is None or row.model.suits(task))]
        shown: Sequence[CatalogueRow] = found if text.strip() or self._everything else found[:_FEW]
        for row, line in zip(self.rows, self._lines, strict=True):
            row.setVisible(row in shown)
            line.setVisible(row in shown)
        self.none_found.setVisible(not found)
        self.more.setVisible(len(shown) < len(found))
        self.more.setText(f"Show all {len(found)} models")
        self.hub.offer(" ".join(text.split()))
        self.search.show_result(f"{len(found)} found" if text.strip() else "")

    def _show_everything(self) -> None:
        self._everything = True
        first_new = len(self.shown_rows())
        self._narrow()
        self.shown_rows()[first_new].setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(int)
    def _move(self, step: int) -> None:
        shown = self.shown_rows()
        place = next((number for number, row in enumerate(shown) if row.hasFocus()), 0) + step
        if 0 <= place < len(shown):
            shown[place].setFocus(Qt.FocusReason.OtherFocusReason)
