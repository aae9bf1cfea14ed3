"""Blocks of cells as text on the clipboard, the way spreadsheets write and read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_NEEDS_QUOTES = frozenset('\t\n\r"')


def block_text(lines: Iterable[Sequence[str | None]]) -> str:
    """Lines of cells as tab-separated text; a missing value becomes an empty cell."""
    return "\n".join("\t".join(_quoted(cell or "") for cell in line) for line in lines)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if not _NEEDS_QUOTES.isdisjoint(cell) else cell


def parse_block(text: str) -> list[list[str]]:
    """The cells of a copied block; [] for no text.

    A cell that begins with a quotation mark goes on to the mark that ends it, over tabs and line breaks, and "" within
    it is one mark; this is how Excel, LibreOffice and Sheets write such cells. A mark that is never closed, or not
    followed by a tab or a line break, is plain text. One line break at the end belongs to the last line. Lines may be
    of different length.
    """
    if not text:
        return []
    rows: list[list[str]] = [[]]
    place = 0
    while True:
        cell, place = _cell(text, place)
        rows[-1].append(cell)
        if place >= len(text):
            return rows
        end = place + _break_at(text, place)
        if text[place] == "\t":
            place += 1
        elif end >= len(text):
            return rows
        else:
            rows.append([])
            place = end


def _cell(text: str, start: int) -> tuple[str, int]:
    """The cell that begins at `start`, and the place of the tab or line break that ends it."""
    if text.startswith('"', start):
        end = _closing_mark(text, start + 1)
        if end >= 0:
            inside = text[start + 1 : end].replace('""', '"')
            return inside.replace("\r\n", "\n").replace("\r", "\n"), end + 1
    end = start
    while end < len(text) and text[end] not in "\t\n\r":
        end += 1
    return text[start:end], end


def _closing_mark(text: str, start: int) -> int:
    """Where a quoted cell ends; -1 if what follows shows that it is none."""
    place = text.find('"', start)
    while place >= 0:
        if text.startswith('""', place):
            place = text.find('"', place + 2)
            continue
        ends = place + 1 == len(text) or text[place + 1] in "\t\n\r"
        return place if ends else -1
    return -1


def _break_at(text: str, place: int) -> int:
    """Length of the line break at `place`; 0 for none."""
    if text.startswith("\r\n", place):
        return 2
    return int(text[place] in "\n\r")
