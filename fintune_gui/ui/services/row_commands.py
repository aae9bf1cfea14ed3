"""What the command palette offers over a table of rows: what its menu can do, and what its keys can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fintune_gui.ui.shortcuts import IN_TABLES, Command, commands_of
from fintune_gui.ui.widgets.table_menu import column_actions

if TYPE_CHECKING:
    from fintune_gui.ui.services.row_bench import RowBench

_GROUP = "Rows"


def row_commands(bench: RowBench) -> list[Command]:
    """The lines of the palette; what cannot be done now says why."""
    if bench.view.dataset is None:
        return []
    entries = [entry for part in bench.menu.entries() for entry in part]
    reason = _reason(bench)
    of_menu = [Command(words, act, keys, _GROUP, "" if possible else reason) for words, keys, act, possible in entries]
    return [*commands_of(IN_TABLES, _handlers(bench), group=_GROUP), *of_menu, *_of_column(bench)]


def _of_column(bench: RowBench) -> list[Command]:
    """What can be done with the column at the cursor."""
    table = bench.table
    section = max(1, table.currentIndex().column())
    name = table.columns.name(section)
    return [
        Command(
            action.text(),
            action.trigger,
            group=f"Column “{name}”",
            reason="" if action.isEnabled() else "Not possible with this column.",
        )
        for action in column_actions(table, section)
    ]


def _handlers(bench: RowBench) -> dict[str, Callable[[], object]]:
    table = bench.table
    return {
        "search": bench.focus_search,
        "replace": bench.open_find,
        "find_next": lambda: table.find_next.emit(False),
        "find_previous": lambda: table.find_next.emit(True),
        "go_to_row": bench.asking.ask_row,
        "next_flagged": bench.asking.go_to_flagged,
        "select_all": table.select_everything,
        "column_menu": lambda: table.header.open_menu(max(1, table.currentIndex().column())),
        **bench.narrowing.handlers(),
    }


def _reason(bench: RowBench) -> str:
    """Why something cannot be done with the chosen rows."""
    if bench.session.read_only:
        return bench.session.read_only
    return "Wait until the present work is done." if bench.work.busy else "Choose such rows or a cell first."
