"""The Data page, used as a person does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from fintune_gui.ui.pages.data import DataPage


def words(widget: QWidget) -> str:
    """Everything that can be read."""
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def press(qtbot: Any, widget: QWidget, text: str) -> None:
    """Press the button with these words."""
    button = next(b for b in widget.findChildren(QPushButton) if b.text() == text and b.isVisible())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def look(qtbot: Any, page: DataPage, *paths: Path) -> None:
    """Drop files and wait until they were looked at."""
    page.import_files([str(path) for path in paths])
    names = [path.name for path in paths]

    def seen() -> bool:
        shown = [page.sheet.model.index(row, 0).data() for row in range(page.sheet.model.rowCount())]
        return not page.incoming.busy and set(names) <= set(shown) and page.sheet.isVisible()

    qtbot.waitUntil(seen)
    qtbot.wait(1)


def choose(qtbot: Any, page: DataPage, option: str, text: str) -> None:
    """Choose `text` for an option of the file that is shown, and wait until it was read so."""
    field = page.sheet.form.fields[option]
    assert field.isVisible()
    index = next(place for place in range(field.count()) if field.itemText(place) == text)
    field.setFocus()
    field.setCurrentIndex(index)
    field.activated.emit(index)
    qtbot.waitUntil(lambda: not page.incoming.busy)
    qtbot.wait(1)


def import_now(qtbot: Any, page: DataPage, rows: int = 0) -> None:
    """Press Import, and wait until `rows` rows (0: any) are on the bench and noted in the project."""
    with qtbot.waitSignal(page.session.jobs.finished, timeout=30_000):
        qtbot.mouseClick(page.header.primary, Qt.MouseButton.LeftButton)

    def there() -> bool:
        count = page.bench.model.rowCount()
        return (count == rows if rows else count > 0) and page.bench.isVisible() and page.session.facts.rows == count

    qtbot.waitUntil(there, timeout=15_000)
    qtbot.waitUntil(lambda: "read" in page.header.status.text(), timeout=10_000)
