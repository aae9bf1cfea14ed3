"""A row as the model sees it: every token, coloured by whether it is learned, with words and lines for the colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QVBoxLayout, QWidget

from fintune_gui.ui.theme import font, metrics, tokens
from fintune_gui.ui.theme.tokens import mix
from fintune_gui.ui.widgets.card import row
from fintune_gui.ui.widgets.controls import Label

TokenKind = Literal["trained", "context", "special", "cut"]
KINDS: tuple[TokenKind, ...] = ("trained", "context", "special", "cut")
_LEGEND = {"trained": "trained", "context": "context", "special": "special", "cut": "cut off"}


class Span(Protocol):
    """One token: `fintune_gui.dataset.encoding.TokenSpan`."""

    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def added(self) -> bool: ...


class TokenView(QWidget):
    """Tokens one after another with a legend and the counts above."""

    def __init__(self, name: str = "What the model sees", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(metrics.SMALL_GAP)
        self._legend = QTextEdit()
        self._legend.setAccessibleName("Legend")
        self._legend.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._legend.setFixedHeight(24)
        self._legend.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self._counts = Label("", "small", wrap=True)
        self._counts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._view = QTextEdit()
        self._view.setAccessibleName(name)
        for edit in (self._legend, self._view):
            edit.setReadOnly(True)
            edit.setProperty("kind", "bare")
            edit.document().setDocumentMargin(1)
            edit.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
            edit.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._legend.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        top = row(self._legend, self._counts)
        top.setStretch(1, 1)
        layout.addLayout(top)
        layout.addWidget(self._view, 1)
        self._spans: tuple[tuple[str, str, bool], ...] = ()
        self._label_is_learned = False
        self._write()

    def show_tokens(self, spans: Sequence[Span], *, label_is_learned: bool = False) -> None:
        """Show these tokens; a line break inside a token is shown and also broken.

        With `label_is_learned` no token is learned by itself: the whole text leads to a label.
        """
        self._label_is_learned = label_is_learned
        self._spans = tuple((span.text, span.kind, span.added) for span in spans)
        self._write()

    def counts(self) -> dict[str, int]:
        """How many tokens of each kind are shown."""
        return {kind: sum(1 for _, shown, _ in self._spans if shown == kind) for kind in KINDS}

    def text(self) -> str:
        """What is shown, as plain text."""
        return self._view.toPlainText()

    def _write(self) -> None:
        self._legend.clear()
        cursor = self._legend.textCursor()
        counts, added = self.counts(), any(added for *_, added in self._spans)
        for kind in KINDS:
            if added and kind in ("special", "cut") and not counts[kind]:
                continue  # the line is short, and says at least what is there
            cursor.insertText(f" {_LEGEND[kind]} ", _format(kind))
            cursor.insertText("   ", QTextCharFormat())
        if added:
            cursor.insertText(" added ", _format("context", added=True))
        self._legend.setFixedWidth(int(self._legend.document().idealWidth()) + 4)
        total = sum(counts.values()) - counts["cut"]
        learned = "the label is learned" if self._label_is_learned else f"{counts['trained']:,} are learned"
        words = f"{total:,} tokens · {learned}" if self._spans else ""
        self._counts.setText(words + (f" · {counts['cut']:,} cut off" if counts["cut"] else ""))
        self._view.setAccessibleDescription(self._counts.text())
        self._view.clear()
        cursor = self._view.textCursor()
        spacing = QTextBlockFormat()
        spacing.setLineHeight(150, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setBlockFormat(spacing)
        cursor.beginEditBlock()
        for text, span_kind, added in self._spans:
            if span_kind == "part":
                self._write_heading(cursor, text, spacing)
                continue
            parts = text.split("\n")
            for number, part in enumerate(parts):
                last = number == len(parts) - 1
                cursor.insertText(part if last else part + "⏎", _format(span_kind, added=added))
                if not last:
                    cursor.insertBlock(spacing)
        cursor.endEditBlock()
        self._view.moveCursor(QTextCursor.MoveOperation.Start)

    @staticmethod
    def _write_heading(cursor: QTextCursor, text: str, spacing: QTextBlockFormat) -> None:
        """A line of its own for what the tokens behind it are."""
        if not cursor.atStart():
            cursor.insertBlock(spacing)
        heading = QTextCharFormat()
        heading.setFont(font())
        heading.setFontWeight(QFont.Weight.DemiBold)
        heading.setForeground(QColor(tokens().text))
        cursor.insertText(text, heading)
        cursor.insertBlock(spacing)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and hasattr(self, "_spans"):
            self._write()


def _format(kind: str, *, added: bool = False) -> QTextCharFormat:
    """Colour and, for those who do not see colours, a line below or through; bold for what the user added."""
    t = tokens()
    shape = QTextCharFormat()
    shape.setFont(font())
    ink, behind = {
        "trained": (t.ink("info"), t.soft("info")),
        "special": (t.ink("warn"), t.soft("warn")),
        "cut": (t.ink("bad"), t.soft("bad")),
    }.get(kind, (t.muted, mix(t.surface, t.text, 0.03)))
    if added:
        ink, behind = (t.text if kind == "context" else ink), mix(t.surface, t.accent, 0.3)
        shape.setFontWeight(QFont.Weight.Bold)
    shape.setForeground(QColor(ink))
    shape.setBackground(QColor(behind))
    if kind == "trained":
        shape.setFontUnderline(True)
        shape.setUnderlineColor(QColor(ink))
    if kind == "cut":
        shape.setFontStrikeOut(True)
    return shape
