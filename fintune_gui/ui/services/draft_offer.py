"""Offers a text that never became a change: take it up again, or throw it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.ui.services.drafts import Drafts
from fintune_gui.ui.widgets.feedback import Banner

if TYPE_CHECKING:
    from fintune_gui.dataset.store import Draft


class DraftOffer(QObject):
    """Says it in a banner until the user has decided.

    Signals:
        taken_up: (row id, column, text, cursor).
    """

    taken_up = Signal(object, str, str, int)

    def __init__(self, drafts: Drafts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._drafts = drafts
        self._text: tuple[int, str, str, int] | None = None
        self.banner = Banner()
        self.banner.hide()
        drafts.found.connect(self._on_found)
        drafts.gone.connect(self.banner.hide)

    @Slot(object)
    def _on_found(self, draft: Draft) -> None:
        self.offer(draft.row_id, draft.column, draft.text, draft.cursor)

    @Slot(object, str, str, int)
    def offer(self, row_id: int, column: str, text: str, cursor: int) -> None:
        """Offer a text of a cell."""
        self._text = (row_id, column, text, cursor)
        self.banner.set(
            f"You were typing in row {row_id + 1:,}, “{column}”.",
            "It never became a change.",
            "info",
            [("Take it up again", self.take_up), ("Throw it away", self.throw_away)],
        )
        self.banner.show()

    @Slot()
    def take_up(self) -> None:
        """Let the user go on with it."""
        self.banner.hide()
        if self._text is not None:
            self.taken_up.emit(*self._text)

    @Slot()
    def throw_away(self) -> None:
        """Forget it, on disk too."""
        self.banner.hide()
        self._drafts.throw_away()

    @Slot()
    def look_again(self) -> None:
        """It may have been decided on another page."""
        if self.banner.isVisible():
            self._drafts.look()
