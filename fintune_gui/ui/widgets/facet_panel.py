"""Facets beside a table: the values, lengths and states of its rows with counts, to narrow the rows by a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.ui.theme import icon, metrics
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.conditions import (
    Subject,
    alternatives,
    joined,
    opposite,
    quoted,
    same,
    subject,
    without_not,
)
from fintune_gui.ui.widgets.controls import Button, Label, MenuButton, set_shown
from fintune_gui.ui.widgets.facet_list import FacetLine, FacetList
from fintune_gui.ui.widgets.length_range import LengthRange
from fintune_gui.ui.widgets.tab_order import tab_before
from fintune_gui.ui.widgets.words import counted

_WIDTH = 232
_WIDTH_NARROW = 176
_NARROW = 560
_FEW = 8


@dataclass(frozen=True)
class FacetSpec:
    """Which facet: the values or the lengths of a column, or the states of rows (then without a column)."""

    kind: Literal["value", "length", "state"]
    column: str = ""

    @property
    def subject(self) -> Subject:
        """What the conditions of this facet are about."""
        return Subject(self.kind, self.column.lower())

    @property
    def title(self) -> str:
        return {"value": self.column, "length": f"Length of {self.column}", "state": "State"}[self.kind]


class FacetSection(QWidget):
    """One facet: a title that folds it, and its values or lengths.

    Signals:
        narrowed: (`Subject`, conditions) that take the place of all those about this subject.
        rename_requested: (column, condition that selects the rows, new value).
        removed: The user does not want this facet any more; the argument is its `FacetSpec`.
        copied: A sentence about what was copied.
        unfolded: It is open again and wants its counts.
    """

    narrowed = Signal(object, object)
    rename_requested = Signal(str, str, str)
    removed = Signal(object)
    copied = Signal(str)
    unfolded = Signal()

    def __init__(self, spec: FacetSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.folded = False
        self._by_name = False
        self._all = False
        self._lines: list[FacetLine] = []
        self._distinct = 0
        self.title = Button(spec.title, self.fold, kind="flat", icon_name="chevron_down")
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.title.setToolTip(spec.title)
        self.title.setAccessibleName(f"Facet {spec.title}")
        self.more = Button(f"More for {spec.title}", self._open_menu, kind="bare_icon", icon_name="more")
        self.values = FacetList(spec.title)
        self.values.show_most(_FEW)
        self.values.chosen.connect(self._choose)
        self.values.rename_requested.connect(self._rename)
        self.values.copied.connect(self.copied)
        self.lengths = LengthRange(spec.title)
        self.lengths.chosen.connect(self._choose_lengths)
        self.rest = Button("", self._show_all, kind="link")
        self.note = Label("", "small", wrap=True)
        self.note.setContentsMargins(metrics.GAP, 0, metrics.GAP, 0)
        head = row(self.title, self.more, spacing=0)
        head.setContentsMargins(2, 0, 6, 0)
        head.setStretch(0, 1)
        foot = row(self.rest, None)
        foot.setContentsMargins(24, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 8)
        layout.setSpacing(0)
        layout.addLayout(head)
        for widget in (self.values, self.lengths, self.note):
            layout.addWidget(widget)
        layout.addLayout(foot)
        self._show_parts()

    # What the panel says

    def show_values(self, lines: Sequence[FacetLine], distinct: int) -> None:
        """Values with their counts, the most frequent first, of `distinct` there are."""
        self._lines, self._distinct = list(lines), distinct
        self.note.setText("" if lines else "No value in these rows.")
        self._fill()

    def show_lengths(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        """See `LengthRange.show_counts`."""
        self.lengths.show_counts(edges, counts)
        self.note.setText("")
        self._show_parts()

    def show_error(self, sentence: str) -> None:
        """Say why there are no counts."""
        self.note.setText(sentence)
        self._show_parts()

    def show_conditions(self, conditions: Sequence[str]) -> None:
        """Mark what the filter lets in and keeps out."""
        mine = [condition for condition in conditions if subject(condition) == self.spec.subject]
        if self.spec.kind == "length":
            self.lengths.show_range(_range_of(mine))
            return
        included: set[int] = set()
        excluded: set[int] = set()
        for condition in mine:
            positive = without_not(condition)
            target = included if positive == condition else excluded
            for part in alternatives(positive):
                target |= {n for n, line in enumerate(self.values.facet.lines) if same(line.condition, part)}
        self.values.facet.show_choice(frozenset(included), frozenset(excluded))

    # Inside

    def _fill(self) -> None:
        lines = sorted(self._lines, key=lambda line: line.words.lower()) if self._by_name else self._lines
        self.values.facet.show_lines(lines)
        self.values.show_most(1_000 if self._all else _FEW)
        self._show_parts()

    def _show_parts(self) -> None:
        by_value = self.spec.kind != "length"
        hidden = len(self._lines) - _FEW
        beyond = self._distinct - len(self._lines)
        set_shown(self.values, shown=by_value and not self.folded and bool(self._lines))
        set_shown(self.lengths, shown=not by_value and not self.folded)
        set_shown(self.rest, shown=by_value and not self.folded and hidden > 0)
        set_shown(self.note, shown=not self.folded and bool(self.note.text()))
        self.rest.setText("Show fewer" if self._all else f"Show {hidden:,} more")
        if beyond > 0 and self._all:
            self.note.setText(f"and {counted(beyond, 'rarer value')}")
            set_shown(self.note, shown=not self.folded)

    @Slot()
    def fold(self) -> None:
        """Close it to its title, or open it again."""
        self.folded = not self.folded
        self.title.setIcon(icon("forward" if self.folded else "chevron_down"))
        self.title.setAccessibleName(f"Facet {self.spec.title}{', folded' if self.folded else ''}")
        self._show_parts()
        if not self.folded:
            self.unfolded.emit()

    @Slot()
    def _show_all(self) -> None:
        self._all = not self._all
        self.note.setText("")
        self._fill()

    def menu(self) -> QMenu:
        """What can be done with the facet."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self.spec.kind != "length":
            menu.addAction("Order by count" if self._by_name else "Order by name", self._turn_order)
            menu.addAction("Copy all values with counts", self.values.copy)
        menu.addAction("Take any", lambda: self.narrowed.emit(self.spec.subject, []))
        menu.addSeparator()
        menu.addAction("Remove this facet", lambda: self.removed.emit(self.spec))
        return menu

    @Slot()
    def _open_menu(self) -> None:
        self.menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _turn_order(self) -> None:
        self._by_name = not self._by_name
        marks = self.values.facet
        chosen = {number: marks.lines[number].condition for number in marks.included | marks.excluded}
        included = {chosen[number] for number in marks.included}
        excluded = {chosen[number] for number in marks.excluded}
        self._fill()
        places = {line.condition: number for number, line in enumerate(marks.lines)}
        marks.show_choice(frozenset(places[c] for c in included), frozenset(places[c] for c in excluded))

    @Slot(object, object)
    def _choose(self, included: frozenset[int], excluded: frozenset[int]) -> None:
        lines = self.values.facet.lines
        chosen = [line.condition for number, line in enumerate(lines) if number in included]
        parts = [joined(chosen, "or")] if chosen else []
        parts += [opposite(line.condition) for number, line in enumerate(lines) if number in excluded]
        self.narrowed.emit(self.spec.subject, parts)

    @Slot(int, int)
    def _choose_lengths(self, low: int, high: int) -> None:
        condition = f"length({quoted(self.spec.column)}) between {low} and {high}"
        self.narrowed.emit(self.spec.subject, [condition] if high else [])

    @Slot(int, str)
    def _rename(self, number: int, new: str) -> None:
        self.rename_requested.emit(self.spec.column, self.values.facet.lines[number].condition, new)


class FacetPanel(QFrame):
    """The facets one below the other, with a scroll bar of their own.

    Signals:
        narrowed, rename_requested, copied: As of a `FacetSection`.
        specs_changed: The user added or removed a facet; ask `specs`.
        wanted: A facet is open and wants counts.
    """

    narrowed = Signal(object, object)
    rename_requested = Signal(str, str, str)
    copied = Signal(str)
    specs_changed = Signal()
    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Facets")
        self.setFixedWidth(_WIDTH)
        self.sections: list[FacetSection] = []
        self._columns: list[str] = []
        self._conditions: list[str] = []
        self._can_rename = False
        self.add_button = MenuButton("Add a facet")
        self.note = Label("", "small", tone="warn", wrap=True)
        self.note.setContentsMargins(metrics.GAP, 0, metrics.GAP, 8)
        self.note.hide()
        content = QWidget()
        content.setObjectName("facets")
        self._list = QVBoxLayout(content)
        self._list.setContentsMargins(0, 0, 0, metrics.SMALL_GAP)
        self._list.setSpacing(0)
        self._list.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(content)
        content.setAutoFillBackground(False)  # the card shows through
        self._area.viewport().setAutoFillBackground(False)
        foot = QHBoxLayout()
        foot.setContentsMargins(metrics.GAP, metrics.SMALL_GAP, metrics.GAP, metrics.GAP)
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.note)
        layout.addWidget(self._area, 1)
        layout.addLayout(foot)
        self.hide()

    def fit_into(self, width: int) -> None:
        """Take less room beside the table of a panel that has only so many pixels."""
        self.setFixedWidth(_WIDTH_NARROW if width < _NARROW else _WIDTH)

    # What the owner says

    @property
    def specs(self) -> list[FacetSpec]:
        """The facets, from top to bottom."""
        return [section.spec for section in self.sections]

    def set_columns(self, columns: Sequence[str]) -> None:
        """Offer the columns of the table; facets of columns that are gone go."""
        self._columns = list(columns)
        gone = [spec for spec in self.specs if spec.column and spec.column not in columns]
        if gone:
            self.set_specs([spec for spec in self.specs if spec not in gone])
        self._offer()

    def set_specs(self, specs: Sequence[FacetSpec]) -> None:
        """Show these facets; those that are there already keep their counts."""
        known = {section.spec: section for section in self.sections}
        wanted = list(dict.fromkeys(specs))
        for section in self.sections:
            self._list.removeWidget(section)
            if section.spec not in wanted:
                section.hide()
                section.deleteLater()
        self.sections = [known.get(spec) or self._made(spec) for spec in wanted]
        for place, section in enumerate(self.sections):
            self._list.insertWidget(place, section)
            tab_before(section, self.add_button)
        self._offer()

    def section(self, spec: FacetSpec) -> FacetSection | None:
        """The section of a facet, if it is shown."""
        return next((section for section in self.sections if section.spec == spec), None)

    def show_conditions(self, conditions: Sequence[str]) -> None:
        """Mark everywhere what the filter lets in and keeps out."""
        self._conditions = list(conditions)
        for section in self.sections:
            section.show_conditions(conditions)

    def set_can_rename(self, *, can_rename: bool) -> None:
        """Whether values can be changed now."""
        self._can_rename = can_rename
        for section in self.sections:
            section.values.can_rename = can_rename

    def show_note(self, sentence: str) -> None:
        """Say above the facets what their counts are about; "" for nothing."""
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))

    @Slot(object)
    def add_facet(self, spec: FacetSpec) -> None:
        """One more facet, at the top, unless it is there."""
        if spec not in self.specs:
            self.set_specs([spec, *self.specs])
            self.specs_changed.emit()

    # Inside

    def _made(self, spec: FacetSpec) -> FacetSection:
        section = FacetSection(spec)
        section.narrowed.connect(self.narrowed)
        section.rename_requested.connect(self.rename_requested)
        section.removed.connect(self._remove)
        section.copied.connect(self.copied)
        section.unfolded.connect(self.wanted)
        section.values.can_rename = self._can_rename
        section.show_conditions(self._conditions)
        return section

    @Slot(object)
    def _remove(self, spec: FacetSpec) -> None:
        self.set_specs([other for other in self.specs if other != spec])
        self.specs_changed.emit()

    def _offer(self) -> None:
        offered = [FacetSpec("state")]
        offered += [FacetSpec("value", column) for column in self._columns]
        lengths = [FacetSpec("length", column) for column in self._columns]
        groups = [[spec for spec in group if spec not in self.specs] for group in (offered, lengths)]
        entries = [(spec.title, lambda spec=spec: self.add_facet(spec)) for spec in groups[0]]
        more = [(spec.title, lambda spec=spec: self.add_facet(spec)) for spec in groups[1]]
        self.add_button.set_entries([*entries, None, *more] if entries and more else [*entries, *more])
        self.add_button.setEnabled(bool(entries or more))


def _range_of(conditions: Sequence[str]) -> tuple[int, int] | None:
    """The lengths of a condition "length(…) between 3 and 9"; None for any other."""
    for condition in conditions:
        words = condition.split()
        if len(words) >= 4 and words[-4].lower() == "between" and words[-2].lower() == "and":
            low, high = words[-3], words[-1].rstrip(")")
            if low.isdecimal() and high.isdecimal():
                return int(low), int(high)
    return None
