"""The saved views of a table in a small panel: show one, rename it, delete it, save the present one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.column_filter import Popover
from fintune_gui.ui.widgets.controls import Button, HorizontalLine, Label, LineEdit, set_shown

_WIDTH = 300


class SavedViews(Popover):
    """A line for each view, and a field to save the present one.

    Signals:
        chosen: Name of a view to show.
        saved: Name under which the present view shall be kept; one of that name is replaced.
        renamed: (old name, new name).
        deleted: Name.
    """

    chosen = Signal(str)
    saved = Signal(str)
    renamed = Signal(str, str)
    deleted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Saved views", parent)
        self.setFixedWidth(_WIDTH)
        self.names: list[str] = []
        self._renamed = ""
        self.empty = Label("A view keeps the filter, the order, the columns and the facets.", "small", wrap=True)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(0)
        self.name = LineEdit("Name of the view", placeholder="Name of the present view")
        self.name.setMaxLength(80)
        self.save = Button("Save", self._save)
        self.name.textChanged.connect(self._on_name)
        self.name.returnPressed.connect(self._save)
        foot = row(self.name, self.save)
        foot.setStretch(0, 1)
        self.body.addWidget(Label("Saved views", "card_title"))
        self.body.addWidget(self.empty)
        self.body.addLayout(self._lines)
        self.body.addWidget(HorizontalLine())
        self.body.addLayout(foot)
        self.show_names([])

    def show_names(self, names: Sequence[str]) -> None:
        """Offer these views."""
        self.names = list(names)
        while (item := self._lines.takeAt(0)) is not None:
            if (line := item.widget()) is not None:
                line.hide()
                line.deleteLater()
        for name in self.names:
            self._lines.addWidget(self._line(name))
        set_shown(self.empty, shown=not names)
        self._on_name()
        self.adjustSize()

    def _line(self, name: str) -> QWidget:
        line = QWidget()
        show = Button(name, lambda: self._choose(name), kind="flat", tool_tip=f"Show “{name}”")
        show.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        rename = Button(f"Rename “{name}”", lambda: self._begin_rename(name), kind="bare_icon", icon_name="edit")
        delete = Button(f"Delete “{name}”", lambda: self.deleted.emit(name), kind="bare_icon", icon_name="close")
        layout = row(show, rename, delete, spacing=2)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setStretch(0, 1)
        line.setLayout(layout)
        return line

    def _choose(self, name: str) -> None:
        self.close()
        self.chosen.emit(name)

    def _begin_rename(self, name: str) -> None:
        """The field below takes the new name."""
        self._renamed = name
        self.name.setText(name)
        self.name.setFocus()
        self.name.selectAll()
        self._on_name()

    @Slot()
    def _on_name(self) -> None:
        name = self.name.text().strip()
        replaces = name in self.names and name != self._renamed
        self.save.setText("Rename" if self._renamed else "Replace" if replaces else "Save")
        self.save.setEnabled(bool(name) and name != self._renamed and not (self._renamed and replaces))

    @Slot()
    def _save(self) -> None:
        if not self.save.isEnabled():
            return
        name, old = self.name.text().strip(), self._renamed
        self._renamed = ""
        self.name.clear()
        if old:
            self.renamed.emit(old, name)
        else:
            self.saved.emit(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._renamed:
            self._renamed = ""
            self.name.clear()
        else:
            super().keyPressEvent(event)
