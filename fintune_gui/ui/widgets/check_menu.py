"""A button with a list behind it, in which any number of entries are ticked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QMenu, QWidget, QWidgetAction

from fintune_gui.ui.theme import font
from fintune_gui.ui.widgets.controls import MenuButton

_HIGHEST = 320


class CheckMenu(MenuButton):
    """Says how many entries are ticked: "All 4 columns", "2 of 4 columns".

    Signals:
        changed: The entries that are ticked now, in order.
    """

    changed = Signal(object)

    def __init__(self, name: str, noun: str, parent: QWidget | None = None) -> None:
        """`noun`: what the entries are, in the plural: "columns"."""
        super().__init__("", parent=parent)
        self._noun, self._name = noun, name
        self.list = QListWidget()
        self.list.setAccessibleName(name)
        self.list.setFont(font())
        self.list.itemChanged.connect(self._tell)
        action = QWidgetAction(self)
        action.setDefaultWidget(self.list)
        menu = self.menu()
        assert isinstance(menu, QMenu)
        menu.addAction(action)
        menu.aboutToShow.connect(self._focus)

    def set_names(self, names: Sequence[str]) -> None:
        """Offer these; all of them are ticked. The same names again leave the ticks as they are."""
        if [self.list.item(place).text() for place in range(self.list.count())] == list(names):
            return
        self.list.blockSignals(True)
        self.list.clear()
        for name in names:
            item = QListWidgetItem(name, self.list)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
        self.list.blockSignals(False)
        rows = self.list.sizeHintForRow(0) * len(names) if names else 0
        self.list.setFixedSize(max(180, self.list.sizeHintForColumn(0) + 40), min(_HIGHEST, rows + 8))
        self._show_count()

    def ticked(self) -> list[str]:
        """The entries that are ticked, in order."""
        items = [self.list.item(place) for place in range(self.list.count())]
        return [item.text() for item in items if item.checkState() is Qt.CheckState.Checked]

    @Slot(QListWidgetItem)
    def _tell(self, _item: QListWidgetItem) -> None:
        self._show_count()
        self.changed.emit(self.ticked())

    def _show_count(self) -> None:
        ticked, total = len(self.ticked()), self.list.count()
        self.setText(f"All {total} {self._noun}" if ticked == total else f"{ticked} of {total} {self._noun}")
        self.setAccessibleName(f"{self._name}: {self.text()}")

    @Slot()
    def _focus(self) -> None:
        self.list.setFocus()
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
