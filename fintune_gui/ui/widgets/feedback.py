"""What the program says: banners, empty states, errors and technical details that can be copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from fintune_gui.project.errors import Problem
from fintune_gui.ui.theme import Tone, font, metrics
from fintune_gui.ui.widgets.card import Card, row
from fintune_gui.ui.widgets.controls import Button, ButtonKind, Label, set_property, set_shown

Action = tuple[str, Callable[[], object]]
"""A button: its words, and what it does."""


class ActionButtons(QWidget):
    """A row of buttons that can be set again and again: those with the same words stay, with the focus on them."""

    def __init__(self, kinds: Sequence[ButtonKind] = ("plain",), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kinds = tuple(kinds)
        self._acts: list[Callable[[], object]] = []
        self._buttons: list[Button] = []
        self._place = QWidget(self)
        """Keeps the place in the order of the keyboard: buttons that come later would be the last of the page."""
        self._place.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # else Qt would not look at it
        self._place.hide()
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(metrics.SMALL_GAP)
        self.hide()

    def set(self, actions: Sequence[Action]) -> None:
        """Show these buttons; the kinds are taken in turn, the last one for all that follow."""
        self._acts = [act for _, act in actions]
        words = [text for text, _ in actions]
        if words != [button.text() for button in self._buttons]:
            for button in self._buttons:
                button.hide()
                button.deleteLater()
            self._buttons = [self._made(number, text) for number, text in enumerate(words)]
            for before, after in pairwise([self._place, *self._buttons]):
                QWidget.setTabOrder(before, after)
        set_shown(self, shown=bool(actions))

    def _made(self, number: int, text: str) -> Button:
        kind = self._kinds[min(number, len(self._kinds) - 1)]
        button = Button(text, lambda: self._acts[number](), kind=kind, parent=self)  # noqa: PLW0108 - as set last
        self._layout.addWidget(button)
        button.show()
        return button


class Banner(QFrame):
    """A sentence across the page with up to two buttons: the first is a button, the others are links.

    Technical details can stand below it, closed at first.
    """

    def __init__(
        self,
        title: str = "",
        text: str = "",
        tone: Tone = "info",
        actions: Sequence[Action] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "banner")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._label = Label(wrap=True)
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._buttons = ActionButtons(("plain", "link"))
        self._details = Details()
        line = QHBoxLayout()
        line.setSpacing(metrics.GAP)
        line.addWidget(self._label, 1)
        line.addWidget(self._buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 10, 8)
        layout.setSpacing(metrics.TINY_GAP)
        layout.addLayout(line)
        layout.addWidget(self._details)
        self.setMinimumHeight(46)
        self.set(title, text, tone, actions)

    def set(
        self, title: str, text: str = "", tone: Tone = "info", actions: Sequence[Action] = (), *, details: str = ""
    ) -> None:
        """Say something else. `title` is shown in bold before `text`."""
        set_property(self, "tone", tone)
        self._label.setText((f"<b>{escape(title)}</b> " if title else "") + escape(text))
        self.setAccessibleName(f"{title} {text}".strip())
        self._buttons.set(actions)
        self._details.set_text(details)

    @property
    def details(self) -> str:
        """The technical details, as shown when they are opened."""
        return self._details.text()


class VerdictBanner(QFrame):
    """A headline in the colour of the outcome with the sentences that explain it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "banner")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 20, 14)
        layout.setSpacing(metrics.TINY_GAP)
        self._headline = Label("", "page_title", wrap=True)
        headline_font = font("page_title")
        headline_font.setPixelSize(20)
        self._headline.setFont(headline_font)
        self._text = Label(wrap=True, selectable=True)
        layout.addWidget(self._headline)
        layout.addWidget(self._text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_verdict(self, headline: str, text: str, tone: Tone) -> None:
        set_property(self, "tone", tone)
        self._headline.setText(headline)
        self._headline.set_tone(tone)
        self._text.setText(text)
        self.setAccessibleName(f"{headline} {text}")


class EmptyState(QWidget):
    """What to do first, where there is nothing yet."""

    def __init__(
        self, title: str, text: str = "", actions: Sequence[Action] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setSpacing(metrics.SMALL_GAP)
        layout.addStretch(2)
        self._title = Label(title, "card_title", wrap=True)
        self._text = Label(text, "muted", wrap=True)
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(label)
        self._buttons = ActionButtons()
        layout.addSpacing(metrics.TINY_GAP)
        layout.addWidget(self._buttons, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        self.set(title, text, actions)

    def set(self, title: str, text: str = "", actions: Sequence[Action] = ()) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.setAccessibleName(f"{title}. {text}")
        self._buttons.set(actions)


class Details(QWidget):
    """Technical text behind a link, closed at first; it can be copied."""

    def __init__(self, text: str = "", title: str = "Details", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.TINY_GAP)
        self._title = title
        self._toggle = Button(f"{title} ›", self.toggle, kind="link")
        self._copy = Button("Copy", self.copy, kind="link")
        layout.addLayout(row(self._toggle, self._copy, None, spacing=metrics.TINY_GAP))
        self._view = QPlainTextEdit()
        self._view.setAccessibleName(title)
        self._view.setReadOnly(True)
        self._view.setFont(font("code"))
        self._view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._view.setFixedHeight(160)
        self._view.hide()
        layout.addWidget(self._view)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show other details; without any, the whole widget hides."""
        if text != self.text():
            self._view.setPlainText(text)
        set_shown(self, shown=bool(text))

    def text(self) -> str:
        return self._view.toPlainText()

    @Slot()
    def toggle(self) -> None:
        """Open or close."""
        opened = self._view.isHidden()
        self._view.setVisible(opened)
        self._toggle.setText(f"{self._title} ⌄" if opened else f"{self._title} ›")

    @Slot()
    def copy(self) -> None:
        """Put the text on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())


class ErrorPanel(Card):
    """A failure in three sentences: what happened, why, what to do; buttons where the program can do it."""

    def __init__(
        self, problem: Problem | None = None, actions: Sequence[Action] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__("Something went wrong", parent=parent)
        self.title.set_tone("bad")
        self._what = Label("", "strong", wrap=True, selectable=True)
        self._why = Label("", "body", wrap=True, selectable=True)
        self._todo = Label("", "body", wrap=True, selectable=True)
        self._buttons = ActionButtons()
        self._details = Details()
        for widget in (self._what, self._why, self._todo):
            self.body.addWidget(widget)
        self.body.addWidget(self._buttons, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self._details)
        self.body.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.show_problem(problem, actions)

    def show_problem(self, problem: Problem | None, actions: Sequence[Action] = ()) -> None:
        """Show a problem with buttons; None hides the panel."""
        set_shown(self, shown=problem is not None)
        if problem is None:
            return
        for label, text in ((self._what, problem.what), (self._why, problem.why), (self._todo, problem.todo)):
            label.setText(text)
            label.setVisible(bool(text))
        self.setAccessibleName(str(problem))
        self._details.set_text(problem.details)
        self._buttons.set(actions)


class ProblemList(QWidget):
    """Everything that stands in the way, one banner each; hidden when there is nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(metrics.SMALL_GAP)
        self._shown: list[Problem] = []
        self.hide()

    def show_problems(
        self, problems: Sequence[Problem], actions: Callable[[Problem], Sequence[Action]] = lambda _problem: ()
    ) -> None:
        """Show these problems; `actions` gives the buttons for each."""
        if list(problems) == self._shown:
            return
        self._shown = list(problems)
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for problem in problems:
            text = " ".join(part for part in (problem.why, problem.todo) if part)
            self._layout.addWidget(Banner(problem.what, text, "bad", actions(problem)))
        set_shown(self, shown=bool(problems))


def escape(text: str) -> str:
    """Text for a rich-text label: what the user's data says is never taken for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
