"""Damage of a project's rows in words: what is wrong, and what each way out would lose."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fintune_gui.project.errors import Problem
from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.health import Health


def damage_of(health: Health) -> Problem:
    """What is wrong, and what each way out would lose."""
    first = health.problems[0]
    lost = "Starting again from the import loses every change, but no imported row."
    if health.change_is_bad:
        why = f"{first.why} Going back takes away this change and those after it. {lost}"
    elif not health.log_is_bad:
        why = f"{first.why} {first.todo}"
    elif health.backup is None:
        why = f"{first.why} There is no backup of your changes. {lost}"
    else:
        changes = counted(health.backup.operations, "change")
        why = f"{first.why} The backup holds {changes}; what you did after it is lost. {lost}"
    return first.model_copy(update={"why": why, "todo": ""})


def backup_words(health: Health) -> str:
    """The words of the button that takes the backup; "" where it would not help."""
    if not health.log_is_bad or health.backup is None:
        return ""
    return f"Use the backup of {in_words(datetime.fromtimestamp(health.backup.time).astimezone())}"


def in_words(moment: datetime, now: datetime | None = None) -> str:
    """ "today, 14:05", or "2026-11-23, 14:05"."""
    now = now or datetime.now().astimezone()
    day = "today" if moment.date() == now.date() else moment.date().isoformat()
    return f"{day}, {moment:%H:%M}"
