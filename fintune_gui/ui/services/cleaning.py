"""Findings and recipe between their cards and the rows: what was found, what mends it, and what was done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.document import Role
from fintune_gui.project.document import Task as Objective
from fintune_gui.ui.itemmodels.rows_model import RowsModel
from fintune_gui.ui.services.background import Task
from fintune_gui.ui.services.findings import FindingsWatch
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.row_snapshot import RowSnapshot
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import Tone
from fintune_gui.ui.widgets.findings_card import FindingLine, FindingsCard
from fintune_gui.ui.widgets.recipe_card import RecipeCard

if TYPE_CHECKING:
    from fintune_gui.dataset.cleaning import CleaningStep, Finding
    from fintune_gui.dataset.store import Dataset

_NEED_MORE = ("rename_values",)
"""Steps that mean nothing without options."""
_TONES: dict[str, Tone] = {"info": "info", "warn": "warn", "bad": "bad"}
_SHORT = {
    "exact_duplicates": "Exact duplicates",
    "near_duplicates": "Near-duplicates",
    "conflicting_labels": "Same text, two labels",
    "label_variants": "Labels spelled in two ways",
    "label_misspelled": "Misspelled labels",
    "rare_label": "Rare labels",
    "mojibake": "Broken characters",
    "control_characters": "Invisible characters",
    "html_entities": "HTML codes",
    "white_space": "Space at the ends",
    "several_spaces": "Several spaces in a row",
    "placeholder": "Placeholder texts",
    "card_number": "Card numbers",
    "very_short": "Very short texts",
    "very_long": "Very long texts",
}
"""Findings in the few words that a card has room for; the whole sentence is in the tool tip."""
_VERBS = {"remove": "Remove", "mask": "Mask", "repair": "Repair", "trim": "Trim"}


class Cleaning(QObject):
    """Fills a `FindingsCard` and a `RecipeCard`, and tells what the user wants done.

    Signals:
        apply_requested: (a few words for the progress strip, what to do with the dataset and the task).
        review_requested: (title, filter or "", row ids).
    """

    apply_requested = Signal(str, object)
    review_requested = Signal(str, str, object)

    def __init__(
        self,
        session: ProjectSession,
        findings: FindingsCard,
        recipe: RecipeCard,
        model: RowsModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._card = findings
        self._recipe = recipe
        self._model = model
        self.watch = FindingsWatch(session, self)
        self.watch.looking.connect(findings.show_looking)
        self.watch.outdated.connect(findings.show_outdated)
        self.watch.found.connect(self._show_findings)
        findings.look_requested.connect(self.watch.look)
        findings.review_requested.connect(self._review)
        findings.fix_requested.connect(self._fix)
        findings.fix_all_requested.connect(self._fix_all)
        self._offered_for: object = None

    def show_snapshot(self, snapshot: RowSnapshot) -> None:
        """Show the history of these rows, and look at them if they are new."""
        self._recipe.show_operations(snapshot.operations, snapshot.head, snapshot.tip)
        offered_for = (self._session.project.format.roles, self._session.project.objective.task)
        if offered_for != self._offered_for:
            self._offered_for = offered_for
            self._offer_steps()
        self.watch.rows_are(snapshot.fingerprint, snapshot.dataset.total_rows)

    def forget(self) -> None:
        """The rows are not there any more."""
        self.watch.forget()
        self._model.set_notes({})
        self._model.set_marks({})
        self._card.show_looking()
        self._recipe.show_operations([], 0, 0)

    def set_enabled(self, *, enabled: bool) -> None:
        """Whether anything can be changed now."""
        self._card.set_enabled(enabled=enabled)
        self._recipe.set_enabled(enabled=enabled)

    # Findings

    @Slot()
    def _show_findings(self) -> None:
        from fintune_gui.dataset.cleaning import safe_steps

        findings = self.watch.findings
        safe = [finding for finding in findings if finding.safe and finding.step is not None]
        rows = _rows_of(safe) if safe_steps(findings) else 0
        self._card.show_findings([_line(finding) for finding in findings], rows)
        self._mark(findings)

    def _mark(self, findings: list[Finding]) -> None:
        """Say in the table what is wrong with a row, and colour its cell."""
        text = self._session.project.format.roles.get(Role.TEXT, "") if self._session.is_open else ""
        notes: dict[int, tuple[str, Tone]] = {}
        marks: dict[tuple[int, str], Tone] = {}
        for finding in findings:
            tone = _TONES[finding.severity]
            columns = finding.step.columns if finding.step is not None and finding.step.columns else (text,)
            said = _short(finding).lower()
            for row_id in finding.row_ids:
                words, worst = notes.get(row_id, ("", tone))
                notes[row_id] = (f"{words}, {said}" if words else said, worst)
                if tone != "info" and columns[0]:
                    marks.setdefault((row_id, columns[0]), tone)
        self._model.set_notes(notes)
        self._model.set_marks(marks)

    @Slot(int)
    def _review(self, number: int) -> None:
        finding = self.watch.findings[number]
        self.review_requested.emit(finding.title, finding.query, list(finding.row_ids))

    @Slot(int)
    def _fix(self, number: int) -> None:
        finding = self.watch.findings[number]
        if finding.step is not None:
            self.apply(finding.title, finding.step)

    @Slot()
    def _fix_all(self) -> None:
        from fintune_gui.dataset.cleaning import apply_recipe, safe_steps

        steps = safe_steps(self.watch.findings)
        self.apply_requested.emit(
            "Mending what is safe to mend", lambda dataset, task: apply_recipe(dataset, steps, **_progress(task))
        )

    def apply(self, title: str, step: CleaningStep) -> None:
        """Ask for one step."""
        from fintune_gui.dataset.cleaning import apply_step

        def work(dataset: Dataset, task: Task) -> None:
            if apply_step(dataset, step, **_progress(task)) is None:
                notifications().say("There was nothing to do.", f"“{title}” changes none of the rows that are kept.")

        self.apply_requested.emit(title, work)

    # Steps

    def _offer_steps(self) -> None:
        """Fill the menu with the steps that can be done on these roles."""
        from fintune_gui.dataset.cleaning import STEPS, CleaningStep

        roles, objective = self._session.project.format.roles, self._session.project.objective.task
        label = roles.get(Role.LABEL)
        texts = tuple(column for role, column in roles.items() if role is not Role.LABEL)
        several = objective is Objective.MULTI_LABEL  # a cell may hold none, and is not one label
        filled = tuple(
            column
            for role, column in roles.items()
            if role not in (Role.INPUT, Role.SYSTEM) and not (several and role is Role.LABEL)
        )
        columns: dict[str, tuple[str, ...]] = {
            "remove_empty": filled,
            "remove_exact_duplicates": (*texts, label) if label else texts,
            "normalise_labels": (label,) if label and not several else (),
        }
        entries = []
        for kind in STEPS.values():
            chosen = columns.get(kind.name, texts)
            if kind.name in _NEED_MORE or (kind.name in columns and not chosen):
                continue
            step = CleaningStep(name=kind.name, columns=chosen)
            entries.append((kind.title, partial(self.apply, kind.title, step)))
        self._recipe.set_steps(entries)


def _progress(task: Task) -> dict[str, Any]:
    return {"report": task.report, "check_cancelled": task.check_cancelled}


def _line(finding: Finding) -> FindingLine:
    fix = ""
    if finding.step is not None:
        fix = _VERBS.get(finding.step.name.split("_")[0], "Fix")
    return FindingLine(_short(finding), finding.count, _TONES[finding.severity], fix, finding.title)


def _short(finding: Finding) -> str:
    if finding.check.startswith("empty_"):
        return f"Empty {finding.check.removeprefix('empty_')}"
    return _SHORT.get(finding.check, finding.title)


def _rows_of(findings: list[Finding]) -> int:
    """How many rows the findings are about together; a row with two of them counts once where that can be known."""
    if all(finding.count == len(finding.row_ids) for finding in findings):
        return len({row_id for finding in findings for row_id in finding.row_ids})
    return sum(finding.count for finding in findings)
