"""Flag and star of one row: two marks that mean what the user wants them to mean."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from fintune_gui.ui.theme import icon
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Button


class RowMarksButtons(QWidget):
    """Two buttons that stay pressed.

    Signals:
        flag_requested: The row shall be flagged, or not any more.
        star_requested: The row shall have a star, or not any more.
    """

    flag_requested = Signal(bool)
    star_requested = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.flag = Button("Flag", kind="bare_icon", icon_name="flag", tool_tip="Flag (F in the table)")
        self.star = Button("Star", kind="bare_icon", icon_name="star", tool_tip="Star (S in the table)")
        for button in (self.flag, self.star):
            button.setCheckable(True)
        self.flag.clicked.connect(self.flag_requested)
        self.star.clicked.connect(self.star_requested)
        layout = row(self.flag, self.star, spacing=2)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)

    def show_marks(self, *, flag: bool, star: bool) -> None:
        """Show which marks the row has."""
        for button, marked, name in ((self.flag, flag, "flag"), (self.star, star, "star")):
            button.setChecked(marked)
            button.setIcon(icon(name, "info_ink" if marked else "muted"))
            button.setAccessibleDescription("on" if marked else "off")
