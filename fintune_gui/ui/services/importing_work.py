"""Imports from the window's side: start one in a child process, note what it brought, and repeat the old steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from fintune_gui.project.events import Ended
from fintune_gui.project.import_options import FileChoice
from fintune_gui.ui.services.background import Task, run_in_background
from fintune_gui.ui.services.notifications import notifications
from fintune_gui.ui.services.page_job import PageJob
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.widgets.feedback import Action
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.recipe import Recipe, Replayed
    from fintune_gui.dataset.store import Dataset


class Importing(QObject):
    """At most one import at a time.

    Attributes:
        job: The job with its progress and its failure.

    Signals:
        changed: It is busy now, or not any more, or has failed.
        imported: The rows are there and noted; True if they were added to those that were there.
        repeatable: The `Recipe` of the rows that were put aside, if it has steps.
    """

    changed = Signal()
    imported = Signal(bool)
    repeatable = Signal(object)

    def __init__(self, session: ProjectSession, way_on: Action, parent: QObject) -> None:
        super().__init__(parent)
        self.job = PageJob(session, way_on, self)
        self.job.changed.connect(self.changed)
        self.job.ended.connect(self._on_ended)
        self._session = session
        self._adds = False

    @property
    def busy(self) -> bool:
        return self.job.busy

    def start(self, files: Sequence[FileChoice], *, add: bool) -> None:
        """Read `files` into a new table, or add their rows to the present one."""
        folder = self._session.folder

        def write() -> Path:
            from fintune_gui.dataset.runs import create_import

            return create_import(folder, files, add=add)

        self._adds = add
        self._session.close_dataset()
        self.job.start(write, "Starting to read")

    @Slot(object)
    def _on_ended(self, ended: Ended) -> None:
        if ended.outcome != "completed" or not self._session.is_open:
            return
        self._session.close_dataset()
        folder, adds = self._session.folder, self._adds

        def record(_task: Task) -> None:
            from fintune_gui.dataset.apply import record_import
            from fintune_gui.dataset.importing import ImportResult

            record_import(folder, ImportResult.model_validate(ended.result))

        def say_but(error: Exception) -> None:
            """The rows are there, only the document could not be changed."""
            notifications().show_error(error)
            self._imported(adds)

        run_in_background(self, record, success=lambda _nothing: self._imported(adds), failure=say_but)

    def _imported(self, added: bool) -> None:
        if not self._session.is_open:
            return
        self._session.project_changed.emit(self._session.project)
        self._session.rows_were_changed()
        self.imported.emit(added)
        if not added:
            self._look_for_steps()

    def _look_for_steps(self) -> None:
        kept = newest_previous(self._session.folder.dataset)
        if kept is not None:
            run_in_background(self, lambda _task: _recipe_of(kept), success=self._found_steps, failure=_say_nothing)

    def _found_steps(self, recipe: Recipe) -> None:
        if recipe.steps and self._session.is_open:
            self.repeatable.emit(recipe)


def newest_previous(dataset_folder: Path) -> Path | None:
    """The rows that were put aside last; None if there are none."""
    prefix = f"{dataset_folder.name}-previous-"
    kept = {path: path.name.removeprefix(prefix) for path in dataset_folder.parent.glob(f"{prefix}*")}
    numbered = {path: int(number) for path, number in kept.items() if number.isdigit()}
    return max(numbered, key=lambda path: numbered[path], default=None)


def _recipe_of(folder: Path) -> Recipe:
    from fintune_gui.dataset.recipe import recipe_of
    from fintune_gui.dataset.store import Dataset

    with Dataset.open(folder, read_only=True) as dataset:
        return recipe_of(dataset)


def repeat_steps(dataset: Dataset, recipe: Recipe, task: Task) -> Replayed:
    """Do the steps of `recipe`, one after the other, as far as they fit."""
    from fintune_gui.dataset.recipe import replay

    task.check_cancelled()
    return replay(dataset, recipe)


def say_repeated(replayed: Replayed | None) -> None:
    """Tell what came of the steps."""
    if replayed is None:
        return
    done, left_out = len(replayed.operations), len(replayed.left_out)
    text = f"{counted(done, 'step')} changed something."
    if left_out:
        first = replayed.left_out[0].rstrip(".")
        text += f" {counted(left_out, 'step')} did not fit, wholly or in part: {first}{' …' if left_out > 1 else '.'}"
    notifications().say("The steps were repeated.", text, "warn" if left_out else "good", key="repeated")


def _say_nothing(_error: Exception) -> None:
    """Rows that were put aside because they are damaged have no steps that could be repeated."""
