"""Split: divide the rows into three parts that share no text, and see what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from fintune_gui.project.document import Project, Role
from fintune_gui.project.errors import DataError, Problem
from fintune_gui.project.flow import Step, StepState
from fintune_gui.project.spec import PARTS, Part
from fintune_gui.ui.pages.page import Page
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import problem_of
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.theme import metrics
from fintune_gui.ui.widgets.card import Badge, Card
from fintune_gui.ui.widgets.controls import ComboBox, HorizontalLine, Label, SpinBox
from fintune_gui.ui.widgets.feedback import EmptyState, ErrorPanel
from fintune_gui.ui.widgets.progress_strip import ProgressStrip
from fintune_gui.ui.widgets.shares import PartBars, Share, ShareFields, whole_percent
from fintune_gui.ui.widgets.small_table import SmallTable
from fintune_gui.ui.widgets.words import counted, shown_label

if TYPE_CHECKING:
    from fintune_gui.dataset.splitting import SplitManifest

_SETTINGS_WIDTH = 328
_LARGEST_SEED = 2**31 - 1

SHARES = (
    Share("Training", "What the model learns from.", "info"),
    Share("Validation", "Measured while it learns: tells when to stop.", "neutral"),
    Share("Test", "Locked until the end: only the verdict uses it.", "good"),
)

_STEP_OF_PROBLEM = {
    "data.one_label": Step.FORMAT,
    "data.missing_role": Step.FORMAT,
    "data.column_twice": Step.FORMAT,
    "data.too_few_rows": Step.DATA,
    "data.too_few_groups": Step.DATA,
    "data.no_dataset": Step.DATA,
}
"""Where a problem can be mended."""


class SplitPage(Page):
    """Settings on the left, the result on the right."""

    step = Step.SPLIT
    title = "Split"

    def build(self) -> None:
        self._manifest: SplitManifest | None = None
        self._wanted_id = ""
        self._working: Task | None = None
        columns = QHBoxLayout()
        columns.setSpacing(metrics.GAP)
        columns.addWidget(self._settings_card(), 0, Qt.AlignmentFlag.AlignTop)
        columns.addLayout(self._result_column(), 1)
        self.body.addLayout(columns, 1)

    def _settings_card(self) -> Card:
        card = Card("How to divide")
        card.setFixedWidth(_SETTINGS_WIDTH)
        self.shares = ShareFields(SHARES)
        self.shares.chosen.connect(self._choose_shares)
        card.add(self.shares)
        card.add(HorizontalLine())
        self.stratify = ComboBox("Keep the shares of")
        self.stratify.chosen.connect(self._choose_stratify)
        self.group = ComboBox("Keep together")
        self.group.chosen.connect(self._choose_group)
        self.seed = SpinBox("Seed")
        self.seed.setRange(0, _LARGEST_SEED)
        self.seed.setGroupSeparatorShown(False)
        self.seed.valueChanged.connect(self._choose_seed)
        for name, field, text in (
            ("Keep the shares of", self.stratify, "Every value is as frequent in each part as in all rows."),
            ("Keep together", self.group, "Rows with the same value go into one part, for example one customer's."),
            ("Seed", self.seed, "The same seed divides the same rows in the same way."),
        ):
            field.setFixedWidth(metrics.FIELD_WIDTH + 20)
            field.setToolTip(text)
            card.add_row(name, field)
            card.add_note(text)
        return card

    def _result_column(self) -> QVBoxLayout:
        self.error = ErrorPanel()
        self.result = Card("Result")
        self.badge = Badge()
        self.result.add_action(self.badge)
        self._states = QStackedWidget()
        self._states.addWidget(
            EmptyState(
                "Not split yet.",
                "One part to learn from, one to watch the learning, and one that nobody looks at until the verdict.",
            )
        )
        self._states.addWidget(self._result_view())
        self.result.add(self._states, 1)
        self.progress = ProgressStrip(can_cancel=False)
        self.result.add(self.progress)
        column = QVBoxLayout()
        column.setSpacing(metrics.GAP)
        column.addWidget(self.error)
        column.addWidget(self.result, 1)
        return column

    def _result_view(self) -> QWidget:
        view = QWidget()
        layout = QVBoxLayout(view)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        self.bars = PartBars(SHARES)
        self.leaks = Label("", wrap=True)
        self.lock = Label(
            "The test part is locked. It is only used for the verdict: nothing is learned from it, and no setting is "
            "chosen by it, so its figures can be believed.",
            "muted",
            wrap=True,
        )
        self._labels_title = Label("Shares of the labels", "card_title")
        self.labels = SmallTable("Shares of the labels", ["Label", "Rows", *(share.name for share in SHARES)])
        self.labels.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout.addWidget(self.bars)
        layout.addWidget(self.leaks)
        layout.addWidget(self.lock)
        layout.addWidget(HorizontalLine())
        layout.addWidget(self._labels_title)
        layout.addWidget(self.labels)
        layout.addStretch(1)
        return view

    # What is true

    def load(self, session: ProjectSession) -> None:
        project, facts = session.project, session.facts
        self._show_settings(project, facts.columns)
        self._show_step(session)
        split_id = facts.split.id if facts.split is not None else ""
        if split_id != self._wanted_id:
            self._wanted_id = split_id
            self._read_manifest()
        shown = facts.split is not None and self._manifest is not None and self._manifest.id == split_id
        self._states.setCurrentIndex(1 if shown else 0)
        self._show_badge(shown=shown)

    def _show_settings(self, project: Project, columns: tuple[str, ...]) -> None:
        split = project.split
        label = project.format.roles.get(Role.LABEL)
        default = f"the labels: {label}" if label and not project.objective.task.generates else "nothing"
        self.shares.show_percent(whole_percent(split.ratios))
        self.stratify.set_choices([(default, None), *((name, name) for name in columns if name != label)])
        self.stratify.set_value(split.stratify)
        self.group.set_choices([("duplicates only", None), *((name, name) for name in columns)])
        self.group.set_value(split.group)
        if not self.seed.hasFocus():
            self.seed.blockSignals(True)
            self.seed.setValue(split.seed)
            self.seed.blockSignals(False)
        for field in (self.shares, self.stratify, self.group, self.seed):
            field.setEnabled(not self.session.read_only and self._working is None)

    def _show_step(self, session: ProjectSession) -> None:
        """Status, banner and button for what has to be done now."""
        state = _state(session)
        words = "Split again" if state.state == "stale" else "Split"
        if state.state == "stale":
            self.show_banner("This split is out of date.", state.reason, "warn", [(words, self.split)])
        else:
            self.hide_banner()
        busy = self._working is not None
        if state.state == "done" and not busy:
            self.header.set_status(f"{state.line}")
            self.continue_to(Step.MODEL)
        else:
            self.header.set_status("Three parts that share no text." if state.state == "todo" else state.line)
            reason = session.read_only or ("The rows are being divided." if busy else "")
            self.header.set_primary(words, self.split, enabled=not reason, reason=reason)

    def _show_badge(self, *, shown: bool) -> None:
        stale = _state(self.session).state == "stale"
        self.badge.set(*(("out of date", "warn") if stale else ("no leaks", "good")))
        self.badge.setVisible(shown)

    def check(self) -> list[Problem]:
        state = _state(self.session)
        if state.state == "done":
            return []
        return [Problem(code="split.todo", what="The rows are not split yet.", why=state.reason, todo="Split them.")]

    def _read_manifest(self) -> None:
        self._manifest = None
        if not self._wanted_id:
            return
        folder = self.session.folder

        def work(_task: Task) -> SplitManifest | None:
            from fintune_gui.dataset.splitting import current_split

            return current_split(folder)

        run_in_background(self, work, success=self._show_manifest)

    def _show_manifest(self, manifest: SplitManifest | None) -> None:
        if manifest is None or manifest.id != self._wanted_id:
            return
        self._manifest = manifest
        self.bars.show_counts([manifest.counts[part] for part in PARTS])
        self.leaks.setText(_leak_sentence(manifest.duplicates_kept_together) + _left_out_sentence(manifest.left_out))
        lines = label_lines(manifest.labels, manifest.counts if manifest.by_label else None)
        self.labels.show_lines(lines)
        self._labels_title.setText(f"Shares of “{manifest.stratify}”" + (_BY_LABEL if manifest.by_label else ""))
        for widget in (self.labels, self._labels_title):
            widget.setVisible(bool(lines))
        self._states.setCurrentIndex(1)
        self._show_badge(shown=True)

    # Changing

    @Slot(object)
    def _choose_shares(self, percent: tuple[int, ...]) -> None:
        self._change(ratios=tuple(value / 100 for value in percent))

    @Slot(object)
    def _choose_stratify(self, column: str | None) -> None:
        self._change(stratify=column)

    @Slot(object)
    def _choose_group(self, column: str | None) -> None:
        self._change(group=column)

    @Slot(int)
    def _choose_seed(self, seed: int) -> None:
        self._change(seed=seed)

    def _change(self, **changes: object) -> None:
        project = self.session.project
        self.changed.emit(project.with_(split=project.split.model_copy(update=changes)))

    @Slot()
    def split(self) -> None:
        """Divide the rows now, in the background."""
        if self._working is not None:
            return
        session, folder = self.session, self.session.folder

        def work(_task: Task) -> SplitManifest:
            from fintune_gui.dataset.splitting import make_split

            dataset = session.dataset()
            if dataset is None:
                raise DataError("data.no_dataset", "There are no rows yet.", "", "Import a file first.")
            return make_split(folder, dataset)

        self.error.show_problem(None)
        self.progress.start("Dividing the rows")
        self._working = run_in_background(self, work, success=self._on_split, failure=self._on_failure)
        self.load(self.session)

    def _on_split(self, _manifest: SplitManifest) -> None:
        self._end_work()
        self.session.refresh_facts()

    def _on_failure(self, error: Exception) -> None:
        self._end_work()
        problem = problem_of(error)
        step = _STEP_OF_PROBLEM.get(problem.code)
        actions = [] if step is None else [(f"Go to {step.display_name}", lambda: self.go_to.emit(step))]
        self.error.show_problem(problem, actions)

    def _end_work(self) -> None:
        self._working = None
        self.progress.finish()
        if self.session.is_open:
            self.load(self.session)


def _state(session: ProjectSession) -> StepState:
    return next(state for state in session.states if state.step is Step.SPLIT)


def _leak_sentence(duplicates: int) -> str:
    if not duplicates:
        return "No leaks: no text occurs twice."
    were = "was" if duplicates == 1 else "were"
    return (
        f"No leaks: {counted(duplicates, 'duplicate')} {were} kept together with the rows that they repeat, "
        "so no text is both learned from and tested on."
    )


_BY_LABEL = ": a row counts for each of its labels, and the rarest were divided first"


def _left_out_sentence(rows: int) -> str:
    if not rows:
        return ""
    are = "is" if rows == 1 else "are"
    return f" {counted(rows, 'row')} {are} left out, because a column that is needed is empty there."


def label_lines(labels: dict[Part, dict[str, int]], rows: dict[Part, int] | None = None) -> list[list[str]]:
    """One line for each label, the most frequent first: its rows, and its share of each part or "none".

    Args:
        rows: Rows of each part, where one may have several labels or none.
    """
    totals = {part: rows[part] if rows else sum(counts.values()) or 1 for part, counts in labels.items()}
    names: dict[str, int] = {}
    for counts in labels.values():
        for name, count in counts.items():
            names[name] = names.get(name, 0) + count

    def share(part: Part, name: str) -> str:
        count = labels[part].get(name, 0)
        return f"{100 * count / totals[part]:.1f} %" if count else "none"

    return [
        ["no label" if rows and not name else shown_label(name), f"{count:,}", *(share(part, name) for part in labels)]
        for name, count in sorted(names.items(), key=lambda item: (-item[1], item[0]))
    ]
