"""Which column plays which role: one line for each column, and where the present choice comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy

from fintune_gui.project.document import REQUIRED_ROLES, ROLES_OF_TASK, Role, Task
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Card
from fintune_gui.ui.widgets.controls import Button, ComboBox, ElidedLabel, Label
from fintune_gui.ui.widgets.words import joined

ROLE_NAMES = {
    Role.TEXT: "Text",
    Role.LABEL: "Label",
    Role.INSTRUCTION: "Instruction",
    Role.INPUT: "Input",
    Role.ANSWER: "Answer",
    Role.SYSTEM: "System prompt",
    Role.MESSAGES: "Conversation",
}
_NOT_USED = "Not used"
_STEPPING_KEYS = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)


class RoleBox(ComboBox):
    """A choice that keys only make in the open list: stepping over a role would take it from its column."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPPING_KEYS or event.text().strip():
            self.showPopup()
            event.accept()
        else:
            super().keyPressEvent(event)


class RolesCard(Card):
    """Columns with a choice of roles each. A role belongs to one column: choosing it takes it from another.

    Signals:
        chosen: The new roles, a dict from `Role` to column.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Columns and their roles")
        self._task: Task | None = None
        self._roles: dict[Role, str] = {}
        self._proposal: dict[Role, str] | None = None
        self._columns: tuple[str, ...] = ()
        self.fields: dict[str, RoleBox] = {}
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(metrics.GAP)
        self._grid.setVerticalSpacing(metrics.SMALL_GAP)
        self._grid.setColumnStretch(0, 1)
        self.add(self._grid)
        self._missing = Label("", "small", tone="bad", wrap=True)
        self.add(self._missing)
        self._note = Label("", "small", wrap=True)
        self.add(self._note)
        self.use_proposal = Button("Use the proposal", self._use_proposal, kind="link")
        self.add(self.use_proposal)
        self.use_proposal.hide()

    def show_roles(self, columns: Sequence[str], roles: Mapping[Role, str], task: Task, *, editable: bool) -> None:
        """Show who plays what. Columns that are named but not there any more are shown as well."""
        gone = tuple(column for column in roles.values() if column not in columns)
        wanted = (*columns, *gone)
        if wanted != self._columns or task is not self._task:
            self._columns, self._task = wanted, task
            self._make_fields(task)
        self._roles = {role: column for role, column in roles.items() if role in ROLES_OF_TASK[task]}
        by_column = {column: role for role, column in self._roles.items()}
        for column, field in self.fields.items():
            field.set_value(by_column.get(column))
            field.setEnabled(editable)
        missing = [ROLE_NAMES[role].lower() for role in REQUIRED_ROLES[task] if role not in self._roles]
        words = [f"Choose the column with the {joined(missing)}."] if missing else []
        words += [f"The column “{column}” is not in the data any more." for column in gone if column in by_column]
        self._missing.setText(" ".join(words))
        self._missing.setVisible(bool(words))
        self._show_note()

    def set_proposal(self, proposal: Mapping[Role, str] | None, from_rows: int) -> None:
        """Say what was proposed, from so many rows; None while it is not known."""
        self._proposal = None if proposal is None else dict(proposal)
        self._from_rows = from_rows
        self._show_note()

    def _show_note(self) -> None:
        proposal = self._proposal
        differs = bool(proposal) and proposal != self._roles
        self.use_proposal.setVisible(differs and all(field.isEnabled() for field in self.fields.values()))
        if not proposal:
            text = ""
        elif differs:
            pairs = [f"{column} → {ROLE_NAMES[role]}" for role, column in proposal.items()]
            text = f"Names and the first {self._from_rows:,} rows propose: {', '.join(pairs)}."
        else:
            text = f"Proposed from the names and the first {self._from_rows:,} rows."
        self._note.setText(text)
        self._note.setVisible(bool(text))

    _from_rows = 0

    def _make_fields(self, task: Task) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        choices: list[tuple[str, object]] = [(_NOT_USED, None)]
        choices += [(ROLE_NAMES[role], role) for role in ROLES_OF_TASK[task]]
        self.fields = {}
        for number, column in enumerate(self._columns):
            label = ElidedLabel(column)
            label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            field = RoleBox(f"Role of the column {column}", choices)
            field.setFixedWidth(metrics.FIELD_WIDTH)
            field.chosen.connect(partial(self._choose, column))
            self._grid.addWidget(label, number, 0)
            self._grid.addWidget(field, number, 1)
            self.fields[column] = field

    def _choose(self, column: str, role: object) -> None:
        roles = {other: name for other, name in self._roles.items() if name != column and other != role}
        if isinstance(role, Role):
            roles[role] = column
        order = list(Role)
        self.chosen.emit({role: roles[role] for role in sorted(roles, key=order.index)})

    @Slot()
    def _use_proposal(self) -> None:
        if self._proposal:
            self.chosen.emit(dict(self._proposal))
