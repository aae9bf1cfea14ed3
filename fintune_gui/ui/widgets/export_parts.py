"""The parts of the Export page: what and where, what it will hold, and what has been exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.project.spec import TrainSpec
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Badge, Card, row
from fintune_gui.ui.widgets.choice import ChoiceCards
from fintune_gui.ui.widgets.code_box import CodeBox
from fintune_gui.ui.widgets.controls import Button, ComboBox, ElidedLabel, Label, LineEdit
from fintune_gui.ui.widgets.export_words import What, choices, contents, folder_complaint

_TITLES: dict[What, str] = {"adapter": "Adapter", "merged": "Model"}


@dataclass(frozen=True)
class Exported:
    """One finished export: what, where, when, what its check found, and the code that loads it."""

    what: What
    folder: str
    time: float
    verified: str
    code: str

    @property
    def title(self) -> str:
        """ "Adapter · 12 May, 14:52"."""
        when = datetime.fromtimestamp(self.time)  # noqa: DTZ006 - the clock on the user's wall
        return f"{_TITLES[self.what]} · {when.day} {when:%B, %H:%M}"


class ExportChoice(QWidget):
    """What to export, and into which folder.

    Signals:
        changed: Another choice or folder.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what_cards = ChoiceCards("What to export")
        self.folder_edit = LineEdit("Folder of the export")
        self.choose_button = Button("Choose …", self._choose_folder)
        self.complaint = Label("", "small", tone="bad", wrap=True)
        self._marks = [Label("✓", tone="good") for _ in range(5)]
        self._contents = [Label("", wrap=True) for _ in range(5)]
        what = Card("What to export")
        what.add(self.what_cards)
        where = Card("Where to")
        line = QHBoxLayout()
        line.setSpacing(metrics.SMALL_GAP)
        line.addWidget(self.folder_edit, 1)
        line.addWidget(self.choose_button)
        where.add(line)
        where.add(self.complaint)
        where.add_note("The folder is made new, and written whole or not at all. It needs nothing of Fintune.")
        holds = Card("What it will hold")
        grid = QGridLayout()
        grid.setSpacing(metrics.SMALL_GAP)
        grid.setColumnStretch(1, 1)
        for place, (mark, label) in enumerate(zip(self._marks, self._contents, strict=True)):
            grid.addWidget(mark, place, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, place, 1)
        holds.add(grid)
        holds.body.addStretch(1)
        left = QVBoxLayout()
        left.setSpacing(metrics.GAP)
        left.addWidget(what)
        left.addWidget(where)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.GAP)
        layout.addLayout(left, 3)
        layout.addWidget(holds, 2)
        self._spec: TrainSpec | None = None
        self._own_folder = False
        self.folder_edit.textEdited.connect(self._on_typed)
        self.what_cards.chosen.connect(self._on_chosen)
        self.folder_edit.textChanged.connect(self._on_folder)

    def show_spec(self, spec: TrainSpec) -> None:
        """Offer what the run of `spec` can give."""
        if spec == self._spec:
            return
        self._spec = spec
        offered = choices(spec.model)
        self.what_cards.set_choices(offered)
        self.what_cards.set_value(offered[0].value)
        self._show_contents()

    @property
    def what(self) -> What:
        """The chosen kind."""
        return "merged" if self.what_cards.value() == "merged" else "adapter"

    @property
    def folder(self) -> str:
        """The folder as written."""
        return self.folder_edit.text().strip()

    def propose_folder(self, folder: Path) -> None:
        """Show `folder`, unless the user has written or chosen another one."""
        if not self._own_folder:
            self.folder_edit.set_text(str(folder))

    def forget_folder(self) -> None:
        """The folder is taken now, or belongs to another run: the next proposal counts."""
        self._own_folder = False

    def check_folder(self) -> bool:
        """Say what is wrong with the folder, if anything."""
        complaint = folder_complaint(self.folder)
        self.complaint.setText(complaint)
        self.complaint.setVisible(bool(complaint))
        self.folder_edit.mark_invalid(invalid=bool(complaint))
        self.folder_edit.setAccessibleDescription(complaint)
        return not complaint

    def _show_contents(self) -> None:
        assert self._spec is not None
        things = contents(self.what, self._spec)
        for place, (mark, label) in enumerate(zip(self._marks, self._contents, strict=True)):
            mark.setVisible(place < len(things))
            label.setVisible(place < len(things))
            label.setText(things[place] if place < len(things) else "")

    @Slot(object)
    def _on_chosen(self, _value: object) -> None:
        self._show_contents()
        self.changed.emit()

    @Slot(str)
    def _on_folder(self, _text: str) -> None:
        self.check_folder()
        self.changed.emit()

    def _choose_folder(self) -> None:
        start = str(Path(self.folder).parent)
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the export", start)
        if chosen:
            self.use_folder(Path(chosen))

    def use_folder(self, chosen: Path) -> None:
        """Take the user's folder; in one that holds other things the export gets a folder of its own."""
        self._own_folder = True
        taken = folder_complaint(str(chosen))
        self.folder_edit.setText(str(chosen / Path(self.folder).name if taken else chosen))

    @Slot(str)
    def _on_typed(self, text: str) -> None:
        self._own_folder = bool(text.strip())


class ExportedCard(Card):
    """One finished export with its check and its code, and the earlier ones to look at.

    Signals:
        open_wanted: A folder to show.
        copied: A sentence about what was copied.
    """

    open_wanted = Signal(str)
    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Exported", parent=parent)
        self.earlier = ComboBox("Earlier exports of this run")
        self.open_button = Button("Open folder", self._open)
        self.add_action(self.earlier, self.open_button)
        self._badge = Badge("verified", "good")
        self._verified = Label("", wrap=True, selectable=True)
        self._verified.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._folder = ElidedLabel("", "muted")
        self.code = CodeBox("Load it in Python")
        self.code.copied.connect(self.copied)
        line = row(self._badge, self._verified)
        line.setStretch(1, 1)
        self.add(self._folder)
        self.add(line)
        self.add(self.code)
        self._exports: list[Exported] = []
        self.earlier.chosen.connect(self._show)

    def show_exports(self, exports: Sequence[Exported]) -> None:
        """Show the newest of these (oldest first), and offer the others."""
        if list(exports) == self._exports:
            return
        self._exports = list(exports)
        newest = len(exports) - 1
        self.earlier.set_choices([(exports[place].title, place) for place in range(newest, -1, -1)])
        self.earlier.setVisible(len(exports) > 1)
        self.earlier.set_value(newest)
        if exports:
            self._show(newest)

    @Slot(object)
    def _show(self, place: int) -> None:
        exported = self._exports[place]
        self.set_title(exported.title)
        self._folder.setText(exported.folder)
        self._verified.setText(exported.verified)
        self.code.set_code(exported.code)

    def _open(self) -> None:
        self.open_wanted.emit(self._folder.text())
