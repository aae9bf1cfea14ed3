"""How much memory training needs, part by part, against what there is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QProgressBar, QVBoxLayout, QWidget

from fintune_gui.project.fitting import Fit, judge
from fintune_gui.project.memory import MemoryEstimate, MemoryPart, gigabytes
from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.controls import ElidedLabel, Label, set_property

FIT_TONES: dict[Fit, Tone] = {Fit.FITS: "good", Fit.TIGHT: "warn", Fit.QLORA: "info", Fit.TOO_LARGE: "bad"}


def fitting(needed: float, available: int) -> tuple[str, Tone]:
    """Whether `needed` bytes fit into `available`: a word and its tone."""
    fit = judge(needed, available)
    return fit.value, FIT_TONES[fit]


class MemoryView(QWidget):
    """A bar with a sentence, and the parts of the sum as lines of arithmetic."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Share of the memory that training needs")
        self._sentence = Label("", "strong", wrap=True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(metrics.GAP)
        self._grid.setVerticalSpacing(metrics.TINY_GAP + 2)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[Label, ElidedLabel, Label]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addWidget(self._sentence)
        layout.addWidget(self.bar)
        layout.addSpacing(2)
        layout.addLayout(self._grid)

    def show_estimate(self, estimate: MemoryEstimate, available: int, where: str) -> None:
        """Show the parts of `estimate`, and their sum against the `available` bytes of `where`."""
        _word, tone = fitting(estimate.total, available)
        set_property(self.bar, "tone", tone if tone in ("warn", "bad") else "info")
        self.bar.setValue(min(1000, round(1000 * estimate.total / max(1, available))))
        self._sentence.setText(f"About {gigabytes(estimate.total)} of {where}’s {gigabytes(available)}.")
        self.setAccessibleDescription(self._sentence.text())
        for number, part in enumerate(estimate.parts):
            self._show_part(number, part)
        for line in self._lines[len(estimate.parts) :]:
            for label in line:
                label.hide()

    def sentence(self) -> str:
        """The sentence above the bar."""
        return self._sentence.text()

    def parts(self) -> dict[str, str]:
        """The sizes shown, by the names of the parts."""
        return {name.text(): size.text() for name, _how, size in self._lines if not name.isHidden()}

    def _show_part(self, number: int, part: MemoryPart) -> None:
        if number == len(self._lines):
            size = Label("")
            size.setAlignment(Qt.AlignmentFlag.AlignRight)
            line = (Label(""), ElidedLabel("", "small"), size)
            for column, label in enumerate(line):
                self._grid.addWidget(label, number, column)
            self._lines.append(line)
        name, how, size = self._lines[number]
        for label, text in ((name, part.name), (how, part.how), (size, gigabytes(part.bytes))):
            label.setText(text)
            label.show()
