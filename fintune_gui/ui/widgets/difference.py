"""Two versions of a text as one: what went is struck through, what came is underlined, each with its colour."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from fintune_gui.ui.theme import Tone, tokens
from fintune_gui.ui.widgets.feedback import escape

_PIECE = re.compile(r"\w+|\s|[^\w\s]")
_MOST_PIECES = 3000
"""Longer texts are shown one after the other: comparing them would take seconds."""


def difference_html(before: str, after: str) -> str:
    """Rich text that shows how `before` became `after`. Line ends and characters that cannot be seen are made visible
    where they differ."""
    if before == after:
        return escape(after)
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    if len(old) + len(new) > _MOST_PIECES:
        return _gone(before) + "<br>" + _came(after)
    shown = []
    for kind, a, b, c, d in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            shown.append(escape("".join(new[c:d])))
            continue
        shown.append(_gone("".join(old[a:b])) + _came("".join(new[c:d])))
    return "".join(shown)


def _gone(text: str) -> str:
    return _span(text, "bad", "line-through") if text else ""


def _came(text: str) -> str:
    return _span(text, "good", "underline") if text else ""


def _span(text: str, tone: Tone, decoration: str) -> str:
    style = f"background:{tokens().soft(tone)};color:{tokens().ink(tone)};text-decoration:{decoration}"
    return f'<span style="{style}">{escape(_visible(text))}</span>'


_INVISIBLE = {"\n": "↵\n", "\t": "⇥", "\u00a0": "⍽", "\u200b": "⟨0⟩", "\ufeff": "⟨BOM⟩", "\r": "␍"}


def _visible(text: str) -> str:
    """Marks for what one cannot see; a lone space becomes an open box."""
    if text and not text.strip(" "):
        return "␣" * len(text)
    return "".join(_INVISIBLE.get(c, "⟨" + f"{ord(c):02x}" + "⟩" if ord(c) < 32 else c) for c in text)
