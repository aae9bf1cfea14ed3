"""Two versions of a text as one: what went is struck through, what came is underlined, each with its colour."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from fintune_gui.ui.theme import Tone, tokens
from fintune_gui.ui.widgets.feedback import escape

_PIECE = re.compile(r"\w+|\s|[^\w\s]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_PIECES = 3000
"""More than these are compared by lines first, and if that is not enough shown one after the other."""
_MOST_EQUAL = 4000
"""Longer stretches in which nothing differs are cut in the middle."""


def difference_html(before: str, after: str) -> str:
    """Rich text that shows how `before` became `after`. Line ends and characters that cannot be seen are made visible
    where they differ. Texts of any length: only what lies between the first and the last change is compared."""
    if before == after:
        return _same(after)
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    head, tail = _common_ends(old, new)
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail])
    return _same("".join(new[:head])) + middle + _same("".join(new[len(new) - tail :]))


def _common_ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many pieces are the same at the beginning, and how many at the end."""
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return head, tail


def _middle(old: list[str], new: list[str]) -> str:
    if len(old) + len(new) <= _MOST_PIECES:
        return _compared(old, new)
    before, after = _LINE.findall("".join(old)), _LINE.findall("".join(new))
    if len(before) + len(after) > _MOST_PIECES:
        return _gone("".join(old)) + "<br>" + _came("".join(new))
    shown = []
    for kind, a, b, c, d in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if kind == "equal":
            shown.append(_same("".join(after[c:d])))
            continue
        gone, came = _PIECE.findall("".join(before[a:b])), _PIECE.findall("".join(after[c:d]))
        few = len(gone) + len(came) <= _MOST_PIECES
        shown.append(_compared(gone, came) if few else _gone("".join(gone)) + _came("".join(came)))
    return "".join(shown)


def _compared(old: list[str], new: list[str]) -> str:
    """Word by word. A lone space between two changes belongs to them: a new sentence is read as one, not in shreds."""
    codes = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    spans: list[list[int]] = []
    for number, (kind, a, b, c, d) in enumerate(codes, start=1):
        between = bool(spans) and number < len(codes)
        if kind == "equal" and not (between and "".join(new[c:d]).isspace()):
            spans.append([0, a, b, c, d])
        elif spans and spans[-1][0]:
            spans[-1][2], spans[-1][4] = b, d
        else:
            spans.append([1, a, b, c, d])
    return "".join(
        _gone("".join(old[a:b])) + _came("".join(new[c:d])) if differs else _same("".join(new[c:d]))
        for differs, a, b, c, d in spans
    )


def _same(text: str) -> str:
    if len(text) <= _MOST_EQUAL:
        return escape(text)
    half = _MOST_EQUAL // 2
    left_out = f"<i>&nbsp;… {len(text) - 2 * half:,} characters as before …&nbsp;</i>"
    return f'{escape(text[:half])}<span style="color:{tokens().muted}">{left_out}</span>{escape(text[-half:])}'


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
