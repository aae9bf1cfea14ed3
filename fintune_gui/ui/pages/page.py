"""What every page is: a title, one line of status, actions with one primary button, and content below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from fintune_gui.project.document import Project
from fintune_gui.project.errors import Problem
from fintune_gui.project.flow import Step, StepState
from fintune_gui.ui.services.session import ProjectSession
from fintune_gui.ui.shortcuts import Command
from fintune_gui.ui.theme import Tone, metrics
from fintune_gui.ui.widgets.feedback import Action, Banner, EmptyState
from fintune_gui.ui.widgets.page_header import PageHeader


class Page(QWidget):
    """Base of all pages. Subclasses set `step` and `title`, build widgets in `build`, and fill them in `load`.

    A page never saves: it emits `changed` with the whole changed project, and the window stores it at once.

    Attributes:
        header: Title, status, buttons.
        body: Layout for the page's cards; inside a scrolling area unless `scrolls` is False.
        session: The open project; set before `build`.

    Signals:
        changed: The changed `Project`.
        go_to: The `Step` to show.
    """

    step: ClassVar[Step]
    title: ClassVar[str]
    scrolls: ClassVar[bool] = True
    """False for pages whose table or plot takes all the room there is."""

    changed = Signal(object)
    go_to = Signal(object)

    def __init__(self, session: ProjectSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(f"{self.title} page")
        self.session = session
        self.header = PageHeader(self.title)
        self._banner = Banner()
        self._banner.hide()
        self._missing = EmptyState("")
        content = QWidget()
        content.setObjectName("content")
        self.body = QVBoxLayout(content)
        self.body.setSpacing(metrics.GAP)
        self._stack = QStackedWidget()
        self._stack.addWidget(_scroll_area(content) if self.scrolls else content)
        self._stack.addWidget(self._missing)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 24, 0, 0)
        layout.setSpacing(metrics.GAP)
        top = QVBoxLayout()
        top.setContentsMargins(metrics.PAGE_MARGIN, 0, metrics.PAGE_MARGIN, 0)
        top.setSpacing(metrics.GAP)
        top.addWidget(self.header)
        top.addWidget(self._banner)
        layout.addLayout(top)
        layout.addWidget(self._stack, 1)
        self.body.setContentsMargins(metrics.PAGE_MARGIN, 0, metrics.PAGE_MARGIN, 20)
        self.build()

    # What subclasses say

    def build(self) -> None:
        """Make the widgets, once. Connect signals here, never in `load`."""

    def load(self, session: ProjectSession) -> None:
        """Show what is true now. Called when the page is shown, and while it is shown after every change of the
        project, of the facts or of the dataset. Must be cheap (no work over rows) and must not disturb typing."""

    def check(self) -> list[Problem]:
        """Everything that keeps this step from being done; empty when it can be left."""
        return []

    def apply(self, project: Project) -> Project:
        """`project` with what this page's fields say. Pages whose fields save themselves return it unchanged."""
        return project

    def page_shown(self) -> None:
        """The page is on screen now."""

    def page_hidden(self) -> None:
        """The page is not on screen any more."""

    def import_files(self, paths: list[str]) -> None:
        """Files were dropped on the window; only the Data page does something with them."""

    def prepare(self, name: str) -> None:
        """The base model `name` is wanted; only the Model page does something with it."""

    def commands(self) -> list[Command]:
        """What the command palette offers while the page is on screen: the buttons of its header. Pages with more to
        offer add it."""
        return [] if self.waiting else self.header.commands(self.title)

    def undo(self) -> None:
        """Ctrl+Z: take back the last change of the settings. The Clean page takes back operations on rows."""
        self.session.undo()

    def redo(self) -> None:
        """Ctrl+Shift+Z."""
        self.session.redo()

    # What subclasses use

    def continue_to(self, step: Step, *, enabled: bool = True, reason: str = "") -> None:
        """Make the primary button "Continue to …"."""
        self.header.set_primary(
            f"Continue to {step.display_name}", lambda: self.go_to.emit(step), enabled=enabled, reason=reason
        )

    def show_banner(self, title: str, text: str = "", tone: Tone = "info", actions: Sequence[Action] = ()) -> None:
        """Say something across the page, below the header, with up to two buttons."""
        self._banner.set(title, text, tone, actions)
        self._banner.show()

    def hide_banner(self) -> None:
        """Take the banner away."""
        self._banner.hide()

    def show_state(self, state: StepState) -> None:
        """Called by the window before `load`: what is missing takes the page's place, what is stale is said above."""
        missing = state.missing
        if missing is not None:
            self._missing.set(
                f"{self.title} comes after {missing.display_name}.",
                f"Finish {missing.display_name} first; everything you have done so far stays as it is.",
                [(f"Go to {missing.display_name}", lambda: self.go_to.emit(missing))],
            )
            self.header.set_status("")
        self.header.show_buttons(shown=missing is None)
        self._stack.setCurrentIndex(0 if missing is None else 1)

    def show_reading(self) -> None:
        """Called by the window while it is not known yet what the project holds."""
        self._missing.set("Reading the project …")
        self.header.set_status("")
        self.header.show_buttons(shown=False)
        self._stack.setCurrentIndex(1)

    @property
    def waiting(self) -> bool:
        """Whether an earlier step is missing, so that the content is not shown."""
        return self._stack.currentIndex() == 1


def _scroll_area(content: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(content)
    return area
