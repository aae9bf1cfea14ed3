"""Which finished run a page is about."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Slot

from fintune_gui.project.flow import RunFacts
from fintune_gui.ui.widgets.controls import ComboBox, set_shown


class RunPicker(ComboBox):
    """The newest finished run, until the user picks another. Hidden while there is nothing to choose.

    Attributes:
        runs: The finished runs, oldest first.
        run: The picked one; None without any.
    """

    def __init__(self) -> None:
        super().__init__("Run")
        self.runs: list[RunFacts] = []
        self.run: RunFacts | None = None
        self._number: int | None = None
        self.chosen.connect(self._pick)

    def show_runs(self, runs: Iterable[RunFacts]) -> None:
        """Offer the finished ones among `runs`."""
        self.runs = [run for run in runs if run.status in ("completed", "stopped")]
        self.set_choices([(f"Run {run.number}", run.number) for run in reversed(self.runs)])
        newest = self.runs[-1] if self.runs else None
        self.run = next((run for run in self.runs if run.number == self._number), newest)
        self.set_value(self.run.number if self.run else None)
        set_shown(self, shown=len(self.runs) > 1)

    def forget(self) -> None:
        """Another project is coming."""
        self._number = None
        self.show_runs([])

    @Slot(object)
    def _pick(self, number: int) -> None:
        self._number = number
        self.show_runs(self.runs)
