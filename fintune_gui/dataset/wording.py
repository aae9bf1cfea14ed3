"""Numbers in sentences and names."""

from __future__ import annotations

from collections.abc import Container


def counted(count: int, noun: str) -> str:
    """ "1 row", "1,234 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def free_name(name: str, taken: Container[str]) -> str:
    """`name`, or "name_2", "name_3" and so on if it is taken."""
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
