"""The menu of a column: sorting, filtering, names, places. Every entry can also be reached from the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from fintune_gui.ui.widgets.data_table import DataTable

_LISTED = "listed"
"""Object name of a menu that is not opened, but whose entries stand in a list."""


def column_menu(table: DataTable, section: int) -> QMenu:
    """The menu for a section of the table; it deletes itself when it closes."""
    menu = QMenu(table)
    menu.setAccessibleName(f"Column {table.columns.name(section)}")
    menu.aboutToHide.connect(menu.deleteLater)
    if table.columns.numbered and section == 0:
        _number_entries(table, menu)
    else:
        _sort_entries(table, menu, section)
        _row_entries(table, menu, section)
        _place_entries(table, menu, section)
    _shared_entries(table, menu)
    return menu


def column_actions(table: DataTable, section: int) -> list[QAction]:
    """Everything that the menu of a column offers, for a list of all actions. They live until the next question."""
    for last in table.findChildren(QMenu, _LISTED, Qt.FindChildOption.FindDirectChildrenOnly):
        last.deleteLater()
    menu = column_menu(table, section)
    menu.setObjectName(_LISTED)
    actions: list[QAction] = []
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            for choice in below.actions():
                if choice.text():
                    choice.setText(f"{action.text()}: {choice.text()}")
                    actions.append(choice)
        elif action.text():
            actions.append(action)
    return actions


def _add(menu: QMenu, words: str, act: Callable[[], object], *, enabled: bool = True) -> None:
    action = menu.addAction(words)
    action.triggered.connect(lambda _checked=False: act())
    action.setEnabled(enabled)


def _number_entries(table: DataTable, menu: QMenu) -> None:
    _add(menu, "Select everything", table.select_everything)
    _add(menu, "Go to row …", table.go_to_row_requested.emit)
    if table.header.sectionsClickable():
        menu.addSeparator()
        _add(menu, "In the order of the file", lambda: table.wish_sorts([]))
        _add(menu, "Last row first", lambda: table.wish_sorts([(table.sort_key(0), True)]))


def _sort_entries(table: DataTable, menu: QMenu, section: int) -> None:
    key = table.sort_key(section)
    if not table.header.sectionsClickable() or not key:
        return
    _add(menu, "Sort ascending", lambda: table.wish_sort(section, descending=False))
    _add(menu, "Sort descending", lambda: table.wish_sort(section, descending=True))
    if table.has_sort_keys:
        _add(menu, "Sort by length, short first", lambda: table.wish_sorts([(f"length:{key}", False)]))
        _add(menu, "Sort by length, long first", lambda: table.wish_sorts([(f"length:{key}", True)]))
    others = [(name, descending) for name, descending in table.sorts if name not in (key, f"length:{key}")]
    if others:
        _add(menu, "Then by this column, ascending", lambda: table.wish_sorts([*others, (key, False)]))
        _add(menu, "Then by this column, descending", lambda: table.wish_sorts([*others, (key, True)]))
    if len(others) < len(table.sorts):
        _add(menu, "Do not sort by this column", lambda: table.wish_sorts(others))
    menu.addSeparator()


def _row_entries(table: DataTable, menu: QMenu, section: int) -> None:
    """What only those tables offer whose owner listens."""
    wishes = (
        ("Filter …", table.filter_requested, "filter_requested(int)"),
        ("Values …", table.facet_requested, "facet_requested(int)"),
        ("Rename …", table.rename_requested, "rename_requested(int)"),
    )
    heard = [(words, signal) for words, signal, code in wishes if table.hears(code)]
    if not heard or not table.sort_key(section):
        return
    for words, signal in heard:
        _add(menu, words, lambda signal=signal: signal.emit(section))  # type: ignore[misc]
    menu.addSeparator()


def _place_entries(table: DataTable, menu: QMenu, section: int) -> None:
    columns = table.columns
    shown, numbers = columns.shown(), int(columns.numbered)
    place = shown.index(section) if section in shown else 0
    _add(menu, "Hide", lambda: columns.hide(section), enabled=len(shown) > 1 + numbers)
    _add(menu, "Freeze up to here", lambda: columns.freeze(place + 1 - numbers))
    if columns.frozen:
        _add(menu, "Unfreeze", lambda: columns.freeze(0))
    _add(menu, "Fit width", lambda: columns.fit(section))
    _add(menu, "Move left", lambda: columns.move(section, place - 1), enabled=place > numbers)
    _add(menu, "Move right", lambda: columns.move(section, place + 1), enabled=place + 1 < len(shown))
    menu.addSeparator()


def _shared_entries(table: DataTable, menu: QMenu) -> None:
    """What is about the whole table, in the menu of every column."""
    columns = table.columns
    if menu.actions() and not menu.actions()[-1].isSeparator():
        menu.addSeparator()
    hidden = columns.hidden()
    if hidden:
        back = menu.addMenu("Show hidden")
        for name in hidden:
            _add(back, name, lambda name=name: table.show_column(name))  # type: ignore[misc]
        if len(hidden) > 1:
            back.addSeparator()
            _add(back, "All of them", table.show_all_columns)
    lines = menu.addMenu("Row height")
    group = QActionGroup(lines)
    for number, words in enumerate(("1 line", "2 lines", "3 lines", "4 lines"), 1):
        action = lines.addAction(words)
        action.setCheckable(True)
        action.setChecked(number == table.row_lines)
        action.setActionGroup(group)
        action.triggered.connect(lambda _checked=False, number=number: table.set_row_lines(number))
    if table.header.has_statistics:
        action = menu.addAction("Statistics in the header")
        action.setCheckable(True)
        action.setChecked(table.header.statistics_shown)
        action.triggered.connect(lambda checked: table.show_statistics(shown=checked))
