"""Where the rows came from: every file with what it gave, and whether it is still there as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from fintune_gui.ui.itemmodels.files_model import FileLine, FilesModel
from fintune_gui.ui.theme import Tone
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import set_shown
from fintune_gui.ui.widgets.file_table import FileTable
from fintune_gui.ui.widgets.reading_form import ENCODINGS, FORMATS, name_of
from fintune_gui.ui.widgets.words import counted, size_in_words

if TYPE_CHECKING:
    from fintune_gui.project.document import SourceFile

GONE, CHANGED = "gone", "changed"
"""What may have become of a file since it was read."""
_STATES: dict[str, tuple[str, Tone]] = {GONE: ("Not there any more", "warn"), CHANGED: ("Changed since", "warn")}
_NOTE = "The rows are a copy inside the project: whatever becomes of these files, nothing here is lost."


class SourcesView(Card):
    """A line for each file.

    Signals:
        folder_wanted: The path of the file whose folder shall be shown.
    """

    folder_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Came from", parent=parent)
        self._sources: tuple[SourceFile, ...] = ()
        self._states: dict[str, str] = {}
        headers = ("File", "Rows", "Rejected", "Size", "Read as", "Now")
        self.model = FilesModel(headers, right=(1, 2, 3), parent=self)
        self.table = FileTable("Files that the rows came from", self.model, wide=0)
        self.table.opened.connect(self.folder_wanted)
        self.shape = Badge("", "good")
        self.add_action(self.shape)
        self._sum = self.add_note("")
        self.add(self.table, 1)
        self._notes = self.add_note("")
        self._notes.hide()
        self.add_note(_NOTE)

    def show_sources(self, sources: Sequence[SourceFile], shape: str, notes: Sequence[str] = ()) -> None:
        """Show these files; `shape` is the row format that was recognised, or ""; `notes` what the import remarked."""
        self._sources = tuple(sources)
        self.shape.set(shape, "good")
        set_shown(self.shape, shown=bool(shape))
        rows, size = sum(source.rows for source in sources), sum(source.bytes for source in sources)
        self._sum.setText(f"{counted(len(sources), 'file')} · {counted(rows, 'row')} · {size_in_words(size)}")
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
        self._show()

    @Slot(object)
    def show_states(self, states: Mapping[str, str]) -> None:
        """Path -> `GONE` or `CHANGED`, for the files that are not as they were."""
        self._states = dict(states)
        self._show()

    def _show(self) -> None:
        self.model.show_lines([_line(number, source, self._states) for number, source in enumerate(self._sources)])


def _line(number: int, source: SourceFile, states: Mapping[str, str]) -> FileLine:
    words, tone = _STATES.get(states.get(source.path, ""), ("Unchanged" if states is not None else "", None))
    kind = name_of(source.format, FORMATS).removesuffix(" or TSV")
    read_as = f"{kind}, {name_of(source.encoding, ENCODINGS)}" if source.encoding else kind
    cells = (
        Path(source.path).name,
        f"{source.rows:,}",
        f"{source.rejected:,}" if source.rejected else "none",
        size_in_words(source.bytes),
        read_as,
        words,
    )
    return FileLine(f"{number} {source.path}", cells, source.path, tone, toned=5)


def states_of(sources: Sequence[SourceFile]) -> dict[str, str]:
    """What has become of each file that is not as it was when it was read, judged by its size; does not read it."""
    states = {}
    for source in sources:
        try:
            if Path(source.path).is_file() and Path(source.path).stat().st_size != source.bytes:
                states[source.path] = CHANGED
            elif not Path(source.path).exists():
                states[source.path] = GONE
        except OSError:
            states[source.path] = GONE
    return states
