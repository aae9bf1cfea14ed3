"""Numbers in sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """ "1 row", "1,234 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
