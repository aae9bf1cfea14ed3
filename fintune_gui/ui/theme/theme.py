"""The colour scheme in force, switched live: palette, style sheet and a signal for what paints itself."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from fintune_gui.ui.theme import metrics
from fintune_gui.ui.theme.tokens import DARK, LIGHT, Tokens

Appearance = Literal["system", "light", "dark"]


class Theme(QObject):
    """Dresses the application.

    Signals:
        changed: The tokens are other ones now. Widgets need not listen: the new style sheet reaches them as a
            `QEvent.StyleChange`, and everything is painted again.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.appearance: Appearance = "system"
        self.tokens: Tokens = LIGHT
        self._listening = False

    def apply(self, appearance: Appearance) -> None:
        """Switch to light, dark, or whatever the system shows, and follow it from then on."""
        self.appearance = appearance
        hints = QGuiApplication.styleHints()
        if not self._listening:
            hints.colorSchemeChanged.connect(self._follow_system)
            self._listening = True
        if appearance == "system":
            hints.unsetColorScheme()
        else:
            hints.setColorScheme(Qt.ColorScheme.Dark if appearance == "dark" else Qt.ColorScheme.Light)
        self._dress(self._wanted())

    def _wanted(self) -> Tokens:
        dark = self._system_is_dark() if self.appearance == "system" else self.appearance == "dark"
        return DARK if dark else LIGHT

    def _system_is_dark(self) -> bool:
        return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark

    @Slot()
    def _follow_system(self) -> None:
        if self._wanted() is not self.tokens:
            self._dress(self._wanted())

    def _dress(self, tokens: Tokens) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.tokens, sheet = tokens, style_sheet(tokens)
        if app.styleSheet() == sheet:
            return  # as after the hint's own signal: to dress every widget again takes seconds
        if not app.styleSheet():
            app.setStyle("Fusion")
            app.setFont(metrics.font())
        app.setPalette(_palette(tokens))
        app.setStyleSheet(sheet)
        self.changed.emit()


@lru_cache(maxsize=1)
def theme() -> Theme:
    """The one theme of the program."""
    return Theme()


def tokens() -> Tokens:
    """The colours in force. Ask when painting, do not keep them."""
    return theme().tokens


def colour(value: str) -> QColor:
    """A token as Qt's colour."""
    return QColor(value)


def style_sheet(tokens_: Tokens) -> str:
    """The template with the colours and sizes filled in; an unknown name in it is an error, not a blank."""
    template = Template(files("fintune_gui.ui.theme").joinpath("style.qss").read_text(encoding="utf-8"))
    sizes = {
        "card_radius": f"{metrics.CARD_RADIUS}px",
        "control_radius": f"{metrics.CONTROL_RADIUS}px",
        "control_height": f"{metrics.CONTROL_HEIGHT - 2}px",
    }
    return template.substitute(tokens_.values() | sizes)


def _palette(tokens_: Tokens) -> QPalette:
    """What the style sheet does not say: native parts, disabled text, selection in editors."""
    role = QPalette.ColorRole
    palette = QPalette(QColor(tokens_.raised), QColor(tokens_.bg))
    for name, value in {
        role.Window: tokens_.bg,
        role.Base: tokens_.surface,
        role.AlternateBase: tokens_.bg,
        role.Button: tokens_.raised,
        role.WindowText: tokens_.text,
        role.Text: tokens_.text,
        role.ButtonText: tokens_.text,
        role.ToolTipBase: tokens_.raised,
        role.ToolTipText: tokens_.text,
        role.PlaceholderText: tokens_.muted,
        role.Highlight: tokens_.accent_soft,
        role.HighlightedText: tokens_.text,
        role.Link: tokens_.ink("info"),
        role.LinkVisited: tokens_.ink("info"),
        role.Accent: tokens_.accent,
        role.Mid: tokens_.line,
        role.Midlight: tokens_.line,
        role.Light: tokens_.surface,
        role.Dark: tokens_.control_line,
        role.Shadow: tokens_.control_line,
    }.items():
        palette.setColor(name, QColor(value))
    for name in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens_.disabled_text))
    return palette
