"""Many wishes, one deed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

_LATER_MS = 250


class Coalesced(QObject):
    """Does something once for many wishes, as soon as the window's thread is free or a little later.

    Args:
        act: What is done.
    """

    def __init__(self, act: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._act = act
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._do)

    @Slot()
    def ask(self, *_: object) -> None:
        """Do it once the present events are handled; or when it was going to be done, if that is near."""
        if not self._timer.isActive():
            self._timer.start(0)

    @Slot()
    def ask_later(self, *_: object) -> None:
        """Do it after a pause: somebody is typing, and each letter may ask."""
        self._timer.start(_LATER_MS)

    @property
    def waiting(self) -> bool:
        """Whether it is still to be done."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Forget the wishes."""
        self._timer.stop()

    @Slot()
    def _do(self) -> None:
        self._act()
