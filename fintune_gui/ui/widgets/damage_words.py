"""Damage of a project's rows in words: what is wrong, and what each way out would lose."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fintune_gui.ui.widgets.words import counted

if TYPE_CHECKING:
    from fintune_gui.dataset.health import Health


def damage_words(health: Health) -> tuple[str, str, str]:
    """A title, what is wrong and what each way out loses, and the words of the button that takes the backup.

    The words of the button are "" where there is no backup to go back to.
    """
    first = health.problems[0]
    if not health.log_is_bad:
        return first.what, f"{first.why} {first.todo}", ""
    lost = "Starting again from the import loses every change, but no imported row."
    if health.backup is None:
        return first.what, f"{first.why} There is no backup of your changes. {lost}", ""
    when = in_words(datetime.fromtimestamp(health.backup.time).astimezone())
    holds = f"The backup holds {counted(health.backup.operations, 'change')}; what you did after it is lost."
    return first.what, f"{first.why} {holds} {lost}", f"Use the backup of {when}"


def in_words(moment: datetime, now: datetime | None = None) -> str:
    """ "today, 14:05", or "2026-11-23, 14:05"."""
    now = now or datetime.now().astimezone()
    day = "today" if moment.date() == now.date() else moment.date().isoformat()
    return f"{day}, {moment:%H:%M}"
